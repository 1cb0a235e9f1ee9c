/* Keeps the host names of the current snapshot's clusters resolved: asks again when the answers' time to live is over, keeps the last good
 * addresses while there is no better answer, and hands each change to the workers, apart from the snapshots. On the server's thread. */
#ifndef FAIRLEAD_SERVER_RESOLUTION_H
#define FAIRLEAD_SERVER_RESOLUTION_H

#include "base/map.h"
#include "dns/resolver.h"
#include "snapshot/endpoint_table.h"
#include "snapshot/snapshot.h"
#include "worker/worker.h"

struct resolution {
    struct dns_resolver *resolver;
    struct timer_wheel *timers;
    struct map names; /* host -> struct resolved_name */
    const struct snapshot *snapshot;
    const struct snapshot *former; /* while the workers change from it to the new one */
    struct worker **workers;
    size_t worker_count;
    bool publishes; /* a change since the workers got the last table */
    struct endpoint_table *table; /* that one; NULL before the first */
};

/* `servers` as in dns_resolver_create. Negative errno; then deinit is harmless. */
MUST_USE int resolution_init(struct resolution *resolution, struct loop *loop, struct timer_wheel *timers, const char *servers);
void resolution_deinit(struct resolution *resolution);
/* From now on these get the tables. Until then nothing is asked. */
void resolution_set_workers(struct resolution *resolution, struct worker **workers, size_t worker_count);
/* From now on the names of this snapshot, which stays until the next call: new ones are asked for, those that are gone are forgotten, the
 * others keep their addresses. To be called before the snapshot is published. */
void resolution_follow(struct resolution *resolution, const struct snapshot *snapshot);
/* What the names come to now; the caller unpins it. */
struct endpoint_table *resolution_table(const struct resolution *resolution);

#endif
