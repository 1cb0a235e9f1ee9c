#include "proxy/exchange_internal.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proxy/client_identity.h"
#include "proxy/coalesce.h"
#include "proxy/fault.h"
#include "proxy/grpc_reply.h"
#include "proxy/grpc_status.h"
#include "proxy/grpc_timeout.h"
#include "proxy/request_rules.h"
#include "proxy/response_rules.h"
#include "proxy/rewrite.h"
#include "wire/response_flag.h"

/* --- Birth and death --- */

static void exchange_free(struct grave *grave) {
    struct exchange *exchange = CONTAINER_OF(grave, struct exchange, grave);
    arena_deinit(&exchange->arena);
    if (exchange->pooled)
        pool_release(&exchange->context->exchanges, exchange);
    else
        free(exchange);
}

static void route_expired(struct timer *timer);
static void age_expired(struct timer *timer);
static void delay_expired(struct timer *timer);

static struct arena *on_stream_begin(void *owner, struct http_stream *stream) {
    struct http_connection *http = owner;
    struct proxy_context *context = http_connection_context(http);
    struct exchange *exchange = pool_take(&context->exchanges);
    bool pooled = exchange != NULL;
    if (!pooled && http_connection_is_multiplexed(http)) {
        counter_add(&context->counters.streams_refused, 1);
        return NULL;
    }
    /* HTTP/1: one a connection, and those have their own ceiling. */
    if (!pooled)
        exchange = memory_allocate(sizeof(*exchange));
    memset(exchange, 0, offsetof(struct exchange, memory));
    exchange->context = context;
    exchange->http = http;
    exchange->stream = stream;
    exchange->pooled = pooled;
    exchange->grave.free_owner = exchange_free;
    exchange->start_ns = context->now_ns;
    exchange->activity_ns = context->now_ns;
    exchange->client = http_connection_facts(http)->remote;
    buffer_init(&exchange->replay, &context->chunks);
    timer_init(&exchange->route_timer, route_expired);
    timer_init(&exchange->age_timer, age_expired);
    timer_init(&exchange->delay_timer, delay_expired);
    list_init(&exchange->mirrors);
    arena_init_with(&exchange->arena, exchange->memory, sizeof(exchange->memory), EXCHANGE_ARENA_BLOCK_BYTES);
    stream->user = exchange;
    http_connection_add(http, exchange);
    return &exchange->arena;
}

static void on_stream_closed(void *owner, struct http_stream *stream) {
    struct exchange *exchange = stream->user;
    ASSERT(exchange->phase != EXCHANGE_ENDED);
    struct proxy_context *context = exchange->context;
    attempt_give_up(exchange);
    timer_cancel(&context->timers, &exchange->route_timer);
    timer_cancel(&context->timers, &exchange->age_timer);
    timer_cancel(&context->timers, &exchange->delay_timer);
    mirrors_abandon(&exchange->mirrors);
    exchange_log(exchange);
    exchange_count(exchange);
    exchange->phase = EXCHANGE_ENDED;
    buffer_reset(&exchange->replay);
    if (exchange->pinned != NULL)
        context_unpin(context, exchange->pinned);
    exchange->pinned = NULL;
    http_connection_remove(owner, exchange);
    stream->user = NULL;
    context_bury(context, &exchange->grave);
}

/* --- Answers --- */

static void count_response(struct proxy_counters *counters, int status) {
    switch (status / 100) {
    case 2: counter_add(&counters->responses_2xx, 1); break;
    case 3: counter_add(&counters->responses_3xx, 1); break;
    case 4: counter_add(&counters->responses_4xx, 1); break;
    case 5: counter_add(&counters->responses_5xx, 1); break;
    default: break;
    }
}

void exchange_response_ends(struct exchange *exchange) {
    timer_cancel(&exchange->context->timers, &exchange->route_timer);
}

