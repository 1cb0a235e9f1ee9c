#include "resource/name_syntax.h"

#include "base/network_address.h"

#define DNS_LABEL_BYTES_MAX 63
#define DNS_NAME_BYTES_MAX 255
#define LABEL_PREFIX_BYTES_MAX 253

static bool is_digit(char byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_alphanumeric(char byte) {
    char lower = byte_to_lower(byte);
    return is_digit(byte) || (lower >= 'a' && lower <= 'z');
}

/* Of any size: letters and digits, inside also the bytes of `inner`. */
static bool is_word(struct span text, const char *inner) {
    if (text.size == 0 || !is_alphanumeric(text.data[0]) || !is_alphanumeric(text.data[text.size - 1]))
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!is_alphanumeric(text.data[i]) && (text.data[i] == '\0' || strchr(inner, text.data[i]) == NULL))
            return false;
    return true;
}

bool name_is_dns_label(struct span text) {
    return text.size <= DNS_LABEL_BYTES_MAX && is_word(text, "-");
}

static bool is_numeric(struct span text) {
    for (size_t i = 0; i < text.size; i++)
        if (!is_digit(text.data[i]))
            return false;
    return text.size > 0;
}

static bool are_labels(struct span text) {
    struct span label, last = SPAN_EMPTY, rest = text;
    if (text.size == 0)
        return false;
    while (span_split(&rest, '.', &label)) {
        /* A last part may be empty: "istio.io." */
        if (!name_is_dns_label(label) && (label.size > 0 || rest.data != NULL || last.size == 0))
            return false;
        last = label.size > 0 ? label : last;
    }
    return !is_numeric(last);
}

bool name_is_fqdn(struct span text) {
    return text.size <= DNS_NAME_BYTES_MAX && are_labels(text);
}

static bool is_wildcard_label(struct span label) {
    if (label.size > DNS_LABEL_BYTES_MAX || label.size == 0)
        return false;
    if (label.data[0] != '*')
        return name_is_dns_label(label);
    struct span rest = span_from(label, 1);
    if (rest.size > 0 && rest.data[0] == '-')
        return name_is_dns_label(span_from(rest, 1));
    return rest.size == 0 || name_is_dns_label(rest);
}

bool name_is_wildcard_domain(struct span text) {
    size_t dot;
    if (text.size > DNS_NAME_BYTES_MAX)
        return false;
    if (!span_find_byte(text, '.', &dot))
        return is_wildcard_label(text);
    return is_wildcard_label(span_first(text, dot)) && are_labels(span_from(text, dot + 1));
}

bool name_is_partial_wildcard(struct span text) {
    size_t star;
    if (text.size <= 1)
        return false;
    struct span rest = span_starts_with(text, SPAN_LITERAL("*.")) ? span_from(text, 2) : text;
    return span_find_byte(rest, '*', &star);
}

bool name_is_address(struct span text) {
    struct network_address address;
    return network_address_parse(text, 0, &address);
}

bool name_is_subnet(struct span text) {
    struct network_address address;
    size_t slash;
    uint64_t bits;
    if (!span_find_byte(text, '/', &slash))
        return name_is_address(text);
    return network_address_parse(span_first(text, slash), 0, &address) && span_to_u64(span_from(text, slash + 1), &bits) &&
           bits <= 8u * address.size;
}

bool name_is_label_value(struct span text) {
    return text.size == 0 || (text.size <= DNS_LABEL_BYTES_MAX && is_word(text, "-_."));
}

bool name_is_label_key(struct span text) {
    size_t slash;
    if (span_find_byte(text, '/', &slash)) {
        struct span prefix = span_first(text, slash), label;
        if (slash > LABEL_PREFIX_BYTES_MAX || slash == 0)
            return false;
        while (span_split(&prefix, '.', &label))
            if (!name_is_dns_label(label))
                return false;
        text = span_from(text, slash + 1);
    }
    return text.size > 0 && name_is_label_value(text);
}
