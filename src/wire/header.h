/* One header field, and tokens for the names that the gateway itself looks at. */
#ifndef FAIRLEAD_WIRE_HEADER_H
#define FAIRLEAD_WIRE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* X(token, name, properties). Sorted by the size of the name: header_token_of looks only at those of one size. Properties are bits of
 * enum header_property. */
#define HEADER_TABLE(X)                                                                              \
    X(TE, "te", HOP_BY_HOP | NO_TRAILER)                                                             \
    X(VIA, "via", 0)                                                                                 \
    X(AGE, "age", NO_TRAILER)                                                                        \
    X(DATE, "date", NO_TRAILER)                                                                      \
    X(HOST, "host", NO_TRAILER)                                                                      \
    X(VARY, "vary", NO_TRAILER)                                                                      \
    X(ACCEPT, "accept", NO_TRAILER)                                                                  \
    X(COOKIE, "cookie", NO_TRAILER)                                                                  \
    X(EXPECT, "expect", NO_TRAILER)                                                                  \
    X(ORIGIN, "origin", NO_TRAILER)                                                                  \
    X(SERVER, "server", 0)                                                                           \
    X(EXPIRES, "expires", NO_TRAILER)                                                                \
    X(TRAILER, "trailer", NO_TRAILER)                                                                \
    X(UPGRADE, "upgrade", HOP_BY_HOP | NO_TRAILER)                                                   \
    X(LOCATION, "location", NO_TRAILER)                                                              \
    X(CONNECTION, "connection", HOP_BY_HOP | NO_TRAILER)                                             \
    X(KEEP_ALIVE, "keep-alive", HOP_BY_HOP | NO_TRAILER)                                             \
    X(SET_COOKIE, "set-cookie", NO_TRAILER)                                                          \
    X(USER_AGENT, "user-agent", NO_TRAILER)                                                          \
    X(GRPC_STATUS, "grpc-status", 0)                                                                 \
    X(RETRY_AFTER, "retry-after", NO_TRAILER)                                                        \
    X(CONTENT_TYPE, "content-type", NO_TRAILER)                                                      \
    X(GRPC_TIMEOUT, "grpc-timeout", 0)                                                               \
    X(GRPC_MESSAGE, "grpc-message", 0)                                                               \
    X(MAX_FORWARDS, "max-forwards", NO_TRAILER)                                                      \
    X(X_REQUEST_ID, "x-request-id", NO_TRAILER)                                                      \
    X(AUTHORIZATION, "authorization", NO_TRAILER)                                                    \
    X(CACHE_CONTROL, "cache-control", NO_TRAILER)                                                    \
    X(CONTENT_RANGE, "content-range", NO_TRAILER)                                                    \
    X(HTTP2_SETTINGS, "http2-settings", HOP_BY_HOP | NO_TRAILER)                                     \
    X(CONTENT_LENGTH, "content-length", NO_TRAILER)                                                  \
    X(X_ENVOY_IP_TAGS, "x-envoy-ip-tags", FROM_INSIDE)                                               \
    X(X_FORWARDED_FOR, "x-forwarded-for", NO_TRAILER)                                                \
    X(ACCEPT_ENCODING, "accept-encoding", NO_TRAILER)                                                \
    X(CONTENT_ENCODING, "content-encoding", NO_TRAILER)                                              \
    X(PROXY_CONNECTION, "proxy-connection", HOP_BY_HOP | NO_TRAILER)                                 \
    X(X_ENVOY_INTERNAL, "x-envoy-internal", FROM_INSIDE)                                             \
    X(X_ENVOY_RETRY_ON, "x-envoy-retry-on", FROM_INSIDE)                                             \
    X(X_FORWARDED_HOST, "x-forwarded-host", NO_TRAILER)                                              \
    X(X_FORWARDED_PORT, "x-forwarded-port", NO_TRAILER)                                              \
    X(SEC_WEBSOCKET_KEY, "sec-websocket-key", NO_TRAILER)                                            \
    X(TRANSFER_ENCODING, "transfer-encoding", HOP_BY_HOP | NO_TRAILER)                               \
    X(X_FORWARDED_PROTO, "x-forwarded-proto", NO_TRAILER)                                            \
    X(X_ENVOY_FORCE_TRACE, "x-envoy-force-trace", FROM_INSIDE)                                       \
    X(X_ENVOY_MAX_RETRIES, "x-envoy-max-retries", FROM_INSIDE)                                       \
    X(PROXY_AUTHORIZATION, "proxy-authorization", NO_TRAILER)                                        \
    X(SEC_WEBSOCKET_ACCEPT, "sec-websocket-accept", NO_TRAILER)                                      \
    X(SEC_WEBSOCKET_VERSION, "sec-websocket-version", NO_TRAILER)                                    \
    X(X_ENVOY_ATTEMPT_COUNT, "x-envoy-attempt-count", FROM_INSIDE)                                   \
    X(X_ENVOY_ORIGINAL_PATH, "x-envoy-original-path", FROM_INSIDE)                                   \
    X(X_ENVOY_PEER_METADATA, "x-envoy-peer-metadata", FROM_INSIDE)                                   \
    X(X_ENVOY_RETRY_GRPC_ON, "x-envoy-retry-grpc-on", FROM_INSIDE)                                   \
    X(SEC_WEBSOCKET_PROTOCOL, "sec-websocket-protocol", NO_TRAILER)                                  \
    X(X_FORWARDED_CLIENT_CERT, "x-forwarded-client-cert", NO_TRAILER)                                \
    X(SEC_WEBSOCKET_EXTENSIONS, "sec-websocket-extensions", NO_TRAILER)                              \
    X(X_ENVOY_EXTERNAL_ADDRESS, "x-envoy-external-address", FROM_INSIDE)                             \
    X(X_ENVOY_IS_TIMEOUT_RETRY, "x-envoy-is-timeout-retry", FROM_INSIDE)                             \
    X(X_ENVOY_PEER_METADATA_ID, "x-envoy-peer-metadata-id", FROM_INSIDE)                             \
    X(X_ENVOY_DECORATOR_OPERATION, "x-envoy-decorator-operation", FROM_INSIDE)                       \
    X(X_ENVOY_UPSTREAM_SERVICE_TIME, "x-envoy-upstream-service-time", FROM_INSIDE)                   \
    X(X_ENVOY_EXPECTED_RQ_TIMEOUT_MS, "x-envoy-expected-rq-timeout-ms", FROM_INSIDE)                 \
    X(X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS, "x-envoy-upstream-rq-timeout-ms", FROM_INSIDE)                 \
    X(X_ENVOY_UPSTREAM_ALT_STAT_NAME, "x-envoy-upstream-alt-stat-name", FROM_INSIDE)                 \
    X(X_ENVOY_RETRIABLE_STATUS_CODES, "x-envoy-retriable-status-codes", FROM_INSIDE)                 \
    X(X_ENVOY_RETRIABLE_HEADER_NAMES, "x-envoy-retriable-header-names", FROM_INSIDE)                 \
    X(X_ENVOY_DOWNSTREAM_SERVICE_NODE, "x-envoy-downstream-service-node", FROM_INSIDE)               \
    X(X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT, "x-envoy-hedge-on-per-try-timeout", FROM_INSIDE)             \
    X(X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER, "x-envoy-downstream-service-cluster", FROM_INSIDE)         \
    X(X_ENVOY_UPSTREAM_STREAM_DURATION_MS, "x-envoy-upstream-stream-duration-ms", FROM_INSIDE)       \
    X(X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS, "x-envoy-upstream-rq-per-try-timeout-ms", FROM_INSIDE)