bool exchange_send_head(struct exchange *exchange, struct message_head *head, bool ends) {
    count_response(&exchange->context->counters, head->status);
    exchange->response = head;
    if (ends)
        exchange_response_ends(exchange);
    return http_server_send_head(exchange->stream, head, ends);
}

static void exchange_pin(struct exchange *exchange, const struct filter_chain **ret_chain) {
    static const struct gateway_settings none = {.server_header = {"istio-envoy", 11}};
    *ret_chain = NULL;
    exchange->pinned = http_connection_begin(exchange->http, ret_chain);
    exchange->settings = exchange->pinned != NULL ? &exchange->pinned->snapshot->settings : &none;
}

static struct message_head *reply_head(struct exchange *exchange, const struct local_reply *reply) {
    struct message_head *head = arena_new(&exchange->arena, struct message_head);
    message_head_init(head, &exchange->arena, 0);
    head->version = HTTP_1_1;
    head->status = reply->status;
    head->content_length = reply->body.size;
    if (reply->location.size > 0)
        message_head_add(head, HEADER_LOCATION, reply->location);
    if (reply->allow.size > 0)
        message_head_add_name(head, SPAN_LITERAL("allow"), reply->allow);
    if (reply->body.size > 0)
        message_head_add(head, HEADER_CONTENT_LENGTH, arena_print(&exchange->arena, "%zu", reply->body.size));
    for (size_t i = 0; i < reply->field_count; i++)
        message_head_add_name(head, reply->fields[i].name, reply->fields[i].value);
    exchange_apply_response_rules(exchange, head);
    if (reply->body.size > 0 && !message_head_has(head, HEADER_CONTENT_TYPE))
        message_head_add(head, HEADER_CONTENT_TYPE, SPAN_LITERAL("text/plain"));
    response_rules_local(head, exchange->settings, &exchange->context->date);
    return head;
}

void exchange_reply(struct exchange *exchange, const struct local_reply *given) {
    const struct local_reply *reply = given;
    struct local_reply grpc;
    ASSERT(exchange->response == NULL);
    if (grpc_is_request(exchange->request)) {
        grpc = grpc_reply_of(given, exchange->request);
        reply = &grpc;
    }
    attempt_give_up(exchange);
    exchange_response_ends(exchange);
    exchange->phase = EXCHANGE_ANSWERED;
    exchange->flags |= reply->flags;
    exchange->details = reply->details;
    bool ends = reply->body.size == 0;
    if (!ends && (exchange->request == NULL || exchange->request->method_token != HTTP_METHOD_HEAD))
        exchange->bytes_sent += reply->body.size;
    if (reply->closes && !http_connection_is_multiplexed(exchange->http))
        http_server_begin_drain(exchange->stream->server);
    struct http_stream *stream = exchange->stream;
    bool sent = exchange_send_head(exchange, reply_head(exchange, reply), ends);
    if (sent && !ends)
        sent = http_server_send_body(stream, reply->body) && http_server_send_end(stream, NULL, 0);
    /* HTTP/1: the session is broken, and whoever settles it closes the connection. */
    if (!sent && http_connection_is_multiplexed(exchange->http))
        exchange_unsendable(exchange);
}

void exchange_unsendable(struct exchange *exchange) {
    if (!http_connection_is_multiplexed(exchange->http)) {
        http_connection_set_reset(exchange->http);
        return;
    }
    attempt_give_up(exchange);
    exchange->phase = EXCHANGE_ANSWERED;
    exchange->flags |= close_reason_flag(CLOSE_REASON_MEMORY_CEILING);
    exchange->details = close_reason_word(CLOSE_REASON_MEMORY_CEILING);
    http_server_abort(exchange->stream, CLOSE_REASON_MEMORY_CEILING);
}

