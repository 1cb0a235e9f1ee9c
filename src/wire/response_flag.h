/* Response flags: why a request or connection did not go the ordinary way, as Envoy's access log prints them. A set of bits. */
#ifndef FAIRLEAD_WIRE_RESPONSE_FLAG_H
#define FAIRLEAD_WIRE_RESPONSE_FLAG_H

#include <stddef.h>
#include <stdint.h>

/* X(name, text): the order is the one in which Envoy joins several flags. */
#define RESPONSE_FLAG_TABLE(X)                          \
    X(LOCAL_HEALTH_CHECK_FAILED, "LH")                  \
    X(NO_HEALTHY_UPSTREAM, "UH")                        \
    X(UPSTREAM_REQUEST_TIMEOUT, "UT")                   \
    X(LOCAL_RESET, "LR")                                \
    X(UPSTREAM_REMOTE_RESET, "UR")                      \
    X(UPSTREAM_CONNECTION_FAILURE, "UF")                \
    X(UPSTREAM_CONNECTION_TERMINATION, "UC")            \
    X(UPSTREAM_OVERFLOW, "UO")                          \
    X(NO_ROUTE, "NR")                                   \
    X(DELAY_INJECTED, "DI")                             \
    X(FAULT_INJECTED, "FI")                             \
    X(RATE_LIMITED, "RL")                               \
    X(UNAUTHORIZED_EXTERNAL, "UAEX")                    \
    X(RATE_LIMIT_SERVICE_ERROR, "RLSE")                 \
    X(DOWNSTREAM_CONNECTION_TERMINATION, "DC")          \
    X(UPSTREAM_RETRY_LIMIT, "URX")                      \
    X(STREAM_IDLE_TIMEOUT, "SI")                        \
    X(INVALID_ENVOY_HEADERS, "IH")                      \
    X(DOWNSTREAM_PROTOCOL_ERROR, "DPE")                 \
    X(UPSTREAM_MAX_STREAM_DURATION, "UMSDR")            \
    X(RESPONSE_FROM_CACHE, "RFCF")                      \
    X(NO_FILTER_CONFIG, "NFCF")                         \
    X(DURATION_TIMEOUT, "DT")                           \
    X(UPSTREAM_PROTOCOL_ERROR, "UPE")                   \
    X(NO_CLUSTER, "NC")                                 \
    X(OVERLOAD_MANAGER, "OM")                           \
    X(DNS_FAILURE, "DF")                                \
    X(DROP_OVERLOAD, "DO")                              \
    X(DOWNSTREAM_REMOTE_RESET, "DR")                    \
    X(UNCONDITIONAL_DROP_OVERLOAD, "UDO")

enum response_flag_index {
#define RESPONSE_FLAG_INDEX(name, text) RESPONSE_FLAG_INDEX_##name,
    RESPONSE_FLAG_TABLE(RESPONSE_FLAG_INDEX)
#undef RESPONSE_FLAG_INDEX
        RESPONSE_FLAG_COUNT
};

/* RESPONSE_FLAG_NO_ROUTE and so on: one bit each, to be or-ed into a uint32_t. */
enum response_flag {
    RESPONSE_FLAG_NONE = 0,
#define RESPONSE_FLAG_BIT(name, text) RESPONSE_FLAG_##name = 1 << RESPONSE_FLAG_INDEX_##name,
    RESPONSE_FLAG_TABLE(RESPONSE_FLAG_BIT)
#undef RESPONSE_FLAG_BIT
};

/* All flags at once fit. */
#define RESPONSE_FLAGS_TEXT_MAX 128

/* "UF,URX", or "-" for none; NUL-terminated; returns the size without the NUL. */
size_t response_flags_print(uint32_t flags, char ret_text[RESPONSE_FLAGS_TEXT_MAX]);

#endif
