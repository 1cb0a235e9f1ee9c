/* What the gateway does with a request: the data plane's own lookups, in its order, on a snapshot. */
#ifndef FAIRLEAD_EXPLAIN_VERDICT_H
#define FAIRLEAD_EXPLAIN_VERDICT_H

#include "explain/request.h"
#include "proxy/decide.h"
#include "proxy/local_reply.h"
#include "snapshot/endpoint_table.h"
#include "snapshot/snapshot.h"
#include "tls/identity.h"

enum verdict_kind {
    VERDICT_NO_LISTENER,    /* connection refused */
    VERDICT_NO_CHAIN,       /* closed: no filter chain for the server name, or for a connection without TLS */
    VERDICT_CHAIN_REFUSED,  /* closed: the server asks for what is not supported */
    VERDICT_NO_CERTIFICATE, /* closed at the start of the handshake */
    VERDICT_CLIENT_REFUSED, /* closed: the server wants another certificate of the client, or one at all */
    VERDICT_NOT_TLS,        /* closed: TLS was expected */
    VERDICT_NOT_PLAINTEXT,  /* closed: plaintext HTTP was expected */
    VERDICT_TUNNEL,         /* bytes go to a cluster */
    VERDICT_TUNNEL_CLOSED,  /* closed: there is nowhere for the bytes to go */
    VERDICT_ANSWERED,       /* the gateway answers: `reply` */
    VERDICT_FORWARD,        /* the request goes to a cluster */
};

/* Everything that it points to belongs to the snapshot or to the arena. */
struct verdict {
    enum verdict_kind kind;
    uint16_t port;                              /* of the listener, or where it would be */
    const struct background_port *service_port; /* by which it is reached; NULL: no Service leads there */
    const struct listener *listener;            /* NULL: none */
    const struct filter_chain *chain;           /* NULL: none */
    const struct filter_chain *owner;           /* another server's chain by which the request is routed; NULL: it is not */
    struct message_head *request;               /* after the rules of the edge, before the route's edits; NULL: not that far, or refused */
    bool routed;                                /* the routes were asked: `decision` counts */
    struct decision decision;                   /* of HTTP */
    const struct destinations *destinations;    /* of FORWARD and of a tunnel */
    const struct weighted_cluster *destination; /* the first of them that a draw can give */
    bool is_preflight, is_fault;                /* why VERDICT_ANSWERED though the route forwards */
    struct local_reply reply;                   /* of ANSWERED */
    struct tls_identity_error client_error;     /* of CLIENT_REFUSED */
    uint32_t flags;                             /* of the access log line */
    struct span details;                        /* response_code_details, or the termination's */
};

/* `endpoints` is what DNS gave, NULL: not known. Any thread; reads the snapshot only. */
void verdict_find(const struct snapshot *snapshot, const struct endpoint_table *endpoints, const struct explain_request *request,
                  struct arena *arena, struct verdict *ret_verdict);

/* The endpoints of a cluster, resolved ones included: the cluster itself or what DNS gave. NULL: DNS decides, and nothing is known. */
const struct cluster *verdict_endpoints(const struct cluster *cluster, const struct endpoint_table *endpoints);
/* 0: no answer at all, or the upstream's. */
int verdict_status(const struct verdict *verdict);
/* "forward", "answer", "tunnel", "closed", "refused": stable words. */
const char *verdict_word(const struct verdict *verdict);

#endif
