/* The orderly end: workers answer "connection: close" and close what is idle; over when no connection is left, or when
 * terminationDrainDuration has passed. On the server's thread. */
#ifndef FAIRLEAD_SERVER_DRAIN_H
#define FAIRLEAD_SERVER_DRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker/worker.h"

#define DRAIN_FOR_EVER UINT64_MAX

struct drain {
    struct worker **workers;
    size_t worker_count;
    bool started;
    uint64_t deadline_ns;
};

void drain_init(struct drain *drain, struct worker **workers, size_t worker_count);
/* `duration_ns` counts from `now_ns` (monotonic); DRAIN_FOR_EVER: it is not over before a further call has set an end, not even without
 * connections. */
void drain_start(struct drain *drain, uint64_t now_ns, uint64_t duration_ns);
/* Whether the process may end now. False before the start. */
bool drain_is_over(const struct drain *drain, uint64_t now_ns);
/* Downstream connections of all workers. */
uint64_t drain_connections(const struct drain *drain);

#endif
