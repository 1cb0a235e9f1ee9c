#include "compile/endpoints.h"

#include "compile/compiler.h"

struct endpoint_list {
    struct endpoint *items;
    size_t count;
    size_t capacity;
};

static void add_endpoint(struct compiler *compiler, const struct object_meta *meta, const struct located *written,
                         uint32_t port, struct endpoint_list *endpoints) {
    struct endpoint endpoint = {0};
    if (port == 0 || port > UINT16_MAX || !network_address_parse(written->text, (uint16_t)port, &endpoint.address)) {
        if (compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ADDRESS, written->position, meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLUSTER_ADDRESS, written->position, meta,
                            "write an IP address", "endpoint \"%.*s\" port %u is no IP address and port; it is left out",
                            SPAN_ARGUMENTS(written->text), port);
        return;
    }
    ARRAY_APPEND(&compiler->scratch, endpoints, endpoint);
}

static int compare_endpoints(const void *left, const void *right) {
    const struct network_address *a = &((const struct endpoint *)left)->address;
    const struct network_address *b = &((const struct endpoint *)right)->address;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    int order = memcmp(a->bytes, b->bytes, a->size);
    return order != 0 ? order : (int)a->port - (int)b->port;
}

/* Sorted, so that the order of objects and files does not show. */
static void set_endpoints(struct compiler *compiler, struct endpoint_list *endpoints, struct cluster *cluster) {
    array_sort(endpoints->items, endpoints->count, sizeof(endpoints->items[0]), compare_endpoints);
    cluster->endpoints = arena_new_array(compiler->arena, struct endpoint, endpoints->count);
    for (size_t i = 0; i < endpoints->count; i++) {
        if (i > 0 && network_address_equal(&endpoints->items[i].address, &endpoints->items[i - 1].address))
            continue;
        struct endpoint *endpoint = &cluster->endpoints[cluster->endpoint_count++];
        char text[NETWORK_ADDRESS_TEXT_MAX];
        endpoint->address = endpoints->items[i].address;
        size_t size = network_address_print(&endpoint->address, text);
        endpoint->address_text = arena_copy(compiler->arena, span_make(text, size));
    }
}

/* An endpoint of a Pod that is gone is stale; without any Pod in the input there is nothing to know. */
static bool pod_is_known(const struct compiler *compiler, const struct object_meta *meta,
                         const struct slice_endpoint *endpoint) {
    if (!compiler->resources->any[RESOURCE_POD] || !endpoint->has_target_ref ||
        !span_equal(endpoint->target_ref_kind, SPAN_LITERAL("Pod")))
        return true;
    struct span namespace = endpoint->target_ref_namespace.size > 0 ? endpoint->target_ref_namespace : meta->namespace;
    return resource_set_find(compiler->resources, RESOURCE_POD, namespace, endpoint->target_ref_name) != NULL;
}

static void add_slice_endpoints(struct compiler *compiler, const struct endpoint_slice *slice,
                                const struct service_port *port, struct endpoint_list *endpoints) {
    if (slice->address_type == ENDPOINT_ADDRESS_FQDN)
        return;
    for (size_t i = 0; i < slice->group_count; i++) {
        const struct endpoint_group *group = &slice->groups[i];
        for (size_t p = 0; p < group->port_count; p++) {
            const struct endpoint_port *slice_port = &group->ports[p];
            bool same_protocol = slice_port->protocol.text.size == 0 || port->protocol.text.size == 0 ||
                                 span_equal(slice_port->protocol.text, port->protocol.text);
            if (!span_equal(slice_port->name.text, port->name.text) || !same_protocol)
                continue;
            for (size_t e = 0; e < group->endpoint_count; e++) {
                const struct slice_endpoint *endpoint = &group->endpoints[e];
                if (!endpoint->ready || !pod_is_known(compiler, &slice->meta, endpoint))
                    continue;
                for (size_t address = 0; address < endpoint->addresses.count; address++)
                    add_endpoint(compiler, &slice->meta, &endpoint->addresses.items[address], slice_port->number, endpoints);
            }
        }
    }
}

