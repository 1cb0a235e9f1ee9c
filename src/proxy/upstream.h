/* Upstream connections: HTTP/1.1 or HTTP/2, over TCP or TLS, kept alive and reused, one set a worker. Last in, first out for each
 * endpoint address and version and, with TLS, for equal trust, identity and server name. A connection is idle in the pool, or lent to one user.
 * One thread. */
#ifndef FAIRLEAD_PROXY_UPSTREAM_H
#define FAIRLEAD_PROXY_UPSTREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/network_address.h"
#include "http/http1_client.h"
#include "http/http2_client.h"
#include "proxy/connect.h"
#include "proxy/context.h"
#include "proxy/transport.h"

struct upstream_pool;
struct upstream_host;

enum upstream_phase {
    UPSTREAM_HANDSHAKE, /* of TLS, for a wait */
    UPSTREAM_LENT,
    UPSTREAM_IDLE,
    UPSTREAM_FLUSHING, /* let go, but its last bytes (of a tunnel) are not written yet */
    UPSTREAM_CLOSED,   /* waits for the end of the turn */
};

struct upstream_connection {
    struct transport transport;
    union {
        struct http1_client http1;
        struct http2_client http2;
    } engine;
    struct http_client *client; /* in `engine`; NULL before the handshake is done */
    struct upstream_pool *pool;
    struct upstream_host *host;
    enum upstream_phase phase;
    void *user;            /* of a lent connection; the pool only hands it back */
    bool reused;           /* has served a request before this user got it */
    bool reading;          /* its bytes are being given to the session right now */
    bool let_go;           /* by its user, while reading */
    bool surplus;          /* bytes came behind the response */
    uint64_t idle_since_ns;
    struct upstream_wait *wait; /* UPSTREAM_HANDSHAKE */
    struct timer deadline;      /* likewise */
    struct network_address local;
    struct list link;      /* idle: in its host's list, newest first; else in the pool's list of others */
    struct grave grave;
};

/* What the users of a pool have in common. */
struct upstream_handler {
    /* The session's events; their owner is the struct upstream_connection, their stream's user what http_client_open was given. */
    const struct http_client_events *events;
    /* The transport broke (a reset, or a write that failed) under a lent connection. Let it go or abort its stream. */
    void (*broken)(struct upstream_connection *connection);
    /* The peer ended its side of a lent connection: give the end to the session as http_client_receive_end, which may raise events. */
    void (*ended)(struct upstream_connection *connection);
    /* Output fell below the low water mark. */
    void (*drained)(struct upstream_connection *connection);
    /* After each batch of events under this user: flush what they caused. The user may be done with by now, its memory is still there. */
    void (*settled)(void *user);
};

/* `handler` is static. */
struct upstream_pool *upstream_pool_create(struct proxy_context *context, const struct upstream_handler *handler);
/* Closes what is idle or flushing; nothing may be lent. */
void upstream_pool_destroy(struct upstream_pool *pool);
/* Closes idle connections, for a drain's end. */
void upstream_pool_close_idle(struct upstream_pool *pool);
size_t upstream_pool_idle_count(const struct upstream_pool *pool);

/* How a connection is secured. NULL instead of it: plaintext. */
struct upstream_tls {
    struct tls_client_policy *policy;
    struct span server_name; /* UPSTREAM_SERVER_NAME_BYTES_MAX bytes at most count */
};

/* An idle connection to that address, now lent to `user`; NULL when there is none. One that may hold an unread byte or end is passed over. */
MUST_USE struct upstream_connection *upstream_take_idle(struct upstream_pool *pool, const struct network_address *address,
                                                        const struct upstream_tls *tls, bool http2, void *user);

/* One new connection on its way. Embedded in its user. */
struct upstream_wait {
    struct connect connect;
    struct upstream_pool *pool;
    struct upstream_host *host;
    struct upstream_connection *shaking; /* hands, with TLS */
    uint64_t timeout_ns;
    void *user;
    /* Called once, from the loop or a timer, never within upstream_connect. NULL connection: it failed; outcome and reason say how; the reason
     * lives until the end of the turn. */
    void (*done)(struct upstream_wait *wait, struct upstream_connection *connection, enum connect_outcome outcome, struct span reason);
};
void upstream_connect(struct upstream_wait *wait, struct upstream_pool *pool, const struct network_address *address,
                      const struct upstream_tls *tls, bool http2 /* with prior knowledge */, uint64_t timeout_ns, void *user,
                      void (*done)(struct upstream_wait *, struct upstream_connection *, enum connect_outcome, struct span));
/* `done` will not be called. Harmless when nothing is under way (a zeroed wait too). */
void upstream_connect_cancel(struct upstream_wait *wait);

/* What TLS says of a connection that broke, as %UPSTREAM_TRANSPORT_FAILURE_REASON% has it; empty: nothing. A server that refuses our certificate says so
 * after its Finished, when our handshake is over (RFC 8446 section 2). Valid until the next read. */
struct span upstream_tls_failure(struct upstream_connection *connection);

/* The user is done with it: back to the pool when request and response were complete, nothing came behind them and nothing is left to write
 * (rule 11); else it is closed. To be called from the stream_closed event, or after the stream was closed. */
void upstream_let_go(struct upstream_connection *connection);

#endif
