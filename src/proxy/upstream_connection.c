/* One upstream connection: connect, handshake, bytes both ways, its end. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proxy/upstream_internal.h"
#include "tls/client_policy.h"
#include "tls/session.h"

/* The library's text, and what verification says of a certificate. */
#define HANDSHAKE_REASON_BYTES_MAX 1024

static struct upstream_connection *connection_of(struct transport *transport) {
    return CONTAINER_OF(transport, struct upstream_connection, transport);
}

/* --- The end --- */

static void connection_free(struct grave *grave) {
    struct upstream_connection *connection = CONTAINER_OF(grave, struct upstream_connection, grave);
    if (connection->client != NULL)
        http_client_deinit(connection->client);
    free(connection);
}

static bool is_idle(const struct upstream_connection *connection) {
    return connection->phase == UPSTREAM_IDLE || (connection->phase == UPSTREAM_SHARED && connection->user_count == 0);
}

static void count_session(struct upstream_connection *connection) {
    struct upstream_pool *pool = connection->pool;
    if (connection->phase != UPSTREAM_SHARED)
        return;
    pool->shared_count--;
    enum close_reason reason = http2_client_close_reason(&connection->engine.http2);
    if (reason != CLOSE_REASON_NONE)
        counter_add(&pool->context->counters.upstream_sessions_closed[reason], 1);
}

void upstream_connection_close(struct upstream_connection *connection) {
    struct upstream_pool *pool = connection->pool;
    if (connection->phase == UPSTREAM_CLOSED)
        return;
    ASSERT(!connection->reading && connection->user_count == 0);
    list_remove(&connection->link);
    list_remove(&connection->flush.link);
    if (is_idle(connection))
        upstream_pool_remove_idle(pool);
    if (connection->phase == UPSTREAM_IDLE)
        connection->host->idle_count--;
    if (connection->phase != UPSTREAM_CONNECTING)
        counter_subtract(&pool->context->counters.upstream_connections_active, 1);
    count_session(connection);
    connection->phase = UPSTREAM_CLOSED;
    connect_cancel(&connection->connect);
    timer_cancel(&pool->context->timers, &connection->deadline);
    transport_deinit(&connection->transport);
    upstream_host_release(pool, connection->host);
    connection->host = NULL;
    context_bury(pool->context, &connection->grave);
}

/* --- HTTP/1.1: letting go --- */

static void connection_become_idle(struct upstream_connection *connection) {
    struct upstream_pool *pool = connection->pool;
    list_remove(&connection->link);
    connection->phase = UPSTREAM_IDLE;
    connection->idle_since_ns = pool->context->now_ns;
    connection->host->idle_count++;
    upstream_pool_add_idle(pool);
    list_push_front(&connection->host->idle, &connection->link);
    upstream_pool_expect_sweep(pool);
    /* If it may hold unread bytes, no edge will tell: look again. */
    transport_pause(&connection->transport);
    transport_resume(&connection->transport);
}

static bool connection_is_reusable(const struct upstream_connection *connection) {
    const struct transport *transport = &connection->transport;
    return !connection->surplus && !transport->broken && !transport->peer_ended && !transport->hung_up &&
           transport_output_size(transport) == 0 && transport->unread.size == 0 && http_client_is_reusable(connection->client) &&
           connection->host->idle_count < WORKER_UPSTREAM_IDLE_MAX;
}

/* A tunnel's last bytes are still owed to the peer. */
static bool connection_owes_bytes(const struct upstream_connection *connection) {
    return !connection->transport.broken && connection->transport.end_queued && !connection->transport.end_sent;
}

static void connection_finish(struct upstream_connection *connection) {
    if (connection_is_reusable(connection)) {
        connection_become_idle(connection);
    } else if (connection_owes_bytes(connection)) {
        connection->phase = UPSTREAM_FLUSHING;
        connection->idle_since_ns = connection->pool->context->now_ns;
        upstream_pool_expect_sweep(connection->pool);
    } else {
        upstream_connection_close(connection);
    }
}

/* --- HTTP/2: users and flushing --- */

