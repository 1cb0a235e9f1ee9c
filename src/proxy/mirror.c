#include "proxy/mirror.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "proxy/request_rules.h"
#include "proxy/upstream.h"
#include "tls/client_policy.h"

#define SHARE_WHOLE 1000000

struct mirror {
    struct mirror_pool *pool;
    struct list link;  /* in the exchange's list while it collects, then in its pool's */
    struct message_head request; /* with its bytes in the arena */
    struct buffer body;
    struct network_address address;
    bool http2;
    struct upstream_tls tls; /* without a policy: plaintext; with one it is pinned, the name in the arena */
    uint64_t connect_timeout_ns;
    struct upstream_wait wait;
    struct http_client_stream *stream; /* NULL before it is sent */
    struct timer timer;
    struct arena arena;
    struct grave grave;
};

struct mirror_pool {
    struct proxy_context *context;
    struct upstream_pool *upstream; /* connections of its own: a slow mirror must not use up what requests could use again */
    struct list sent;               /* on their way, or waiting for the end of the answer */
    size_t count;                   /* of all mirrors, those that collect among them */
    size_t body_bytes;              /* kept in all of them */
};

/* --- The end --- */

static void mirror_free(struct grave *grave) {
    struct mirror *mirror = CONTAINER_OF(grave, struct mirror, grave);
    tls_client_policy_unpin(mirror->tls.policy);
    arena_deinit(&mirror->arena);
    free(mirror);
}

static void forget_body(struct mirror *mirror) {
    mirror->pool->body_bytes -= mirror->body.size;
    buffer_reset(&mirror->body);
}

static void mirror_finish(struct mirror *mirror) {
    struct proxy_context *context = mirror->pool->context;
    list_remove(&mirror->link);
    forget_body(mirror);
    timer_cancel(&context->timers, &mirror->timer);
    upstream_connect_cancel(&mirror->wait);
    mirror->pool->count--;
    context_bury(context, &mirror->grave);
}

static void mirror_drop(struct mirror *mirror) {
    counter_add(&mirror->pool->context->counters.mirrors_dropped, 1);
    mirror_finish(mirror);
}

/* Whatever it waits for. With a stream the session's last event finishes it. */
static void mirror_give_up(struct mirror *mirror) {
    if (mirror->stream != NULL)
        http_client_abort(mirror->stream);
    else
        mirror_drop(mirror);
}

static void mirror_expired(struct timer *timer) {
    mirror_give_up(CONTAINER_OF(timer, struct mirror, timer));
}

/* --- The beginning --- */

/* The exchange's arena may be gone before the mirror is sent. */
static void copy_head(struct mirror *mirror, const struct message_head *request) {
    struct arena *arena = &mirror->arena;
    struct message_head *copy = &mirror->request;
    message_head_init(copy, arena, request->header_count + 4);
    copy->version = request->version;
    message_head_set_method(copy, arena_copy(arena, request->method));
    copy->scheme = arena_copy(arena, request->scheme);
    copy->authority = arena_copy(arena, request->authority);
    copy->path = arena_copy(arena, request->path);
    copy->content_length = request->content_length;
    for (size_t i = 0; i < request->header_count; i++) {
        const struct header *header = &request->headers[i];
        /* The whole content follows at once: nobody waits for a 100. */
        if (header->token != HEADER_EXPECT)
            message_head_add_name(copy, arena_copy(arena, header->name), arena_copy(arena, header->value));
    }
}

static void copy_tls(struct mirror *mirror, const struct cluster_tls *tls, const struct message_head *request) {
    if (tls == NULL)
        return;
    mirror->tls.policy = tls_client_policy_pin(tls->policy);
    mirror->tls.server_name = arena_copy(&mirror->arena, tls->server_name.size > 0 ? tls->server_name : request->host);
}

