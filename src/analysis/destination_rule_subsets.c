/* Whether a DestinationRule's host exists, and whether its subsets select pods. */
#include "analysis/analysis.h"

/* Labels of a pod that its node says: where it runs. */
static bool node_label(const struct analysis *analysis, const struct pod *pod, struct span key, struct span *ret_value) {
    static const char *const keys[] = {"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"};
    struct span name;
    if (pod == NULL || !node_as_string(node_get_path(pod->meta.root, "spec.nodeName"), &name))
        return false;
    if (span_equal(key, SPAN_LITERAL("kubernetes.io/hostname"))) {
        *ret_value = name;
        return true;
    }
    const struct other_object *node = other_objects_find(analysis->others, OTHER_NODE, SPAN_EMPTY, name);
    for (size_t i = 0; node != NULL && i < ARRAY_SIZE(keys); i++)
        if (span_equal(key, span_of(keys[i])))
            return label_set_get(&node->meta.labels, key, ret_value) && ret_value->size > 0;
    return false;
}

static bool has_label(const struct analysis *analysis, const struct workload *workload, const struct label *label) {
    struct span value;
    return (label_set_get(&workload->labels, label->key, &value) || node_label(analysis, workload->pod, label->key, &value)) &&
           span_equal(value, label->value);
}

/* The subset's labels over those of the ServiceEntry's selector, if it has one. */
static bool is_selected(const struct analysis *analysis, const struct workload *workload, const struct label_set *subset,
                        const struct label_set *under) {
    struct span ignored;
    for (size_t i = 0; i < subset->count; i++)
        if (!has_label(analysis, workload, &subset->items[i]))
            return false;
    for (size_t i = 0; under != NULL && i < under->count; i++)
        if (!label_set_get(subset, under->items[i].key, &ignored) && !has_label(analysis, workload, &under->items[i]))
            return false;
    return true;
}

static bool selects_any(const struct analysis *analysis, const struct label_set *subset, const struct label_set *under) {
    for (size_t i = 0; i < analysis->workloads.pod_count; i++)
        if (is_selected(analysis, &analysis->workloads.pods[i], subset, under))
            return true;
    return false;
}

static void check_rule(struct analysis *analysis, const struct destination_rule *rule) {
    const struct known_host *host = known_hosts_find(&analysis->hosts, rule->host.text, rule->meta.namespace, &rule->export_to);
    if (host == NULL) {
        message_add(&analysis->messages, MESSAGE_UNKNOWN_RULE_HOST, &rule->meta, rule->host.position,
                    "The host %.*s defined in the DestinationRule does not match any services in the mesh.", SPAN_ARGUMENTS(rule->host.text));
        return;
    }
    const struct label_set *under = host->entry != NULL && host->entry->has_workload_selector ? &host->entry->workload_selector : NULL;
    for (size_t i = 0; analysis->resources->any[RESOURCE_POD] && i < rule->subset_count; i++)
        if (!selects_any(analysis, &rule->subsets[i].labels, under))
            message_add(&analysis->messages, MESSAGE_SUBSET_SELECTS_NO_POD, &rule->meta, rule->subsets[i].name.position,
                        "The Subset %.*s defined in the DestinationRule does not select any pods.", SPAN_ARGUMENTS(rule->subsets[i].name.text));
}

void analyze_destination_rule_subsets(struct analysis *analysis) {
    for (size_t i = 0; analysis->hosts.any && i < analysis->resources->destination_rules.count; i++)
        check_rule(analysis, analysis->resources->destination_rules.items[i]);
}
