/* The upstream half of an exchange: tries, one after the other, until one brings a response head that is passed on. */
#include "base/assert.h"
#include "proxy/exchange_internal.h"
#include "proxy/request_rules.h"
#include "proxy/response_rules.h"
#include "proxy/tls_facts.h"
#include "wire/response_flag.h"

static void attempt_connect(struct exchange *exchange);
static bool attempt_take(struct exchange *exchange);

/* --- Giving up and trying again --- */

void attempt_give_up(struct exchange *exchange) {
    struct attempt *attempt = &exchange->attempt;
    if (attempt->number > 0)
        timer_cancel(&exchange->context->timers, &exchange->try_timer);
    upstream_connect_cancel(&attempt->wait);
    struct http_client_stream *stream = attempt->stream;
    struct upstream_connection *connection = attempt->connection;
    bool is_shared = connection != NULL && connection->shared;
    attempt->stream = NULL;
    attempt->connection = NULL;
    /* HTTP/1.1: with both halves complete the session says stream_closed by itself now, and the connection may be used again. With HTTP/2 the
     * upstream's window may still hold back what was sent. */
    if (is_shared && !attempt->response_ended)
        upstream_doubt(connection, attempt->started_ns);
    if (stream != NULL && (is_shared || !(attempt->response_ended && attempt->request_sent)))
        http_client_abort(stream);
}

static void reply_overload(struct exchange *exchange) {
    if (exchange->response == NULL) {
        struct local_reply reply = local_reply_overload();
        exchange_reply(exchange, &reply);
    } else {
        exchange_cut(exchange, CLOSE_REASON_MEMORY_CEILING, SPAN_LITERAL("overload"));
    }
}

/* The try is over before its response head could be passed on: once more, or tell the client. */
static void attempt_failed(struct exchange *exchange, const struct retry_question *asked, struct span transport_reason) {
    struct retry_question question = *asked;
    question.idempotent = http_method_is_idempotent(exchange->request->method_token);
    question.replayable = !exchange->replay_lost && exchange->cluster != NULL;
    exchange->transport_reason = transport_reason;
    attempt_give_up(exchange);
    enum retry_answer answer = retry_decide(&exchange->retry, &question);
    switch (answer) {
    case RETRY_FRESH:
        counter_add(&exchange->context->counters.upstream_retries, 1);
        /* Who refused may take it now, if it takes anything; who has gone away is not there to be taken. */
        if (question.failure != ATTEMPT_REFUSED || !attempt_take(exchange))
            attempt_connect(exchange);
        return;
    case RETRY_AFTER_BACKOFF:
        counter_add(&exchange->context->counters.upstream_retries, 1);
        exchange->phase = EXCHANGE_BACKOFF;
        timer_set(&exchange->context->timers, &exchange->try_timer, exchange->context->now_ns,
                  retry_backoff_ns(&exchange->retry, &exchange->context->random));
        return;
    case RETRY_NO:
    case RETRY_LIMIT_EXCEEDED: break;
    }
    struct upstream_failure failure = {.failure = question.failure,
                                       .retried = exchange->attempt.number > 1,
                                       .limit_exceeded = answer == RETRY_LIMIT_EXCEEDED,
                                       .transport_reason = transport_reason};
    struct local_reply reply = local_reply_of_failure(&exchange->arena, &failure);
    exchange_reply(exchange, &reply);
}

/* The connection ended or broke under a response that is not whole. */
static void attempt_ended(struct exchange *exchange, enum attempt_failure failure, enum close_reason reason) {
    if (exchange->phase != EXCHANGE_WAITING) {
        exchange_cut(exchange, reason, attempt_failure_word(failure));
        return;
    }
    const struct upstream_connection *connection = exchange->attempt.connection;
    struct retry_question question = {.failure = failure, .reused = exchange->attempt.reused};
    struct span transport_reason = connection == NULL ? SPAN_EMPTY : upstream_tls_failure(connection);
    attempt_failed(exchange, &question, arena_copy(&exchange->arena, transport_reason));
}

