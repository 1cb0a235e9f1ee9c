/* Whether a failed try is repeated, after how long, and which endpoints it avoids. Pure but for the random draw. */
#ifndef FAIRLEAD_PROXY_RETRY_H
#define FAIRLEAD_PROXY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/network_address.h"
#include "base/random.h"
#include "base/span.h"
#include "snapshot/route.h"

/* How one try ended without an answer that could be passed on. */
enum attempt_failure {
    ATTEMPT_CONNECT_FAILED,    /* refused, unreachable, local trouble */
    ATTEMPT_CONNECT_TIMED_OUT, /* cluster.connect_timeout_ns */
    ATTEMPT_ENDED,             /* the connection ended before the first byte of the response */
    ATTEMPT_ENDED_WITHIN_HEAD, /* it ended after some byte of the response, before its head was whole */
    ATTEMPT_MALFORMED,         /* the response could be read two ways, or not at all */
    ATTEMPT_RESET,             /* HTTP/2: the upstream reset the stream */
    ATTEMPT_REFUSED,           /* HTTP/2: it did not look at the request (REFUSED_STREAM, GOAWAY) */
    ATTEMPT_TRY_TIMED_OUT,     /* retry_policy.per_try_timeout_ns */
    ATTEMPT_STATUS,            /* a whole response head with a status that the policy may name */
};

/* Endpoints remembered as tried; a policy with more attempts forgets the oldest. */
#define RETRY_TRIED_MAX 8

struct retry_state {
    const struct retry_policy *policy; /* of the route; in its snapshot */
    uint32_t retries_done;             /* of policy->attempts */
    bool fresh_retry_done;             /* the one repeat that a dead reused connection is worth */
    struct network_address tried[RETRY_TRIED_MAX];
    uint32_t tried_count; /* may exceed RETRY_TRIED_MAX */
};

/* What is known of the try that failed. */
struct retry_question {
    enum attempt_failure failure;
    unsigned status;        /* of ATTEMPT_STATUS */
    struct span grpc_status; /* of the response head, of ATTEMPT_STATUS; empty without one */
    bool rate_limited;      /* the response has x-envoy-ratelimited, of ATTEMPT_STATUS */
    bool reused;            /* the connection had served before */
    bool idempotent;        /* the request's method: RFC 9110 section 9.2.2 */
    bool replayable;        /* all of the body that was sent is still kept */
};

enum retry_answer {
    RETRY_NO,              /* pass the failure on */
    RETRY_LIMIT_EXCEEDED,  /* the policy would, but its attempts are spent: flag URX */
    RETRY_FRESH,           /* at once, on a new connection (a reused one died: RFC 9112 section 9.3.1) */
    RETRY_AFTER_BACKOFF,
};

void retry_init(struct retry_state *state, const struct retry_policy *policy);
/* Decides, and counts the retry when it says to retry. */
enum retry_answer retry_decide(struct retry_state *state, const struct retry_question *question);
/* Full jitter: uniform in [0, min(base * (2^n - 1), max)) for the n-th retry (Envoy: JitteredExponentialBackOffStrategy). */
uint64_t retry_backoff_ns(const struct retry_state *state, struct random *random);
void retry_remember(struct retry_state *state, const struct network_address *endpoint);
/* How many entries of `tried` hold an address: balance_pick avoids them (the previous-hosts predicate). None when the policy
 * says so. */
size_t retry_tried_count(const struct retry_state *state);

#endif