bool upstream_connection_has_room(const struct upstream_connection *connection) {
    return http_client_is_reusable(connection->client) && connection->user_count < connection->host->streams_max &&
           !connection->suspect && !connection->transport.broken && !connection->transport.hung_up;
}

void upstream_connection_add_user(struct upstream_connection *connection) {
    if (connection->user_count++ == 0)
        upstream_pool_remove_idle(connection->pool);
    /* Full ones stand at the end. */
    if (connection->user_count >= connection->host->streams_max) {
        list_remove(&connection->link);
        list_push_back(&connection->host->shared, &connection->link);
    }
}

/* Closes it when its session has ended, or when it is good for nothing more. */
static void shared_judge(struct upstream_connection *connection) {
    bool is_open = http_client_status(connection->client) == HTTP_SESSION_OPEN;
    bool is_useful = http_client_is_reusable(connection->client) && !connection->suspect;
    if (is_open && (connection->user_count > 0 || is_useful))
        return;
    /* A last GOAWAY. */
    http2_client_produce(&connection->engine.http2);
    if (connection->transport.output.size > 0)
        (void)transport_flush(&connection->transport);
    upstream_connection_close(connection);
}

static void shared_write(struct upstream_connection *connection) {
    struct transport *transport = &connection->transport;
    connection->reading = true;
    do {
        http2_client_produce(&connection->engine.http2);
    } while (transport->output.size > 0 && transport_flush(transport) && transport->output.size == 0);
    connection->reading = false;
}

static void shared_flush(struct upstream_connection *connection) {
    shared_write(connection);
    shared_judge(connection);
}

static void flush_due(struct ready_link *link) {
    shared_flush(CONTAINER_OF(link, struct upstream_connection, flush));
}

static void shared_let_go(struct upstream_connection *connection) {
    struct upstream_pool *pool = connection->pool;
    ASSERT(connection->user_count > 0);
    if (connection->user_count-- >= connection->host->streams_max) {
        list_remove(&connection->link);
        list_push_front(&connection->host->shared, &connection->link);
    }
    if (connection->user_count == 0) {
        upstream_pool_add_idle(pool);
        connection->idle_since_ns = pool->context->now_ns;
        upstream_pool_expect_sweep(pool);
    }
    /* A reset may have to go out, or the connection is worth nothing more; but perhaps its session is at work now. */
    if (http2_client_wants_output(&connection->engine.http2) || !http_client_is_reusable(connection->client) || connection->suspect)
        context_make_ready(pool->context, &connection->flush);
}

void upstream_doubt(struct upstream_connection *connection, uint64_t since_ns) {
    connection->suspect |= connection->shared && connection->received_ns <= since_ns &&
                           connection->pool->context->now_ns - since_ns >= HTTP2_UPSTREAM_SILENCE_NS;
}

/* --- What users do --- */

void upstream_let_go(struct upstream_connection *connection) {
    if (connection->shared) {
        shared_let_go(connection);
        return;
    }
    ASSERT(connection->phase == UPSTREAM_LENT);
    connection->user = NULL;
    connection->let_go = true;
    if (!connection->reading)
        connection_finish(connection);
}

void upstream_flush(struct upstream_connection *connection) {
    if (!connection->shared) {
        if (connection->transport.output.size > 0)
            (void)transport_flush(&connection->transport);
    } else if (http2_client_wants_output(&connection->engine.http2)) {
        context_make_ready(connection->pool->context, &connection->flush);
    }
}

void upstream_flush_now(struct upstream_connection *connection) {
    if (!connection->shared)
        (void)transport_flush(&connection->transport);
    else if (!connection->reading)
        shared_write(connection);
}

bool upstream_is_behind(const struct upstream_connection *connection, const struct http_client_stream *stream) {
    if (connection->shared)
        return http_client_queued(stream) > HTTP2_STREAM_HIGH_WATER_BYTES;
    return transport_output_size(&connection->transport) > BUFFER_HIGH_WATER_BYTES;
}

void upstream_pause(struct upstream_connection *connection, struct http_client_stream *stream) {
    if (connection->shared)
        http_client_pause(stream);
    else
        transport_pause(&connection->transport);
}

