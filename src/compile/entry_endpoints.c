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

static void add_static(struct compiler *compiler, const struct service_entry *entry, const struct service_entry_port *port,
                       struct endpoint_list *list) {
    for (size_t i = 0; i < entry->endpoint_count; i++) {
        const struct service_entry_endpoint *endpoint = &entry->endpoints[i];
        struct endpoint_labels labels = {
            .own = &endpoint->labels, .namespace = entry->meta.namespace, .service_account = endpoint->service_account.text};
        if (endpoint_list_wants(compiler, list, &labels))
            endpoint_list_add(compiler, list, &entry->meta, &endpoint->address,
                              workload_entry_port(endpoint, port->name.text, default_port(port)), (uint32_t)endpoint->weight.value);
    }
    struct workload_choice choice = {.namespace = entry->meta.namespace,
                                     .selector = &entry->workload_selector,
                                     .takes_pods = true,
                                     .port_name = port->name.text,
                                     .port = default_port(port)};
    if (entry->has_workload_selector)
        endpoint_list_add_workloads(compiler, list, &choice);
}

/* Without endpoints the host itself is resolved. */
static void add_names(struct compiler *compiler, const struct service_entry *entry, const struct service_entry_port *port,
                      struct endpoint_list *list, struct cluster *cluster) {
    compiler->service_accounts = (struct span_list){0};
    cluster->names = arena_new_array(compiler->arena, struct cluster_name, entry->endpoint_count + 1);
    for (size_t i = 0; i < entry->endpoint_count; i++) {
        const struct service_entry_endpoint *endpoint = &entry->endpoints[i];
        struct endpoint_labels labels = {
            .own = &endpoint->labels, .namespace = entry->meta.namespace, .service_account = endpoint->service_account.text};
        if (endpoint_list_wants(compiler, list, &labels))
            endpoint_list_add_name(compiler, cluster, endpoint->address.text,
                                   workload_entry_port(endpoint, port->name.text, default_port(port)), (uint32_t)endpoint->weight.value);
    }
    if (entry->endpoint_count == 0 && !entry->has_workload_selector && (list->wanted == NULL || list->wanted->count == 0))
        endpoint_list_add_name(compiler, cluster, cluster->host, default_port(port), 1);
    if (entry->has_workload_selector)
        refuse_entry(compiler, entry, entry->meta.position, "workloadSelector with resolution by DNS", cluster);
}

void compile_entry_endpoints(struct compiler *compiler, const struct service_entry *entry, const struct service_entry_port *port,
                             const struct label_set *wanted, struct cluster *cluster) {
    struct endpoint_list list = {.wanted = wanted};
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
    endpoint_list_finish(compiler, &list, cluster);
    if (list.seen_count == 0 && compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ENDPOINTS, entry->meta.position, &entry->meta))
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLUSTER_ENDPOINTS, entry->meta.position, &entry->meta,
                        entry->has_workload_selector ? "add a WorkloadEntry or Pod with the labels of workloadSelector" : "write spec.endpoints",
                        "port %u has no usable endpoint; requests are answered 503", cluster->port);
}