static void try_expired(struct timer *timer) {
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, try_timer);
    struct http_connection *http = exchange->http;
    if (exchange->phase == EXCHANGE_BACKOFF) {
        attempt_start(exchange);
    } else {
        struct retry_question question = {.failure = ATTEMPT_TRY_TIMED_OUT};
        attempt_failed(exchange, &question, SPAN_EMPTY);
    }
    http_connection_settle(http);
}

/* --- The request on its way --- */

static bool send_replay(struct exchange *exchange) {
    enum { VECTORS_MAX = 16 };
    struct iovec vectors[VECTORS_MAX];
    int count = buffer_vectors(&exchange->replay, vectors, VECTORS_MAX);
    size_t sent = 0;
    for (int i = 0; i < count; i++) {
        if (!http_client_send_body(exchange->attempt.stream, span_make(vectors[i].iov_base, vectors[i].iov_len)))
            return false;
        sent += vectors[i].iov_len;
    }
    /* What may be kept before a connection stands is two reads at most. */
    ASSERT(sent == exchange->replay.size);
    return true;
}

static bool send_request(struct exchange *exchange) {
    struct attempt *attempt = &exchange->attempt;
    bool ends = exchange->request_complete && exchange->replay.size == 0 && exchange->request_trailer_count == 0;
    /* A body that is known to be empty but was announced as chunked still needs its end. */
    ends = ends && exchange->request->content_length == 0;
    if (!http_client_send_head(attempt->stream, exchange->request, ends) || !send_replay(exchange))
        return false;
    attempt->request_sent = exchange->request_complete;
    if (exchange->request_complete && !ends)
        return http_client_send_end(attempt->stream, exchange->request_trailers, exchange->request_trailer_count);
    return true;
}

static void forget_replay(struct exchange *exchange) {
    exchange->replay_lost = true;
    buffer_reset(&exchange->replay);
}

static void attempt_send(struct exchange *exchange, struct upstream_connection *connection) {
    struct attempt *attempt = &exchange->attempt;
    attempt->stream = http_client_open(connection->client, &exchange->arena, exchange);
    /* The pool lends only what is_reusable said yes to. */
    ASSERT(attempt->stream != NULL);
    attempt->connection = connection;
    attempt->shared = connection->shared;
    attempt->reused = connection->reused;
    attempt->started_ns = exchange->context->now_ns;
    exchange->upstream_local = connection->local;
    if (exchange->settings->names_upstream_tls)
        exchange->upstream_tls = connection->transport.tls == NULL ? NULL : tls_facts_note(&exchange->arena, connection->transport.tls);
    exchange->upstream_protocol = connection->shared ? SPAN_LITERAL("HTTP/2") : SPAN_LITERAL("HTTP/1.1");
    exchange->phase = EXCHANGE_WAITING;
    if (!send_request(exchange)) {
        reply_overload(exchange);
        return;
    }
    if (exchange->replay.size > HTTP_REPLAY_BYTES_MAX)
        forget_replay(exchange);
    http_connection_hold(exchange, upstream_is_behind(connection, attempt->stream));
}

static void connect_done(struct upstream_wait *wait, struct upstream_connection *connection, enum connect_outcome outcome,
                         struct span reason) {
    struct exchange *exchange = wait->user;
    ASSERT(exchange->phase == EXCHANGE_CONNECTING);
    if (connection != NULL) {
        attempt_send(exchange, connection);
        return;
    }
    struct retry_question question = {.failure = outcome == CONNECT_TIMED_OUT ? ATTEMPT_CONNECT_TIMED_OUT : ATTEMPT_CONNECT_FAILED};
    attempt_failed(exchange, &question, arena_copy(&exchange->arena, reason));
}

