/* One request and its answer, inside. Shared by http_connection.c, exchange.c, attempt.c and exchange_log.c; nobody else includes it.
 *
 * An exchange speaks to the client through http/session.h alone, so it does not know the version of HTTP. It lives from stream_begin to
 * stream_closed, and its memory to the end of that turn. */
#ifndef FAIRLEAD_PROXY_EXCHANGE_INTERNAL_H
#define FAIRLEAD_PROXY_EXCHANGE_INTERNAL_H

#include <stdalign.h>

#include "base/arena.h"
#include "http/session.h"
#include "proxy/access_log.h"
#include "proxy/cors.h"
#include "proxy/decide.h"
#include "proxy/exchange.h"
#include "proxy/header_rules.h"
#include "proxy/local_reply.h"
#include "proxy/mirror.h"
#include "proxy/retry.h"
#include "proxy/upstream.h"
#include "snapshot/snapshot.h"

enum exchange_phase {
    EXCHANGE_HEAD,       /* the request's head is not whole yet */
    EXCHANGE_DELAYED,    /* the request waits because a fault of the route says so */
    EXCHANGE_BACKOFF,    /* a retry waits for its time */
    EXCHANGE_CONNECTING, /* a new upstream connection is on its way */
    EXCHANGE_WAITING,    /* the request goes out, the response's final head has not come */
    EXCHANGE_RESPONDING, /* that head went to the client */
    EXCHANGE_TUNNEL,     /* it was a 101 */
    EXCHANGE_ANSWERED,   /* by the gateway itself, or given up: what still comes is dropped */
    EXCHANGE_ENDED,      /* logged and buried */
};

/* The present try. */
struct attempt {
    uint32_t number;                  /* from 1 */
    struct upstream_wait wait;        /* EXCHANGE_CONNECTING */
    struct upstream_connection *connection; /* lent to us, or shared with us, with `stream`; else NULL */
    struct http_client_stream *stream;
    bool shared; /* the connection is of HTTP/2 */
    bool reused; /* it was there before us */
    struct network_address address;   /* of the endpoint */
    const struct cluster_tls *tls;    /* likewise, of exchange->cluster; NULL: plaintext */
    uint64_t started_ns;              /* when the request began to go out */
    bool request_sent;                /* whole */
    bool response_ended;
};

struct exchange {
    struct proxy_context *context;
    struct http_connection *http;
    struct list link; /* in its connection */
    struct http_stream *stream;
    struct grave grave;
    bool pooled;
    bool coalesced; /* routed by another server's table */
    bool held; /* HTTP/2: its stream is paused */
    enum exchange_phase phase;

    struct pinned_snapshot *pinned; /* NULL before the head, and again once it is old */
    const struct gateway_settings *settings;
    const struct cluster *cluster; /* in the pinned snapshot; NULL when that is let go */
    struct retry_state retry;
    uint64_t timeout_ns;
    bool deadline_is_clients; /* timeout_ns is that of grpc-timeout */
    /* Of the destination, then of the route: in the pinned snapshot, or in the arena when that is let go. */
    const struct header_rules *response_rules[2];
    const struct cors_grant *cors; /* in the arena; NULL: none */
    struct decision *delayed;      /* of EXCHANGE_DELAYED: what happens then, in the arena; NULL once the snapshot was let go */

    struct message_head *request;  /* NULL until it was understood */
    struct message_head *response; /* as sent; NULL until one was */
    struct header *request_trailers, *response_trailers;
    size_t request_trailer_count, response_trailer_count;
    bool request_complete;
    struct buffer replay; /* the body so far, for another try */
    bool replay_lost;     /* more came than is kept, or the response has begun */

    struct list mirrors; /* that collect the request */

    struct attempt attempt;
    struct timer route_timer; /* the route's timeout */
    struct timer try_timer;   /* the try's timeout, or the backoff */
    struct timer delay_timer; /* the route's fault */
    struct timer age_timer;   /* DEADLINE_SNAPSHOT_PIN_NS */

    /* For the log. */
    uint64_t activity_ns; /* when a byte last moved either way */
    uint64_t start_ns, request_end_ns, response_start_ns;
    uint64_t bytes_received, bytes_sent;
    uint32_t flags;
    struct span details, transport_reason;
    struct span upstream_host, upstream_cluster, route_name;
    struct span upstream_protocol; /* a static string */
    struct network_address upstream_local, client;
    struct destination_slot *counters; /* of the destination; NULL: none was chosen */
    bool counters_pinned;
    const struct tls_facts *upstream_tls; /* in the arena; NULL: plaintext, or nobody asks */

