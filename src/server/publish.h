/* From a compiled snapshot to the workers, and back to the heap once every worker let go. On the server's thread. */
#ifndef FAIRLEAD_SERVER_PUBLISH_H
#define FAIRLEAD_SERVER_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "server/listener_sockets.h"
#include "snapshot/snapshot.h"
#include "worker/worker.h"

struct publisher {
    struct worker **workers;
    size_t worker_count;
    struct listener_sockets *sockets;
    struct snapshot *live[SNAPSHOTS_LIVE_MAX]; /* oldest first; the last is the current one */
    size_t live_count;
    uint64_t generation;
};

void publisher_init(struct publisher *publisher, struct worker **workers, size_t worker_count, struct listener_sockets *sockets);
/* Every worker must have ended. */
void publisher_deinit(struct publisher *publisher);
/* False: as many snapshots as may be are still held; collect first. */
bool publisher_has_room(const struct publisher *publisher);
/* Takes the snapshot. Listeners that go are drained under the former one, listeners that come are accepted from under this one. */
void publisher_publish(struct publisher *publisher, struct snapshot *snapshot);
/* Destroys the snapshots that no worker holds any more. True while old ones are left. */
bool publisher_collect(struct publisher *publisher);
/* NULL before the first. */
const struct snapshot *publisher_current(const struct publisher *publisher);

#endif