enum header_token {
    HEADER_OTHER = 0,
#define HEADER_MEMBER(token, name, properties) HEADER_##token,
    HEADER_TABLE(HEADER_MEMBER)
#undef HEADER_MEMBER
        HEADER_TOKEN_COUNT
};

enum header_property {
    HEADER_PROPERTY_HOP_BY_HOP = 1 << 0,  /* RFC 9110 section 7.6.1: never forwarded as it came */
    HEADER_PROPERTY_NO_TRAILER = 1 << 1,  /* RFC 9110 section 6.5.1: framing, routing, authentication, content: dropped from trailers */
    HEADER_PROPERTY_FROM_INSIDE = 1 << 2, /* only the gateway may say it: a request from outside loses it */
};

struct header {
    struct span name; /* lower-case */
    struct span value;
    enum header_token token;
};

/* The token of a lower-case name; HEADER_OTHER for the rest. */
enum header_token header_token_of(struct span name);
/* The name of a token; empty for HEADER_OTHER. */
struct span header_token_name(enum header_token token);
/* Bits of enum header_property; 0 for HEADER_OTHER. */
unsigned header_token_properties(enum header_token token);
/* The next member of a comma-separated list (RFC 9110 section 5.6.1): trimmed, empty members skipped, quoted strings respected. False at
 * the end; start with `rest` as the value. */
bool header_list_next(struct span *rest, struct span *ret_member);
/* Does the list hold the member, ASCII case ignored? */
bool header_list_contains(struct span value, struct span member);
/* RFC 9110 section 5.6.2: one or more token characters. */
bool header_name_is_valid(struct span name);
/* RFC 9110 section 5.5: no control byte but HTAB, no white space around. */
bool header_value_is_valid(struct span value);

#endif