static void attempt_count(struct exchange *exchange) {
    struct attempt *attempt = &exchange->attempt;
    const struct retry_policy *policy = exchange->retry.policy;
    attempt->number++;
    attempt->request_sent = false;
    attempt->response_ended = false;
    /* Envoy: a try's timeout that is not shorter than the request's is none. */
    bool is_limited = policy->per_try_timeout_ns > 0 && (exchange->timeout_ns == 0 || policy->per_try_timeout_ns < exchange->timeout_ns);
    uint64_t timeout_ns = is_limited ? policy->per_try_timeout_ns : exchange->timeout_ns;
    request_rules_attempt(exchange->request, exchange->settings, attempt->number, timeout_ns);
    if (is_limited)
        timer_set(&exchange->context->timers, &exchange->try_timer, exchange->context->now_ns, policy->per_try_timeout_ns);
}

/* NULL: plaintext. The name is the one that the router sees, after any rewriting of the authority. */
static const struct upstream_tls *attempt_tls(const struct exchange *exchange, struct upstream_tls *ret_tls) {
    const struct cluster_tls *tls = exchange->attempt.tls;
    if (tls == NULL)
        return NULL;
    *ret_tls = (struct upstream_tls){tls->policy, tls->server_name.size > 0 ? tls->server_name : exchange->request->host};
    return ret_tls;
}

static bool speaks_http2(const struct exchange *exchange) {
    const struct message_head *request = exchange->request;
    return cluster_speaks_http2(exchange->cluster, request->version == HTTP_2 && request->upgrade.size == 0);
}

static void attempt_connect(struct exchange *exchange) {
    attempt_count(exchange);
    exchange->phase = EXCHANGE_CONNECTING;
    struct upstream_tls tls;
    upstream_connect(&exchange->attempt.wait, exchange->context->upstream, &exchange->attempt.address, attempt_tls(exchange, &tls),
                     speaks_http2(exchange), exchange->cluster->connect_timeout_ns, exchange, connect_done);
}

/* False: no connection to the endpoint is free. */
static bool attempt_take(struct exchange *exchange) {
    struct upstream_tls tls;
    struct upstream_connection *connection = upstream_take(exchange->context->upstream, &exchange->attempt.address, attempt_tls(exchange, &tls),
                                                           speaks_http2(exchange), exchange);
    if (connection == NULL)
        return false;
    attempt_count(exchange);
    attempt_send(exchange, connection);
    return true;
}

static void reply_no_endpoint(struct exchange *exchange) {
    const struct decision decision = {.kind = DECISION_NO_ENDPOINT};
    struct local_reply reply = local_reply_of_decision(&decision, exchange->request);
    exchange_reply(exchange, &reply);
}

void attempt_start(struct exchange *exchange) {
    struct retry_state *retry = &exchange->retry;
    const struct endpoint *endpoint =
        context_pick_endpoint(exchange->context, exchange->cluster, retry->tried, retry_tried_count(retry));
    if (endpoint == NULL) {
        /* Of a cluster that DNS resolves only: decide knows about the others. */
        reply_no_endpoint(exchange);
        return;
    }
    if (exchange->attempt.number == 0)
        timer_init(&exchange->try_timer, try_expired);
    retry_remember(retry, &endpoint->address);
    exchange->attempt.address = endpoint->address;
    exchange->attempt.tls = cluster_tls_of(exchange->cluster, endpoint);
    exchange->upstream_host =
        exchange->cluster->name_count > 0 ? arena_copy(&exchange->arena, endpoint->address_text) : endpoint->address_text;
    if (!attempt_take(exchange))
        attempt_connect(exchange);
}

void attempt_flush(struct exchange *exchange) {
    struct upstream_connection *connection = exchange->attempt.connection;
    /* A client's connection asks all of its exchanges each time, and most have nothing to say. */
    if (connection != NULL && (exchange->attempt.shared || connection->transport.output.size > 0))
        upstream_flush(connection);
}

/* --- The client's bytes --- */

