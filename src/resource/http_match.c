#include "resource/http_match.h"

#include "resource/decode.h"
#include "resource/header_check.h"
#include "resource/name_check.h"

struct string_match_key {
    const char *name;
    enum string_match_kind kind;
};

static void decode_kind(struct decoder *decoder, const struct node *node, void *target) {
    static const struct string_match_key keys[] = {
        {"exact", STRING_MATCH_EXACT}, {"prefix", STRING_MATCH_PREFIX}, {"regex", STRING_MATCH_REGEX}};
    static const struct field fields[] = {
        FIELD_OF_TYPE("exact", FIELD_IGNORED), FIELD_OF_TYPE("prefix", FIELD_IGNORED), FIELD_OF_TYPE("regex", FIELD_IGNORED)};
    struct string_match *match = target;
    match->position = node->position;
    DECODE_MAPPING(decoder, node, fields, target);
    size_t written = 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const struct node *value = node_get_present(node, keys[i].name);
        struct located text;
        if (value == NULL || !decode_string(decoder, value, &text))
            continue;
        *match = (struct string_match){keys[i].kind, text.text, text.position};
        written++;
    }
    if (written > 1)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, node->position, "keep one of them",
                     "only one of exact, prefix and regex may be set");
}

void string_match_decode(struct decoder *decoder, const struct node *node, void *target) {
    const struct string_match *match = target;
    decode_kind(decoder, node, target);
    if (match->kind == STRING_MATCH_REGEX)
        name_check_regex(decoder, match->value, match->position);
}

/* Of everything but uri: there the empty prefix is every path. `star_is_presence`: the regex "*", which is no RE2, means that it is there. */
static void decode_condition_of(struct decoder *decoder, const struct node *node, bool star_is_presence, struct string_match *match) {
    decode_kind(decoder, node, match);
    bool is_star = star_is_presence && span_equal(match->value, SPAN_LITERAL("*"));
    if (match->kind == STRING_MATCH_REGEX && !is_star)
        name_check_regex(decoder, match->value, match->position);
    if (match->kind == STRING_MATCH_PREFIX && match->value.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, match->position, "write {} if it only has to be there", "the prefix is empty");
}

static void decode_condition(struct decoder *decoder, const struct node *node, void *target) {
    decode_condition_of(decoder, node, false, target);
}

static struct named_match_list decode_named(struct decoder *decoder, const struct node *node, bool star_is_presence) {
    struct named_match_list list = {0};
    if (!node_is_mapping(node)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write 'name: {exact: value}' lines",
                     "a mapping is expected here, not %s", node_type_name(node));
        return list;
    }
    list.items = arena_new_array(decoder->arena, struct named_match, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_field *field = &node->fields[i];
        struct named_match item = {.name = field->key, .position = field->key_position};
        if (node_is_null(field->value)) {
            decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, field->key_position, "write {} if it only has to be there",
                         "the match of '%.*s' is missing", SPAN_ARGUMENTS(field->key));
            continue;
        }
        struct decode_path path = {.parent = decoder->path, .key = field->key};
        decoder->path = &path;
        decode_condition_of(decoder, field->value, star_is_presence, &item.match);
        /* Claims exist only once a token was checked. */
        if (header_name_is_claim(field->key)) {
            decode_unsupported(decoder, field->key_position, true);
            list.claim = (struct located){field->key, field->key_position};
        } else {
            list.items[list.count++] = item;
        }
        decoder->path = path.parent;
    }
    return list;
}

static void decode_header_names(struct decoder *decoder, const struct node *node, bool star_is_presence, struct named_match_list *list) {
    *list = decode_named(decoder, node, star_is_presence);
    for (size_t i = 0; i < list->count; i++)
        if (!header_name_is_matchable(list->items[i].name))
            decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, list->items[i].position,
                         "write the name of a header, as in x-user", "'%.*s' is no name of a header",
                         SPAN_ARGUMENTS(list->items[i].name));
}

static void decode_headers(struct decoder *decoder, const struct node *node, void *target) {
    decode_header_names(decoder, node, false, target);
}

static void decode_without_headers(struct decoder *decoder, const struct node *node, void *target) {
    decode_header_names(decoder, node, true, target);
}

static void decode_query_params(struct decoder *decoder, const struct node *node, void *target) {
    struct named_match_list *list = target;
    *list = decode_named(decoder, node, false);
}

static const struct field http_match_fields[] = {
    FIELD_AT("name", FIELD_STRING, struct http_match, name),
    FIELD_CALL_AT("uri", string_match_decode, struct http_match, uri),
    FIELD_AT("ignoreUriCase", FIELD_FLAG, struct http_match, ignore_uri_case),
    FIELD_CALL_AT("scheme", decode_condition, struct http_match, scheme),
    FIELD_CALL_AT("method", decode_condition, struct http_match, method),
    FIELD_CALL_AT("authority", decode_condition, struct http_match, authority),
    FIELD_CALL_AT("headers", decode_headers, struct http_match, headers),
    FIELD_CALL_AT("withoutHeaders", decode_without_headers, struct http_match, without_headers),
    FIELD_CALL_AT("queryParams", decode_query_params, struct http_match, query_params),
    FIELD_NUMBER_AT("port", struct http_match, port, 0, 65535),
    FIELD_AT("gateways", FIELD_STRINGS, struct http_match, gateways),
    FIELD_AT("sourceLabels", FIELD_LABELS, struct http_match, source_labels),
    FIELD_AT("sourceNamespace", FIELD_STRING, struct http_match, source_namespace),
    FIELD_OF_TYPE("statPrefix", FIELD_IGNORED),
};

void http_match_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct http_match *match = target;
    struct unsupported_list *outer = decoder->unsupported;
    match->position = node->position;
    decoder->unsupported = &match->unsupported;
    DECODE_MAPPING(decoder, node, http_match_fields, match);
    decoder->unsupported = outer;
    name_check_gateways(decoder, &match->gateways);
    name_check_labels(decoder, &match->source_labels);
    if (match->source_namespace.text.size > 0)
        name_check_dns_label(decoder, &match->source_namespace, "a namespace");
}
