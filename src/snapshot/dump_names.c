#include "snapshot/dump_names.h"

#include "base/assert.h"

const char *path_normalization_name(enum path_normalization value) {
    switch (value) {
    case PATH_NORMALIZATION_BASE:
        return "base";
    case PATH_NORMALIZATION_NONE:
        return "none";
    case PATH_NORMALIZATION_MERGE_SLASHES:
        return "merge slashes";
    case PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES:
        return "decode and merge slashes";
    }
    return "";
}

const char *filter_chain_kind_name(enum filter_chain_kind kind) {
    switch (kind) {
    case FILTER_CHAIN_HTTP:
        return "HTTP";
    case FILTER_CHAIN_HTTPS:
        return "HTTPS";
    case FILTER_CHAIN_TCP:
        return "TCP";
    case FILTER_CHAIN_TLS_TCP:
        return "TLS";
    case FILTER_CHAIN_PASSTHROUGH:
        return "PASSTHROUGH";
    }
    return "";
}

static const char *const retry_on_names[RETRY_ON_COUNT] = {
    "connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes", "5xx", "gateway-error", "reset", "retriable-4xx",
    "deadline-exceeded", "internal", "resource-exhausted", "envoy-ratelimited"};

const char *client_certificate_forwarding_name(enum client_certificate_forwarding value) {
    static const char *const names[] = {"SANITIZE_SET", "SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "ALWAYS_FORWARD_ONLY"};
    return names[value];
}

const char *retry_on_name(size_t bit) {
    ASSERT(bit < RETRY_ON_COUNT);
    return retry_on_names[bit];
}