void exchange_cut(struct exchange *exchange, enum close_reason reason, struct span word) {
    attempt_give_up(exchange);
    exchange->phase = EXCHANGE_ANSWERED;
    exchange->flags |= close_reason_flag(reason);
    exchange->details = arena_print(&exchange->arena, "upstream_reset_after_response_started{%.*s}", SPAN_ARGUMENTS(word));
    /* What the upstream did send is no lie; only its end would be. Towards HTTP/1.0 the end of the connection may be the response's. */
    if (!http_connection_is_multiplexed(exchange->http))
        http_connection_flush(exchange->http);
    if (exchange->request->version == HTTP_1_0)
        http_connection_set_reset(exchange->http);
    http_server_abort(exchange->stream, reason);
}

void exchange_client_gone(struct exchange *exchange, enum close_reason reason) {
    exchange->flags |= close_reason_flag(reason);
    exchange->details = close_reason_word(reason);
    attempt_give_up(exchange);
    exchange->phase = EXCHANGE_ANSWERED;
    http_server_abort(exchange->stream, reason);
}

/* --- Deadlines --- */

void exchange_head_expired(struct exchange *exchange) {
    const struct filter_chain *chain;
    exchange_pin(exchange, &chain);
    struct local_reply reply = local_reply_head_timeout();
    exchange_reply(exchange, &reply);
}

void exchange_idle_expired(struct exchange *exchange) {
    if (exchange->response == NULL && exchange->settings != NULL) {
        struct local_reply reply = {.status = exchange->request_complete ? 504 : 408,
                                    .body = SPAN_LITERAL("stream timeout"),
                                    .flags = RESPONSE_FLAG_STREAM_IDLE_TIMEOUT,
                                    .details = SPAN_LITERAL("stream_idle_timeout"),
                                    .closes = true};
        exchange_reply(exchange, &reply);
        return;
    }
    exchange_client_gone(exchange, CLOSE_REASON_STREAM_IDLE_TIMEOUT);
}

static void route_expired(struct timer *timer) {
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, route_timer);
    struct http_connection *http = exchange->http;
    if (exchange->response == NULL) {
        struct local_reply reply = local_reply_route_timeout();
        reply.has_grpc_status = exchange->deadline_is_clients;
        reply.grpc_status = GRPC_STATUS_DEADLINE_EXCEEDED;
        exchange_reply(exchange, &reply);
    } else {
        exchange_cut(exchange, CLOSE_REASON_UPSTREAM_RESPONSE_TIMEOUT, SPAN_LITERAL("response_timeout"));
    }
    http_connection_settle(http);
}

static void age_expired(struct timer *timer) {
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, age_timer);
    if (exchange->phase == EXCHANGE_DELAYED)
        exchange->delayed = NULL;
    /* A try that has no connection yet still needs its cluster. */
    if (exchange->phase == EXCHANGE_CONNECTING || exchange->phase == EXCHANGE_BACKOFF)
        timer_set(&exchange->context->timers, timer, exchange->context->now_ns, DEADLINE_SNAPSHOT_PIN_NS);
    else
        exchange_let_snapshot_go(exchange);
}

/* Counts from the end of the request, or from the end of its delay. The exchange may be over. */
static void start_route_timer(struct exchange *exchange) {
    bool lives = exchange->phase != EXCHANGE_ANSWERED && exchange->phase != EXCHANGE_ENDED;
    if (exchange->timeout_ns > 0 && exchange->request_complete && lives)
        timer_set(&exchange->context->timers, &exchange->route_timer, exchange->context->now_ns, exchange->timeout_ns);
}

static void request_is_complete(struct exchange *exchange) {
    exchange->request_complete = true;
    exchange->request_end_ns = exchange->context->now_ns;
    start_route_timer(exchange);
}

/* --- The request --- */

static void apply_request_headers(struct exchange *exchange, const struct header_action *action) {
    struct access_log_record record;
    if (action == NULL)
        return;
    if (action->request.set_count + action->request.add_count + action->request.remove_count > 0) {
        exchange_record(exchange, &record);
        header_rules_apply(&action->request, exchange->request, &record);
    }
    rewrite_authority(exchange->request, action->authority);
}

