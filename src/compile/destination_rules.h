/* What DestinationRules ask for a cluster: which rule applies, and its policies composed for one port and subset. */
#ifndef FAIRLEAD_COMPILE_DESTINATION_RULES_H
#define FAIRLEAD_COMPILE_DESTINATION_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "resource/destination_rule.h"

struct compiler;

/* A policy of a rule, for diagnostics about it. */
struct policy_part {
    const struct destination_rule *rule; /* NULL: nothing is asked for */
    const struct traffic_policy *policy;
};

struct destination_policy {
    bool has_subset;                         /* the subset is defined; true without a subset */
    const struct destination_rule *rule;     /* of the subset */
    const struct destination_subset *subset; /* NULL without one */
    /* Where each block comes from: an entry of portLevelSettings replaces all of its level, a subset's block the rule's, a subset's
     * portLevelSettings everything. Source: Istio's MergeSubsetTrafficPolicy. */
    struct policy_part tls;
    struct policy_part load_balancer;
    struct policy_part connection_pool;
    struct span refusal; /* why the cluster must not be used; empty: it may be */
};

/* The rule of the first of these namespaces that has one for `host`: the gateway's, the Service's, the root namespace's; of one namespace
 * the most specific host, equal ones merged by age: subsets by name, the first top-level policy. Source: Istio's
 * SidecarScope.DestinationRule. Reports what is not served. */
void destination_policy_find(struct compiler *compiler, struct span host, struct span service_namespace, uint16_t port,
                             struct span subset, struct destination_policy *ret_policy);
struct destination_subset_list {
    const struct destination_subset **items;
    size_t count;
    size_t capacity;
};
/* The subsets that these rules define, each name once: the first. */
void destination_subsets_find(struct compiler *compiler, struct span host, struct span service_namespace,
                              struct destination_subset_list *ret_subsets);
/* Says that something of the rule restricts or encrypts and is not served, and makes the policy refuse unless that is allowed. */
void destination_policy_refuse(struct compiler *compiler, const struct destination_rule *rule, struct position position,
                               const char *what, struct destination_policy *policy);

#endif
