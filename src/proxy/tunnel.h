/* Bytes both ways between two transports until both sides ended: half-close, back-pressure, an idle deadline. Knows nothing of what the
 * bytes are: passthrough, TCP, and what follows an HTTP Upgrade. One thread. */
#ifndef FAIRLEAD_PROXY_TUNNEL_H
#define FAIRLEAD_PROXY_TUNNEL_H

#include <stdint.h>

#include "proxy/context.h"
#include "proxy/transport.h"

enum tunnel_end {
    TUNNEL_END_NONE,              /* not ended yet */
    TUNNEL_END_ORDERLY,           /* both sides ended and all bytes are written */
    TUNNEL_END_DOWNSTREAM_BROKEN, /* reset, or nobody reads: the client went away */
    TUNNEL_END_UPSTREAM_BROKEN,
    TUNNEL_END_IDLE, /* DEADLINE_IDLE_NS without a byte either way */
};

struct tunnel; /* from the heap */

/* Takes over the callbacks and `owner` of both transports, which stay the caller's and outlive the tunnel. Bytes that either of them holds as
 * unread or as output go first. Starts from the ready list: `closed` is called exactly once, never from within this call, when nothing is
 * left to do but close both; the caller then reads the counts, calls tunnel_destroy and closes both in this turn: what ended last may not have
 * been told the end yet, as closing tells it. */
struct tunnel *tunnel_create(struct proxy_context *context, struct transport *downstream, struct transport *upstream, void *owner,
                             void (*closed)(void *owner, enum tunnel_end end));
/* From now on the bytes are also counted here, as they come; both outlive the tunnel. */
struct counter;
void tunnel_count(struct tunnel *tunnel, struct counter *received, struct counter *sent);
/* Lets both transports go as they are; may be called from within `closed` or at any other time. */
void tunnel_destroy(struct tunnel *tunnel);
/* Bytes read from the client, and bytes read from the upstream (the log's bytes_received and bytes_sent). */
uint64_t tunnel_received_bytes(const struct tunnel *tunnel);
uint64_t tunnel_sent_bytes(const struct tunnel *tunnel);

#endif