void upstream_resume(struct upstream_connection *connection, struct http_client_stream *stream) {
    if (!connection->shared) {
        if (!connection->transport.peer_ended)
            transport_resume(&connection->transport);
        return;
    }
    http_client_resume(stream);
    upstream_flush(connection);
}

/* --- Bytes --- */

static void receive(struct upstream_connection *connection, struct span bytes) {
    size_t consumed = 0;
    if (!connection->let_go)
        (void)http_client_receive(connection->client, bytes, &consumed);
    connection->surplus |= consumed < bytes.size;
}

static void read_lent(struct upstream_connection *connection) {
    const struct upstream_handler *handler = connection->pool->handler;
    struct span bytes;
    while (!connection->let_go && connection->transport.reading) {
        switch (transport_read(&connection->transport, &bytes)) {
        case TRANSPORT_OK: receive(connection, bytes); break;
        case TRANSPORT_WAIT: return;
        case TRANSPORT_ENDED:
            transport_pause(&connection->transport);
            handler->ended(connection);
            return;
        case TRANSPORT_BROKEN:
            transport_pause(&connection->transport);
            handler->broken(connection);
            return;
        }
    }
}

static void lent_readable(struct upstream_connection *connection) {
    void *user = connection->user;
    connection->reading = true;
    read_lent(connection);
    connection->reading = false;
    if (connection->let_go)
        connection_finish(connection);
    connection->pool->handler->settled(user);
}

/* Those that are opened from now on wait for as many. */
static void learn_streams_max(struct upstream_connection *connection) {
    size_t streams_max = http2_client_streams_max(&connection->engine.http2);
    connection->host->streams_max = streams_max > 0 ? streams_max : 1;
}

/* What comes at any time, with users or without. */
static void shared_readable(struct upstream_connection *connection) {
    struct span bytes;
    size_t consumed;
    bool more = true;
    connection->reading = true;
    while (more) {
        switch (transport_read(&connection->transport, &bytes)) {
        case TRANSPORT_OK:
            connection->received_ns = connection->pool->context->now_ns;
            connection->suspect = false;
            more = http_client_receive(connection->client, bytes, &consumed) == HTTP_SESSION_OPEN;
            break;
        case TRANSPORT_WAIT: more = false; break;
        case TRANSPORT_ENDED:
        case TRANSPORT_BROKEN:
            transport_pause(&connection->transport);
            (void)http_client_receive_end(connection->client);
            more = false;
            break;
        }
    }
    connection->reading = false;
    learn_streams_max(connection);
    if (http2_client_wants_output(&connection->engine.http2))
        context_make_ready(connection->pool->context, &connection->flush);
    shared_judge(connection);
}

/* An idle connection of HTTP/1.1 must stay silent. */
static void check_silence(struct upstream_connection *connection) {
    struct span bytes;
    if (transport_read(&connection->transport, &bytes) != TRANSPORT_WAIT)
        upstream_connection_close(connection);
}

/* --- The session begins --- */

static void begin_lent(struct upstream_connection *connection, struct upstream_wait *wait) {
    connection->phase = UPSTREAM_LENT;
    connection->user = wait->user;
    list_remove(&connection->link);
    list_push_back(&connection->pool->others, &connection->link);
    http1_client_init(&connection->engine.http1, connection->pool->handler->events, connection, &connection->transport.output);
    connection->client = &connection->engine.http1.base;
}

static void begin_shared(struct upstream_connection *connection) {
    struct upstream_pool *pool = connection->pool;
    connection->phase = UPSTREAM_SHARED;
    list_remove(&connection->link);
    list_push_front(&connection->host->shared, &connection->link);
    upstream_pool_add_idle(pool);
    pool->shared_count++;
    connection->idle_since_ns = connection->received_ns = pool->context->now_ns;
    upstream_pool_expect_sweep(pool);
    if (!timer_is_set(&pool->tick))
        timer_set(&pool->context->timers, &pool->tick, pool->context->now_ns, HTTP_SESSION_TICK_NS);
    http2_client_init(&connection->engine.http2, pool->handler->events, connection, &connection->transport.output,
                      &pool->context->http2_memory);
    connection->client = &connection->engine.http2.base;
    context_make_ready(pool->context, &connection->flush);
}

