/* corsPolicy of a route: which origins may read what comes back (https://fetch.spec.whatwg.org/#http-cors-protocol, as Envoy's CorsFilter
 * answers it). Pure. */
#ifndef FAIRLEAD_PROXY_CORS_H
#define FAIRLEAD_PROXY_CORS_H

#include "proxy/local_reply.h"
#include "snapshot/route_action.h"
#include "wire/message.h"

/* What a request's origin was granted. */
struct cors_grant {
    struct span origin;
    struct span expose_headers; /* empty: not written */
    bool credentials;
};

enum cors_verdict {
    CORS_FOREIGN,   /* no policy, no origin, or one that is not allowed: nothing is done */
    CORS_GRANTED,   /* the response gets the fields of the grant */
    CORS_PREFLIGHT, /* the gateway answers: cors_preflight_reply */
};

/* `policy` may be NULL. With an origin that is allowed (also on a preflight) *ret_grant is set, in the request's arena. */
enum cors_verdict cors_decide(const struct cors_policy *policy, const struct message_head *request, const struct cors_grant **ret_grant);
/* 200 without content. `grant` is NULL for a preflight whose origin is not allowed. Lives in the request's arena and the snapshot. */
struct local_reply cors_preflight_reply(const struct cors_policy *policy, const struct message_head *request, const struct cors_grant *grant);
/* Over whatever the upstream says. */
void cors_grant_apply(const struct cors_grant *grant, struct message_head *response);

#endif
