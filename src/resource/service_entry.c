#include "resource/service_entry.h"

#include "resource/object_decode.h"
#include "resource/protocol_class.h"
#include "resource/service_entry_check.h"

static const struct enum_name locations[] = {
    {"MESH_EXTERNAL", SERVICE_ENTRY_MESH_EXTERNAL},
    {"MESH_INTERNAL", SERVICE_ENTRY_MESH_INTERNAL},
};

static const struct enum_name resolutions[] = {
    {"NONE", SERVICE_ENTRY_NONE},
    {"STATIC", SERVICE_ENTRY_STATIC},
    {"DNS", SERVICE_ENTRY_DNS},
    {"DNS_ROUND_ROBIN", SERVICE_ENTRY_DNS_ROUND_ROBIN},
    {"DYNAMIC_DNS", SERVICE_ENTRY_DYNAMIC_DNS},
};

static void decode_location(struct decoder *decoder, const struct node *node, void *target) {
    struct service_entry *entry = target;
    int value;
    if (DECODE_ENUM(decoder, node, locations, &value))
        entry->location = (enum service_entry_location)value;
}

static void decode_resolution(struct decoder *decoder, const struct node *node, void *target) {
    struct service_entry *entry = target;
    int value;
    entry->resolution_position = node->position;
    if (DECODE_ENUM(decoder, node, resolutions, &value))
        entry->resolution = (enum service_entry_resolution)value;
}

static void decode_port(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("number", struct service_entry_port, number, 1, 65535),
        FIELD_AT("name", FIELD_STRING, struct service_entry_port, name),
        FIELD_AT("protocol", FIELD_STRING, struct service_entry_port, protocol),
        FIELD_NUMBER_AT("targetPort", struct service_entry_port, target_port, 1, 65535),
    };
    struct service_entry_port *port = target;
    port->position = node->position;
    DECODE_MAPPING(decoder, node, fields, port);
    if (!node_is_mapping(node))
        return;
    if (!port->number.is_set)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set number", "the port has no number");
    if (port->protocol.text.size > 0 && protocol_class_of(port->protocol.text) == PROTOCOL_CLASS_UNKNOWN)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, port->protocol.position, "use HTTP, HTTPS, HTTP2, GRPC, TLS or TCP",
                     "the protocol '%.*s' is not known", SPAN_ARGUMENTS(port->protocol.text));
}

static void decode_ports(struct decoder *decoder, const struct node *node, void *target) {
    struct service_entry *entry = target;
    entry->ports = decode_items(decoder, node, sizeof(struct service_entry_port), decode_port, &entry->port_count);
}

static void decode_endpoint_ports(struct decoder *decoder, const struct node *node, void *target) {
    struct service_entry_endpoint *endpoint = target;
    if (!node_is_mapping(node)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write 'port name: number' lines",
                     "a mapping is expected here, not %s", node_type_name(node));
        return;
    }
    endpoint->ports = arena_new_array(decoder->arena, struct service_entry_endpoint_port, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_field *field = &node->fields[i];
        struct located_number number = {0};
        decode_number(decoder, field->value, 1, 65535, &number);
        if (number.is_set)
            endpoint->ports[endpoint->port_count++] =
                (struct service_entry_endpoint_port){{field->key, field->key_position}, (uint32_t)number.value};
    }
}

static const struct field endpoint_fields[] = {
    FIELD_AT("address", FIELD_STRING, struct service_entry_endpoint, address),
    FIELD_CALL_WHOLE("ports", decode_endpoint_ports),
    FIELD_AT("labels", FIELD_LABELS, struct service_entry_endpoint, labels),
    FIELD_NUMBER_AT("weight", struct service_entry_endpoint, weight, 0, UINT32_MAX),
    FIELD_AT("network", FIELD_STRING, struct service_entry_endpoint, network),
    FIELD_AT("locality", FIELD_STRING, struct service_entry_endpoint, locality),
    FIELD_AT("serviceAccount", FIELD_STRING, struct service_entry_endpoint, service_account),
};

static void decode_endpoint(struct decoder *decoder, const struct node *node, void *target) {
    struct service_entry_endpoint *endpoint = target;
    endpoint->position = node->position;
    DECODE_MAPPING(decoder, node, endpoint_fields, endpoint);
}

static void decode_endpoints(struct decoder *decoder, const struct node *node, void *target) {
    struct service_entry *entry = target;
    entry->endpoints =
        decode_items(decoder, node, sizeof(struct service_entry_endpoint), decode_endpoint, &entry->endpoint_count);
}

static void decode_workload_selector(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("labels", FIELD_LABELS, struct service_entry, workload_selector),
    };
    struct service_entry *entry = target;
    entry->has_workload_selector = true;
    entry->workload_selector_position = node->position;
    DECODE_MAPPING(decoder, node, fields, entry);
}

struct object_meta *service_entry_decode(struct decoder *decoder, const struct object_meta *meta,
                                         const struct node *root) {
    static const struct field fields[] = {
        FIELD_AT("hosts", FIELD_STRINGS, struct service_entry, hosts),
        FIELD_AT("addresses", FIELD_STRINGS, struct service_entry, addresses),
        FIELD_CALL_WHOLE("ports", decode_ports),
        FIELD_CALL_WHOLE("location", decode_location),
        FIELD_CALL_WHOLE("resolution", decode_resolution),
        FIELD_CALL_WHOLE("endpoints", decode_endpoints),
        FIELD_CALL_WHOLE("workloadSelector", decode_workload_selector),
        FIELD_AT("exportTo", FIELD_STRINGS, struct service_entry, export_to),
        FIELD_AT("subjectAltNames", FIELD_STRINGS, struct service_entry, subject_alt_names),
    };
    struct service_entry *entry = arena_new(decoder->arena, struct service_entry);
    entry->meta = *meta;
    decoder->unsupported = &entry->meta.unsupported;
    object_decode_spec(decoder, root, fields, ARRAY_SIZE(fields), entry);
    service_entry_check(decoder, entry);
    return &entry->meta;
}

struct object_meta *workload_entry_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    struct workload_entry *entry = arena_new(decoder->arena, struct workload_entry);
    entry->meta = *meta;
    decoder->unsupported = &entry->meta.unsupported;
    object_decode_spec(decoder, root, endpoint_fields, ARRAY_SIZE(endpoint_fields), &entry->endpoint);
    entry->endpoint.position = meta->position;
    /* Labels of the spec count; those of the metadata where it has none. Source: Istio's convertWorkloadEntry. */
    if (entry->endpoint.labels.count == 0)
        entry->endpoint.labels = meta->labels;
    workload_entry_check(decoder, entry);
    return &entry->meta;
}
