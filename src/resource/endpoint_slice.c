#include "resource/endpoint_slice.h"

#include "resource/object_decode.h"

static const struct enum_name address_types[] = {
    {"IPv4", ENDPOINT_ADDRESS_IPV4},
    {"IPv6", ENDPOINT_ADDRESS_IPV6},
    {"FQDN", ENDPOINT_ADDRESS_FQDN},
};

/* --- What both kinds share --- */

static void decode_port_number(struct decoder *decoder, const struct node *node, void *target) {
    struct endpoint_port *port = target;
    struct located_number number = {0};
    decode_number(decoder, node, 1, 65535, &number);
    port->number = (uint32_t)number.value;
}

static void decode_port(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("name", FIELD_STRING, struct endpoint_port, name),
        FIELD_CALL_WHOLE("port", decode_port_number),
        FIELD_AT("protocol", FIELD_STRING, struct endpoint_port, protocol),
        FIELD_AT("appProtocol", FIELD_STRING, struct endpoint_port, app_protocol),
    };
    struct endpoint_port *port = target;
    port->position = node->position;
    port->protocol.text = SPAN_LITERAL("TCP");
    DECODE_MAPPING(decoder, node, fields, port);
}

static void decode_ports(struct decoder *decoder, const struct node *node, void *target) {
    struct endpoint_group *group = target;
    group->ports = decode_items(decoder, node, sizeof(struct endpoint_port), decode_port, &group->port_count);
}

static void decode_span(struct decoder *decoder, const struct node *node, void *target) {
    struct located text;
    if (decode_string(decoder, node, &text))
        *(struct span *)target = text.text;
}

static void decode_target_ref(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("kind", decode_span, struct slice_endpoint, target_ref_kind),
        FIELD_CALL_AT("namespace", decode_span, struct slice_endpoint, target_ref_namespace),
        FIELD_CALL_AT("name", decode_span, struct slice_endpoint, target_ref_name),
        FIELD_OF_TYPE("uid", FIELD_IGNORED),
        FIELD_OF_TYPE("apiVersion", FIELD_IGNORED),
        FIELD_OF_TYPE("fieldPath", FIELD_IGNORED),
        FIELD_OF_TYPE("resourceVersion", FIELD_IGNORED),
    };
    struct slice_endpoint *endpoint = target;
    endpoint->has_target_ref = true;
    DECODE_MAPPING(decoder, node, fields, endpoint);
}

/* --- EndpointSlice --- */

struct conditions {
    struct located_flag ready;
    struct located_flag serving;
    struct located_flag terminating;
};

static void decode_conditions(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("ready", FIELD_FLAG, struct conditions, ready),
        FIELD_AT("serving", FIELD_FLAG, struct conditions, serving),
        FIELD_AT("terminating", FIELD_FLAG, struct conditions, terminating),
    };
    struct conditions conditions = {0};
    struct slice_endpoint *endpoint = target;
    DECODE_MAPPING(decoder, node, fields, &conditions);
    endpoint->ready = !conditions.ready.is_set || conditions.ready.value;
    endpoint->serving = conditions.serving.is_set ? conditions.serving.value : endpoint->ready;
    endpoint->terminating = conditions.terminating.value;
}

static void decode_slice_endpoint(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("addresses", FIELD_STRINGS, struct slice_endpoint, addresses),
        FIELD_CALL_WHOLE("conditions", decode_conditions),
        FIELD_CALL_WHOLE("targetRef", decode_target_ref),
        FIELD_CALL_AT("nodeName", decode_span, struct slice_endpoint, node_name),
        FIELD_CALL_AT("zone", decode_span, struct slice_endpoint, zone),
        FIELD_CALL_AT("hostname", decode_span, struct slice_endpoint, hostname),
        FIELD_OF_TYPE("hints", FIELD_IGNORED),
        FIELD_OF_TYPE("deprecatedTopology", FIELD_IGNORED),
        FIELD_OF_TYPE("topology", FIELD_IGNORED),
    };
    struct slice_endpoint *endpoint = target;
    endpoint->position = node->position;
    endpoint->ready = true;
    endpoint->serving = true;
    DECODE_MAPPING(decoder, node, fields, endpoint);
    if (node_is_mapping(node) && endpoint->addresses.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add addresses", "the endpoint has no address");
}

static void decode_slice_endpoints(struct decoder *decoder, const struct node *node, void *target) {
    struct endpoint_group *group = target;
    group->endpoints =
        decode_items(decoder, node, sizeof(struct slice_endpoint), decode_slice_endpoint, &group->endpoint_count);
}

static void decode_address_type(struct decoder *decoder, const struct node *node, void *target) {
    int value;
    if (DECODE_ENUM(decoder, node, address_types, &value))
        *(enum endpoint_address_type *)target = (enum endpoint_address_type)value;
}

struct slice_target {
    struct endpoint_group group;
    enum endpoint_address_type address_type;
};

