/* The listening sockets of one worker: accepts a bounded number of connections a turn, pauses when descriptors run out, drains the queue of one
 * that goes away. The worker's thread. */
#ifndef FAIRLEAD_WORKER_ACCEPTOR_H
#define FAIRLEAD_WORKER_ACCEPTOR_H

#include "proxy/connection.h"
#include "proxy/context.h"

struct acceptor_set {
    struct proxy_context *context;
    struct list acceptors;
    struct timer pause; /* set while descriptors have run out */
};

void acceptor_set_init(struct acceptor_set *set, struct proxy_context *context);
/* Closes them all, without draining. */
void acceptor_set_deinit(struct acceptor_set *set);
/* Takes over the descriptor; closes it when the loop refuses it. */
void acceptor_add(struct acceptor_set *set, uint32_t id, int descriptor, const struct listener_key *key);
/* Accepts what waits in its queue under the current snapshot, then closes it. Harmless when there is none of this id. */
void acceptor_remove(struct acceptor_set *set, uint32_t id);

#endif
