#include "resource/header_check.h"

#include "resource/header_name.h"

bool header_name_is_claim(struct span name) {
    static const struct span prefix = {"@request.auth.claims", 20};
    if (!span_starts_with_ignore_case(name, prefix) || name.size <= prefix.size + 1)
        return false;
    struct span rest = span_from(name, prefix.size);
    return rest.data[0] == '.' || (rest.data[0] == '[' && rest.data[rest.size - 1] == ']' && rest.size > 2);
}

bool header_name_is_matchable(struct span name) {
    static const char *const pseudo_headers[] = {":authority", ":method", ":path", ":scheme", ":status"};
    for (size_t i = 0; i < ARRAY_SIZE(pseudo_headers); i++)
        if (span_equal(name, span_of(pseudo_headers[i])))
            return true;
    return header_name_is_token(name) || header_name_is_claim(name);
}

/* --- Values --- */

/* "NAME" or "NAME(arguments)" with what may follow, up to the closing '%'. Arguments may hold quoted texts. */
static bool skip_variable(struct span value, size_t *at) {
    bool quoted = false;
    int depth = 0;
    for (; *at < value.size; (*at)++) {
        char byte = value.data[*at];
        if (quoted && byte == '\\')
            (*at)++;
        else if (byte == '"' && depth > 0)
            quoted = !quoted;
        else if (byte == '(' && !quoted)
            depth++;
        else if (byte == ')' && !quoted)
            depth--;
        else if (byte == '%' && !quoted && depth == 0)
            return true;
    }
    return false;
}

static const char *value_mistake(struct span value) {
    for (size_t at = 0; at < value.size; at++) {
        unsigned char byte = (unsigned char)value.data[at];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return "the value holds a control character";
        if (byte != '%')
            continue;
        at++;
        if (!skip_variable(value, &at))
            return "a '%' is not closed; write %% for the character itself";
    }
    return NULL;
}

/* --- Operations --- */

static bool is_authority(struct span name) {
    return span_equal_ignore_case(name, SPAN_LITERAL("host")) || span_equal_ignore_case(name, SPAN_LITERAL(":authority"));
}

static bool is_internal(struct span name) {
    return is_authority(name) || span_starts_with(name, SPAN_LITERAL(":"));
}

static void check_name(struct decoder *decoder, struct span name, struct position position, bool authority_allowed) {
    if (name.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, position, "name the header", "the name of a header is empty");
    else if (is_internal(name) && !(authority_allowed && is_authority(name)))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, position,
                     authority_allowed ? "only Host and :authority may be set" : "name a header of the message",
                     "'%.*s' cannot be changed here", SPAN_ARGUMENTS(span_excerpt(name, 80)));
}

static void check_set(struct decoder *decoder, const struct label_set *set, bool is_request) {
    for (size_t i = 0; i < set->count; i++) {
        const struct label *label = &set->items[i];
        check_name(decoder, label->key, label->position, is_request);
        const char *mistake = value_mistake(label->value);
        if (mistake != NULL)
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, label->position, "write text, %NAME% or %NAME(arguments)%", "%s", mistake);
    }
}

static void check_operations(struct decoder *decoder, const struct header_operations *operations, bool is_request) {
    check_set(decoder, &operations->set, is_request);
    check_set(decoder, &operations->add, is_request);
    for (size_t i = 0; i < operations->remove.count; i++)
        check_name(decoder, operations->remove.items[i].text, operations->remove.items[i].position, false);
}

void header_check_request(struct decoder *decoder, const struct header_operations *operations) {
    check_operations(decoder, operations, true);
}

void header_check_response(struct decoder *decoder, const struct header_operations *operations) {
    check_operations(decoder, operations, false);
}
