/* The status port: what a load balancer or kubelet asks. GET or HEAD of /healthz/ready and below: 200 while the gateway is ready, else 503,
 * without content; every other path: 404 (Istio's status-port 15021). On the server's thread and loop. */
#ifndef FAIRLEAD_SERVER_STATUS_H
#define FAIRLEAD_SERVER_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/network_address.h"
#include "base/span.h"
#include "base/timer.h"
#include "os/loop.h"

struct status {
    struct loop *loop;
    struct timer_wheel *timers;
    struct loop_source source;
    bool listening;
    bool ready;
    struct list connections; /* struct status_connection, oldest first */
    struct list ended;       /* to be freed by status_collect */
    uint32_t connection_count;
};

/* Binds at once. Negative errno; then only deinit may be called, which is harmless. */
MUST_USE int status_init(struct status *status, struct loop *loop, struct timer_wheel *timers, const struct network_address *address);
void status_deinit(struct status *status);
void status_set_ready(struct status *status, bool ready);
/* Frees what ended in this turn; call it after loop_turn and timer_wheel_advance. */
void status_collect(struct status *status);

enum status_request {
    STATUS_REQUEST_INCOMPLETE,
    STATUS_REQUEST_READY,              /* GET or HEAD of /healthz/ready... */
    STATUS_REQUEST_NOT_FOUND,          /* another path */
    STATUS_REQUEST_METHOD_NOT_ALLOWED, /* another method */
    STATUS_REQUEST_BAD,                /* not HTTP/1 */
};

/* What the bytes received so far ask for: decided once the head is whole (an empty line). Pure. */
MUST_USE enum status_request status_request_parse(struct span bytes);

#endif
