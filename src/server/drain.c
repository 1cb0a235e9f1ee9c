#include "server/drain.h"

#include "base/assert.h"

void drain_init(struct drain *drain, struct worker **workers, size_t worker_count) {
    *drain = (struct drain){.workers = workers, .worker_count = worker_count};
}

void drain_start(struct drain *drain, uint64_t now_ns, uint64_t duration_ns) {
    ASSERT(!drain->started || drain->deadline_ns == DRAIN_FOR_EVER);
    bool started = drain->started;
    drain->started = true;
    drain->deadline_ns = duration_ns == DRAIN_FOR_EVER ? DRAIN_FOR_EVER : now_ns + duration_ns;
    if (started)
        return;
    for (size_t i = 0; i < drain->worker_count; i++)
        worker_drain(drain->workers[i]);
}

bool drain_is_over(const struct drain *drain, uint64_t now_ns) {
    return drain->started && drain->deadline_ns != DRAIN_FOR_EVER && (now_ns >= drain->deadline_ns || drain_connections(drain) == 0);
}

uint64_t drain_connections(const struct drain *drain) {
    uint64_t count = 0;
    for (size_t i = 0; i < drain->worker_count; i++)
        count += worker_connections(drain->workers[i]);
    return count;
}
