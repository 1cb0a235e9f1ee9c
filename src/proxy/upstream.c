#include "proxy/upstream.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"
#include "os/socket.h"
#include "tls/client_policy.h"
#include "tls/session.h"

/* How often connections that idled too long are looked for. */
#define SWEEP_INTERVAL_NS SECONDS(30)
/* Address bytes, their count, the port, the version; with TLS the policy's hash and the server name. */
#define PLAIN_KEY_BYTES 20
#define HOST_KEY_BYTES_MAX (PLAIN_KEY_BYTES + TLS_SHA256_SIZE + UPSTREAM_SERVER_NAME_BYTES_MAX)

/* All connections to one address that may be shared. */
struct upstream_host {
    struct list idle; /* newest first */
    size_t idle_count;
    size_t live_count; /* idle or not, and waits */
    bool http2;
    struct tls_client_policy *policy; /* NULL: plaintext */
    struct span server_name;          /* the key's end */
    size_t key_size;
    char key[];
};

struct upstream_pool {
    struct proxy_context *context;
    const struct upstream_handler *handler;
    struct map hosts;
    struct list others; /* connections that are not idle and not closed */
    struct timer sweep;
};

/* --- Hosts --- */

static size_t host_key(const struct network_address *address, const struct upstream_tls *tls, bool http2,
                       char ret_key[HOST_KEY_BYTES_MAX]) {
    memset(ret_key, 0, PLAIN_KEY_BYTES);
    memcpy(ret_key, address->bytes, address->size);
    ret_key[16] = (char)address->size;
    ret_key[17] = (char)(address->port >> 8);
    ret_key[18] = (char)(address->port & 0xff);
    ret_key[19] = http2 ? 2 : 1;
    if (tls == NULL)
        return PLAIN_KEY_BYTES;
    struct span name = span_first(tls->server_name, UPSTREAM_SERVER_NAME_BYTES_MAX);
    memcpy(ret_key + PLAIN_KEY_BYTES, tls_client_policy_hash(tls->policy), TLS_SHA256_SIZE);
    if (name.size > 0)
        memcpy(ret_key + PLAIN_KEY_BYTES + TLS_SHA256_SIZE, name.data, name.size);
    return PLAIN_KEY_BYTES + TLS_SHA256_SIZE + name.size;
}

static struct upstream_host *host_find(const struct upstream_pool *pool, const struct network_address *address,
                                       const struct upstream_tls *tls, bool http2) {
    char key[HOST_KEY_BYTES_MAX];
    size_t size = host_key(address, tls, http2, key);
    return map_get(&pool->hosts, span_make(key, size));
}

static struct upstream_host *host_of(struct upstream_pool *pool, const struct network_address *address, const struct upstream_tls *tls, bool http2) {
    char key[HOST_KEY_BYTES_MAX];
    size_t size = host_key(address, tls, http2, key);
    struct upstream_host *host = map_get(&pool->hosts, span_make(key, size));
    if (host != NULL)
        return host;
    host = memory_allocate_zeroed(1, sizeof(*host) + size);
    memcpy(host->key, key, size);
    host->key_size = size;
    if (tls != NULL) {
        host->policy = tls_client_policy_pin(tls->policy);
        host->server_name = span_from(span_make(host->key, size), PLAIN_KEY_BYTES + TLS_SHA256_SIZE);
    }
    host->http2 = http2;
    list_init(&host->idle);
    map_set(&pool->hosts, span_make(host->key, size), host);
    return host;
}

static void host_release(struct upstream_pool *pool, struct upstream_host *host) {
    ASSERT(host->live_count > 0);
    if (--host->live_count > 0)
        return;
    ASSERT(list_is_empty(&host->idle));
    map_remove(&pool->hosts, span_make(host->key, host->key_size));
    tls_client_policy_unpin(host->policy);
    free(host);
}

/* --- A connection's life --- */

