#include "resource/connection_pool.h"

#include "base/clock.h"
#include "resource/destination_rule.h"

struct tcp_settings {
    struct located_number max_connections, connect_timeout_ns, max_connection_duration_ns, idle_timeout_ns;
    struct located_number probes, keepalive_time_ns, keepalive_interval_ns;
};

struct http_settings {
    struct located_number max_pending_requests, max_requests, max_requests_per_connection, max_retries, max_concurrent_streams;
    struct located_number idle_timeout_ns;
    struct connection_pool *pool;
};

static void decode_keepalive(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("probes", struct tcp_settings, probes, 0, UINT32_MAX),
        FIELD_DURATION_AT("time", struct tcp_settings, keepalive_time_ns, MILLISECONDS(1)),
        FIELD_DURATION_AT("interval", struct tcp_settings, keepalive_interval_ns, MILLISECONDS(1)),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

static void decode_tcp(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("maxConnections", struct tcp_settings, max_connections, 0, INT32_MAX),
        FIELD_DURATION_AT("connectTimeout", struct tcp_settings, connect_timeout_ns, MILLISECONDS(1)),
        FIELD_DURATION_AT("maxConnectionDuration", struct tcp_settings, max_connection_duration_ns, MILLISECONDS(1)),
        /* 0: no timeout. */
        FIELD_DURATION_AT("idleTimeout", struct tcp_settings, idle_timeout_ns, 0),
        FIELD_CALL_WHOLE("tcpKeepalive", decode_keepalive),
    };
    struct tcp_settings settings = {0};
    (void)target;
    DECODE_MAPPING(decoder, node, fields, &settings);
}

static void decode_upgrade(struct decoder *decoder, const struct node *node, void *target) {
    static const struct enum_name names[] = {
        {"DEFAULT", HTTP2_UPGRADE_DEFAULT}, {"DO_NOT_UPGRADE", HTTP2_UPGRADE_NEVER}, {"UPGRADE", HTTP2_UPGRADE_ALWAYS}};
    struct http_settings *settings = target;
    int value;
    if (DECODE_ENUM(decoder, node, names, &value))
        settings->pool->http2_upgrade = (enum http2_upgrade)value;
}

static void decode_use_client_protocol(struct decoder *decoder, const struct node *node, void *target) {
    struct http_settings *settings = target;
    decode_flag(decoder, node, &settings->pool->use_client_protocol);
}

static void decode_http2_keepalive(struct decoder *decoder, const struct node *node, void *target) {
    struct located_number durations[2] = {0};
    static const char *const names[] = {"interval", "timeout"};
    (void)target;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct node *value = node_get_present(node, names[i]);
        if (value != NULL)
            decode_duration(decoder, value, MILLISECONDS(1), &durations[i]);
        else
            decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set interval and timeout", "%s is missing", names[i]);
    }
}

/* All but what chooses the protocol. */
static void remember_unsupported(struct decoder *decoder, const struct node *node) {
    const struct decode_path *outer = decoder->path;
    for (size_t i = 0; node_is_mapping(node) && i < node->count; i++) {
        const struct node_field *field = &node->fields[i];
        if (span_equal(field->key, SPAN_LITERAL("h2UpgradePolicy")) || span_equal(field->key, SPAN_LITERAL("useClientProtocol")))
            continue;
        struct decode_path path = {.parent = outer, .key = field->key};
        decoder->path = &path;
        decode_unsupported(decoder, field->key_position, false);
    }
    decoder->path = outer;
}

static void decode_http(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("http1MaxPendingRequests", struct http_settings, max_pending_requests, 0, INT32_MAX),
        FIELD_NUMBER_AT("http2MaxRequests", struct http_settings, max_requests, 0, INT32_MAX),
        FIELD_NUMBER_AT("maxRequestsPerConnection", struct http_settings, max_requests_per_connection, 0, INT32_MAX),
        FIELD_NUMBER_AT("maxRetries", struct http_settings, max_retries, 0, INT32_MAX),
        FIELD_NUMBER_AT("maxConcurrentStreams", struct http_settings, max_concurrent_streams, 0, INT32_MAX),
        FIELD_DURATION_AT("idleTimeout", struct http_settings, idle_timeout_ns, MILLISECONDS(1)),
        FIELD_CALL_WHOLE("h2UpgradePolicy", decode_upgrade),
        FIELD_CALL_WHOLE("useClientProtocol", decode_use_client_protocol),
        FIELD_CALL_WHOLE("http2KeepAlive", decode_http2_keepalive),
    };
    struct http_settings settings = {.pool = target};
    DECODE_MAPPING(decoder, node, fields, &settings);
    remember_unsupported(decoder, node);
    const struct located_flag *use_client_protocol = &settings.pool->use_client_protocol;
    if (settings.pool->http2_upgrade == HTTP2_UPGRADE_ALWAYS && use_client_protocol->value)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, use_client_protocol->position, "keep one of them",
                     "useClientProtocol cannot be used together with h2UpgradePolicy UPGRADE");
}

void connection_pool_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CHECKED("tcp", FIELD_UNSUPPORTED, decode_tcp),
        FIELD_CALL_WHOLE("http", decode_http),
    };
    struct connection_pool **pool = target;
    *pool = arena_new(decoder->arena, struct connection_pool);
    DECODE_MAPPING(decoder, node, fields, *pool);
    if (node_is_mapping(node) && node_get_present(node, "tcp") == NULL && node_get_present(node, "http") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add tcp or http", "the connectionPool has neither tcp nor http");
}
