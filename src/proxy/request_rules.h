/* What a gateway at the edge does to a request before it is routed and forwarded (Envoy's ConnectionManagerUtility::mutateRequestHeaders,
 * with RFC 9110 where that is stricter). */
#ifndef FAIRLEAD_PROXY_REQUEST_RULES_H
#define FAIRLEAD_PROXY_REQUEST_RULES_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/network_address.h"
#include "base/random.h"
#include "snapshot/snapshot.h"
#include "wire/message.h"

/* Facts that the rules need of the connection. */
struct request_origin {
    struct network_address local;
    struct network_address peer; /* of the TCP connection */
    bool tls;
    bool has_client_certificate;
    struct span client_certificate; /* the gateway's element of x-forwarded-client-cert, then; outlives the request */
};

enum request_verdict {
    REQUEST_ROUTE,           /* go on */
    REQUEST_BAD_PATH,        /* 400: the path cannot be made normal */
    REQUEST_CONNECT_REFUSED, /* CONNECT is not offered: 403 as Envoy without a CONNECT upgrade */
    REQUEST_ANSWER_OPTIONS,  /* Max-Forwards is 0: the gateway is the final recipient (RFC 9110 section 7.6.2) */
    REQUEST_ANSWER_TRACE,
};

/* Edits the head in place, in the order of Envoy's edge: hop-by-hop fields, trusted client, x-forwarded-for, x-forwarded-proto,
 * x-envoy-external-address, x-envoy-* from outside, x-request-id, x-forwarded-client-cert, path, Max-Forwards, Via.
 * `ret_client` is always set: the trusted client, port 0 when it comes from x-forwarded-for. Values live in the head's arena. */
MUST_USE enum request_verdict request_rules_apply(struct message_head *head, const struct request_origin *origin,
                                                  const struct gateway_settings *settings, struct random *random,
                                                  struct network_address *ret_client);
/* Once for each try: x-envoy-attempt-count (from 1), and x-envoy-expected-rq-timeout-ms when there is a timeout (0: none). */
void request_rules_attempt(struct message_head *head, const struct gateway_settings *settings, uint32_t attempt, uint64_t timeout_ns);
/* Drops from a request's trailers what only the gateway may say; returns how many are left. */
size_t request_rules_trailers(struct header *trailers, size_t count);

#endif