static void keep_for_replay(struct exchange *exchange, struct span bytes) {
    if (!buffer_append(&exchange->replay, bytes))
        reply_overload(exchange);
    else if (exchange->replay.size >= HTTP_REPLAY_BYTES_MAX)
        http_connection_hold(exchange, true);
}

static void send_body(struct exchange *exchange, struct span bytes) {
    struct upstream_connection *connection = exchange->attempt.connection;
    if (connection == NULL)
        return;
    if (!exchange->replay_lost &&
        (exchange->replay.size + bytes.size > HTTP_REPLAY_BYTES_MAX || !buffer_append(&exchange->replay, bytes)))
        forget_replay(exchange);
    if (!http_client_send_body(exchange->attempt.stream, bytes)) {
        reply_overload(exchange);
        return;
    }
    if (upstream_is_behind(connection, exchange->attempt.stream)) {
        upstream_flush_now(connection);
        /* Which may have been the end of the stream, if the upstream had answered already. */
        http_connection_hold(exchange, exchange->attempt.stream != NULL && upstream_is_behind(connection, exchange->attempt.stream));
    }
}

void attempt_body(struct exchange *exchange, struct span bytes) {
    switch (exchange->phase) {
    case EXCHANGE_DELAYED:
    case EXCHANGE_BACKOFF:
    case EXCHANGE_CONNECTING: keep_for_replay(exchange, bytes); return;
    case EXCHANGE_WAITING:
    case EXCHANGE_RESPONDING:
    case EXCHANGE_TUNNEL: send_body(exchange, bytes); return;
    case EXCHANGE_HEAD:
    case EXCHANGE_ANSWERED:
    case EXCHANGE_ENDED: return;
    }
}

void attempt_end(struct exchange *exchange) {
    struct attempt *attempt = &exchange->attempt;
    struct upstream_connection *connection = attempt->connection;
    if (connection == NULL)
        return;
    attempt->request_sent = true;
    /* First, because the end of a tunnel's other half lets the connection go. */
    if (exchange->phase == EXCHANGE_TUNNEL)
        transport_end(&connection->transport);
    if (!http_client_send_end(attempt->stream, exchange->request_trailers, exchange->request_trailer_count))
        reply_overload(exchange);
}

/* --- What the session says --- */

static struct exchange *exchange_of(struct http_client_stream *stream) {
    return stream->user;
}

/* Is this stream still the one that the exchange listens to? */
static bool is_present(const struct exchange *exchange, const struct http_client_stream *stream) {
    return exchange->attempt.stream == stream;
}

/* An event of a stream that is present. With HTTP/2 it may be one of a batch about many exchanges, and the pool does not settle them. */
static void take_note(const struct upstream_connection *connection, struct exchange *exchange) {
    if (connection->shared)
        http_connection_settle_later(exchange->http);
}

static void on_informational(void *owner, struct http_client_stream *stream, struct message_head *head) {
    struct exchange *exchange = exchange_of(stream);
    if (!is_present(exchange, stream) || exchange->phase != EXCHANGE_WAITING)
        return;
    take_note(owner, exchange);
    response_rules_informational(head);
    if (!http_server_send_informational(exchange->stream, head))
        reply_overload(exchange);
}

static void hold_upstream(struct exchange *exchange) {
    struct upstream_connection *connection = exchange->attempt.connection;
    if (connection == NULL || !http_connection_is_behind(exchange))
        return;
    http_connection_flush(exchange->http);
    if (exchange->attempt.connection == connection && http_connection_is_behind(exchange))
        upstream_pause(connection, exchange->attempt.stream);
}

