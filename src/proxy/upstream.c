/* The pool: who gets which connection, and how long it is kept without one. */
#include "proxy/upstream.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proxy/upstream_internal.h"

/* How often connections that idled too long are looked for. */
#define SWEEP_INTERVAL_NS SECONDS(30)

/* --- Lending --- */

void upstream_pool_add_idle(struct upstream_pool *pool) {
    pool->idle_count++;
    counter_add(&pool->context->counters.upstream_connections_idle, 1);
}

void upstream_pool_remove_idle(struct upstream_pool *pool) {
    pool->idle_count--;
    counter_subtract(&pool->context->counters.upstream_connections_idle, 1);
}

static struct upstream_connection *take_idle(struct upstream_pool *pool, struct upstream_host *host, void *user) {
    LIST_FOR_EACH(link, &host->idle) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        if (connection->transport.may_read || connection->transport.broken)
            continue;
        host->idle_count--;
        upstream_pool_remove_idle(pool);
        list_remove(&connection->link);
        list_push_back(&pool->others, &connection->link);
        connection->phase = UPSTREAM_LENT;
        connection->user = user;
        connection->reused = true;
        connection->let_go = false;
        return connection;
    }
    return NULL;
}

static struct upstream_connection *take_shared(struct upstream_host *host) {
    LIST_FOR_EACH(link, &host->shared) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        if (!upstream_connection_has_room(connection))
            continue;
        connection->reused = true;
        upstream_connection_add_user(connection);
        return connection;
    }
    return NULL;
}

struct upstream_connection *upstream_take(struct upstream_pool *pool, const struct network_address *address,
                                          const struct upstream_tls *tls, bool http2, void *user) {
    struct upstream_host *host = upstream_host_find(pool, address, tls, http2);
    if (host == NULL)
        return NULL;
    struct upstream_connection *connection = http2 ? take_shared(host) : take_idle(pool, host, user);
    if (connection != NULL)
        counter_add(&pool->context->counters.upstream_connections_reused, 1);
    return connection;
}

/* HTTP/2: the connection on its way that has room for one more; NULL: none. */
static struct upstream_connection *find_opening(const struct upstream_host *host) {
    LIST_FOR_EACH(link, &host->opening) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        if (host->http2 && connection->wait_count < host->streams_max)
            return connection;
    }
    return NULL;
}

void upstream_connect(struct upstream_wait *wait, struct upstream_pool *pool, const struct network_address *address,
                      const struct upstream_tls *tls, bool http2, uint64_t timeout_ns, void *user,
                      void (*done)(struct upstream_wait *, struct upstream_connection *, enum connect_outcome, struct span)) {
    struct upstream_host *host = upstream_host_of(pool, address, tls, http2);
    struct upstream_connection *opening = find_opening(host);
    *wait = (struct upstream_wait){.connection = opening, .user = user, .done = done};
    list_init(&wait->link);
    if (opening == NULL) {
        upstream_connection_open(pool, host, address, timeout_ns, wait);
        return;
    }
    list_push_back(&opening->waits, &wait->link);
    opening->wait_count++;
}

void upstream_connect_cancel(struct upstream_wait *wait) {
    struct upstream_connection *connection = wait->connection;
    if (connection == NULL)
        return;
    wait->connection = NULL;
    list_remove(&wait->link);
    connection->wait_count--;
    if (connection->wait_count == 0 && (connection->phase == UPSTREAM_CONNECTING || connection->phase == UPSTREAM_HANDSHAKE))
        upstream_connection_close(connection);
}

/* --- Age --- */

/* False: nothing of this list is old enough, or the host is gone. */
static bool close_one(struct upstream_host *host, struct list *list, uint64_t now_ns, uint64_t age_ns) {
    /* The oldest of the idle ones stand at the end. */
    for (struct list *link = list->previous; link != list; link = link->previous) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        bool is_last = host->live_count == 1;
        if (connection->user_count > 0 || now_ns - connection->idle_since_ns < age_ns)
            continue;
        upstream_connection_close(connection);
        return !is_last;
    }
    return false;
}

static void host_sweep(struct upstream_host *host, uint64_t now_ns, uint64_t age_ns) {
    struct list *list = host->http2 ? &host->shared : &host->idle;
    while (close_one(host, list, now_ns, age_ns))
        continue;
}

static void pool_sweep(struct upstream_pool *pool, uint64_t age_ns) {
    uint64_t now_ns = pool->context->now_ns;
    /* Removal may move entries: begin again until a walk closes nothing. */
    for (size_t before = pool->idle_count + 1; before != pool->idle_count;) {
        before = pool->idle_count;
        size_t cursor = 0;
        struct map_entry entry;
        while (before == pool->idle_count && map_next(&pool->hosts, &cursor, &entry))
            host_sweep(entry.value, now_ns, age_ns);
    }
    LIST_FOR_EACH_SAFE(link, &pool->others) {
        struct upstream_connection *connection = CONTAINER_OF(link, struct upstream_connection, link);
        if (connection->phase == UPSTREAM_FLUSHING && now_ns - connection->idle_since_ns >= SWEEP_INTERVAL_NS)
            upstream_connection_close(connection);
    }
}

void upstream_pool_expect_sweep(struct upstream_pool *pool) {
    if (!timer_is_set(&pool->sweep))
        timer_set(&pool->context->timers, &pool->sweep, pool->context->now_ns, SWEEP_INTERVAL_NS);
}

static void sweep_due(struct timer *timer) {
    struct upstream_pool *pool = CONTAINER_OF(timer, struct upstream_pool, sweep);
    pool_sweep(pool, DEADLINE_UPSTREAM_IDLE_NS);
    if (pool->idle_count > 0 || !list_is_empty(&pool->others))
        upstream_pool_expect_sweep(pool);
}

static void tick_due(struct timer *timer) {
    struct upstream_pool *pool = CONTAINER_OF(timer, struct upstream_pool, tick);
    size_t cursor = 0;
    struct map_entry entry;
    while (map_next(&pool->hosts, &cursor, &entry)) {
        const struct upstream_host *host = entry.value;
        LIST_FOR_EACH(link, &host->shared)
            http2_client_tick(&CONTAINER_OF(link, struct upstream_connection, link)->engine.http2);
    }
    if (pool->shared_count > 0)
        timer_set(&pool->context->timers, timer, pool->context->now_ns, HTTP_SESSION_TICK_NS);
}

/* --- Life --- */

struct upstream_pool *upstream_pool_create(struct proxy_context *context, const struct upstream_handler *handler) {
    struct upstream_pool *pool = memory_allocate_zeroed(1, sizeof(*pool));
    pool->context = context;
    pool->handler = handler;
    map_init(&pool->hosts);
    list_init(&pool->others);
    timer_init(&pool->sweep, sweep_due);
    timer_init(&pool->tick, tick_due);
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
        upstream_connection_close(connection);
    }
    timer_cancel(&pool->context->timers, &pool->sweep);
    timer_cancel(&pool->context->timers, &pool->tick);
    map_deinit(&pool->hosts);
    free(pool);
}

size_t upstream_pool_idle_count(const struct upstream_pool *pool) {
    return pool->idle_count;
}
