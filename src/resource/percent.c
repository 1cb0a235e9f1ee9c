#include "resource/percent.h"

#define MILLIONTHS_OF_A_PERCENT (PERCENT_WHOLE_MILLIONTHS / 100)

/* Istio's validatePercent: what would come out as nothing is a mistake, not a way to write 0. */
static void decode_value(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number *share = target;
    double percent;
    if (!node_as_double(node, &percent))
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write a number, as in 12.5", "a number is expected here, not %s",
                     node_type_name(node));
    else if (!(percent >= 0 && percent <= 100) || (percent > 0 && percent < 0.0001))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "use a number in that range", "%g is neither 0 nor within 0.0001 to 100",
                     percent);
    else
        share->value = (int64_t)(percent * MILLIONTHS_OF_A_PERCENT);
}

void percent_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {FIELD_CALL_WHOLE("value", decode_value)};
    struct located_number *share = target;
    *share = (struct located_number){0, true, node->position};
    DECODE_MAPPING(decoder, node, fields, target);
}

void percent_whole_decode(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number *share = target;
    decode_number(decoder, node, 0, 100, share);
    share->value *= MILLIONTHS_OF_A_PERCENT;
}
