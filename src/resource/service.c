#include "resource/service.h"

#include "resource/object_decode.h"

static const struct enum_name types[] = {
    {"ClusterIP", SERVICE_CLUSTER_IP},
    {"NodePort", SERVICE_NODE_PORT},
    {"LoadBalancer", SERVICE_LOAD_BALANCER},
    {"ExternalName", SERVICE_EXTERNAL_NAME},
};

static void decode_type(struct decoder *decoder, const struct node *node, void *target) {
    struct service *service = target;
    int value;
    if (DECODE_ENUM(decoder, node, types, &value))
        service->type = (enum service_type)value;
}

static void decode_selector(struct decoder *decoder, const struct node *node, void *target) {
    struct service *service = target;
    decode_labels(decoder, node, &service->selector);
    service->has_selector = service->selector.count > 0;
}

static void decode_target_port(struct decoder *decoder, const struct node *node, void *target) {
    struct service_port *port = target;
    struct span text;
    if (node_as_string(node, &text)) {
        port->target_port_name = (struct located){text, node->position};
        return;
    }
    struct located_number number = {0};
    decode_number(decoder, node, 0, 65535, &number);
    port->target_port = (uint32_t)number.value;
}

static void decode_port_number(struct decoder *decoder, const struct node *node, void *target) {
    struct service_port *port = target;
    struct located_number number = {0};
    port->number_position = node->position;
    decode_number(decoder, node, 1, 65535, &number);
    port->number = (uint32_t)number.value;
}

static void decode_node_port(struct decoder *decoder, const struct node *node, void *target) {
    struct service_port *port = target;
    struct located_number number = {0};
    decode_number(decoder, node, 0, 65535, &number);
    port->node_port = (uint32_t)number.value;
}

static const struct field port_fields[] = {
    FIELD_AT("name", FIELD_STRING, struct service_port, name),
    FIELD_CALL_WHOLE("port", decode_port_number),
    FIELD_AT("protocol", FIELD_STRING, struct service_port, protocol),
    FIELD_CALL_WHOLE("targetPort", decode_target_port),
    FIELD_AT("appProtocol", FIELD_STRING, struct service_port, app_protocol),
    FIELD_CALL_WHOLE("nodePort", decode_node_port),
};

static void decode_port(struct decoder *decoder, const struct node *node, void *target) {
    struct service_port *port = target;
    port->position = node->position;
    DECODE_MAPPING(decoder, node, port_fields, port);
    if (!node_is_mapping(node))
        return;
    if (node_get_present(node, "port") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set port", "the port has no number");
    if (port->protocol.text.size == 0)
        port->protocol.text = SPAN_LITERAL("TCP");
    if (port->target_port == 0 && port->target_port_name.text.size == 0)
        port->target_port = port->number;
}

static void decode_ports(struct decoder *decoder, const struct node *node, void *target) {
    struct service *service = target;
    service->ports = decode_items(decoder, node, sizeof(struct service_port), decode_port, &service->port_count);
}

static const struct field spec_fields[] = {
    FIELD_CALL_WHOLE("type", decode_type),
    FIELD_AT("externalName", FIELD_STRING, struct service, external_name),
    FIELD_AT("clusterIP", FIELD_STRING, struct service, cluster_ip),
    FIELD_CALL_WHOLE("selector", decode_selector),
    FIELD_CALL_WHOLE("ports", decode_ports),
    FIELD_OF_TYPE("clusterIPs", FIELD_IGNORED),
    FIELD_OF_TYPE("externalIPs", FIELD_IGNORED),
    FIELD_OF_TYPE("sessionAffinity", FIELD_IGNORED),
    FIELD_OF_TYPE("sessionAffinityConfig", FIELD_IGNORED),
    FIELD_OF_TYPE("loadBalancerIP", FIELD_IGNORED),
    FIELD_OF_TYPE("loadBalancerSourceRanges", FIELD_IGNORED),
    FIELD_OF_TYPE("loadBalancerClass", FIELD_IGNORED),
    FIELD_OF_TYPE("externalTrafficPolicy", FIELD_IGNORED),
    FIELD_OF_TYPE("internalTrafficPolicy", FIELD_IGNORED),
    FIELD_OF_TYPE("healthCheckNodePort", FIELD_IGNORED),
    FIELD_OF_TYPE("publishNotReadyAddresses", FIELD_IGNORED),
    FIELD_OF_TYPE("ipFamilies", FIELD_IGNORED),
    FIELD_OF_TYPE("ipFamilyPolicy", FIELD_IGNORED),
    FIELD_OF_TYPE("allocateLoadBalancerNodePorts", FIELD_IGNORED),
    FIELD_OF_TYPE("trafficDistribution", FIELD_IGNORED),
};

static void split_export_to(struct decoder *decoder, struct service *service) {
    struct span rest;
    struct span part;
    size_t count = 1;
    if (!label_set_get(&service->meta.annotations, SPAN_LITERAL("networking.istio.io/exportTo"), &rest))
        return;
    for (size_t i = 0; i < rest.size; i++)
        count += rest.data[i] == ',';
    service->export_to.items = arena_new_array(decoder->arena, struct located, count);
    service->export_to.position = service->meta.position;
    while (span_split(&rest, ',', &part)) {
        part = span_trim(part);
        if (part.size > 0)
            service->export_to.items[service->export_to.count++] = (struct located){part, service->meta.position};
    }
}

struct object_meta *service_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    struct service *service = arena_new(decoder->arena, struct service);
    service->meta = *meta;
    decoder->unsupported = &service->meta.unsupported;
    object_decode_spec(decoder, root, spec_fields, ARRAY_SIZE(spec_fields), service);
    split_export_to(decoder, service);
    if (!decoder->failed && service->type == SERVICE_EXTERNAL_NAME && service->external_name.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, meta->position, "set spec.externalName",
                     "a Service of type ExternalName needs an externalName");
    return &service->meta;
}