static struct upstream_connection *connection_of(struct transport *transport) {
    return CONTAINER_OF(transport, struct upstream_connection, transport);
}

static void connection_free(struct grave *grave) {
    struct upstream_connection *connection = CONTAINER_OF(grave, struct upstream_connection, grave);
    if (connection->client != NULL)
        http_client_deinit(connection->client);
    free(connection);
}

static void connection_leave_list(struct upstream_connection *connection) {
    list_remove(&connection->link);
    if (connection->phase == UPSTREAM_IDLE) {
        connection->host->idle_count--;
        counter_subtract(&connection->pool->context->counters.upstream_connections_idle, 1);
    }
}

static void connection_close(struct upstream_connection *connection) {
    if (connection->phase == UPSTREAM_CLOSED)
        return;
    connection_leave_list(connection);
    counter_subtract(&connection->pool->context->counters.upstream_connections_active, 1);
    connection->phase = UPSTREAM_CLOSED;
    timer_cancel(&connection->pool->context->timers, &connection->deadline);
    transport_deinit(&connection->transport);
    host_release(connection->pool, connection->host);
    connection->host = NULL;
    context_bury(connection->pool->context, &connection->grave);
}

static void connection_become_idle(struct upstream_connection *connection) {
    struct upstream_pool *pool = connection->pool;
    connection_leave_list(connection);
    connection->phase = UPSTREAM_IDLE;
    connection->idle_since_ns = pool->context->now_ns;
    connection->host->idle_count++;
    counter_add(&pool->context->counters.upstream_connections_idle, 1);
    list_push_front(&connection->host->idle, &connection->link);
    if (!timer_is_set(&pool->sweep))
        timer_set(&pool->context->timers, &pool->sweep, pool->context->now_ns, SWEEP_INTERVAL_NS);
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
    /* Of HTTP/2 something is often left to say: an acknowledgement, a window, a reset. */
    if (connection->host->http2 && connection->transport.output.size > 0)
        (void)transport_flush(&connection->transport);
    if (connection_is_reusable(connection)) {
        connection_become_idle(connection);
    } else if (connection_owes_bytes(connection)) {
        connection->phase = UPSTREAM_FLUSHING;
        connection->idle_since_ns = connection->pool->context->now_ns;
        if (!timer_is_set(&connection->pool->sweep))
            timer_set(&connection->pool->context->timers, &connection->pool->sweep, connection->idle_since_ns, SWEEP_INTERVAL_NS);
    } else {
        connection_close(connection);
    }
}

void upstream_let_go(struct upstream_connection *connection) {
    ASSERT(connection->phase == UPSTREAM_LENT);
    connection->user = NULL;
    connection->let_go = true;
    if (!connection->reading)
        connection_finish(connection);
}

/* --- Bytes --- */

static void receive(struct upstream_connection *connection, struct span bytes) {
    size_t consumed = 0;
    if (!connection->let_go)
        (void)http_client_receive(connection->client, bytes, &consumed);
    connection->surplus |= consumed < bytes.size;
}