/* True when the status asks for another try, which is then under way. */
static bool retries_status(struct exchange *exchange, const struct message_head *head) {
    uint32_t on_status = RETRY_ON_5XX | RETRY_ON_GATEWAY_ERROR | RETRY_ON_RETRIABLE_4XX | RETRY_ON_RETRIABLE_STATUS_CODES |
                         RETRY_ON_UNAVAILABLE | RETRY_ON_CANCELLED | RETRY_ON_DEADLINE_EXCEEDED | RETRY_ON_INTERNAL |
                         RETRY_ON_RESOURCE_EXHAUSTED | RETRY_ON_ENVOY_RATE_LIMITED;
    if ((exchange->retry.policy->retry_on & on_status) == 0 || exchange->replay_lost || exchange->cluster == NULL ||
        (head->status < 400 && !message_head_has(head, HEADER_GRPC_STATUS)))
        return false;
    struct retry_question question = {.failure = ATTEMPT_STATUS,
                                      .status = (unsigned)head->status,
                                      .grpc_status = message_head_value(head, HEADER_GRPC_STATUS),
                                      .rate_limited = message_head_find_name(head, SPAN_LITERAL("x-envoy-ratelimited")) != NULL,
                                      .replayable = true};
    enum retry_answer answer = retry_decide(&exchange->retry, &question);
    if (answer == RETRY_LIMIT_EXCEEDED)
        exchange->flags |= RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT;
    if (answer != RETRY_AFTER_BACKOFF)
        return false;
    counter_add(&exchange->context->counters.upstream_retries, 1);
    attempt_give_up(exchange);
    exchange->phase = EXCHANGE_BACKOFF;
    timer_set(&exchange->context->timers, &exchange->try_timer, exchange->context->now_ns,
              retry_backoff_ns(&exchange->retry, &exchange->context->random));
    return true;
}

static void on_head(void *owner, struct http_client_stream *stream, struct message_head *head, bool ends) {
    struct exchange *exchange = exchange_of(stream);
    if (!is_present(exchange, stream) || exchange->phase != EXCHANGE_WAITING)
        return;
    take_note(owner, exchange);
    exchange->attempt.response_ended = ends;
    if (!http_server_fits(exchange->stream, head)) {
        attempt_failed(exchange, &(struct retry_question){.failure = ATTEMPT_MALFORMED}, SPAN_EMPTY);
        return;
    }
    if (retries_status(exchange, head))
        return;
    struct proxy_context *context = exchange->context;
    timer_cancel(&context->timers, &exchange->try_timer);
    if (head->status == 101) {
        timer_cancel(&context->timers, &exchange->route_timer);
        exchange->attempt.request_sent = false; /* of the tunnel, which has an end of its own */
        exchange->request_trailer_count = 0;
    }
    forget_replay(exchange);
    uint64_t since_ns = exchange->request_end_ns > exchange->attempt.started_ns ? exchange->request_end_ns : exchange->attempt.started_ns;
    response_rules_apply(head, exchange->settings, context->now_ns - since_ns);
    exchange_apply_response_rules(exchange, head);
    response_rules_local(head, exchange->settings, &context->date);
    exchange->response_start_ns = context->now_ns;
    exchange->details = SPAN_LITERAL("via_upstream");
    exchange->phase = head->status == 101 ? EXCHANGE_TUNNEL : EXCHANGE_RESPONDING;
    /* With `ends` this may be the last breath of the exchange. */
    if (!exchange_send_head(exchange, head, ends))
        exchange_unsendable(exchange);
}

static void on_body(void *owner, struct http_client_stream *stream, struct span bytes) {
    struct exchange *exchange = exchange_of(stream);
    if (!is_present(exchange, stream))
        return;
    take_note(owner, exchange);
    exchange->bytes_sent += bytes.size;
    exchange->activity_ns = exchange->context->now_ns;
    if (http_server_send_body(exchange->stream, bytes))
        hold_upstream(exchange);
    else
        exchange_cut(exchange, CLOSE_REASON_MEMORY_CEILING, SPAN_LITERAL("overload"));
}

