/* What DestinationRules ask for a cluster. None of it is served yet but the default: what encrypts makes the cluster refuse. */
#ifndef FAIRLEAD_COMPILE_DESTINATION_RULES_H
#define FAIRLEAD_COMPILE_DESTINATION_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct compiler;

struct destination_policy {
    bool has_subset;     /* the subset is defined */
    struct span refusal; /* why the cluster must not be used; empty: it may be */
};

/* The rule of the first of these namespaces that has one for `host`: the gateway's, the Service's, the root namespace's; of one namespace
 * the most specific host, equal ones merged by age. Source: Istio's SidecarScope.DestinationRule. Reports what is not served. */
void destination_policy_find(struct compiler *compiler, struct span host, struct span service_namespace, uint16_t port,
                             struct span subset, struct destination_policy *ret_policy);

#endif
