/* A worker: one thread, one loop, and everything that its connections share. The server creates it, gives it snapshots and listener sockets
 * through a mailbox that never blocks it, and ends it. Functions are for the server's thread unless they say otherwise. */
#ifndef FAIRLEAD_WORKER_WORKER_H
#define FAIRLEAD_WORKER_WORKER_H

#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"
#include "proxy/access_log.h"
#include "proxy/context.h"
#include "snapshot/endpoint_table.h"
#include "snapshot/snapshot.h"

struct worker;

/* Starts the thread, which waits for its first snapshot. `id` numbers it from 0. The caller blocked the signals it wants before. Negative errno. */
MUST_USE int worker_create(unsigned id, struct worker **ret_worker);
/* Hands over a snapshot, whose holder_count counts this worker already: it takes one off when it lets go, as late as the last exchange under it
 * ends, or at once when a newer one overtakes it on the way. What is destroyed is destroyed by the server. The newest wins. */
void worker_publish(struct worker *worker, struct snapshot *snapshot);
/* Hands over a reference: from now on these are the endpoints of clusters that DNS resolves. The newest wins. */
void worker_publish_endpoints(struct worker *worker, struct endpoint_table *table);
/* Accepts from `descriptor` (a non-blocking listening socket, the worker's from now on) under the snapshot's listener of this bind and port. `id`
 * is never used twice. A snapshot that was published before is taken first. */
void worker_add_listener(struct worker *worker, uint32_t id, int descriptor, struct span bind, uint16_t port);
/* Drains its accept queue, closes it. Under the snapshot that the worker has, if the next one is published after this call. */
void worker_remove_listener(struct worker *worker, uint32_t id);
/* From now on answers say `connection: close`, idle keep-alive connections are closed; tunnels and new connections are served. */
void worker_drain(struct worker *worker);
/* Cuts what is left, with its log lines, lets every snapshot go and waits for the thread's end. The ring stays. */
void worker_stop(struct worker *worker);
/* After worker_stop, and when nobody reads the ring any more. */
void worker_destroy(struct worker *worker);
/* The ring of its log lines: one reader, any thread, until worker_destroy. */
struct access_log_ring *worker_access_log(struct worker *worker);
/* Downstream connections that it has now. Any thread. */
uint64_t worker_connections(const struct worker *worker);
/* Any thread. */
const struct proxy_counters *worker_counters(const struct worker *worker);

#endif
