/* The line that an exchange leaves behind. */
#include "proxy/access_log.h"
#include "proxy/client_identity.h"
#include "proxy/exchange_internal.h"

static struct span protocol_text(const struct exchange *exchange) {
    /* A head that was refused has no version of its own. */
    if (exchange->request == NULL)
        return http_connection_is_multiplexed(exchange->http) ? SPAN_LITERAL("HTTP/2") : SPAN_LITERAL("HTTP/1.1");
    switch (exchange->request->version) {
    case HTTP_1_0: return SPAN_LITERAL("HTTP/1.0");
    case HTTP_1_1: return SPAN_LITERAL("HTTP/1.1");
    case HTTP_2: return SPAN_LITERAL("HTTP/2");
    }
    return SPAN_EMPTY;
}

static void fill_upstream(const struct exchange *exchange, struct access_log_record *record) {
    record->upstream_transport_failure_reason = exchange->transport_reason;
    record->upstream_host = exchange->upstream_host;
    record->upstream_cluster = exchange->upstream_cluster;
    record->upstream_local = exchange->upstream_local;
    record->upstream_tls = exchange->upstream_tls;
    record->upstream_protocol = exchange->upstream_protocol;
    record->attempt_count = exchange->attempt.number;
    record->route_name = exchange->route_name;
}

static void fill_downstream(const struct exchange *exchange, struct access_log_record *record) {
    const struct downstream_facts *facts = http_connection_facts(exchange->http);
    record->downstream_local = http_connection_local(exchange->http);
    record->downstream_remote = exchange->client;
    record->downstream_direct_remote = facts->remote;
    record->requested_server_name = facts->server_name;
    record->tls_version = facts->tls_version;
    record->tls_cipher = facts->tls_cipher;
    record->downstream_session = facts->session;
    record->downstream_identity = facts->shown_identity;
    record->downstream_peer = facts->client == NULL ? NULL : &facts->client->peer;
    record->connection_id = facts->connection_id;
}

void exchange_record(const struct exchange *exchange, struct access_log_record *ret_record) {
    *ret_record = (struct access_log_record){
        .start_wall_ns = context_wall_ns(exchange->context, exchange->start_ns),
        .start_ns = exchange->start_ns,
        .request_end_ns = exchange->request_end_ns,
        .response_start_ns = exchange->response_start_ns,
        .end_ns = exchange->context->now_ns,
        .request = exchange->request,
        .response = exchange->response,
        .protocol = protocol_text(exchange),
        .response_code = exchange->response != NULL ? (unsigned)exchange->response->status : 0,
        .response_flags = exchange->flags,
        .response_code_details = exchange->details,
        .bytes_received = exchange->bytes_received,
        .bytes_sent = exchange->bytes_sent,
        .coalesced = exchange->coalesced,
    };
    fill_upstream(exchange, ret_record);
    fill_downstream(exchange, ret_record);
}

void exchange_log(struct exchange *exchange) {
    struct proxy_context *context = exchange->context;
    const struct pinned_snapshot *pinned = exchange->pinned != NULL ? exchange->pinned : context->current;
    if (context->access_log == NULL || pinned == NULL || pinned->snapshot->access_log == NULL)
        return;
    struct message_head trailers = {.headers = exchange->response_trailers, .header_count = exchange->response_trailer_count};
    for (size_t i = 0; i < trailers.header_count; i++)
        trailers.present[trailers.headers[i].token / 64] |= 1ULL << trailers.headers[i].token % 64;
    struct access_log_record record;
    exchange_record(exchange, &record);
    record.response_trailers = exchange->response_trailer_count > 0 ? &trailers : NULL;
    access_log_write(context->access_log, pinned->snapshot->access_log, &record);
}

void exchange_apply_response_rules(struct exchange *exchange, struct message_head *head) {
    struct access_log_record record;
    bool filled = false;
    for (size_t i = 0; i < ARRAY_SIZE(exchange->response_rules); i++) {
        if (exchange->response_rules[i] == NULL)
            continue;
        if (!filled)
            exchange_record(exchange, &record);
        filled = true;
        record.response = head;
        record.response_code = (unsigned)head->status;
        header_rules_apply(exchange->response_rules[i], head, &record);
    }
    if (exchange->cors != NULL)
        cors_grant_apply(exchange->cors, head);
}

static void copy_response_rules(struct exchange *exchange) {
    for (size_t i = 0; i < ARRAY_SIZE(exchange->response_rules); i++) {
        if (exchange->response_rules[i] == NULL)
            continue;
        struct header_rules *copy = arena_new(&exchange->arena, struct header_rules);
        *copy = header_rules_copy(&exchange->arena, exchange->response_rules[i]);
        exchange->response_rules[i] = copy;
    }
}

void exchange_let_snapshot_go(struct exchange *exchange) {
    static const struct retry_policy no_retries;
    if (exchange->pinned == NULL)
        return;
    struct gateway_settings *settings = arena_new(&exchange->arena, struct gateway_settings);
    *settings = *exchange->settings;
    settings->server_header = arena_copy(&exchange->arena, settings->server_header);
    exchange->settings = settings;
    exchange->upstream_host = arena_copy(&exchange->arena, exchange->upstream_host);
    exchange->upstream_cluster = arena_copy(&exchange->arena, exchange->upstream_cluster);
    exchange->route_name = arena_copy(&exchange->arena, exchange->route_name);
    if (exchange->response == NULL)
        copy_response_rules(exchange);
    exchange_count_alone(exchange);
    exchange->cluster = NULL;
    exchange->retry.policy = &no_retries;
    context_unpin(exchange->context, exchange->pinned);
    exchange->pinned = NULL;
}
