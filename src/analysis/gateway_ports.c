/* Whether a Gateway selects a gateway at all, and whether its ports are behind a Service of it. */
#include "analysis/analysis.h"
#include "analysis/gateway_pods.h"

static bool exposes(const struct service *service, const struct workload *pod, int64_t number) {
    if (!service->has_selector || !span_equal(service->meta.namespace, pod->namespace) || !label_set_contains(&pod->labels, &service->selector))
        return false;
    for (size_t i = 0; i < service->port_count; i++) {
        const struct service_port *port = &service->ports[i];
        if (span_equal(port->protocol.text, SPAN_LITERAL("TCP")) && (port->number == number || port->target_port == number))
            return true;
    }
    return false;
}

static bool is_exposed(const struct workloads *workloads, const struct label_set *selector, int64_t number) {
    for (size_t pod = 0; pod < workloads->pod_count; pod++) {
        if (!label_set_contains(&workloads->pods[pod].labels, selector))
            continue;
        for (size_t i = 0; i < workloads->service_count; i++)
            if (exposes(workloads->services[i], &workloads->pods[pod], number))
                return true;
    }
    return false;
}

static void check_gateway(struct analysis *analysis, const struct gateway *gateway) {
    if (gateway_select_pod(analysis, gateway) == NULL)
        return;
    for (size_t i = 0; i < gateway->server_count; i++) {
        const struct gateway_port *port = &gateway->servers[i].port;
        if (!gateway->servers[i].has_port || is_exposed(&analysis->workloads, &gateway->selector, port->number.value))
            continue;
        message_add(&analysis->messages, MESSAGE_GATEWAY_PORT, &gateway->meta, port->number.position,
                    "The gateway is listening on a target port (port %lld) that is not defined in the Service associated with its workload "
                    "instances (Pod selector %.*s). If you need to access the gateway port through the gateway Service, it will not be available.",
                    (long long)port->number.value, SPAN_ARGUMENTS(selector_print(&analysis->arena, &gateway->selector)));
    }
}

void analyze_gateway_ports(struct analysis *analysis) {
    for (size_t i = 0; i < analysis->resources->gateways.count; i++)
        check_gateway(analysis, analysis->resources->gateways.items[i]);
}