static struct upstream_wait *pop_wait(struct upstream_connection *connection) {
    struct list *link = list_pop_front(&connection->waits);
    if (link == NULL)
        return NULL;
    struct upstream_wait *wait = CONTAINER_OF(link, struct upstream_wait, link);
    wait->connection = NULL;
    connection->wait_count--;
    return wait;
}

static void tell(struct upstream_pool *pool, struct upstream_wait *wait, struct upstream_connection *connection, enum connect_outcome outcome,
                 struct span reason) {
    void *user = wait->user;
    wait->done(wait, connection, outcome, reason);
    pool->handler->settled(user);
}

static void connection_begin(struct upstream_connection *connection) {
    struct upstream_pool *pool = connection->pool;
    struct upstream_wait *wait;
    if (!connection->shared) {
        wait = pop_wait(connection);
        begin_lent(connection, wait);
        tell(pool, wait, connection, CONNECT_DONE, SPAN_EMPTY);
        return;
    }
    begin_shared(connection);
    /* No more wait than were promised room, and the peer has not spoken yet. */
    while ((wait = pop_wait(connection)) != NULL) {
        upstream_connection_add_user(connection);
        tell(pool, wait, connection, CONNECT_DONE, SPAN_EMPTY);
    }
}

/* Those who wait may want another connection at once: this one must be gone by then. */
static void connection_fail(struct upstream_connection *connection, enum connect_outcome outcome, struct span reason) {
    struct upstream_wait *wait;
    struct upstream_pool *pool = connection->pool;
    counter_add(&pool->context->counters.upstream_connect_failures, 1);
    upstream_connection_close(connection);
    while ((wait = pop_wait(connection)) != NULL)
        tell(pool, wait, NULL, outcome, reason);
}

/* --- TLS --- */

/* In Envoy's words, and its underscores: the log's fields are told apart by spaces. */
static struct span print_failure(const struct upstream_connection *connection, char *text, size_t size_max) {
    const struct tls_session *session = connection->transport.tls;
    struct span error = session == NULL ? SPAN_EMPTY : span_first(tls_session_error(session), size_max);
    for (size_t i = 0; i < error.size; i++)
        text[i] = error.data[i] == ' ' ? '_' : error.data[i];
    return span_make(text, error.size);
}

/* The turn's shared memory holds it. */
struct span upstream_tls_failure(const struct upstream_connection *connection) {
    return print_failure(connection, connection->pool->context->plain_bytes, WORKER_READ_BYTES);
}

static struct span handshake_reason(const struct upstream_connection *connection, char ret_text[HANDSHAKE_REASON_BYTES_MAX]) {
    struct span error = print_failure(connection, ret_text, HANDSHAKE_REASON_BYTES_MAX);
    return error.size > 0 ? error : SPAN_LITERAL("TLS_error:_the_peer_closed_the_connection_during_the_handshake");
}

static void handshake_fail(struct upstream_connection *connection, enum connect_outcome outcome) {
    char text[HANDSHAKE_REASON_BYTES_MAX];
    connection_fail(connection, outcome, outcome == CONNECT_TIMED_OUT ? SPAN_EMPTY : handshake_reason(connection, text));
}

static void handshake_expired(struct timer *timer) {
    handshake_fail(CONTAINER_OF(timer, struct upstream_connection, deadline), CONNECT_TIMED_OUT);
}

static void handshake_go_on(struct upstream_connection *connection) {
    switch (transport_handshake(&connection->transport, SPAN_EMPTY)) {
    case TRANSPORT_OK:
        timer_cancel(&connection->pool->context->timers, &connection->deadline);
        connection_begin(connection);
        return;
    case TRANSPORT_WAIT: return;
    case TRANSPORT_ENDED:
    case TRANSPORT_BROKEN: handshake_fail(connection, CONNECT_FAILED); return;
    }
}

static void handshake_begin(struct upstream_connection *connection) {
    const struct upstream_host *host = connection->host;
    struct proxy_context *context = connection->pool->context;
    if (connection->timeout_ns > 0)
        timer_set(&context->timers, &connection->deadline, context->now_ns, connection->timeout_ns);
    transport_start_tls(&connection->transport,
                        tls_session_create_client(host->policy, host->server_name, host->http2 ? TLS_CARRIES_HTTP2 : TLS_CARRIES_HTTP1));
    handshake_go_on(connection);
}