/* Envoy's order: the destination's fields, the route's, then its rewrite. */
static void exchange_edit_request(struct exchange *exchange, const struct decision *decision) {
    apply_request_headers(exchange, decision->destination->headers);
    apply_request_headers(exchange, decision->route->headers);
    if (decision->route->rewrite != NULL)
        rewrite_apply(decision->route->rewrite, exchange->request, !exchange->settings->envoy_debug_headers_disabled);
}

static void exchange_take_response_rules(struct exchange *exchange, const struct decision *decision) {
    memset(exchange->response_rules, 0, sizeof(exchange->response_rules));
    if (decision->destination != NULL && decision->destination->headers != NULL)
        exchange->response_rules[0] = &decision->destination->headers->response;
    if (decision->route != NULL && decision->route->headers != NULL)
        exchange->response_rules[1] = &decision->route->headers->response;
}

/* Before the first try, which may be the last thing that the exchange does. */
static void exchange_mirror(struct exchange *exchange, const struct route *route) {
    if (route->mirror_count == 0)
        return;
    mirrors_begin(exchange->context->mirrors, route, exchange->request, exchange->settings, exchange->timeout_ns, &exchange->replay,
                  &exchange->mirrors);
    if (exchange->request_complete)
        mirrors_end(&exchange->mirrors);
}

static void exchange_forward(struct exchange *exchange, const struct decision *decision) {
    exchange->cluster = decision->destination->cluster;
    exchange->timeout_ns = grpc_timeout_ns(exchange->request, decision->route->timeout_ns);
    exchange->deadline_is_clients = exchange->timeout_ns != decision->route->timeout_ns;
    retry_init(&exchange->retry, &decision->route->retry);
    timer_set(&exchange->context->timers, &exchange->age_timer, exchange->context->now_ns, DEADLINE_SNAPSHOT_PIN_NS);
    exchange_edit_request(exchange, decision);
    exchange_mirror(exchange, decision->route);
    attempt_start(exchange);
}

static void exchange_act(struct exchange *exchange, const struct decision *decision) {
    if (decision->kind == DECISION_FORWARD) {
        exchange_forward(exchange, decision);
        return;
    }
    struct local_reply reply = local_reply_of_decision(decision, exchange->request);
    exchange_reply(exchange, &reply);
}

/* Envoy's order of filters: the abort comes before CORS is looked at. */
static void exchange_after_delay(struct exchange *exchange, const struct decision *decision) {
    const struct route *route = decision->route;
    if (fault_draw_abort(route->fault, &exchange->context->random)) {
        struct local_reply reply = fault_reply(route->fault);
        exchange_reply(exchange, &reply);
    } else if (cors_decide(route->cors, exchange->request, &exchange->cors) == CORS_PREFLIGHT) {
        struct local_reply reply = cors_preflight_reply(route->cors, exchange->request, exchange->cors);
        /* The route's headers are about answers of the upstream or of the router. */
        memset(exchange->response_rules, 0, sizeof(exchange->response_rules));
        exchange_reply(exchange, &reply);
    } else {
        exchange_act(exchange, decision);
    }
}

static void exchange_decide(struct exchange *exchange, const struct filter_chain *chain, struct decision *ret_decision) {
    uint64_t draw = random_next(&exchange->context->random);
    decide(chain->routes, exchange->request, draw, ret_decision);
    /* The name is not one of the connection's own server: is it another's? */
    const struct downstream_facts *facts = http_connection_facts(exchange->http);
    if (ret_decision->virtual_host == NULL && facts->tls)
        coalesce_route(exchange->settings, facts->listener, chain, facts->shown_identity, exchange->request, draw, ret_decision);
    exchange->coalesced = ret_decision->coalesced;
    exchange->route_name = ret_decision->route != NULL ? ret_decision->route->name : SPAN_EMPTY;
    exchange->upstream_cluster = ret_decision->destination != NULL ? ret_decision->destination->cluster_name : SPAN_EMPTY;
    exchange_count_under(exchange, ret_decision->destination != NULL ? ret_decision->destination->cluster : NULL);
    exchange_take_response_rules(exchange, ret_decision);
}

