/* The pods that selectors choose, and the Services before them: those of the input, and those that the installer would make for each ingress
 * gateway of the mesh. */
#ifndef FAIRLEAD_ANALYSIS_WORKLOADS_H
#define FAIRLEAD_ANALYSIS_WORKLOADS_H

#include "base/arena.h"
#include "resource/resource_set.h"

struct workload {
    struct span namespace;
    struct label_set labels;
    const struct pod *pod; /* NULL: of an ingress gateway */
};

struct workloads {
    struct workload *pods;
    size_t pod_count;
    const struct service **services;
    size_t service_count;
};

void workloads_init(struct workloads *workloads, struct arena *arena, const struct resource_set *resources);
/* The first that the labels select (no labels: all); NULL: none. */
const struct workload *workloads_select(const struct workloads *workloads, const struct label_set *selector);
/* "k=v,..." sorted by key, as Kubernetes prints it. */
struct span selector_print(struct arena *arena, const struct label_set *selector);

#endif