static void read_all(struct upstream_connection *connection) {
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

/* --- The session --- */

/* Once the bytes may flow: HTTP/2 has something to say at once. */
static void connection_begin(struct upstream_connection *connection) {
    const struct http_client_events *events = connection->pool->handler->events;
    struct buffer *output = &connection->transport.output;
    if (connection->host->http2) {
        http2_client_init(&connection->engine.http2, events, connection, output);
        connection->client = &connection->engine.http2.base;
    } else {
        http1_client_init(&connection->engine.http1, events, connection, output);
        connection->client = &connection->engine.http1.base;
    }
    connection->phase = UPSTREAM_LENT;
}

/* --- TLS --- */

/* In Envoy's words, and its underscores: the log's fields are told apart by spaces. The turn's shared memory holds it. */
struct span upstream_tls_failure(struct upstream_connection *connection) {
    struct span error = connection->transport.tls == NULL ? SPAN_EMPTY : tls_session_error(connection->transport.tls);
    char *text = connection->pool->context->plain_bytes;
    for (size_t i = 0; i < error.size; i++)
        text[i] = error.data[i] == ' ' ? '_' : error.data[i];
    return span_make(text, error.size);
}

static struct span handshake_reason(struct upstream_connection *connection) {
    struct span error = upstream_tls_failure(connection);
    return error.size > 0 ? error : SPAN_LITERAL("TLS_error:_the_peer_closed_the_connection_during_the_handshake");
}

static void handshake_end(struct upstream_connection *connection, enum connect_outcome outcome, struct span reason) {
    struct upstream_wait *wait = connection->wait;
    const struct upstream_handler *handler = connection->pool->handler;
    void *user = wait->user;
    connection->wait = NULL;
    wait->shaking = NULL;
    timer_cancel(&connection->pool->context->timers, &connection->deadline);
    if (outcome != CONNECT_DONE)
        connection_close(connection);
    else
        connection_begin(connection);
    wait->done(wait, outcome == CONNECT_DONE ? connection : NULL, outcome, reason);
    handler->settled(user);
}

static void handshake_fail(struct upstream_connection *connection, enum connect_outcome outcome) {
    handshake_end(connection, outcome, outcome == CONNECT_TIMED_OUT ? SPAN_EMPTY : handshake_reason(connection));
}

static void handshake_expired(struct timer *timer) {
    handshake_fail(CONTAINER_OF(timer, struct upstream_connection, deadline), CONNECT_TIMED_OUT);
}

static void handshake_go_on(struct upstream_connection *connection) {
    switch (transport_handshake(&connection->transport, SPAN_EMPTY)) {
    case TRANSPORT_OK: handshake_end(connection, CONNECT_DONE, SPAN_EMPTY); return;
    case TRANSPORT_WAIT: return;
    case TRANSPORT_ENDED:
    case TRANSPORT_BROKEN: handshake_fail(connection, CONNECT_FAILED); return;
    }
}

static void handshake_begin(struct upstream_connection *connection, struct upstream_wait *wait) {
    connection->wait = wait;
    wait->shaking = connection;
    if (wait->timeout_ns > 0)
        timer_set(&connection->pool->context->timers, &connection->deadline, connection->pool->context->now_ns, wait->timeout_ns);
    const struct upstream_host *host = connection->host;
    transport_start_tls(&connection->transport,
                        tls_session_create_client(host->policy, host->server_name, host->http2 ? TLS_CARRIES_HTTP2 : TLS_CARRIES_HTTP1));
    handshake_go_on(connection);
}

/* SETTINGS, PING, GOAWAY, and the rest of an answer that was given up. */
static void read_idle(struct upstream_connection *connection) {
    struct span bytes;
    size_t consumed;
    enum transport_status status;
    while ((status = transport_read(&connection->transport, &bytes)) == TRANSPORT_OK) {
        (void)http_client_receive(connection->client, bytes, &consumed);
        if (!http_client_is_reusable(connection->client))
            break;
    }
    if (status != TRANSPORT_WAIT || !transport_flush(&connection->transport))
        connection_close(connection);
}

/* An idle connection of HTTP/1 must stay silent. */
static void check_silence(struct upstream_connection *connection) {
    struct span bytes;
    if (transport_read(&connection->transport, &bytes) != TRANSPORT_WAIT)
        connection_close(connection);
}

static void connection_readable(struct transport *transport) {
    struct upstream_connection *connection = connection_of(transport);
    if (connection->phase == UPSTREAM_HANDSHAKE) {
        handshake_go_on(connection);
        return;
    }
    if (connection->phase == UPSTREAM_IDLE)
        (connection->host->http2 ? read_idle : check_silence)(connection);
    if (connection->phase == UPSTREAM_FLUSHING)
        transport_pause(transport);
    if (connection->phase != UPSTREAM_LENT)
        return;
    void *user = connection->user;
    connection->reading = true;
    read_all(connection);
    connection->reading = false;
    if (connection->let_go)
        connection_finish(connection);
    connection->pool->handler->settled(user);
}

static void connection_drained(struct transport *transport) {
    struct upstream_connection *connection = connection_of(transport);
    if (connection->phase == UPSTREAM_FLUSHING && !connection_owes_bytes(connection))
        connection_close(connection);
    if (connection->phase != UPSTREAM_LENT)
        return;
    void *user = connection->user;
    connection->pool->handler->drained(connection);
    connection->pool->handler->settled(user);
}

static void connection_failed(struct transport *transport) {
    struct upstream_connection *connection = connection_of(transport);
    if (connection->phase == UPSTREAM_HANDSHAKE) {
        handshake_fail(connection, CONNECT_FAILED);
        return;
    }
    if (connection->phase != UPSTREAM_LENT) {
        connection_close(connection);
        return;
    }
    void *user = connection->user;
    connection->pool->handler->broken(connection);
    connection->pool->handler->settled(user);
}

/* --- Lending --- */

struct upstream_connection *upstream_take_idle(struct upstream_pool *pool, const struct network_address *address,
                                               const struct upstream_tls *tls, bool http2, void *user) {
    struct upstream_host *host = host_find(pool, address, tls, http2);
    if (host == NULL)
        return NULL;
    LIST_FOR_EACH(link, &host->idle) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        if (connection->transport.may_read || connection->transport.broken)
            continue;
        connection_leave_list(connection);
        list_push_back(&pool->others, &connection->link);
        connection->phase = UPSTREAM_LENT;
        connection->user = user;
        connection->reused = true;
        counter_add(&pool->context->counters.upstream_connections_reused, 1);
        connection->let_go = false;
        return connection;
    }
    return NULL;
}

