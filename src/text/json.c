#include "text/json.h"

#include <jansson.h>

#include "base/assert.h"
#include "base/limits.h"

static void json_release(json_t **root) {
    json_decref(*root);
}

static struct node *convert(struct arena *arena, json_t *value, struct position origin, int depth);

static struct node *convert_object(struct arena *arena, json_t *value, struct position origin, int depth) {
    struct node *mapping = node_new_mapping(arena, origin);
    for (void *at = json_object_iter(value); at != NULL; at = json_object_iter_next(value, at)) {
        struct node *child = convert(arena, json_object_iter_value(at), origin, depth - 1);
        if (child == NULL)
            return NULL;
        node_set(arena, mapping, arena_copy(arena, span_of(json_object_iter_key(at))), child);
    }
    return mapping;
}

static struct node *convert_array(struct arena *arena, json_t *value, struct position origin, int depth) {
    struct node *sequence = node_new_sequence(arena, origin);
    for (size_t i = 0; i < json_array_size(value); i++) {
        struct node *child = convert(arena, json_array_get(value, i), origin, depth - 1);
        if (child == NULL)
            return NULL;
        node_append(arena, sequence, child);
    }
    return sequence;
}

/* NULL when it is too deep. */
static struct node *convert(struct arena *arena, json_t *value, struct position origin, int depth) {
    if (depth == 0)
        return NULL;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return convert_object(arena, value, origin, depth);
    case JSON_ARRAY:
        return convert_array(arena, value, origin, depth);
    case JSON_STRING: {
        struct span text = span_make(json_string_value(value), json_string_length(value));
        return node_new_string(arena, arena_copy(arena, text), origin);
    }
    case JSON_INTEGER:
        return node_new_plain(arena, arena_print(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value)), origin);
    case JSON_REAL:
        return node_new_plain(arena, arena_print(arena, "%.17g", json_real_value(value)), origin);
    case JSON_TRUE:
        return node_new_plain(arena, SPAN_LITERAL("true"), origin);
    case JSON_FALSE:
        return node_new_plain(arena, SPAN_LITERAL("false"), origin);
    case JSON_NULL:
        return node_new_null(arena, origin);
    }
    UNREACHABLE();
}

bool json_parse(struct arena *arena, struct span text, struct position origin, struct diagnostic_list *diagnostics,
                struct node **ret_root) {
    json_error_t error = {.line = 0};
    json_t *root CLEANUP(json_release) =
        json_loadb(text.data == NULL ? "" : text.data, text.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        if (diagnostics != NULL)
            diagnostic_add(diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_JSON_SYNTAX, origin, SPAN_EMPTY,
                           SPAN_LITERAL("check the text with a JSON tool"),
                           "the JSON text is broken at its line %d, column %d: %s", error.line, error.column, error.text);
        return false;
    }
    struct node *node = convert(arena, root, origin, CONFIGURATION_DEPTH_MAX);
    if (node == NULL) {
        if (diagnostics != NULL)
            diagnostic_add(diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_YAML_CEILING, origin, SPAN_EMPTY,
                           SPAN_LITERAL("write it flatter"), "the JSON text is nested deeper than %d",
                           CONFIGURATION_DEPTH_MAX);
        return false;
    }
    *ret_root = node;
    return true;
}