static void compile_service_endpoints(struct compiler *compiler, const struct service *service,
                                      const struct service_port *port, struct cluster *cluster) {
    const struct endpoint_slice_list *slices =
        service_registry_endpoints(&compiler->registry, &compiler->scratch, service);
    struct endpoint_list endpoints = {0};
    for (size_t i = 0; slices != NULL && i < slices->count; i++)
        add_slice_endpoints(compiler, slices->items[i], port, &endpoints);
    set_endpoints(compiler, &endpoints, cluster);
    if (cluster->endpoint_count > 0)
        return;
    bool kinds_present =
        compiler->resources->any[RESOURCE_ENDPOINT_SLICE] || compiler->resources->any[RESOURCE_ENDPOINTS];
    /* A Service whose endpoints are all gone or not ready is an ordinary sight, one without any object is a mistake. */
    enum diagnostic_severity severity = slices == NULL && kinds_present ? DIAGNOSTIC_ERROR : DIAGNOSTIC_WARNING;
    compiler_report(compiler, severity, DIAGNOSTIC_CLUSTER_ENDPOINTS, port->position, &service->meta,
                    "add an EndpointSlice with the label kubernetes.io/service-name, or Endpoints of the Service's name",
                    "port %u (%.*s) has no ready endpoint%s; requests are answered 503", port->number,
                    SPAN_ARGUMENTS(port->name.text), slices == NULL ? ": no EndpointSlice or Endpoints is in the input" : "");
}

static void refuse_entry(struct compiler *compiler, const struct service_entry *entry, struct position position,
                         const char *what, struct cluster *cluster) {
    if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_FIELD, position, &entry->meta))
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_FIELD, position, &entry->meta,
                        "use resolution: STATIC with endpoints", "%s is not supported yet; requests are answered 503", what);
    if (cluster->refusal.size == 0)
        cluster->refusal = arena_print(compiler->arena, "%.*s: %s is not supported", SPAN_ARGUMENTS(entry->meta.title), what);
}

static uint32_t entry_endpoint_port(const struct service_entry_endpoint *endpoint, const struct service_entry_port *port) {
    for (size_t i = 0; i < endpoint->port_count; i++)
        if (span_equal(endpoint->ports[i].name.text, port->name.text))
            return endpoint->ports[i].number;
    return (uint32_t)(port->target_port.is_set ? port->target_port.value : port->number.value);
}

static void compile_entry_endpoints(struct compiler *compiler, const struct service_entry *entry,
                                    const struct service_entry_port *port, struct cluster *cluster) {
    struct endpoint_list endpoints = {0};
    switch (entry->resolution) {
    case SERVICE_ENTRY_STATIC:
        break;
    case SERVICE_ENTRY_DNS:
    case SERVICE_ENTRY_DNS_ROUND_ROBIN:
    case SERVICE_ENTRY_DYNAMIC_DNS:
        refuse_entry(compiler, entry, position_or(entry->resolution_position, entry->meta.position), "resolution by DNS", cluster);
        return;
    case SERVICE_ENTRY_NONE:
        /* On a gateway Istio makes a cluster without endpoints of it. */
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CLUSTER_ENDPOINTS,
                        position_or(entry->resolution_position, entry->meta.position), &entry->meta,
                        "use resolution: STATIC with endpoints",
                        "resolution NONE gives a gateway no endpoint, as in Istio; requests are answered 503");
        return;
    }
    if (entry->has_workload_selector) {
        refuse_entry(compiler, entry, entry->meta.position, "workloadSelector", cluster);
        return;
    }
    for (size_t i = 0; i < entry->endpoint_count; i++)
        add_endpoint(compiler, &entry->meta, &entry->endpoints[i].address, entry_endpoint_port(&entry->endpoints[i], port),
                     &endpoints);
    set_endpoints(compiler, &endpoints, cluster);
    if (cluster->endpoint_count == 0)
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLUSTER_ENDPOINTS, entry->meta.position, &entry->meta,
                        "write spec.endpoints", "port %u has no usable endpoint; requests are answered 503", cluster->port);
}

void compile_endpoints(struct compiler *compiler, const struct registry_service *service, size_t port_index,
                       struct cluster *cluster) {
    if (service->service != NULL)
        compile_service_endpoints(compiler, service->service, &service->service->ports[port_index], cluster);
    else
        compile_entry_endpoints(compiler, service->entry, &service->entry->ports[port_index], cluster);
}
