/* Names to objects: exact names, "*.suffix" wildcards (the longest wins, one or more labels), and "*". Used for SNI and for virtual hosts.
 * Filled while a snapshot is built; only read afterwards, from any thread. */
#ifndef FAIRLEAD_SNAPSHOT_HOST_INDEX_H
#define FAIRLEAD_SNAPSHOT_HOST_INDEX_H

#include "base/map.h"

struct host_index {
    struct map exact;     /* "a.example.com" */
    struct map wildcards; /* ".example.com" of "*.example.com"; also "-x.example.com" of "*-x.example.com" */
    void *any;            /* of "*" */
};

void host_index_init(struct host_index *index);
void host_index_deinit(struct host_index *index);
/* `ret_index` is not initialised. */
void host_index_copy(struct host_index *ret_index, const struct host_index *index);
/* Whatever leads to `former` leads to `object` then. */
void host_index_replace(struct host_index *index, const void *former, void *object);
/* The name must be lower-case and outlive the index. False when the name is taken already: the first stays. */
MUST_USE bool host_index_add(struct host_index *index, struct span name, void *object);
/* What was added under exactly this name string, NULL when nothing was. */
void *host_index_get(const struct host_index *index, struct span name);
/* The object for a lower-case host: exact, else the longest wildcard, else "*", else NULL. A wildcard stands for at least one character.
 * An empty host finds only "*". Envoy: findVirtualHost and the filter chain manager's server-name walk (which tries only suffixes that
 * start with a dot; the two agree for the names that Istio admits). */
void *host_index_find(const struct host_index *index, struct span host);

#endif
