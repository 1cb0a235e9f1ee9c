/* Answers that the gateway makes itself: status, body, response flags and details as Envoy gives them. */
#ifndef FAIRLEAD_PROXY_LOCAL_REPLY_H
#define FAIRLEAD_PROXY_LOCAL_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"
#include "proxy/decide.h"
#include "proxy/request_rules.h"
#include "proxy/retry.h"
#include "wire/http1_fault.h"
#include "wire/message.h"

struct local_reply {
    int status;
    struct span body; /* text/plain when there is one */
    struct span location;
    struct span allow;
    const struct header *fields; /* further ones */
    size_t field_count;
    bool has_grpc_status; /* else it is derived from the status */
    int grpc_status;
    uint32_t flags; /* bits of wire/response_flag.h */
    struct span details;
    bool closes; /* the connection must not serve another request */
};

/* A decision that is not DECISION_FORWARD. Text that is not static lives in the request's arena. */
struct local_reply local_reply_of_decision(const struct decision *decision, const struct message_head *request);
/* A verdict that is not REQUEST_ROUTE. */
struct local_reply local_reply_of_verdict(enum request_verdict verdict);
/* A request that the codec refused: 400, 414, 431, 501 or 505. */
struct local_reply local_reply_of_fault(enum http1_fault fault);
/* 408: the head did not come in time. */
struct local_reply local_reply_head_timeout(void);
/* 404: the filter chain by which the connection was accepted is gone. */
struct local_reply local_reply_chain_gone(bool is_changed /* it is there, but wants to see who the client is anew: 421, and clients open a connection */);
/* 504: the route's timeout passed. */
struct local_reply local_reply_route_timeout(void);
/* 503: a memory ceiling. */
struct local_reply local_reply_overload(void);

struct upstream_failure {
    enum attempt_failure failure; /* not ATTEMPT_STATUS */
    bool retried;                 /* there was more than one try */
    bool limit_exceeded;          /* RETRY_LIMIT_EXCEEDED */
    struct span transport_reason; /* connect_reason, or empty */
};
/* The last try failed: 502, 503 or 504. */
struct local_reply local_reply_of_failure(struct arena *arena, const struct upstream_failure *failure);
/* "connection_termination" and its like: the word in braces. */
struct span attempt_failure_word(enum attempt_failure failure);
/* UF, UC, UPE or UT. */
uint32_t attempt_failure_flag(enum attempt_failure failure);

#endif
