#include "resource/http_mirror.h"

#include "resource/decode.h"
#include "resource/percent.h"

static void decode_target(struct decoder *decoder, const struct node *node, struct http_mirror *mirror) {
    mirror->is_set = true;
    mirror->destination.position = node->position;
    mirror->destination.mirrors = true;
    route_destination_decode(decoder, node, &mirror->destination);
}

void http_mirror_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct http_mirrors *mirrors = target;
    decode_target(decoder, node, &mirrors->single);
}

static void decode_destination(struct decoder *decoder, const struct node *node, void *target) {
    decode_target(decoder, node, target);
}

static void decode_item(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("destination", decode_destination),
        FIELD_CALL_AT("percentage", percent_decode, struct http_mirror, share),
    };
    struct http_mirror *mirror = target;
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && !mirror->is_set)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add destination with a host", "the mirror names no destination");
}

void http_mirrors_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct http_mirrors *mirrors = target;
    mirrors->items = decode_items(decoder, node, sizeof(struct http_mirror), decode_item, &mirrors->count);
}

void http_mirror_percentage_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct http_mirrors *mirrors = target;
    percent_decode(decoder, node, &mirrors->single.share);
}

void http_mirror_percent_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct http_mirrors *mirrors = target;
    percent_whole_decode(decoder, node, &mirrors->deprecated_share);
    decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "use mirrorPercentage: {value: 50}", "mirrorPercent is deprecated");
}

void http_mirrors_check(struct decoder *decoder, const struct http_mirrors *mirrors) {
    if (mirrors->single.is_set && mirrors->count > 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, mirrors->items[0].destination.position, "write all of them into mirrors",
                     "only one of mirror and mirrors may be set");
}
