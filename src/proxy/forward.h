/* A connection's bytes to one destination: chooses cluster and endpoint, connects, tunnels, and leaves one access log line. For passthrough,
 * TCP and TLS-terminated TCP chains. One thread. */
#ifndef FAIRLEAD_PROXY_FORWARD_H
#define FAIRLEAD_PROXY_FORWARD_H

#include "proxy/context.h"
#include "proxy/exchange.h"
#include "proxy/transport.h"

struct forward; /* from the heap */

/* Takes over the callbacks of `downstream`, whose unread bytes go first. `destinations` and what hangs on them are only read during the call: what
 * will be logged is copied, so that a tunnel pins no snapshot, however long it lives (rule 9 of the data plane). `closed` is called once, never
 * from within this call, when the line is written and nothing is left but to close; the caller then calls forward_destroy. `facts` must outlive
 * it, but for their chain and listener. */
struct forward *forward_create(struct proxy_context *context, struct transport *downstream, const struct downstream_facts *facts,
                               const struct destinations *destinations, void *owner, void (*closed)(void *owner));
/* Ends it at once, writing the line if it was not written yet. */
void forward_destroy(struct forward *forward);

#endif
