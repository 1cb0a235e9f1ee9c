#include "compile/ports.h"

#include "compile/compiler.h"

#define TRANSLATION_LABEL SPAN_LITERAL("experimental.istio.io/disable-gateway-port-translation")

struct service_list {
    const struct service **items;
    size_t count;
    size_t capacity;
};

static int compare_services(const void *left, const void *right) {
    const struct service *a = *(const struct service *const *)left;
    const struct service *b = *(const struct service *const *)right;
    if (a->meta.creation_time_s != b->meta.creation_time_s)
        return a->meta.creation_time_s < b->meta.creation_time_s ? -1 : 1;
    int order = span_compare(a->meta.name, b->meta.name);
    return order != 0 ? order : span_compare(a->meta.namespace, b->meta.namespace);
}

static bool selects_gateway(const struct compiler *compiler, const struct service *service) {
    return !service->meta.invalid && service->has_selector && service->selector.count > 0 &&
           span_equal(service->meta.namespace, compiler->gateway_namespace) &&
           label_set_contains(&compiler->gateway_labels, &service->selector);
}

/* The Service that the installer renders counts unless the input holds the real one; the default profile's only where nothing else does. */
static void find_services(struct compiler *compiler, struct service_list *services) {
    const struct resource_set *resources = compiler->resources;
    for (size_t i = 0; i < resources->services.count; i++)
        if (selects_gateway(compiler, resources->services.items[i]))
            ARRAY_APPEND(&compiler->scratch, services, resources->services.items[i]);
    const struct service *rendered = compiler->gateway->service;
    if (resource_set_find_service(resources, compiler->gateway_namespace, rendered->meta.name) != NULL ||
        (compiler->gateway->assumed && services->count > 0))
        return;
    if (compiler->gateway->assumed)
        compiler_report(compiler, DIAGNOSTIC_INFO, DIAGNOSTIC_GATEWAY_SERVICE, compiler->gateway->position, &rendered->meta,
                        "add the Service of the ingress gateway to the input if its ports are others",
                        "no Service selects the ingress gateway's labels; the one of Istio's default profile is assumed");
    ARRAY_APPEND(&compiler->scratch, services, rendered);
}

static const struct service_target *find_twin(const struct service_target_list *targets,
                                              const struct service_target *target) {
    for (size_t i = 0; i < targets->count; i++) {
        const struct service_target *other = &targets->items[i];
        if (other->service == target->service && other->target_port == target->target_port &&
            other->protocol == target->protocol)
            return other;
    }
    return NULL;
}

/* A container port's name, looked up in the Pods that the Service selects, the oldest first. */
static uint32_t find_named_port(const struct compiler *compiler, const struct service *service, const struct service_port *port) {
    const struct pod *best = NULL;
    uint32_t number = 0;
    for (size_t i = 0; i < compiler->resources->pods.count; i++) {
        const struct pod *pod = compiler->resources->pods.items[i];
        uint32_t found = pod_find_port(pod, port->target_port_name.text, port->protocol.text);
        if (found == 0 || !span_equal(pod->meta.namespace, compiler->gateway_namespace) ||
            !label_set_contains(&pod->meta.labels, &service->selector) ||
            (best != NULL && object_meta_compare_age(&pod->meta, &best->meta) >= 0))
            continue;
        best = pod;
        number = found;
    }
    return number;
}

static void add_port(struct compiler *compiler, const struct service *service, const struct service_port *port) {
    struct service_target_list *targets = &compiler->service_targets;
    if (port->protocol.text.size > 0 && !span_equal(port->protocol.text, SPAN_LITERAL("TCP")))
        return;
    uint32_t target_port = port->target_port != 0 ? port->target_port : find_named_port(compiler, service, port);
    if (target_port == 0 || target_port > UINT16_MAX || port->number == 0 || port->number > UINT16_MAX) {
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_GATEWAY_PORT, port->position, &service->meta,
                        "write the container port's number, or add the gateway's Pod to the input",
                        "targetPort \"%.*s\" of port %u names a container port that no Pod of the gateway in the input has; "
                        "the port is left out",
                        SPAN_ARGUMENTS(port->target_port_name.text), port->number);
        return;
    }
    struct span value;
    struct service_target target = {
        .service = service,
        .service_port = (uint16_t)port->number,
        .target_port = (uint16_t)target_port,
        .protocol = protocol_of_service_port(port),
        .translates = !label_set_get(&service->meta.labels, TRANSLATION_LABEL, &value),
    };
    const struct service_target *twin = find_twin(targets, &target);
    if (twin == NULL) {
        ARRAY_APPEND(&compiler->scratch, targets, target);
        return;
    }
    struct forgotten_port forgotten = {service, target.service_port, twin->service_port, target.target_port};
    ARRAY_APPEND(&compiler->scratch, &targets->forgotten, forgotten);
}

void compile_ports(struct compiler *compiler) {
    struct service_list services = {0};
    find_services(compiler, &services);
    array_sort(services.items, services.count, sizeof(services.items[0]), compare_services);
    for (size_t i = 0; i < services.count; i++)
        for (size_t port = 0; port < services.items[i]->port_count; port++)
            add_port(compiler, services.items[i], &services.items[i]->ports[port]);
}

uint16_t service_targets_resolve(const struct service_target_list *targets, uint16_t number) {
    for (size_t i = 0; i < targets->count; i++)
        if (targets->items[i].translates && targets->items[i].service_port == number)
            return targets->items[i].target_port;
    return number;
}

const struct forgotten_port *service_targets_find_forgotten(const struct service_target_list *targets, uint16_t number) {
    for (size_t i = 0; i < targets->count; i++)
        if (targets->items[i].translates && targets->items[i].service_port == number)
            return NULL;
    for (size_t i = 0; i < targets->forgotten.count; i++)
        if (targets->forgotten.items[i].service_port == number)
            return &targets->forgotten.items[i];
    return NULL;
}
