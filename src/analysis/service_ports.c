/* Ports of Services that do not say their protocol: Istio would have to guess it. */
#include "analysis/analysis.h"
#include "compile/protocol.h"

/* Those of Istio itself, and those that it makes for Gateways of the Gateway API. */
static bool is_istios_own(const struct service *service) {
    static const char *const managers[] = {"istio.io-gateway-controller", "istio.io-mesh-controller", "istio.io-eastwest-controller"};
    const struct label_set *labels = &service->meta.labels;
    struct span value;
    if (label_set_get(labels, SPAN_LITERAL("istio"), &value))
        return true;
    if (label_set_get(labels, SPAN_LITERAL("release"), &value) && span_equal(value, SPAN_LITERAL("istio")))
        return true;
    if (!label_set_get(labels, SPAN_LITERAL("gateway.istio.io/managed"), &value))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(managers); i++)
        if (span_equal(value, span_of(managers[i])))
            return true;
    return false;
}

static void check_port(struct analysis *analysis, const struct service *service, const struct service_port *port) {
    bool is_external_name = service->type == SERVICE_EXTERNAL_NAME;
    bool is_known = protocol_of_service_port(port) != PROTOCOL_UNSUPPORTED;
    if (is_external_name && (!is_known || span_equal(port->name.text, SPAN_LITERAL("tcp"))))
        message_add(&analysis->messages, MESSAGE_EXTERNAL_NAME_PORT, &service->meta, port->number_position,
                    "Port name for ExternalName service is invalid. Proxy may prevent tcp named ports and unmatched traffic for ports serving "
                    "TCP protocol from being forwarded correctly");
    if (is_external_name || is_known)
        return;
    struct span target = port->target_port_name.text;
    if (target.size == 0)
        target = arena_print(&analysis->arena, "%u", port->target_port);
    message_add(&analysis->messages, MESSAGE_PORT_NAME, &service->meta, port->number_position,
                "Port name %.*s (port: %u, targetPort: %.*s) doesn't follow the naming convention of Istio port.", SPAN_ARGUMENTS(port->name.text),
                port->number, SPAN_ARGUMENTS(target));
}

void analyze_service_ports(struct analysis *analysis) {
    for (size_t i = 0; i < analysis->resources->services.count; i++) {
        const struct service *service = analysis->resources->services.items[i];
        if (is_istios_own(service))
            continue;
        for (size_t port = 0; port < service->port_count; port++)
            check_port(analysis, service, &service->ports[port]);
    }
}
