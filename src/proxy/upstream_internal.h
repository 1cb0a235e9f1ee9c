/* What the sources of the upstream pool share: upstream.c, upstream_connection.c, upstream_host.c. Nobody else includes it. */
#ifndef FAIRLEAD_PROXY_UPSTREAM_INTERNAL_H
#define FAIRLEAD_PROXY_UPSTREAM_INTERNAL_H

#include "base/map.h"
#include "proxy/upstream.h"

/* All connections to one address that may be shared. */
struct upstream_host {
    struct list opening; /* UPSTREAM_CONNECTING, UPSTREAM_HANDSHAKE */
    struct list idle;    /* UPSTREAM_IDLE, newest first */
    struct list shared;  /* UPSTREAM_SHARED, those with room first */
    size_t idle_count;   /* of `idle` */
    size_t live_count;   /* of all connections; with the last one the host goes */
    size_t streams_max;  /* HTTP/2: what the peer said last */
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
    struct list others; /* UPSTREAM_LENT, UPSTREAM_FLUSHING */
    size_t idle_count;
    size_t shared_count; /* connections of HTTP/2 */
    struct timer sweep;  /* of what idled too long */
    struct timer tick;   /* of HTTP/2 sessions */
};

/* --- upstream_host.c --- */
struct upstream_host *upstream_host_find(const struct upstream_pool *pool, const struct network_address *address,
                                         const struct upstream_tls *tls, bool http2);
/* Made if it is not there; the caller adds a connection. */
struct upstream_host *upstream_host_of(struct upstream_pool *pool, const struct network_address *address, const struct upstream_tls *tls,
                                       bool http2);
/* One connection less. */
void upstream_host_release(struct upstream_pool *pool, struct upstream_host *host);

/* --- upstream_connection.c --- */
/* On its way, with `wait` as the first that waits for it. */
void upstream_connection_open(struct upstream_pool *pool, struct upstream_host *host, const struct network_address *address,
                              uint64_t timeout_ns, struct upstream_wait *wait);
void upstream_connection_close(struct upstream_connection *connection);
/* HTTP/2: one more user fits. */
bool upstream_connection_has_room(const struct upstream_connection *connection);
void upstream_connection_add_user(struct upstream_connection *connection);

/* --- upstream.c --- */
/* A connection has no user, or is no longer without one. */
void upstream_pool_add_idle(struct upstream_pool *pool);
void upstream_pool_remove_idle(struct upstream_pool *pool);
/* Something idles: looks again later. */
void upstream_pool_expect_sweep(struct upstream_pool *pool);

#endif
