/* fault of a route: which requests are delayed, and which are answered by the gateway instead of the upstream. */
#ifndef FAIRLEAD_PROXY_FAULT_H
#define FAIRLEAD_PROXY_FAULT_H

#include "base/random.h"
#include "proxy/local_reply.h"
#include "snapshot/route_action.h"

/* Nanoseconds that this request has to wait; 0: none. NULL is no fault. */
uint64_t fault_draw_delay_ns(const struct fault_action *fault, struct random *random);
/* Whether this request is aborted; drawn after the delay (Envoy's FaultFilter). */
bool fault_draw_abort(const struct fault_action *fault, struct random *random);
/* The answer to an aborted request: flag FI. */
struct local_reply fault_reply(const struct fault_action *fault);

#endif