/* Takes over the reference to the host. */
static struct upstream_connection *connection_create(struct upstream_pool *pool, struct upstream_host *host, struct connect *connect,
                                                     void *user) {
    struct upstream_connection *connection = memory_allocate_zeroed(1, sizeof(*connection));
    connect_take(connect, &connection->transport);
    connection->transport.owner = connection;
    connection->transport.readable = connection_readable;
    connection->transport.drained = connection_drained;
    connection->transport.failed = connection_failed;
    connection->pool = pool;
    connection->host = host;
    timer_init(&connection->deadline, handshake_expired);
    connection->phase = UPSTREAM_HANDSHAKE;
    connection->user = user;
    connection->local = transport_local_address(&connection->transport);
    connection->grave.free_owner = connection_free;
    list_init(&connection->link);
    list_push_back(&pool->others, &connection->link);
    counter_add(&pool->context->counters.upstream_connections, 1);
    counter_add(&pool->context->counters.upstream_connections_active, 1);
    return connection;
}

static void connect_done(struct connect *connect, enum connect_outcome outcome) {
    struct upstream_wait *wait = CONTAINER_OF(connect, struct upstream_wait, connect);
    void *user = wait->user;
    const struct upstream_handler *handler = wait->pool->handler;
    struct upstream_host *host = wait->host;
    wait->host = NULL;
    struct upstream_connection *connection = outcome == CONNECT_DONE ? connection_create(wait->pool, host, connect, user) : NULL;
    if (connection == NULL) {
        counter_add(&wait->pool->context->counters.upstream_connect_failures, 1);
        host_release(wait->pool, host);
    }
    if (connection != NULL && host->policy != NULL) {
        handshake_begin(connection, wait);
        return;
    }
    if (connection != NULL)
        connection_begin(connection);
    wait->done(wait, connection, outcome, connect_reason(connect));
    handler->settled(user);
}

