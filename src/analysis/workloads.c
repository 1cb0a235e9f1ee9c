#include "analysis/workloads.h"

#include "compile/array.h"

void workloads_init(struct workloads *workloads, struct arena *arena, const struct resource_set *resources) {
    struct ingress_gateway_list gateways;
    resource_ingress_gateways(resources, &gateways);
    workloads->pods = arena_new_array(arena, struct workload, gateways.count + resources->pods.count);
    workloads->services = arena_new_array(arena, const struct service *, gateways.count + resources->services.count);
    for (size_t i = 0; i < resources->pods.count; i++) {
        const struct pod *pod = resources->pods.items[i];
        if (!pod->meta.invalid)
            workloads->pods[workloads->pod_count++] = (struct workload){pod->meta.namespace, pod->meta.labels, pod};
    }
    for (size_t i = 0; i < resources->services.count; i++)
        if (!resources->services.items[i]->meta.invalid)
            workloads->services[workloads->service_count++] = resources->services.items[i];
    for (size_t i = 0; i < gateways.count; i++) {
        const struct ingress_gateway *gateway = gateways.items[i];
        workloads->pods[workloads->pod_count++] = (struct workload){gateway->namespace, gateway->labels, NULL};
        /* One that is written counts as it is written. */
        if (resource_set_find_service(resources, gateway->service->meta.namespace, gateway->service->meta.name) == NULL)
            workloads->services[workloads->service_count++] = gateway->service;
    }
}

const struct workload *workloads_select(const struct workloads *workloads, const struct label_set *selector) {
    for (size_t i = 0; i < workloads->pod_count; i++)
        if (label_set_contains(&workloads->pods[i].labels, selector))
            return &workloads->pods[i];
    return NULL;
}

static int compare_labels(const void *left, const void *right) {
    return span_compare(((const struct label *)left)->key, ((const struct label *)right)->key);
}

struct span selector_print(struct arena *arena, const struct label_set *selector) {
    struct label *sorted = arena_new_array(arena, struct label, selector->count + 1);
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < selector->count; i++)
        sorted[i] = selector->items[i];
    array_sort(sorted, selector->count, sizeof(*sorted), compare_labels);
    for (size_t i = 0; i < selector->count; i++)
        text = arena_print(arena, "%.*s%s%.*s=%.*s", SPAN_ARGUMENTS(text), i == 0 ? "" : ",", SPAN_ARGUMENTS(sorted[i].key),
                           SPAN_ARGUMENTS(sorted[i].value));
    return text;
}