/* NULL: the cluster has no endpoint now. */
static struct mirror *mirror_create(struct mirror_pool *pool, const struct mirror_action *action, const struct message_head *request) {
    const struct endpoint *endpoint = context_pick_endpoint(pool->context, action->cluster, NULL, 0);
    if (endpoint == NULL)
        return NULL;
    struct mirror *mirror = memory_allocate_zeroed(1, sizeof(*mirror));
    mirror->pool = pool;
    mirror->address = endpoint->address;
    mirror->http2 = cluster_speaks_http2(action->cluster, request->version == HTTP_2);
    mirror->connect_timeout_ns = action->cluster->connect_timeout_ns;
    mirror->grave.free_owner = mirror_free;
    list_init(&mirror->link);
    buffer_init(&mirror->body, &pool->context->chunks);
    timer_init(&mirror->timer, mirror_expired);
    arena_init(&mirror->arena, EXCHANGE_ARENA_BLOCK_BYTES);
    copy_head(mirror, request);
    copy_tls(mirror, cluster_tls_of(action->cluster, endpoint), request);
    pool->count++;
    return mirror;
}

/* A cluster that is refused must not get copies either. */
static bool is_due(struct mirror_pool *pool, const struct mirror_action *action) {
    const struct cluster *cluster = action->cluster;
    if (cluster == NULL || cluster->refusal.size > 0)
        return false;
    return action->share >= SHARE_WHOLE || random_below(&pool->context->random, SHARE_WHOLE) < action->share;
}

/* False: it was given up. */
static bool append_body(struct mirror *mirror, struct span bytes) {
    struct mirror_pool *pool = mirror->pool;
    bool fits = mirror->body.size + bytes.size <= HTTP_MIRROR_BYTES_MAX && pool->body_bytes + bytes.size <= WORKER_MIRROR_BYTES_MAX;
    if (!fits || !buffer_append(&mirror->body, bytes)) {
        mirror_drop(mirror);
        return false;
    }
    pool->body_bytes += bytes.size;
    return true;
}

static void append_all(struct mirror *mirror, const struct buffer *body) {
    const struct buffer_chunk *chunk = body->first;
    while (chunk != NULL && append_body(mirror, span_make(chunk->bytes + chunk->start, chunk->end - chunk->start)))
        chunk = chunk->next;
}

void mirrors_begin(struct mirror_pool *pool, const struct route *route, const struct message_head *request,
                   const struct gateway_settings *settings, uint64_t timeout_ns, const struct buffer *body, struct list *ret_mirrors) {
    /* What follows an upgrade is no request. */
    if (request->upgrade.size > 0)
        return;
    for (size_t i = 0; i < route->mirror_count; i++) {
        if (!is_due(pool, &route->mirrors[i]))
            continue;
        if (pool->count >= WORKER_MIRRORS_MAX) {
            counter_add(&pool->context->counters.mirrors_dropped, 1);
            continue;
        }
        struct mirror *mirror = mirror_create(pool, &route->mirrors[i], request);
        if (mirror == NULL)
            continue;
        request_rules_attempt(&mirror->request, settings, 1, timeout_ns);
        bool is_short = timeout_ns > 0 && timeout_ns < DEADLINE_MIRROR_NS;
        timer_set(&pool->context->timers, &mirror->timer, pool->context->now_ns, is_short ? timeout_ns : DEADLINE_MIRROR_NS);
        list_push_back(ret_mirrors, &mirror->link);
        append_all(mirror, body);
    }
}

/* --- On its way --- */

static bool send_request(struct mirror *mirror) {
    bool ends = mirror->body.size == 0 && mirror->request.content_length == 0;
    if (!http_client_send_head(mirror->stream, &mirror->request, ends))
        return false;
    while (mirror->body.size > 0) {
        struct span part = buffer_front(&mirror->body);
        if (!http_client_send_body(mirror->stream, part))
            return false;
        mirror->pool->body_bytes -= part.size;
        buffer_consume(&mirror->body, part.size);
    }
    return ends || http_client_send_end(mirror->stream, NULL, 0);
}

static void mirror_send(struct mirror *mirror, struct upstream_connection *connection) {
    mirror->stream = http_client_open(connection->client, &mirror->arena, mirror);
    ASSERT(mirror->stream != NULL);
    counter_add(&mirror->pool->context->counters.mirrors_sent, 1);
    if (send_request(mirror))
        upstream_flush(connection);
    else
        http_client_abort(mirror->stream);
}