static bool may_have_fault(const struct decision *decision) {
    return decision->route != NULL && decision->route->action == ROUTE_FORWARD;
}

/* The delay outlived its snapshot: the request goes the way of the present one, without a further delay. */
static void exchange_route_again(struct exchange *exchange) {
    const struct filter_chain *chain;
    struct decision decision;
    exchange_pin(exchange, &chain);
    if (chain == NULL || chain->routes == NULL) {
        struct local_reply reply = local_reply_chain_gone(http_connection_facts(exchange->http)->chain_changed);
        exchange->route_name = exchange->upstream_cluster = SPAN_EMPTY;
        memset(exchange->response_rules, 0, sizeof(exchange->response_rules));
        exchange_reply(exchange, &reply);
        return;
    }
    exchange_decide(exchange, chain, &decision);
    if (may_have_fault(&decision))
        exchange_after_delay(exchange, &decision);
    else
        exchange_act(exchange, &decision);
}

static void delay_expired(struct timer *timer) {
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, delay_timer);
    struct http_connection *http = exchange->http;
    if (exchange->phase != EXCHANGE_DELAYED)
        return;
    if (exchange->delayed != NULL)
        exchange_after_delay(exchange, exchange->delayed);
    else
        exchange_route_again(exchange);
    start_route_timer(exchange);
    http_connection_settle(http);
}

static void exchange_delay(struct exchange *exchange, const struct decision *decision, uint64_t delay_ns) {
    exchange->flags |= RESPONSE_FLAG_DELAY_INJECTED;
    exchange->phase = EXCHANGE_DELAYED;
    exchange->delayed = arena_new(&exchange->arena, struct decision);
    *exchange->delayed = *decision;
    timer_set(&exchange->context->timers, &exchange->delay_timer, exchange->context->now_ns, delay_ns);
    timer_set(&exchange->context->timers, &exchange->age_timer, exchange->context->now_ns, DEADLINE_SNAPSHOT_PIN_NS);
}

static void exchange_route(struct exchange *exchange, const struct filter_chain *chain) {
    struct decision decision;
    exchange_decide(exchange, chain, &decision);
    if (!may_have_fault(&decision)) {
        exchange_act(exchange, &decision);
        return;
    }
    uint64_t delay_ns = fault_draw_delay_ns(decision.route->fault, &exchange->context->random);
    if (delay_ns > 0)
        exchange_delay(exchange, &decision, delay_ns);
    else
        exchange_after_delay(exchange, &decision);
}

static void exchange_begin(struct exchange *exchange) {
    const struct filter_chain *chain;
    exchange_pin(exchange, &chain);
    const struct downstream_facts *facts = http_connection_facts(exchange->http);
    struct request_origin origin = {.local = facts->local,
                                    .peer = facts->remote,
                                    .tls = facts->tls,
                                    .has_client_certificate = facts->client != NULL,
                                    .client_certificate = facts->client == NULL ? SPAN_EMPTY : facts->client->forwarded};
    enum request_verdict verdict =
        request_rules_apply(exchange->request, &origin, exchange->settings, &exchange->context->random, &exchange->client);
    if (chain == NULL || chain->routes == NULL) {
        http_server_begin_drain(exchange->stream->server);
        struct local_reply reply = local_reply_chain_gone(http_connection_facts(exchange->http)->chain_changed);
        exchange_reply(exchange, &reply);
    } else if (verdict != REQUEST_ROUTE) {
        struct local_reply reply = local_reply_of_verdict(verdict);
        exchange_reply(exchange, &reply);
    } else {
        exchange_route(exchange, chain);
    }
}

