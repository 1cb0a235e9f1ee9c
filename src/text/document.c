#include "text/document.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

const struct node_field *node_get_field(const struct node *mapping, struct span key) {
    if (!node_is_mapping(mapping))
        return NULL;
    for (uint32_t i = 0; i < mapping->count; i++)
        if (span_equal(mapping->fields[i].key, key))
            return &mapping->fields[i];
    return NULL;
}

const struct node *node_get(const struct node *mapping, struct span key) {
    const struct node_field *field = node_get_field(mapping, key);
    return field == NULL ? NULL : field->value;
}

const struct node *node_get_present(const struct node *mapping, const char *key) {
    const struct node *value = node_get(mapping, span_of(key));
    return node_is_null(value) ? NULL : value;
}

const struct node *node_get_path(const struct node *mapping, const char *path) {
    struct span rest = span_of(path);
    struct span key;
    const struct node *node = mapping;
    while (node != NULL && span_split(&rest, '.', &key))
        node = node_get(node, key);
    return node_is_null(node) ? NULL : node;
}

/* --- Scalars --- */

static bool is_word(struct span text, const char *const *words) {
    for (; *words != NULL; words++)
        if (span_equal(text, span_of(*words)))
            return true;
    return false;
}

static bool is_true(struct span text) {
    static const char *const words[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y", NULL};
    return is_word(text, words);
}

static bool is_false(struct span text) {
    static const char *const words[] = {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N", NULL};
    return is_word(text, words);
}

static int number_base(struct span *digits) {
    if (digits->size > 2 && digits->data[0] == '0') {
        char kind = byte_to_lower(digits->data[1]);
        int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
        if (base != 0) {
            *digits = span_from(*digits, 2);
            return base;
        }
    }
    /* Go's ParseInt with base 0: a leading zero is octal. */
    if (digits->size > 1 && digits->data[0] == '0') {
        *digits = span_from(*digits, 1);
        return 8;
    }
    return 10;
}

static int digit_value(char byte) {
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    char lower = byte_to_lower(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

static bool parse_integer(struct span text, int64_t *ret_value) {
    bool negative = text.size > 0 && text.data[0] == '-';
    if (negative || (text.size > 0 && text.data[0] == '+'))
        text = span_from(text, 1);
    if (text.size == 0 || digit_value(text.data[0]) > 9)
        return false;
    int base = number_base(&text);
    uint64_t value = 0;
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    bool any = false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '_')
            continue;
        int digit = digit_value(text.data[i]);
        if (digit >= base || value > (limit - (uint64_t)digit) / (uint64_t)base)
            return false;
        value = value * (uint64_t)base + (uint64_t)digit;
        any = true;
    }
    if (!any)
        return false;
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool has_float_shape(struct span text) {
    size_t at = 0;
    size_t digits = 0;
    if (at < text.size && (text.data[at] == '-' || text.data[at] == '+'))
        at++;
    for (; at < text.size && digit_value(text.data[at]) <= 9; at++)
        digits++;
    if (at < text.size && text.data[at] == '.')
        for (at++; at < text.size && digit_value(text.data[at]) <= 9; at++)
            digits++;
    if (digits == 0)
        return false;
    if (at == text.size)
        return true;
    if (text.data[at] != 'e' && text.data[at] != 'E')
        return false;
    at++;
    if (at < text.size && (text.data[at] == '-' || text.data[at] == '+'))
        at++;
    size_t exponent = at;
    while (at < text.size && digit_value(text.data[at]) <= 9)
        at++;
    return at == text.size && at > exponent;
}

static bool parse_double(struct span text, double *ret_value) {
    char copy[64];
    if (text.size >= sizeof(copy) || !has_float_shape(text))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    errno = 0;
    double value = strtod(copy, NULL);
    if (!isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

enum scalar_type node_scalar_type(const struct node *node) {
    ASSERT(node->kind == NODE_SCALAR);
    int64_t integer;
    double number;
    if (!node->plain)
        return SCALAR_STRING;
    if (is_true(node->scalar) || is_false(node->scalar))
        return SCALAR_BOOL;
    if (parse_integer(node->scalar, &integer))
        return SCALAR_INTEGER;
    return parse_double(node->scalar, &number) ? SCALAR_FLOAT : SCALAR_STRING;
}

const char *node_type_name(const struct node *node) {
    if (node_is_null(node))
        return "null";
    if (node->kind == NODE_MAPPING)
        return "a mapping";
    if (node->kind == NODE_SEQUENCE)
        return "a list";
    switch (node_scalar_type(node)) {
    case SCALAR_STRING:
        return "a string";
    case SCALAR_BOOL:
        return "true or false";
    case SCALAR_INTEGER:
    case SCALAR_FLOAT:
        return "a number";
    }
    UNREACHABLE();
}

static bool is_scalar_of(const struct node *node, enum scalar_type type) {
    return node != NULL && node->kind == NODE_SCALAR && node_scalar_type(node) == type;
}

bool node_as_string(const struct node *node, struct span *ret_text) {
    if (!is_scalar_of(node, SCALAR_STRING))
        return false;
    *ret_text = node->scalar;
    return true;
}

bool node_as_bool(const struct node *node, bool *ret_value) {
    if (!is_scalar_of(node, SCALAR_BOOL))
        return false;
    *ret_value = is_true(node->scalar);
    return true;
}

bool node_as_integer(const struct node *node, int64_t *ret_value) {
    return is_scalar_of(node, SCALAR_INTEGER) && parse_integer(node->scalar, ret_value);
}

bool node_as_double(const struct node *node, double *ret_value) {
    int64_t integer;
    if (node_as_integer(node, &integer)) {
        *ret_value = (double)integer;
        return true;
    }
    return is_scalar_of(node, SCALAR_FLOAT) && parse_double(node->scalar, ret_value);
}