struct object_meta *endpoint_slice_decode(struct decoder *decoder, const struct object_meta *meta,
                                          const struct node *root) {
    static const struct field fields[] = {
        FIELD_OF_TYPE("apiVersion", FIELD_IGNORED),
        FIELD_OF_TYPE("kind", FIELD_IGNORED),
        FIELD_OF_TYPE("metadata", FIELD_IGNORED),
        FIELD_CALL_AT("addressType", decode_address_type, struct slice_target, address_type),
        FIELD_CALL_AT("ports", decode_ports, struct slice_target, group),
        FIELD_CALL_AT("endpoints", decode_slice_endpoints, struct slice_target, group),
    };
    struct slice_target parsed = {.address_type = ENDPOINT_ADDRESS_IPV4};
    struct endpoint_slice *slice = arena_new(decoder->arena, struct endpoint_slice);
    slice->meta = *meta;
    DECODE_MAPPING(decoder, root, fields, &parsed);
    slice->address_type = parsed.address_type;
    slice->groups = arena_new(decoder->arena, struct endpoint_group);
    slice->groups[0] = parsed.group;
    slice->group_count = 1;
    if (!label_set_get(&meta->labels, SPAN_LITERAL("kubernetes.io/service-name"), &slice->service_name))
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, meta->name_position,
                       "add the label kubernetes.io/service-name with the Service's name",
                       "the EndpointSlice belongs to no Service");
    return &slice->meta;
}

/* --- Endpoints --- */

struct subset {
    struct endpoint_group group; /* endpoints: the ready ones */
    struct slice_endpoint *not_ready;
    size_t not_ready_count;
};

static void decode_address_ip(struct decoder *decoder, const struct node *node, void *target) {
    struct slice_endpoint *endpoint = target;
    endpoint->addresses.items = arena_new(decoder->arena, struct located);
    endpoint->addresses.count = decode_string(decoder, node, endpoint->addresses.items);
}

static void decode_address(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("ip", decode_address_ip),
        FIELD_CALL_AT("hostname", decode_span, struct slice_endpoint, hostname),
        FIELD_CALL_AT("nodeName", decode_span, struct slice_endpoint, node_name),
        FIELD_CALL_WHOLE("targetRef", decode_target_ref),
    };
    struct slice_endpoint *endpoint = target;
    endpoint->position = node->position;
    endpoint->ready = true;
    endpoint->serving = true;
    DECODE_MAPPING(decoder, node, fields, endpoint);
    if (node_is_mapping(node) && endpoint->addresses.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set ip", "the address has no ip");
}

static void decode_ready(struct decoder *decoder, const struct node *node, void *target) {
    struct subset *subset = target;
    subset->group.endpoints =
        decode_items(decoder, node, sizeof(struct slice_endpoint), decode_address, &subset->group.endpoint_count);
}

static void decode_not_ready(struct decoder *decoder, const struct node *node, void *target) {
    struct subset *subset = target;
    subset->not_ready =
        decode_items(decoder, node, sizeof(struct slice_endpoint), decode_address, &subset->not_ready_count);
}

static void decode_subset(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("addresses", decode_ready),
        FIELD_CALL_WHOLE("notReadyAddresses", decode_not_ready),
        FIELD_CALL_AT("ports", decode_ports, struct subset, group),
    };
    struct subset subset = {.not_ready = NULL};
    DECODE_MAPPING(decoder, node, fields, &subset);
    size_t count = subset.group.endpoint_count + subset.not_ready_count;
    struct slice_endpoint *all = arena_new_array(decoder->arena, struct slice_endpoint, count);
    for (size_t i = 0; i < subset.group.endpoint_count; i++)
        all[i] = subset.group.endpoints[i];
    for (size_t i = 0; i < subset.not_ready_count; i++) {
        struct slice_endpoint *endpoint = &all[subset.group.endpoint_count + i];
        *endpoint = subset.not_ready[i];
        endpoint->ready = false;
        endpoint->serving = false;
    }
    subset.group.endpoints = all;
    subset.group.endpoint_count = count;
    *(struct endpoint_group *)target = subset.group;
}

static void decode_subsets(struct decoder *decoder, const struct node *node, void *target) {
    struct endpoint_slice *slice = target;
    slice->groups = decode_items(decoder, node, sizeof(struct endpoint_group), decode_subset, &slice->group_count);
}

struct object_meta *endpoints_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    static const struct field fields[] = {
        FIELD_OF_TYPE("apiVersion", FIELD_IGNORED),
        FIELD_OF_TYPE("kind", FIELD_IGNORED),
        FIELD_OF_TYPE("metadata", FIELD_IGNORED),
        FIELD_CALL_WHOLE("subsets", decode_subsets),
    };
    struct endpoint_slice *slice = arena_new(decoder->arena, struct endpoint_slice);
    slice->meta = *meta;
    slice->service_name = meta->name;
    DECODE_MAPPING(decoder, root, fields, slice);
    return &slice->meta;
}
