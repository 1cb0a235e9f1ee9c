/* Whether a DestinationRule defines the subsets that VirtualServices route to. */
#include "analysis/analysis.h"

#define CLUSTER_SUFFIX SPAN_LITERAL(".svc.cluster.local")

struct subsets {
    struct analysis *analysis;
    struct map defined; /* "namespace/host:subset" */
};

/* "a.b.svc.cluster.local" is (b, a); anything else is a name of the own namespace. */
static struct span key_of(struct arena *arena, struct span host, struct span namespace, struct span subset) {
    size_t dot;
    if (span_ends_with(host, CLUSTER_SUFFIX)) {
        struct span parts = span_first(host, host.size - CLUSTER_SUFFIX.size);
        if (span_find_byte(parts, '.', &dot)) {
            namespace = span_from(parts, dot + 1);
            host = span_first(parts, dot);
        }
    }
    return arena_print(arena, "%.*s/%.*s:%.*s", SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(host), SPAN_ARGUMENTS(subset));
}

static void check_subset(void *argument, const struct virtual_service *service, const struct destination_visit *visit) {
    const struct subsets *subsets = argument;
    struct analysis *analysis = subsets->analysis;
    const struct route_destination *destination = visit->destination;
    struct span subset = destination->subset.text;
    if (subset.size == 0 ||
        map_get(&subsets->defined, key_of(&analysis->arena, destination->host.text, service->meta.namespace, subset)) != NULL)
        return;
    message_add(&analysis->messages, MESSAGE_REFERENCE_NOT_FOUND, &service->meta, destination->host.position,
                "Referenced %s+subset in destinationrule not found: \"%.*s+%.*s\"", destination->mirrors ? "mirror" : "host",
                SPAN_ARGUMENTS(destination->host.text), SPAN_ARGUMENTS(subset));
}

void analyze_virtual_service_subsets(struct analysis *analysis) {
    const struct resource_set *resources = analysis->resources;
    struct subsets subsets = {.analysis = analysis};
    map_init(&subsets.defined);
    for (size_t i = 0; i < resources->destination_rules.count; i++) {
        const struct destination_rule *rule = resources->destination_rules.items[i];
        for (size_t subset = 0; subset < rule->subset_count; subset++)
            map_set(&subsets.defined, key_of(&analysis->arena, rule->host.text, rule->meta.namespace, rule->subsets[subset].name.text), &subsets);
    }
    for (size_t i = 0; i < resources->virtual_services.count; i++)
        visit_destinations(resources->virtual_services.items[i], check_subset, &subsets);
    map_deinit(&subsets.defined);
}
