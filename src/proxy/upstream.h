/* Upstream connections: HTTP/1.1 or HTTP/2, over TCP or TLS, kept alive and reused, one set a worker. They are shared among those who want the same
 * endpoint address and version and, with TLS, equal trust, identity and server name.
 *
 * A connection of HTTP/1.1 is lent to one user at a time, or idle: last in, first out. One of HTTP/2 carries the requests of many users at a time;
 * one that has room is filled before another is opened, and who comes while one is being opened waits for it too. One thread. */
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
    UPSTREAM_CONNECTING, /* for waits */
    UPSTREAM_HANDSHAKE,  /* of TLS, likewise */
    UPSTREAM_LENT,       /* HTTP/1.1 */
    UPSTREAM_IDLE,       /* HTTP/1.1 */
    UPSTREAM_SHARED,     /* HTTP/2, with users or without */
    UPSTREAM_FLUSHING,   /* let go, but its last bytes (of a tunnel) are not written yet */
    UPSTREAM_CLOSED,     /* waits for the end of the turn */
};

/* What each request looks at stands first, what a connection's beginning needs last. */
struct upstream_connection {
    struct transport transport;
    struct http_client *client; /* in `engine`; NULL before the handshake is done */
    struct upstream_pool *pool;
    struct upstream_host *host;
    void *user;       /* HTTP/1.1: of a lent connection; the pool only hands it back */
    struct list link; /* in a list of its host (opening, idle, shared); else in the pool's list of others */
    enum upstream_phase phase;
    bool shared;  /* HTTP/2 */
    bool reused;  /* was there before the latest user asked for one */
    bool reading; /* its session is at work: it is closed only afterwards */
    bool let_go;  /* HTTP/1.1: by its user, while reading */
    bool surplus; /* HTTP/1.1: bytes came behind the response */
    bool suspect; /* HTTP/2: a request was given up, and nothing came since; takes no further one until something comes */
    size_t user_count; /* HTTP/2 */
    uint64_t idle_since_ns;
    uint64_t received_ns;    /* HTTP/2: when bytes came last, or it was opened */
    struct ready_link flush; /* HTTP/2: writes once a turn */
    struct network_address local;
    union {
        struct http1_client http1;
        struct http2_client http2;
    } engine;
    struct connect connect;
    uint64_t timeout_ns; /* of the connect, and of the handshake */
    struct list waits;   /* of struct upstream_wait, for the phases before the session */
    size_t wait_count;
    struct timer deadline; /* of the handshake */
    struct grave grave;
};

/* What the users of a pool have in common. */
struct upstream_handler {
    /* The session's events; their owner is the struct upstream_connection, their stream's user what http_client_open was given. */
    const struct http_client_events *events;
    /* HTTP/1.1: the transport broke (a reset, or a write that failed) under a lent connection. Let it go or abort its stream. With HTTP/2 the streams
     * fail. */
    void (*broken)(struct upstream_connection *connection);
    /* HTTP/1.1: the peer ended its side of a lent connection: give the end to the session as http_client_receive_end, which may raise events. */
    void (*ended)(struct upstream_connection *connection);
    /* HTTP/1.1: output fell below the low water mark. */
    void (*drained)(struct upstream_connection *connection);
    /* After each batch of events under this user: flush what they caused. The user may be done with by now, its memory is still there. HTTP/2: after
     * upstream_wait's `done` alone, for a batch may be about many users: who handles an event sees to it that what it caused is flushed later in the turn. */
    void (*settled)(void *user);
};

/* `handler` is static. */
struct upstream_pool *upstream_pool_create(struct proxy_context *context, const struct upstream_handler *handler);
/* Closes what is idle or flushing; nothing may be lent. */
void upstream_pool_destroy(struct upstream_pool *pool);
/* Closes idle connections, for a drain's end. */
void upstream_pool_close_idle(struct upstream_pool *pool);
/* Connections without a user. */
size_t upstream_pool_idle_count(const struct upstream_pool *pool);

/* How a connection is secured. NULL instead of it: plaintext. */
struct upstream_tls {
    struct tls_client_policy *policy;
    struct span server_name; /* UPSTREAM_SERVER_NAME_BYTES_MAX bytes at most count */
};

/* A connection to that address that takes another request now, lent to `user` until upstream_let_go; NULL when there is none. One that may hold an unread end
 * is passed over. */
MUST_USE struct upstream_connection *upstream_take(struct upstream_pool *pool, const struct network_address *address,
                                                   const struct upstream_tls *tls, bool http2, void *user);

/* A user that waits for a connection on its way. Embedded in it. */
struct upstream_wait {
    struct list link;                       /* connection->waits */
    struct upstream_connection *connection; /* NULL: nothing is under way */
    void *user;
    /* Called once, from the loop or a timer, never within upstream_connect. NULL connection: it failed; outcome and reason say how; the reason
     * lives during the call. */
    void (*done)(struct upstream_wait *wait, struct upstream_connection *connection, enum connect_outcome outcome, struct span reason);
};
/* A new connection for the user, with HTTP/2 also one that is on its way already. `timeout_ns` is for the connect, and again for the handshake. */
void upstream_connect(struct upstream_wait *wait, struct upstream_pool *pool, const struct network_address *address,
                      const struct upstream_tls *tls, bool http2 /* with prior knowledge */, uint64_t timeout_ns, void *user,
                      void (*done)(struct upstream_wait *, struct upstream_connection *, enum connect_outcome, struct span));
/* `done` will not be called. Harmless when nothing is under way (a zeroed wait too). */
void upstream_connect_cancel(struct upstream_wait *wait);

/* What TLS says of a connection that broke, as %UPSTREAM_TRANSPORT_FAILURE_REASON% has it; empty: nothing. A server that refuses our certificate says so
 * after its Finished, when our handshake is over (RFC 8446 section 2). Valid until the next read. */
struct span upstream_tls_failure(const struct upstream_connection *connection);

/* The user is done with it. HTTP/1.1: back to the pool when request and response were complete, nothing came behind them and nothing is left to write
 * (rule 11); else it is closed. To be called from the stream_closed event, or after the stream was closed. */
void upstream_let_go(struct upstream_connection *connection);
/* A request that was sent at `since_ns` is about to be given up: with HTTP/2 the connection itself may be what does not answer. */
void upstream_doubt(struct upstream_connection *connection, uint64_t since_ns);
/* What was sent goes out: HTTP/1.1 now, HTTP/2 later in the turn. */
void upstream_flush(struct upstream_connection *connection);
/* The same, at once, as far as the socket takes it. */
void upstream_flush_now(struct upstream_connection *connection);
/* More of the stream's request is queued than should be: by the socket or, with HTTP/2, by the peer's window. */
bool upstream_is_behind(const struct upstream_connection *connection, const struct http_client_stream *stream);
/* Back-pressure on the response: nothing more of this stream is read; with HTTP/2 what its window has granted already still comes. */
void upstream_pause(struct upstream_connection *connection, struct http_client_stream *stream);
void upstream_resume(struct upstream_connection *connection, struct http_client_stream *stream);

#endif
