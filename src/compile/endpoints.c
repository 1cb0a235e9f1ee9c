#include "compile/endpoints.h"

#include "compile/compiler.h"
#include "compile/endpoint_list.h"

/* The Pod of an endpoint: by name, or where no object is named (endpoints kept by hand) by address. */
static const struct pod *find_pod(struct compiler *compiler, const struct object_meta *meta, const struct slice_endpoint *endpoint) {
    if (!endpoint->has_target_ref)
        return service_registry_find_pod(compiler, &compiler->registry, endpoint->addresses.items[0].text);
    if (!span_equal(endpoint->target_ref_kind, SPAN_LITERAL("Pod")))
        return NULL;
    struct span namespace = endpoint->target_ref_namespace.size > 0 ? endpoint->target_ref_namespace : meta->namespace;
    struct object_meta *found = resource_set_find(compiler->resources, RESOURCE_POD, namespace, endpoint->target_ref_name);
    return found == NULL ? NULL : CONTAINER_OF(found, struct pod, meta);
}

/* An endpoint of a Pod that is gone is stale; without any Pod in the input there is nothing to know. */
static bool is_stale(const struct compiler *compiler, const struct slice_endpoint *endpoint, const struct pod *pod) {
    return pod == NULL && compiler->resources->any[RESOURCE_POD] && endpoint->has_target_ref &&
           span_equal(endpoint->target_ref_kind, SPAN_LITERAL("Pod"));
}

static void add_slice_endpoint(struct compiler *compiler, const struct object_meta *meta, const struct slice_endpoint *endpoint,
                               uint32_t port, struct endpoint_list *list) {
    if (endpoint->addresses.count == 0)
        return;
    if (!endpoint->ready) {
        endpoint_list_note_absent(compiler, list, meta, &endpoint->addresses.items[0], ENDPOINT_NOT_READY);
        return;
    }
    const struct pod *pod = find_pod(compiler, meta, endpoint);
    struct endpoint_labels labels = {0};
    if (pod != NULL)
        labels = endpoint_labels_of_pod(pod);
    labels.zone = endpoint->zone;
    labels.node_name = endpoint->node_name;
    bool stale = is_stale(compiler, endpoint, pod);
    if (stale || !endpoint_list_wants(compiler, list, &labels)) {
        endpoint_list_note_absent(compiler, list, meta, &endpoint->addresses.items[0], stale ? ENDPOINT_POD_GONE : ENDPOINT_NOT_IN_SUBSET);
        return;
    }
    for (size_t i = 0; i < endpoint->addresses.count; i++) {
        struct endpoint_place place = {.meta = meta, .address = &endpoint->addresses.items[i], .port = port};
        endpoint_list_add(compiler, list, &labels, &place);
    }
}

static void add_slice(struct compiler *compiler, const struct endpoint_slice *slice, const struct service_port *port,
                      struct endpoint_list *list) {
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
            for (size_t e = 0; e < group->endpoint_count; e++)
                add_slice_endpoint(compiler, &slice->meta, &group->endpoints[e], slice_port->number, list);
        }
    }
}

/* A Service whose endpoints are all gone or not ready is an ordinary sight, one without any object is a mistake. */
static void report_no_endpoint(struct compiler *compiler, const struct service *service, const struct service_port *port,
                               bool has_slices) {
    bool kinds_present =
        compiler->resources->any[RESOURCE_ENDPOINT_SLICE] || compiler->resources->any[RESOURCE_ENDPOINTS];
    enum diagnostic_severity severity = !has_slices && kinds_present ? DIAGNOSTIC_ERROR : DIAGNOSTIC_WARNING;
    if (compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ENDPOINTS, port->position, &service->meta))
        compiler_report(compiler, severity, DIAGNOSTIC_CLUSTER_ENDPOINTS, port->position, &service->meta,
                        "add an EndpointSlice with the label kubernetes.io/service-name, or Endpoints of the Service's name",
                        "port %u (%.*s) has no ready endpoint%s; requests are answered 503", port->number,
                        SPAN_ARGUMENTS(port->name.text), has_slices ? "" : ": no EndpointSlice or Endpoints is in the input");
}

static void compile_service_endpoints(struct compiler *compiler, const struct service *service, const struct service_port *port,
                                      const struct endpoint_choice *choice, struct cluster *cluster) {
    const struct endpoint_slice_list *slices =
        service_registry_endpoints(&compiler->registry, &compiler->scratch, service);
    struct endpoint_list list = {.choice = choice};
    struct workload_choice workloads = {.namespace = service->meta.namespace,
                                        .selector = &service->selector,
                                        .port_name = port->name.text,
                                        .target_port_name = port->target_port_name.text,
                                        .port = port->target_port};
    for (size_t i = 0; slices != NULL && i < slices->count; i++)
        add_slice(compiler, slices->items[i], port, &list);
    endpoint_list_add_workloads(compiler, &list, &workloads);
    endpoint_list_finish(compiler, &list, &service->meta, cluster);
    if (list.seen_count == 0 && !choice->only_mutual_tls)
        report_no_endpoint(compiler, service, port, slices != NULL);
}

void compile_endpoints(struct compiler *compiler, const struct registry_service *service, size_t port_index,
                       const struct endpoint_choice *choice, struct cluster *cluster) {
    compiler->service_accounts = (struct span_list){0};
    if (service->service != NULL && service->service->type == SERVICE_EXTERNAL_NAME) {
        struct endpoint_list list = {.choice = choice};
        struct located host = {.text = cluster->host};
        struct endpoint_place place = {.meta = service->meta, .address = &host, .port = cluster->port};
        cluster->names = arena_new(compiler->arena, struct cluster_name);
        endpoint_list_add_name(compiler, &list, NULL, &place, cluster);
    } else if (service->service != NULL)
        compile_service_endpoints(compiler, service->service, &service->service->ports[port_index], choice, cluster);
    else
        compile_entry_endpoints(compiler, service->entry, &service->entry->ports[port_index], choice, cluster);
}