    struct arena arena;
    alignas(max_align_t) char memory[EXCHANGE_ARENA_BLOCK_BYTES]; /* the arena's first block */
};

/* --- exchange.c --- */
/* What the server session calls; the owner is the struct http_connection. */
extern const struct http_server_events exchange_server_events;
void exchange_reply(struct exchange *exchange, const struct local_reply *reply);
/* The client went away: nothing can be sent any more. Ends the exchange. */
void exchange_client_gone(struct exchange *exchange, enum close_reason reason);
/* The response cannot be completed: the client sees it cut. Ends the exchange. */
void exchange_cut(struct exchange *exchange, enum close_reason reason, struct span word);
/* The head did not come in time. */
void exchange_head_expired(struct exchange *exchange);
/* A send function said no: nothing more can be told to the client. */
void exchange_unsendable(struct exchange *exchange);
/* No byte either way for DEADLINE_IDLE_NS. */
void exchange_idle_expired(struct exchange *exchange);
/* All of the response is with the session, which may need time to send it: the route's timeout no longer counts. */
void exchange_response_ends(struct exchange *exchange);
/* The final head to the client: counts it. False: the session is broken. */
MUST_USE bool exchange_send_head(struct exchange *exchange, struct message_head *head, bool ends);

/* --- attempt.c --- */
extern const struct upstream_handler attempt_upstream_handler;
void attempt_start(struct exchange *exchange);
/* Lets go of whatever the present try holds: a connect, a connection, a timer. */
void attempt_give_up(struct exchange *exchange);
/* The client's next body bytes, and the end of its request. */
void attempt_body(struct exchange *exchange, struct span bytes);
void attempt_end(struct exchange *exchange);
/* Writes what is queued for the upstream. */
void attempt_flush(struct exchange *exchange);
/* The client took its bytes: read the upstream again. */
void attempt_downstream_drained(struct exchange *exchange);

/* --- exchange_count.c --- */
/* The destination that the request is counted under; NULL: none. To be called while its snapshot is held. */
void exchange_count_under(struct exchange *exchange, const struct cluster *cluster);
/* The snapshot goes, the counters stay. */
void exchange_count_alone(struct exchange *exchange);
/* At its end, once. */
void exchange_count(struct exchange *exchange);

/* --- exchange_log.c --- */
void exchange_log(struct exchange *exchange);
/* What can be said of the exchange so far. Borrowed. */
void exchange_record(const struct exchange *exchange, struct access_log_record *ret_record);
/* The response_rules on a head that goes to the client. */
void exchange_apply_response_rules(struct exchange *exchange, struct message_head *head);
/* Copies what the log will need and lets the snapshot go; no retry afterwards. */
void exchange_let_snapshot_go(struct exchange *exchange);

/* --- http_connection.c --- */
const struct downstream_facts *http_connection_facts(const struct http_connection *http);
struct network_address http_connection_local(const struct http_connection *http);
/* An exchange begins, or is over. */
void http_connection_add(struct http_connection *http, struct exchange *exchange);
void http_connection_remove(struct http_connection *http, struct exchange *exchange);
struct pinned_snapshot *http_connection_begin(struct http_connection *http, const struct filter_chain **ret_chain);
struct proxy_context *http_connection_context(struct http_connection *http);
/* Back-pressure from the upstream side: while held, nothing of this request's content is read from the client. */
void http_connection_hold(struct exchange *exchange, bool hold);
/* More bytes of the response are queued for the client than should be: its source should rest. */
bool http_connection_is_behind(const struct exchange *exchange);
/* HTTP/2: what ends one request does not end the connection. */
bool http_connection_is_multiplexed(const struct http_connection *http);
/* Writes what is queued as far as it goes. */
void http_connection_flush(struct http_connection *http);
/* In an HTTP/1 tunnel: half-close after what is queued. */
void http_connection_end_output(struct http_connection *http);
/* HTTP/1: close with a reset, as the end of the bytes must not pass for the end of the response. */
void http_connection_set_reset(struct http_connection *http);
/* After events from elsewhere: writes, reads on, lingers or closes, as the session's status says. */
void http_connection_settle(struct http_connection *http);
/* The same, later in this turn: for events that come amid others'. */
void http_connection_settle_later(struct http_connection *http);

#endif
