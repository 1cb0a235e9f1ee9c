#include "compile/compiler.h"
#include "compile/endpoint_list.h"

static void refuse_entry(struct compiler *compiler, const struct service_entry *entry, struct position position,
                         const char *what, struct cluster *cluster) {
    if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_FIELD, position, &entry->meta))
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_FIELD, position, &entry->meta,
                        "use resolution: STATIC with endpoints", "%s is not supported yet; requests are answered 503", what);
    if (cluster->refusal.size == 0)
        cluster->refusal = arena_print(compiler->arena, "%.*s: %s is not supported", SPAN_ARGUMENTS(entry->meta.title), what);
}

static uint32_t default_port(const struct service_entry_port *port) {
    return (uint32_t)(port->target_port.is_set ? port->target_port.value : port->number.value);
}

static struct endpoint_place place_of(const struct service_entry *entry, const struct service_entry_port *port,
                                      const struct service_entry_endpoint *endpoint) {
    return (struct endpoint_place){.meta = &entry->meta,
                                   .address = &endpoint->address,
                                   .port = workload_entry_port(endpoint, port->name.text, default_port(port)),
                                   .weight = (uint32_t)endpoint->weight.value};
}

static void add_static(struct compiler *compiler, const struct service_entry *entry, const struct service_entry_port *port,
                       struct endpoint_list *list) {
    for (size_t i = 0; i < entry->endpoint_count; i++) {
        const struct service_entry_endpoint *endpoint = &entry->endpoints[i];
        struct endpoint_labels labels = endpoint_labels_of_entry(entry->meta.namespace, endpoint);
        struct endpoint_place place = place_of(entry, port, endpoint);
        if (endpoint_list_wants(compiler, list, &labels))
            endpoint_list_add(compiler, list, &labels, &place);
        else
            endpoint_list_note_absent(compiler, list, &entry->meta, &endpoint->address, ENDPOINT_NOT_IN_SUBSET);
    }
    struct workload_choice workloads = {.namespace = entry->meta.namespace,
                                        .selector = &entry->workload_selector,
                                        .takes_pods = true,
                                        .port_name = port->name.text,
                                        .port = default_port(port)};
    if (entry->has_workload_selector)
        endpoint_list_add_workloads(compiler, list, &workloads);
}

/* Without endpoints the host itself is resolved. */
static void add_names(struct compiler *compiler, const struct service_entry *entry, const struct service_entry_port *port,
                      struct endpoint_list *list, struct cluster *cluster) {
    cluster->names = arena_new_array(compiler->arena, struct cluster_name, entry->endpoint_count + 1);
    for (size_t i = 0; i < entry->endpoint_count; i++) {
        const struct service_entry_endpoint *endpoint = &entry->endpoints[i];
        struct endpoint_labels labels = endpoint_labels_of_entry(entry->meta.namespace, endpoint);
        struct endpoint_place place = place_of(entry, port, endpoint);
        if (endpoint_list_wants(compiler, list, &labels))
            endpoint_list_add_name(compiler, list, &labels, &place, cluster);
    }
    const struct label_set *wanted = list->choice->wanted;
    struct located host = {.text = cluster->host};
    struct endpoint_place place = {.meta = &entry->meta, .address = &host, .port = default_port(port)};
    if (entry->endpoint_count == 0 && !entry->has_workload_selector && (wanted == NULL || wanted->count == 0))
        endpoint_list_add_name(compiler, list, NULL, &place, cluster);
    if (entry->has_workload_selector)
        refuse_entry(compiler, entry, entry->meta.position, "workloadSelector with resolution by DNS", cluster);
    endpoint_list_finish(compiler, list, &entry->meta, cluster);
}

void compile_entry_endpoints(struct compiler *compiler, const struct service_entry *entry, const struct service_entry_port *port,
                             const struct endpoint_choice *choice, struct cluster *cluster) {
    struct endpoint_list list = {.choice = choice};
    struct position position = position_or(entry->resolution_position, entry->meta.position);
    switch (entry->resolution) {
    case SERVICE_ENTRY_STATIC:
        break;
    case SERVICE_ENTRY_DNS:
    case SERVICE_ENTRY_DNS_ROUND_ROBIN:
        cluster->takes_first_address = entry->resolution == SERVICE_ENTRY_DNS_ROUND_ROBIN;
        add_names(compiler, entry, port, &list, cluster);
        return;
    case SERVICE_ENTRY_DYNAMIC_DNS:
        refuse_entry(compiler, entry, position, "resolution DYNAMIC_DNS", cluster);
        return;
    case SERVICE_ENTRY_NONE:
        /* On a gateway Istio makes a cluster without endpoints of it. */
        if (compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ENDPOINTS, position, &entry->meta))
            compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CLUSTER_ENDPOINTS, position, &entry->meta,
                            "use resolution: STATIC with endpoints",
                            "resolution NONE gives a gateway no endpoint, as in Istio; requests are answered 503");
        return;
    }
    add_static(compiler, entry, port, &list);
    endpoint_list_finish(compiler, &list, &entry->meta, cluster);
    if (list.seen_count == 0 && compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ENDPOINTS, entry->meta.position, &entry->meta))
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLUSTER_ENDPOINTS, entry->meta.position, &entry->meta,
                        entry->has_workload_selector ? "add a WorkloadEntry or Pod with the labels of workloadSelector" : "write spec.endpoints",
                        "port %u has no usable endpoint; requests are answered 503", cluster->port);
}