static void on_end(void *owner, struct http_client_stream *stream, struct header *trailers, size_t count) {
    struct exchange *exchange = exchange_of(stream);
    if (!is_present(exchange, stream))
        return;
    take_note(owner, exchange);
    struct http_connection *http = exchange->http;
    bool tunnel = exchange->phase == EXCHANGE_TUNNEL;
    exchange->attempt.response_ended = true;
    exchange->response_trailers = trailers;
    exchange->response_trailer_count = count;
    exchange_response_ends(exchange);
    if (!http_server_send_end(exchange->stream, trailers, count))
        exchange_unsendable(exchange);
    if (tunnel)
        http_connection_end_output(http);
}

static void on_failed(void *owner, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault) {
    struct exchange *exchange = exchange_of(stream);
    (void)fault;
    if (!is_present(exchange, stream))
        return;
    take_note(owner, exchange);
    bool received = http_client_has_received(stream);
    /* stream_closed follows by itself. */
    exchange->attempt.stream = NULL;
    exchange->attempt.connection = NULL;
    enum attempt_failure failure = reason == CLOSE_REASON_UPSTREAM_PROTOCOL_ERROR ? ATTEMPT_MALFORMED
                                   : reason == CLOSE_REASON_UPSTREAM_REFUSED      ? ATTEMPT_REFUSED
                                   : reason == CLOSE_REASON_UPSTREAM_RESET        ? ATTEMPT_RESET
                                   : received                                     ? ATTEMPT_ENDED_WITHIN_HEAD
                                                                                  : ATTEMPT_ENDED;
    if (exchange->phase != EXCHANGE_WAITING) {
        attempt_ended(exchange, failure, reason);
        return;
    }
    struct retry_question question = {.failure = failure, .reused = exchange->attempt.reused};
    attempt_failed(exchange, &question, arena_copy(&exchange->arena, upstream_tls_failure(owner)));
}

static void on_stream_closed(void *owner, struct http_client_stream *stream) {
    struct exchange *exchange = exchange_of(stream);
    if (is_present(exchange, stream)) {
        exchange->attempt.stream = NULL;
        exchange->attempt.connection = NULL;
    }
    upstream_let_go(owner);
}

/* --- What the pool says --- */

static void on_transport_broken(struct upstream_connection *connection) {
    struct exchange *exchange = connection->user;
    if (exchange->attempt.connection != connection)
        return;
    bool received = http_client_has_received(exchange->attempt.stream);
    if (exchange->phase == EXCHANGE_TUNNEL)
        http_connection_set_reset(exchange->http);
    attempt_ended(exchange, received ? ATTEMPT_ENDED_WITHIN_HEAD : ATTEMPT_ENDED, CLOSE_REASON_UPSTREAM_CLOSED);
}

static void on_transport_ended(struct upstream_connection *connection) {
    (void)http_client_receive_end(connection->client);
}

static void on_transport_drained(struct upstream_connection *connection) {
    struct exchange *exchange = connection->user;
    http_connection_hold(exchange, false);
}

static void on_settled(void *user) {
    struct exchange *exchange = user;
    http_connection_settle(exchange->http);
}

void attempt_downstream_drained(struct exchange *exchange) {
    struct attempt *attempt = &exchange->attempt;
    if (attempt->connection != NULL)
        upstream_resume(attempt->connection, attempt->stream);
}

static void on_request_drained(void *owner, struct http_client_stream *stream) {
    struct exchange *exchange = exchange_of(stream);
    if (!is_present(exchange, stream))
        return;
    take_note(owner, exchange);
    http_connection_hold(exchange, false);
}

static const struct http_client_events client_events = {
    .response_informational = on_informational,
    .response_head = on_head,
    .response_body = on_body,
    .response_end = on_end,
    .response_failed = on_failed,
    .request_drained = on_request_drained,
    .stream_closed = on_stream_closed,
};

const struct upstream_handler attempt_upstream_handler = {
    .events = &client_events,
    .broken = on_transport_broken,
    .ended = on_transport_ended,
    .drained = on_transport_drained,
    .settled = on_settled,
};
