#include "resource/http_fault.h"

#include "base/clock.h"
#include "resource/percent.h"

static void refuse_kind(struct decoder *decoder, const struct node *node, const char *hint) {
    decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, hint, "Istio does not serve this kind of fault");
}

/* Istio takes a share that is not written for none at all, whatever its documentation says, and its admission says nothing of it. */
static void warn_of_missing_share(struct decoder *decoder, const struct node *node) {
    decode_warning(decoder, DIAGNOSTIC_ROUTE_ACTION, node->position, "add percentage: {value: 100}", "without percentage this never happens");
}

/* --- delay --- */

static void refuse_exponential_delay(struct decoder *decoder, const struct node *node, void *target) {
    (void)target;
    refuse_kind(decoder, node, "use fixedDelay");
}

static void decode_deprecated_percent(struct decoder *decoder, const struct node *node, void *target) {
    struct http_fault *fault = target;
    struct located_number share = {0};
    percent_whole_decode(decoder, node, &share);
    if (!fault->delay_share.is_set)
        fault->delay_share = share;
}

static void decode_delay(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("percentage", percent_decode, struct http_fault, delay_share),
        FIELD_CALL_WHOLE("percent", decode_deprecated_percent),
        FIELD_DURATION_AT("fixedDelay", struct http_fault, delay_ns, MILLISECONDS(1)),
        FIELD_CALL_WHOLE("exponentialDelay", refuse_exponential_delay),
    };
    struct http_fault *fault = target;
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && !fault->delay_share.is_set)
        warn_of_missing_share(decoder, node);
}

/* --- abort --- */

static void refuse_http2_error(struct decoder *decoder, const struct node *node, void *target) {
    (void)target;
    refuse_kind(decoder, node, "use httpStatus or grpcStatus");
}

static void decode_grpc_status(struct decoder *decoder, const struct node *node, void *target) {
    static const struct enum_name names[] = {
        {"OK", 0},          {"CANCELLED", 1},          {"UNKNOWN", 2},       {"INVALID_ARGUMENT", 3}, {"DEADLINE_EXCEEDED", 4},   {"NOT_FOUND", 5},
        {"ALREADY_EXISTS", 6}, {"PERMISSION_DENIED", 7}, {"RESOURCE_EXHAUSTED", 8}, {"FAILED_PRECONDITION", 9}, {"ABORTED", 10}, {"OUT_OF_RANGE", 11},
        {"UNIMPLEMENTED", 12}, {"INTERNAL", 13},       {"UNAVAILABLE", 14},  {"DATA_LOSS", 15},       {"UNAUTHENTICATED", 16},
    };
    int code;
    if (DECODE_ENUM(decoder, node, names, &code))
        *(struct located_number *)target = (struct located_number){code, true, node->position};
}

static void decode_abort(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("percentage", percent_decode, struct http_fault, abort_share),
        FIELD_NUMBER_AT("httpStatus", struct http_fault, abort_status, 200, 599),
        FIELD_CALL_AT("grpcStatus", decode_grpc_status, struct http_fault, grpc_status),
        FIELD_CALL_WHOLE("http2Error", refuse_http2_error),
    };
    struct http_fault *fault = target;
    DECODE_MAPPING(decoder, node, fields, target);
    if (!node_is_mapping(node) || decoder->failed)
        return;
    if (fault->abort_status.is_set && fault->grpc_status.is_set)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, fault->grpc_status.position, "keep one of them",
                     "only one of httpStatus and grpcStatus may be set");
    else if (!fault->abort_status.is_set && !fault->grpc_status.is_set)
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add httpStatus", "the abort has no status: it never happens");
    else if (!fault->abort_share.is_set)
        warn_of_missing_share(decoder, node);
}

void http_fault_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("delay", decode_delay),
        FIELD_CALL_WHOLE("abort", decode_abort),
    };
    struct http_fault *fault = target;
    fault->is_set = true;
    fault->position = node->position;
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && node_get_present(node, "delay") == NULL && node_get_present(node, "abort") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add delay or abort", "the fault has neither delay nor abort");
}
