#include "server/publish.h"

#include <stdatomic.h>

#include "base/assert.h"

void publisher_init(struct publisher *publisher, struct worker **workers, size_t worker_count, struct listener_sockets *sockets) {
    *publisher = (struct publisher){.workers = workers, .worker_count = worker_count, .sockets = sockets};
}

static bool is_held(struct snapshot *snapshot) {
    /* Acquire: what the workers did with it is over before it is freed. */
    return atomic_load_explicit(&snapshot->holder_count, memory_order_acquire) != 0;
}

void publisher_deinit(struct publisher *publisher) {
    for (size_t i = 0; i < publisher->live_count; i++) {
        ASSERT(!is_held(publisher->live[i]));
        snapshot_destroy(publisher->live[i]);
    }
    publisher->live_count = 0;
}

bool publisher_has_room(const struct publisher *publisher) {
    return publisher->live_count < SNAPSHOTS_LIVE_MAX;
}

void publisher_publish(struct publisher *publisher, struct snapshot *snapshot) {
    ASSERT(publisher_has_room(publisher));
    snapshot->generation = ++publisher->generation;
    atomic_store_explicit(&snapshot->holder_count, (uint32_t)publisher->worker_count, memory_order_relaxed);
    publisher->live[publisher->live_count++] = snapshot;
    listener_sockets_prepare(publisher->sockets, snapshot);
    for (size_t i = 0; i < publisher->worker_count; i++)
        worker_publish(publisher->workers[i], snapshot);
    listener_sockets_hand_over(publisher->sockets);
}

bool publisher_collect(struct publisher *publisher) {
    size_t kept = 0;
    for (size_t i = 0; i < publisher->live_count; i++) {
        struct snapshot *snapshot = publisher->live[i];
        if (i + 1 == publisher->live_count || is_held(snapshot))
            publisher->live[kept++] = snapshot;
        else
            snapshot_destroy(snapshot);
    }
    publisher->live_count = kept;
    return kept > 1;
}

const struct snapshot *publisher_current(const struct publisher *publisher) {
    return publisher->live_count == 0 ? NULL : publisher->live[publisher->live_count - 1];
}
