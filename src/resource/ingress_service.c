#include "resource/ingress_service.h"

#include "base/assert.h"
#include "resource/object_decode.h"
#include "resource/overlay.h"
#include "resource/service.h"

struct default_port {
    const char *name;
    const char *port;
    const char *target_port;
};

/* The order counts: of two ports with one target and protocol, the first is the one that is served. */
static const struct default_port default_ports[] = {
    {"status-port", "15021", "15021"}, {"http2", "80", "8080"},  {"https", "443", "8443"},
    {"tcp", "31400", "31400"},         {"tls", "15443", "15443"},
};
#define DEFAULT_PORTS 3

static void set_text(struct arena *arena, struct node *mapping, const char *key, struct span text,
                     struct position position) {
    node_set(arena, mapping, span_of(key), node_new_string(arena, text, position));
}

static struct node *render_labels(struct arena *arena, struct label_set labels, struct position position) {
    struct node *mapping = node_new_mapping(arena, position);
    for (size_t i = 0; i < labels.count; i++)
        node_set(arena, mapping, labels.items[i].key, node_new_string(arena, labels.items[i].value, position));
    return mapping;
}

static struct node *render_ports(struct arena *arena, const struct ingress_service_input *input) {
    const struct node *values = node_get_present(input->values, "ports");
    const struct node *ports = node_get_present(input->service, "ports");
    if (ports == NULL)
        ports = values;
    if (ports != NULL)
        return node_copy(arena, ports);
    struct node *list = node_new_sequence(arena, input->position);
    size_t count = input->has_demo_ports ? ARRAY_SIZE(default_ports) : DEFAULT_PORTS;
    for (size_t i = 0; i < count; i++) {
        struct node *port = node_new_mapping(arena, input->position);
        set_text(arena, port, "name", span_of(default_ports[i].name), input->position);
        node_set(arena, port, SPAN_LITERAL("port"),
                 node_new_plain(arena, span_of(default_ports[i].port), input->position));
        node_set(arena, port, SPAN_LITERAL("targetPort"),
                 node_new_plain(arena, span_of(default_ports[i].target_port), input->position));
        set_text(arena, port, "protocol", SPAN_LITERAL("TCP"), input->position);
        node_append(arena, list, port);
    }
    return list;
}

static struct node *render_spec(struct arena *arena, const struct ingress_service_input *input) {
    struct node *spec = node_new_mapping(arena, input->position);
    struct span type = SPAN_LITERAL("LoadBalancer");
    const struct node *values_type = node_get_present(input->values, "type");
    if (values_type == NULL || !node_as_string(values_type, &type))
        type = SPAN_LITERAL("LoadBalancer");
    set_text(arena, spec, "type", type, values_type == NULL ? input->position : values_type->position);
    node_set(arena, spec, SPAN_LITERAL("selector"), render_labels(arena, input->labels, input->position));
    if (node_is_mapping(input->service))
        spec = node_merge(arena, spec, input->service);
    node_set(arena, spec, SPAN_LITERAL("ports"), render_ports(arena, input));
    return spec;
}

static struct node *render_metadata(struct arena *arena, const struct ingress_service_input *input) {
    struct node *metadata = node_new_mapping(arena, input->position);
    set_text(arena, metadata, "name", input->name, input->position);
    set_text(arena, metadata, "namespace", input->namespace, input->position);
    node_set(arena, metadata, SPAN_LITERAL("labels"), render_labels(arena, input->labels, input->position));
    const struct node *annotations = node_get_present(input->values, "serviceAnnotations");
    if (node_is_mapping(annotations))
        node_set(arena, metadata, SPAN_LITERAL("annotations"), node_copy(arena, annotations));
    if (node_is_mapping(input->annotations)) {
        const struct node *under = node_get(metadata, SPAN_LITERAL("annotations"));
        node_set(arena, metadata, SPAN_LITERAL("annotations"),
                 under == NULL ? node_copy(arena, input->annotations) : node_merge(arena, under, input->annotations));
    }
    return metadata;
}

struct service *ingress_service_render(struct decoder *decoder, const struct ingress_service_input *input) {
    struct arena *arena = decoder->arena;
    struct node *root = node_new_mapping(arena, input->position);
    set_text(arena, root, "apiVersion", SPAN_LITERAL("v1"), input->position);
    set_text(arena, root, "kind", SPAN_LITERAL("Service"), input->position);
    node_set(arena, root, SPAN_LITERAL("metadata"), render_metadata(arena, input));
    node_set(arena, root, SPAN_LITERAL("spec"), render_spec(arena, input));
    if (input->overlays != NULL)
        overlay_apply_all(decoder, input->overlays, SPAN_LITERAL("Service"), input->name, root);
    struct span title = decoder->title;
    struct object_meta meta = {.resource_kind = RESOURCE_SERVICE};
    object_meta_decode(decoder, root, true, &meta);
    meta.assumed = true;
    /* Mistakes stand in the operator's text, so they are spoken of as the operator's. */
    decoder->title = title;
    bool failed_before = decoder->failed;
    decoder->failed = false;
    struct unsupported_list *unsupported = decoder->unsupported;
    struct object_meta *object = service_decode(decoder, &meta, root);
    decoder->unsupported = unsupported;
    object->invalid = decoder->failed;
    decoder->failed = decoder->failed || failed_before;
    return CONTAINER_OF(object, struct service, meta);
}

struct label_set ingress_service_labels(struct decoder *decoder, const struct node *over) {
    struct label_set labels = {0};
    struct arena *arena = decoder->arena;
    struct node *mapping = node_new_mapping(arena, POSITION_NONE);
    set_text(arena, mapping, "app", SPAN_LITERAL("istio-ingressgateway"), POSITION_NONE);
    set_text(arena, mapping, "istio", SPAN_LITERAL("ingressgateway"), POSITION_NONE);
    decode_labels(decoder, node_is_mapping(over) ? node_merge(arena, mapping, over) : mapping, &labels);
    return labels;
}