static void on_request_head(void *owner, struct http_stream *stream, struct message_head *head, bool ends) {
    (void)owner;
    struct exchange *exchange = stream->user;
    counter_add(&exchange->context->counters.requests, 1);
    if (exchange->context->draining)
        http_server_begin_drain(stream->server);
    exchange->request = head;
    exchange->request_complete = ends;
    exchange->request_end_ns = ends ? exchange->context->now_ns : 0;
    exchange_begin(exchange);
    if (ends)
        start_route_timer(exchange);
}

static void on_request_body(void *owner, struct http_stream *stream, struct span bytes) {
    (void)owner;
    struct exchange *exchange = stream->user;
    exchange->bytes_received += bytes.size;
    mirrors_body(&exchange->mirrors, bytes);
    exchange->activity_ns = exchange->context->now_ns;
    attempt_body(exchange, bytes);
}

static void on_request_end(void *owner, struct http_stream *stream, struct header *trailers, size_t count) {
    (void)owner;
    struct exchange *exchange = stream->user;
    if (exchange->phase != EXCHANGE_TUNNEL) {
        exchange->request_trailers = trailers;
        exchange->request_trailer_count = request_rules_trailers(trailers, count);
        request_is_complete(exchange);
        mirrors_end(&exchange->mirrors);
    }
    attempt_end(exchange);
}

static void on_request_rejected(void *owner, struct http_stream *stream, enum http1_fault fault) {
    (void)owner;
    struct exchange *exchange = stream->user;
    const struct filter_chain *chain;
    if (exchange->settings == NULL) {
        counter_add(&exchange->context->counters.requests, 1);
        exchange_pin(exchange, &chain);
    }
    if (exchange->response != NULL)
        return;
    struct local_reply reply = local_reply_of_fault(fault);
    /* The faults are one table for both versions; Envoy's words for them begin with the codec's name. */
    if (http_connection_is_multiplexed(exchange->http) && span_starts_with(reply.details, SPAN_LITERAL("http1.")))
        reply.details = arena_print(&exchange->arena, "http2.%.*s", SPAN_ARGUMENTS(span_from(reply.details, sizeof("http1.") - 1)));
    exchange_reply(exchange, &reply);
}

static void on_stream_failed(void *owner, struct http_stream *stream, enum close_reason reason) {
    (void)owner;
    struct exchange *exchange = stream->user;
    const struct filter_chain *chain;
    if (exchange->settings == NULL)
        exchange_pin(exchange, &chain);
    /* Whoever broke the session on purpose has said why already. */
    if (exchange->phase != EXCHANGE_ANSWERED) {
        exchange->flags |= close_reason_flag(reason);
        exchange->details = close_reason_word(reason);
    }
    exchange->phase = EXCHANGE_ANSWERED;
}

static void on_stream_drained(void *owner, struct http_stream *stream) {
    (void)owner;
    struct exchange *exchange = stream->user;
    exchange->activity_ns = exchange->context->now_ns;
    attempt_downstream_drained(exchange);
}

const struct http_server_events exchange_server_events = {
    .stream_begin = on_stream_begin,
    .request_head = on_request_head,
    .request_body = on_request_body,
    .request_end = on_request_end,
    .request_rejected = on_request_rejected,
    .stream_failed = on_stream_failed,
    .stream_drained = on_stream_drained,
    .stream_closed = on_stream_closed,
};

/* --- What workers set up --- */

void exchange_context_init(struct proxy_context *context) {
    pool_init(&context->exchanges, sizeof(struct exchange), WORKER_EXCHANGES_MAX, WORKER_EXCHANGES_KEPT_MAX);
    context->upstream = upstream_pool_create(context, &attempt_upstream_handler);
    context->mirrors = mirror_pool_create(context);
}

void exchange_context_deinit(struct proxy_context *context) {
    mirror_pool_destroy(context->mirrors);
    context->mirrors = NULL;
    upstream_pool_destroy(context->upstream);
    context->upstream = NULL;
    context_free_buried(context);
    pool_deinit(&context->exchanges);
}
