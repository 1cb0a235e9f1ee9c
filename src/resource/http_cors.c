#include "resource/http_cors.h"

#include "base/clock.h"
#include "resource/header_name.h"

/* --- Origins --- */

static void decode_origin(struct decoder *decoder, const struct node *node, void *target) {
    struct string_match *origin = target;
    string_match_decode(decoder, node, target);
    if (node_is_mapping(node) && origin->value.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "write exact, prefix or regex with an origin, as in https://a.example",
                     "the origin is empty");
}

static void decode_allow_origins(struct decoder *decoder, const struct node *node, void *target) {
    struct http_cors *cors = target;
    size_t count;
    struct string_match *origins = decode_items(decoder, node, sizeof(*origins), decode_origin, &count);
    if (count == 0)
        return;
    cors->allow_origins = origins;
    cors->allow_origin_count = count;
}

/* Beaten by allowOrigins, whichever of them is written first. */
static void decode_deprecated_origins(struct decoder *decoder, const struct node *node, void *target) {
    struct http_cors *cors = target;
    struct located_list list;
    decode_strings(decoder, node, &list);
    if (cors->allow_origin_count > 0)
        return;
    cors->allow_origins = arena_new_array(decoder->arena, struct string_match, list.count);
    cors->allow_origin_count = list.count;
    for (size_t i = 0; i < list.count; i++)
        cors->allow_origins[i] = (struct string_match){STRING_MATCH_EXACT, list.items[i].text, list.items[i].position};
}

/* --- Methods and headers --- */

static void decode_methods(struct decoder *decoder, const struct node *node, void *target) {
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"};
    struct located_list *list = target;
    decode_strings(decoder, node, list);
    for (size_t i = 0; i < list->count; i++) {
        bool known = false;
        for (size_t method = 0; method < ARRAY_SIZE(methods); method++)
            known |= span_equal(list->items[i].text, span_of(methods[method]));
        if (!known)
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, list->items[i].position, "write it in capitals, as in GET, or *",
                         "'%.*s' is no method that can be allowed", SPAN_ARGUMENTS(span_excerpt(list->items[i].text, 80)));
    }
}

static void decode_names(struct decoder *decoder, const struct node *node, void *target) {
    struct located_list *list = target;
    decode_strings(decoder, node, list);
    for (size_t i = 0; i < list->count; i++)
        if (!header_name_is_token(list->items[i].text))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, list->items[i].position, "write the name of a header, as in x-user, or *",
                         "'%.*s' is no name of a header", SPAN_ARGUMENTS(span_excerpt(list->items[i].text, 80)));
}

/* --- The whole --- */

static void decode_max_age(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number *max_age = target;
    decode_duration(decoder, node, MILLISECONDS(1), max_age);
    if (max_age->value % (int64_t)SECONDS(1) != 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "write whole seconds, as in 24h or 30s",
                     "Access-Control-Max-Age has no fractions of a second");
}

static void decode_unmatched_preflights(struct decoder *decoder, const struct node *node, void *target) {
    static const struct enum_name names[] = {{"UNSPECIFIED", 0}, {"FORWARD", 0}, {"IGNORE", 1}};
    struct http_cors *cors = target;
    int answers;
    if (DECODE_ENUM(decoder, node, names, &answers))
        cors->answers_unmatched_preflights = answers != 0;
}

void http_cors_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("allowOrigins", decode_allow_origins),
        FIELD_CALL_WHOLE("allowOrigin", decode_deprecated_origins),
        FIELD_CALL_AT("allowMethods", decode_methods, struct http_cors, allow_methods),
        FIELD_CALL_AT("allowHeaders", decode_names, struct http_cors, allow_headers),
        FIELD_CALL_AT("exposeHeaders", decode_names, struct http_cors, expose_headers),
        FIELD_CALL_AT("maxAge", decode_max_age, struct http_cors, max_age_ns),
        FIELD_AT("allowCredentials", FIELD_FLAG, struct http_cors, allow_credentials),
        FIELD_CALL_WHOLE("unmatchedPreflights", decode_unmatched_preflights),
    };
    struct http_cors *cors = target;
    cors->is_set = true;
    cors->position = node->position;
    DECODE_MAPPING(decoder, node, fields, target);
}