static void connect_done(struct upstream_wait *wait, struct upstream_connection *connection, enum connect_outcome outcome, struct span reason) {
    struct mirror *mirror = wait->user;
    (void)outcome;
    (void)reason;
    if (connection != NULL)
        mirror_send(mirror, connection);
    else
        mirror_drop(mirror);
}

static void mirror_launch(struct mirror *mirror) {
    struct mirror_pool *pool = mirror->pool;
    list_remove(&mirror->link);
    list_push_back(&pool->sent, &mirror->link);
    const struct upstream_tls *tls = mirror->tls.policy == NULL ? NULL : &mirror->tls;
    struct upstream_connection *connection = upstream_take(pool->upstream, &mirror->address, tls, mirror->http2, mirror);
    if (connection != NULL)
        mirror_send(mirror, connection);
    else
        upstream_connect(&mirror->wait, pool->upstream, &mirror->address, tls, mirror->http2, mirror->connect_timeout_ns, mirror, connect_done);
}

void mirrors_body(struct list *mirrors, struct span bytes) {
    LIST_FOR_EACH_SAFE(link, mirrors) {
        (void)append_body(CONTAINER_OF(link, struct mirror, link), bytes);
    }
}

void mirrors_end(struct list *mirrors) {
    LIST_FOR_EACH_SAFE(link, mirrors) {
        mirror_launch(CONTAINER_OF(link, struct mirror, link));
    }
}

void mirrors_abandon(struct list *mirrors) {
    LIST_FOR_EACH_SAFE(link, mirrors) {
        mirror_drop(CONTAINER_OF(link, struct mirror, link));
    }
}

/* --- What comes back --- */

static void on_head(void *owner, struct http_client_stream *stream, struct message_head *head, bool ends) {
    (void)owner;
    (void)stream;
    (void)head;
    (void)ends;
}

static void on_informational(void *owner, struct http_client_stream *stream, struct message_head *head) {
    on_head(owner, stream, head, false);
}

static void on_body(void *owner, struct http_client_stream *stream, struct span bytes) {
    (void)owner;
    (void)stream;
    (void)bytes;
}

static void on_end(void *owner, struct http_client_stream *stream, struct header *trailers, size_t count) {
    (void)owner;
    (void)stream;
    (void)trailers;
    (void)count;
}

static void on_failed(void *owner, struct http_client_stream *stream, enum close_reason reason, enum http1_fault fault) {
    (void)owner;
    (void)stream;
    (void)reason;
    (void)fault;
}

static void on_stream_closed(void *owner, struct http_client_stream *stream) {
    struct mirror *mirror = stream->user;
    mirror->stream = NULL;
    upstream_let_go(owner);
    mirror_finish(mirror);
}

static void on_transport_broken(struct upstream_connection *connection) {
    mirror_give_up(connection->user);
}

static void on_transport_ended(struct upstream_connection *connection) {
    (void)http_client_receive_end(connection->client);
}

static void on_transport_drained(struct upstream_connection *connection) {
    (void)connection;
}

static void on_settled(void *user) {
    (void)user;
}

/* All of the body was given at once. */
static void on_request_drained(void *owner, struct http_client_stream *stream) {
    (void)owner;
    (void)stream;
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

static const struct upstream_handler upstream_handler = {
    .events = &client_events,
    .broken = on_transport_broken,
    .ended = on_transport_ended,
    .drained = on_transport_drained,
    .settled = on_settled,
};

/* --- The pool --- */

struct mirror_pool *mirror_pool_create(struct proxy_context *context) {
    struct mirror_pool *pool = memory_allocate_zeroed(1, sizeof(*pool));
    pool->context = context;
    pool->upstream = upstream_pool_create(context, &upstream_handler);
    list_init(&pool->sent);
    return pool;
}

void mirror_pool_destroy(struct mirror_pool *pool) {
    LIST_FOR_EACH_SAFE(link, &pool->sent) {
        mirror_give_up(CONTAINER_OF(link, struct mirror, link));
    }
    ASSERT(pool->count == 0);
    upstream_pool_destroy(pool->upstream);
    free(pool);
}
