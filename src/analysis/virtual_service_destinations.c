/* Whether the hosts and ports that VirtualServices route to exist, and whether a subset that a rule for the host names is lost at a gateway. */
#include "analysis/analysis.h"

static void check_destination(void *argument, const struct virtual_service *service, const struct destination_visit *visit) {
    struct analysis *analysis = argument;
    const struct route_destination *destination = visit->destination;
    const struct known_host *host = known_hosts_find(&analysis->hosts, destination->host.text, service->meta.namespace, &service->export_to);
    if (host == NULL) {
        message_add(&analysis->messages, MESSAGE_REFERENCE_NOT_FOUND, &service->meta, destination->host.position,
                    "Referenced %s not found: \"%.*s\"", destination->mirrors ? "mirror host" : "host", SPAN_ARGUMENTS(destination->host.text));
    } else if (!destination->port.is_set) {
        if (known_host_port_count(host) > 1)
            message_add(&analysis->messages, MESSAGE_DESTINATION_PORT_REQUIRED, &service->meta, destination->host.position,
                        "This VirtualService routes to a service \"%.*s\" that exposes multiple ports %.*s. Specifying a port in the destination is "
                        "required to disambiguate.",
                        SPAN_ARGUMENTS(destination->host.text), SPAN_ARGUMENTS(known_host_ports_print(&analysis->arena, host)));
    } else if (!known_host_has_port(host, destination->port.value)) {
        message_add(&analysis->messages, MESSAGE_REFERENCE_NOT_FOUND, &service->meta, destination->host.position,
                    "Referenced host:port not found: \"%.*s:%lld\"", SPAN_ARGUMENTS(destination->host.text), (long long)destination->port.value);
    }
}

/* --- IST0140 --- */

/* An HTTP destination, by its host as it is written. */
struct use {
    const struct virtual_service *service;
    const struct route_destination *destination;
    struct use *next; /* of the same host, in the order written */
};

struct uses {
    struct analysis *analysis;
    struct map by_host; /* of VirtualServices that route to a host of their own with a subset -> struct use */
};

static bool has_host(const struct virtual_service *service, struct span host) {
    for (size_t i = 0; i < service->hosts.count; i++)
        if (span_equal(service->hosts.items[i].text, host))
            return true;
    return false;
}

static void collect_subset(void *argument, const struct virtual_service *service, const struct destination_visit *visit) {
    struct uses *uses = argument;
    const struct route_destination *destination = visit->destination;
    if (!visit->is_http || destination->mirrors || destination->subset.text.size == 0 || !has_host(service, destination->host.text))
        return;
    struct use *use = arena_new(&uses->analysis->arena, struct use);
    *use = (struct use){service, destination, NULL};
    struct use *last = map_get(&uses->by_host, destination->host.text);
    if (last == NULL) {
        map_set(&uses->by_host, destination->host.text, use);
        return;
    }
    while (last->next != NULL)
        last = last->next;
    last->next = use;
}

static void check_lost_subset(void *argument, const struct virtual_service *service, const struct destination_visit *visit) {
    const struct uses *uses = argument;
    const struct route_destination *destination = visit->destination;
    if (!visit->is_http || destination->mirrors || destination->subset.text.size > 0 || service->gateways.count == 0)
        return;
    for (const struct use *use = map_get(&uses->by_host, destination->host.text); use != NULL; use = use->next)
        message_add(&uses->analysis->messages, MESSAGE_INGRESS_RULES_NOT_AFFECTED, &service->meta, destination->host.position,
                    "Subset in virtual service %.*s/%.*s has no effect on ingress gateway %.*s/%.*s requests",
                    SPAN_ARGUMENTS(use->service->meta.namespace), SPAN_ARGUMENTS(use->service->meta.name), SPAN_ARGUMENTS(service->meta.namespace),
                    SPAN_ARGUMENTS(service->meta.name));
}

static void visit_all(struct analysis *analysis, destination_function *function, void *argument) {
    for (size_t i = 0; i < analysis->resources->virtual_services.count; i++)
        visit_destinations(analysis->resources->virtual_services.items[i], function, argument);
}

void analyze_virtual_service_destinations(struct analysis *analysis) {
    struct uses uses = {.analysis = analysis};
    if (analysis->hosts.any)
        visit_all(analysis, check_destination, analysis);
    map_init(&uses.by_host);
    visit_all(analysis, collect_subset, &uses);
    visit_all(analysis, check_lost_subset, &uses);
    map_deinit(&uses.by_host);
}
