/* Every destination that is counted: found by its host, so that its counters survive reloads, and let go when no snapshot names it any more and
 * nothing that goes on is counted under it. On the server's thread; the workers write the counters meanwhile. */
#ifndef FAIRLEAD_SERVER_DESTINATION_REGISTRY_H
#define FAIRLEAD_SERVER_DESTINATION_REGISTRY_H

#include <stdint.h>

#include "base/map.h"
#include "proxy/destination_counters.h"
#include "snapshot/snapshot.h"

/* Sums of one set of histograms over the workers. */
struct histogram_sums {
    uint64_t buckets[HISTOGRAM_BUCKETS];
    uint64_t sum;
};
struct request_sums {
    struct histogram_sums of[HISTOGRAM_KINDS];
    bool used;
};

enum histogram_share {
    HISTOGRAMS_UNDECIDED, /* no request yet */
    HISTOGRAMS_OWN,
    HISTOGRAMS_SHARED, /* with others, as METRICS_HISTOGRAMS_MAX destinations were there before */
};

struct registered_destination {
    struct destination_counters counters;
    enum histogram_share share;
    bool named;         /* by a snapshot that lives; of the last sweep */
    struct span labels; /* Prometheus labels of the destination, with a comma behind; heap */
    struct span key;    /* heap */
};

struct destination_registry {
    unsigned worker_count;
    struct map by_key;
    struct registered_destination **items; /* in the order in which they came */
    size_t count;
    struct registered_destination *unrouted; /* of requests without a destination */
    struct registered_destination *overflow; /* of those past METRICS_DESTINATIONS_MAX; also the name of the shared histograms */
    size_t own_histograms;
    struct request_sums retired[COUNTED_HTTP_PROTOCOLS]; /* shared histograms of destinations that are gone: a counter never falls */
};

void destination_registry_init(struct destination_registry *registry, unsigned worker_count);
/* No worker may count any more. */
void destination_registry_deinit(struct destination_registry *registry);
/* Gives each cluster of the snapshot, which is not published yet, its counters. */
void destination_registry_follow(struct destination_registry *registry, struct snapshot *snapshot);
/* Lets go of what none of these snapshots, all that workers may hold, names. */
void destination_registry_sweep(struct destination_registry *registry, struct snapshot *const *snapshots, size_t count);

/* Adds what the workers counted so far. */
void request_sums_add(struct request_sums *sums, const struct destination_counters *counters, enum counted_protocol protocol);

#endif
