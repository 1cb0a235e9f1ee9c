#include "resource/pod.h"

#include "resource/object_decode.h"

static struct span text_at(const struct node *node, const char *key) {
    struct span text;
    return node_as_string(node_get_present(node, key), &text) ? text : SPAN_EMPTY;
}

static void add_port(struct pod *pod, const struct node *node) {
    int64_t value = 0;
    struct container_port port = {.name = text_at(node, "name"), .protocol = text_at(node, "protocol")};
    if (port.protocol.size == 0)
        port.protocol = SPAN_LITERAL("TCP");
    if (port.name.size == 0 || !node_as_integer(node_get_present(node, "containerPort"), &value) || value <= 0 || value > UINT16_MAX)
        return;
    port.number = (uint32_t)value;
    pod->ports[pod->port_count++] = port;
}

static size_t port_count_of(const struct node *container) {
    const struct node *ports = node_get_present(container, "ports");
    return node_is_sequence(ports) ? ports->count : 0;
}

static void add_containers(struct decoder *decoder, struct pod *pod, const struct node *containers, bool only_sidecars) {
    size_t count = pod->port_count;
    if (!node_is_sequence(containers))
        return;
    for (uint32_t i = 0; i < containers->count; i++)
        count += port_count_of(containers->items[i]);
    struct container_port *ports = arena_new_array(decoder->arena, struct container_port, count);
    for (size_t i = 0; i < pod->port_count; i++)
        ports[i] = pod->ports[i];
    pod->ports = ports;
    for (uint32_t i = 0; i < containers->count; i++) {
        const struct node *container = containers->items[i];
        if (only_sidecars && !span_equal(text_at(container, "restartPolicy"), SPAN_LITERAL("Always")))
            continue;
        for (uint32_t port = 0; port < port_count_of(container); port++)
            add_port(pod, node_get_present(container, "ports")->items[port]);
    }
}

static bool is_ready(const struct node *status) {
    struct span phase = text_at(status, "phase");
    const struct node *conditions = node_get_present(status, "conditions");
    if (span_equal(phase, SPAN_LITERAL("Succeeded")) || span_equal(phase, SPAN_LITERAL("Failed")))
        return false;
    for (uint32_t i = 0; node_is_sequence(conditions) && i < conditions->count; i++)
        if (span_equal(text_at(conditions->items[i], "type"), SPAN_LITERAL("Ready")) &&
            span_equal(text_at(conditions->items[i], "status"), SPAN_LITERAL("False")))
            return false;
    return true;
}

/* Pods are written by Kubernetes: what has an unlooked-for shape is left out, not diagnosed. */
struct object_meta *pod_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    struct pod *pod = arena_new(decoder->arena, struct pod);
    const struct node *spec = node_get_present(root, "spec");
    const struct node *status = node_get_present(root, "status");
    const struct node *address = node_get_present(status, "podIP");
    pod->meta = *meta;
    pod->service_account = text_at(spec, "serviceAccountName");
    if (pod->service_account.size == 0)
        pod->service_account = SPAN_LITERAL("default");
    add_containers(decoder, pod, node_get_present(spec, "containers"), false);
    add_containers(decoder, pod, node_get_present(spec, "initContainers"), true);
    if (address != NULL)
        pod->address = (struct located){text_at(status, "podIP"), address->position};
    pod->ready = is_ready(status);
    return &pod->meta;
}

uint32_t pod_find_port(const struct pod *pod, struct span name, struct span protocol) {
    for (size_t i = 0; i < pod->port_count; i++)
        if (span_equal(pod->ports[i].name, name) && span_equal(pod->ports[i].protocol, protocol))
            return pod->ports[i].number;
    return 0;
}

struct object_meta *namespace_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root) {
    (void)root;
    struct namespace_object *object = arena_new(decoder->arena, struct namespace_object);
    object->meta = *meta;
    return &object->meta;
}