/* --- What the transport says --- */

static void connection_readable(struct transport *transport) {
    struct upstream_connection *connection = connection_of(transport);
    switch (connection->phase) {
    case UPSTREAM_HANDSHAKE: handshake_go_on(connection); return;
    case UPSTREAM_LENT: lent_readable(connection); return;
    case UPSTREAM_IDLE: check_silence(connection); return;
    case UPSTREAM_SHARED: shared_readable(connection); return;
    case UPSTREAM_FLUSHING: transport_pause(transport); return;
    case UPSTREAM_CONNECTING:
    case UPSTREAM_CLOSED: return;
    }
}

static void connection_drained(struct transport *transport) {
    struct upstream_connection *connection = connection_of(transport);
    void *user = connection->user;
    if (connection->phase == UPSTREAM_FLUSHING && !connection_owes_bytes(connection)) {
        upstream_connection_close(connection);
    } else if (connection->phase == UPSTREAM_SHARED) {
        shared_flush(connection);
    } else if (connection->phase == UPSTREAM_LENT) {
        connection->pool->handler->drained(connection);
        connection->pool->handler->settled(user);
    }
}

static void connection_failed(struct transport *transport) {
    struct upstream_connection *connection = connection_of(transport);
    void *user = connection->user;
    switch (connection->phase) {
    case UPSTREAM_HANDSHAKE: handshake_fail(connection, CONNECT_FAILED); return;
    case UPSTREAM_LENT:
        connection->pool->handler->broken(connection);
        connection->pool->handler->settled(user);
        return;
    case UPSTREAM_SHARED:
        connection->reading = true;
        (void)http_client_receive_end(connection->client);
        connection->reading = false;
        shared_judge(connection);
        return;
    case UPSTREAM_IDLE:
    case UPSTREAM_FLUSHING: upstream_connection_close(connection); return;
    case UPSTREAM_CONNECTING:
    case UPSTREAM_CLOSED: return;
    }
}

/* --- Connecting --- */

static void connected(struct upstream_connection *connection) {
    struct transport *transport = &connection->transport;
    connect_take(&connection->connect, transport);
    transport->owner = connection;
    transport->readable = connection_readable;
    transport->drained = connection_drained;
    transport->failed = connection_failed;
    connection->local = transport_local_address(transport);
    connection->phase = UPSTREAM_HANDSHAKE;
    counter_add(&connection->pool->context->counters.upstream_connections, 1);
    counter_add(&connection->pool->context->counters.upstream_connections_active, 1);
    if (connection->host->policy != NULL)
        handshake_begin(connection);
    else
        connection_begin(connection);
}

static void connect_done(struct connect *connect, enum connect_outcome outcome) {
    struct upstream_connection *connection = CONTAINER_OF(connect, struct upstream_connection, connect);
    if (outcome == CONNECT_DONE)
        connected(connection);
    else
        connection_fail(connection, outcome, connect_reason(connect));
}

void upstream_connection_open(struct upstream_pool *pool, struct upstream_host *host, const struct network_address *address,
                              uint64_t timeout_ns, struct upstream_wait *wait) {
    struct upstream_connection *connection = memory_allocate_zeroed(1, sizeof(*connection));
    connection->pool = pool;
    connection->host = host;
    connection->shared = host->http2;
    connection->phase = UPSTREAM_CONNECTING;
    connection->timeout_ns = timeout_ns;
    connection->grave.free_owner = connection_free;
    connection->flush.function = flush_due;
    list_init(&connection->flush.link);
    list_init(&connection->waits);
    list_push_back(&connection->waits, &wait->link);
    connection->wait_count = 1;
    wait->connection = connection;
    host->live_count++;
    list_push_back(&host->opening, &connection->link);
    timer_init(&connection->deadline, handshake_expired);
    connect_init(&connection->connect, pool->context, connect_done);
    connect_start(&connection->connect, address, timeout_ns);
}
