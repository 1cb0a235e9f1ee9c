#include "analysis/analysis.h"

#define ARENA_BLOCK_BYTES (64 * 1024)

void analysis_init(struct analysis *analysis, const struct resource_set *resources, const struct other_object_list *others,
                   const struct diagnostic_list *decoding) {
    struct diagnostic_list ignored;
    *analysis = (struct analysis){.resources = resources, .others = others, .decoding = decoding};
    arena_init(&analysis->arena, ARENA_BLOCK_BYTES);
    analysis->messages.arena = &analysis->arena;
    /* What is wrong with it is the compiler's to say. */
    diagnostic_list_init(&ignored);
    resource_mesh_config(resources, &ignored, &analysis->mesh);
    diagnostic_list_deinit(&ignored);
    workloads_init(&analysis->workloads, &analysis->arena, resources);
    known_hosts_init(&analysis->hosts, &analysis->arena, resources, analysis->mesh.domain_suffix);
}

void analysis_deinit(struct analysis *analysis) {
    known_hosts_deinit(&analysis->hosts);
    arena_deinit(&analysis->arena);
}

const struct object_meta *analysis_find_object(const struct analysis *analysis, struct span title) {
    const struct resource_set *set = analysis->resources;
    static const struct {
        const char *kind;
        enum resource_kind resource_kind;
    } kinds[] = {
        {"Gateway ", RESOURCE_GATEWAY}, {"VirtualService ", RESOURCE_VIRTUAL_SERVICE}, {"DestinationRule ", RESOURCE_DESTINATION_RULE},
        {"ServiceEntry ", RESOURCE_SERVICE_ENTRY}, {"WorkloadEntry ", RESOURCE_WORKLOAD_ENTRY}, {"Service ", RESOURCE_SERVICE},
        {"EndpointSlice ", RESOURCE_ENDPOINT_SLICE}, {"Endpoints ", RESOURCE_ENDPOINTS}, {"Secret ", RESOURCE_SECRET},
        {"ConfigMap ", RESOURCE_CONFIG_MAP}, {"IstioOperator ", RESOURCE_ISTIO_OPERATOR}, {"PeerAuthentication ", RESOURCE_PEER_AUTHENTICATION},
        {"Pod ", RESOURCE_POD}, {"Namespace ", RESOURCE_NAMESPACE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct span kind = span_of(kinds[i].kind), namespace = SPAN_EMPTY;
        size_t slash;
        if (!span_starts_with(title, kind))
            continue;
        struct span name = span_from(title, kind.size);
        if (span_find_byte(name, '/', &slash)) {
            namespace = span_first(name, slash);
            name = span_from(name, slash + 1);
        }
        return resource_set_find(set, kinds[i].resource_kind, namespace, name);
    }
    for (size_t i = 0; i < set->policies.count; i++)
        if (span_equal(set->policies.items[i]->meta.title, title))
            return &set->policies.items[i]->meta;
    return NULL;
}

bool analysis_is_unread(const struct diagnostic *diagnostic) {
    return diagnostic->severity == DIAGNOSTIC_ERROR && (diagnostic->code < DIAGNOSTIC_KIND_SKIPPED || diagnostic->code == DIAGNOSTIC_OBJECT_SHAPE);
}

void analysis_run(struct analysis *analysis) {
    static void (*const analyzers[])(struct analysis *) = {
        analyze_schema,
        analyze_gateway_ports,
        analyze_gateway_secrets,
        analyze_gateway_certificates,
        analyze_gateway_conflicts,
        analyze_virtual_service_gateways,
        analyze_virtual_service_destinations,
        analyze_virtual_service_subsets,
        analyze_destination_rule_tls,
        analyze_destination_rule_subsets,
        analyze_service_entries,
        analyze_service_ports,
        analyze_gateway_api,
        analyze_deprecations,
        analyze_annotations,
    };
    for (size_t i = 0; i < ARRAY_SIZE(analyzers); i++)
        analyzers[i](analysis);
}

static void visit_list(const struct virtual_service *service, const struct route_destination *items, size_t count, bool is_http,
                       destination_function *function, void *argument) {
    for (size_t i = 0; i < count; i++)
        function(argument, service, &(struct destination_visit){&items[i], is_http});
}

void visit_destinations(const struct virtual_service *service, destination_function *function, void *argument) {
    for (size_t i = 0; i < service->tcp_count; i++)
        visit_list(service, service->tcp[i].destinations, service->tcp[i].destination_count, false, function, argument);
    for (size_t i = 0; i < service->tls_count; i++)
        visit_list(service, service->tls[i].destinations, service->tls[i].destination_count, false, function, argument);
    for (size_t i = 0; i < service->http_count; i++) {
        const struct http_route *route = &service->http[i];
        visit_list(service, route->destinations, route->destination_count, true, function, argument);
        if (route->mirrors->single.is_set)
            visit_list(service, &route->mirrors->single.destination, 1, true, function, argument);
        for (size_t mirror = 0; mirror < route->mirrors->count; mirror++)
            visit_list(service, &route->mirrors->items[mirror].destination, 1, true, function, argument);
    }
}