void upstream_connect(struct upstream_wait *wait, struct upstream_pool *pool, const struct network_address *address,
                      const struct upstream_tls *tls, bool http2, uint64_t timeout_ns, void *user,
                      void (*done)(struct upstream_wait *, struct upstream_connection *, enum connect_outcome, struct span)) {
    *wait = (struct upstream_wait){
        .pool = pool, .host = host_of(pool, address, tls, http2), .timeout_ns = timeout_ns, .user = user, .done = done};
    wait->host->live_count++;
    connect_init(&wait->connect, pool->context, connect_done);
    connect_start(&wait->connect, address, timeout_ns);
}

void upstream_connect_cancel(struct upstream_wait *wait) {
    if (wait->pool == NULL)
        return;
    connect_cancel(&wait->connect);
    if (wait->host != NULL)
        host_release(wait->pool, wait->host);
    wait->host = NULL;
    if (wait->shaking != NULL)
        connection_close(wait->shaking);
    wait->shaking = NULL;
    wait->pool = NULL;
}

/* --- The pool --- */

static void host_sweep(struct upstream_host *host, uint64_t now_ns, uint64_t age_ns) {
    /* The oldest stand at the end; the host goes with its last connection. */
    while (!list_is_empty(&host->idle)) {
        struct upstream_connection *oldest = CONTAINER_OF(host->idle.previous, struct upstream_connection, link);
        bool is_last = host->live_count == 1;
        if (now_ns - oldest->idle_since_ns < age_ns)
            return;
        connection_close(oldest);
        if (is_last)
            return;
    }
}

static void pool_sweep(struct upstream_pool *pool, uint64_t age_ns) {
    uint64_t now_ns = pool->context->now_ns;
    /* Removal may move entries: begin again until a walk closes nothing. */
    for (size_t before = upstream_pool_idle_count(pool) + 1; before != upstream_pool_idle_count(pool);) {
        before = upstream_pool_idle_count(pool);
        size_t cursor = 0;
        struct map_entry entry;
        while (before == upstream_pool_idle_count(pool) && map_next(&pool->hosts, &cursor, &entry))
            host_sweep(entry.value, now_ns, age_ns);
    }
    LIST_FOR_EACH_SAFE(link, &pool->others) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        if (connection->phase == UPSTREAM_FLUSHING && now_ns - connection->idle_since_ns >= SWEEP_INTERVAL_NS)
            connection_close(connection);
    }
}

static void sweep_due(struct timer *timer) {
    struct upstream_pool *pool = CONTAINER_OF(timer, struct upstream_pool, sweep);
    pool_sweep(pool, DEADLINE_UPSTREAM_IDLE_NS);
    if (upstream_pool_idle_count(pool) > 0 || !list_is_empty(&pool->others))
        timer_set(&pool->context->timers, &pool->sweep, pool->context->now_ns, SWEEP_INTERVAL_NS);
}

struct upstream_pool *upstream_pool_create(struct proxy_context *context, const struct upstream_handler *handler) {
    struct upstream_pool *pool = memory_allocate_zeroed(1, sizeof(*pool));
    pool->context = context;
    pool->handler = handler;
    map_init(&pool->hosts);
    list_init(&pool->others);
    timer_init(&pool->sweep, sweep_due);
    return pool;
}

void upstream_pool_close_idle(struct upstream_pool *pool) {
    pool_sweep(pool, 0);
}

void upstream_pool_destroy(struct upstream_pool *pool) {
    upstream_pool_close_idle(pool);
    LIST_FOR_EACH_SAFE(link, &pool->others) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        ASSERT(connection->phase == UPSTREAM_FLUSHING);
        connection_close(connection);
    }
    timer_cancel(&pool->context->timers, &pool->sweep);
    map_deinit(&pool->hosts);
    free(pool);
}

size_t upstream_pool_idle_count(const struct upstream_pool *pool) {
    return counter_read(&pool->context->counters.upstream_connections_idle);
}
