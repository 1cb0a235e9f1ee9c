/* Which way a request goes. A pure function: route table, request and a random number in, decision out. */
#ifndef FAIRLEAD_PROXY_DECIDE_H
#define FAIRLEAD_PROXY_DECIDE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "snapshot/route.h"
#include "wire/message.h"

enum decision_kind {
    DECISION_FORWARD,      /* `route` and `destination` are set */
    DECISION_REDIRECT_TLS, /* 301 to https (httpsRedirect) */
    DECISION_NO_ROUTE,     /* 404 NR route_not_found */
    DECISION_NO_CLUSTER,   /* 503 NC cluster_not_found */
    DECISION_NO_ENDPOINT,  /* 503 UH no_healthy_upstream */
    DECISION_REDIRECT,        /* `route` says where to */
    DECISION_DIRECT_RESPONSE, /* `route` holds the answer */
    DECISION_MISDIRECTED,  /* 421: the name is another server's; `refusal` says why it is not served here */
    DECISION_REFUSED,      /* 503: the configuration asks for a restriction that is not supported; `refusal` names it */
};

struct decision {
    enum decision_kind kind;
    const struct virtual_host *virtual_host;     /* NULL: none has the host */
    const struct route *route;                   /* NULL before a route was chosen */
    const struct weighted_cluster *destination;  /* NULL before one was chosen */
    struct span refusal;
    bool coalesced; /* by the route table of another server than that of the connection's SNI */
};

/* `request` is the head after request_rules_apply: its host, normal path and x-forwarded-proto are read. `draw` is uniform in 64 bits.
 * Everything that the decision points to belongs to the route table's snapshot. Order as Envoy's: virtual host, its TLS requirement,
 * routes in order, no fall-through to another virtual host. */
void decide(const struct route_table *routes, const struct message_head *request, uint64_t draw, struct decision *ret_decision);
/* Where a redirect to TLS leads: https, the Host as it came (its port too), path and query. */
struct span decide_tls_location(struct arena *arena, const struct message_head *request);

#endif
