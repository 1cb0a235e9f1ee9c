#include "resource/istio_operator.h"

#include "resource/embedded_yaml.h"
#include <stddef.h>

#include "resource/ingress_service.h"
#include "resource/object_decode.h"

/* What all entries of one operator share while they are decoded. */
struct operator_decoding {
    struct istio_operator *operator;
    const struct node *values;    /* spec.values and spec.unvalidatedValues */
    const struct node *gateways;  /* spec.components.ingressGateways */
    struct located namespace;     /* spec.namespace */
    const struct node *spec_mesh; /* spec.meshConfig */
};

struct entry {
    struct located name;
    struct located namespace;
    struct located_flag enabled;
    const struct node *labels;
    const struct node *kubernetes;
};

static void keep_node(struct decoder *decoder, const struct node *node, void *target) {
    (void)decoder;
    *(const struct node **)target = node;
}

static void keep_mapping(struct decoder *decoder, const struct node *node, void *target) {
    if (node_is_mapping(node))
        *(const struct node **)target = node;
    else
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write its fields as 'name: value' lines",
                     "a mapping is expected here, not %s", node_type_name(node));
}

/* --- One ingress gateway --- */

static const struct field kubernetes_fields[] = {
    FIELD_OF_TYPE("affinity", FIELD_IGNORED),         FIELD_OF_TYPE("env", FIELD_IGNORED),
    FIELD_OF_TYPE("hpaSpec", FIELD_IGNORED),          FIELD_OF_TYPE("imagePullPolicy", FIELD_IGNORED),
    FIELD_OF_TYPE("nodeSelector", FIELD_IGNORED),     FIELD_OF_TYPE("podAnnotations", FIELD_IGNORED),
    FIELD_OF_TYPE("podDisruptionBudget", FIELD_IGNORED), FIELD_OF_TYPE("priorityClassName", FIELD_IGNORED),
    FIELD_OF_TYPE("readinessProbe", FIELD_IGNORED),   FIELD_OF_TYPE("replicaCount", FIELD_IGNORED),
    FIELD_OF_TYPE("resources", FIELD_IGNORED),        FIELD_OF_TYPE("securityContext", FIELD_IGNORED),
    FIELD_OF_TYPE("service", FIELD_IGNORED),          FIELD_OF_TYPE("serviceAnnotations", FIELD_IGNORED),
    FIELD_OF_TYPE("serviceAccount", FIELD_IGNORED),   FIELD_OF_TYPE("strategy", FIELD_IGNORED),
    FIELD_OF_TYPE("tolerations", FIELD_IGNORED),      FIELD_OF_TYPE("overlays", FIELD_IGNORED),
    FIELD_OF_TYPE("volumes", FIELD_IGNORED),          FIELD_OF_TYPE("volumeMounts", FIELD_IGNORED),
};

static const struct field entry_fields[] = {
    FIELD_AT("name", FIELD_STRING, struct entry, name),
    FIELD_AT("namespace", FIELD_STRING, struct entry, namespace),
    FIELD_AT("enabled", FIELD_FLAG, struct entry, enabled),
    FIELD_CALL_AT("label", keep_mapping, struct entry, labels),
    FIELD_CALL_AT("k8s", keep_mapping, struct entry, kubernetes),
    FIELD_OF_TYPE("hub", FIELD_IGNORED),
    FIELD_OF_TYPE("tag", FIELD_IGNORED),
};

static struct span first_text(struct span a, struct span b, struct span c) {
    return a.size > 0 ? a : b.size > 0 ? b : c;
}

static const struct node *merge_present(struct arena *arena, const struct node *under, const struct node *over) {
    if (!node_is_mapping(under))
        return over;
    return node_is_mapping(over) ? node_merge(arena, under, over) : under;
}

static const struct node *find_proxy_config(struct decoder *decoder, const struct node *kubernetes, const struct node *values) {
    const struct node *annotation = node_get_present(node_get_present(kubernetes, "podAnnotations"), "proxy.istio.io/config");
    struct located text;
    if (annotation == NULL)
        annotation = node_get_present(node_get_present(values, "podAnnotations"), "proxy.istio.io/config");
    if (annotation == NULL || !decode_string(decoder, annotation, &text))
        return NULL;
    return embedded_yaml_parse(decoder, text, "proxy.istio.io/config");
}

static struct ingress_gateway *render(struct decoder *decoder, const struct operator_decoding *all,
                                      const struct entry *entry, struct position position) {
    const struct node *values = node_get_path(all->values, "gateways.istio-ingressgateway");
    const struct node *labels = merge_present(decoder->arena, node_get_present(values, "labels"), entry->labels);
    struct ingress_gateway *gateway = arena_new(decoder->arena, struct ingress_gateway);
    gateway->name = entry->name.text.size > 0 ? entry->name.text : SPAN_LITERAL("istio-ingressgateway");
    struct span operator_namespace =
        node_get_path(all->operator->meta.root, "metadata.namespace") == NULL ? SPAN_EMPTY : all->operator->meta.namespace;
    gateway->namespace = first_text(entry->namespace.text, first_text(all->namespace.text, operator_namespace, SPAN_EMPTY),
                                    all->operator->istio_namespace);
    gateway->labels = ingress_service_labels(decoder, labels);
    gateway->proxy_config = find_proxy_config(decoder, entry->kubernetes, values);
    gateway->title = all->operator->meta.title;
    gateway->position = position;
    struct ingress_service_input input = {
        .name = gateway->name,
        .namespace = gateway->namespace,
        .labels = gateway->labels,
        .values = values,
        .service = decode_get_mapping(decoder, entry->kubernetes, "service"),
        .annotations = node_get_present(entry->kubernetes, "serviceAnnotations"),
        .overlays = node_get_present(entry->kubernetes, "overlays"),
        .has_demo_ports = span_equal(all->operator->profile.text, SPAN_LITERAL("demo")),
        .position = position,
    };
    gateway->service = ingress_service_render(decoder, &input);
    return gateway;
}

static void add_gateway(struct istio_operator *operator, struct ingress_gateway *gateway) {
    operator->ingress_gateways[operator->ingress_gateway_count++] = gateway;
}

static void decode_entry(struct decoder *decoder, const struct node *node, struct operator_decoding *all) {
    struct entry entry = {.labels = NULL};
    DECODE_MAPPING(decoder, node, entry_fields, &entry);
    if (!node_is_mapping(node) || (entry.enabled.is_set && !entry.enabled.value))
        return;
    if (entry.name.text.size == 0)
        decode_warning(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add its name",
                       "the ingress gateway has no name; istio-ingressgateway is assumed");
    if (entry.kubernetes != NULL) {
        struct entry unused = entry;
        DECODE_MAPPING(decoder, entry.kubernetes, kubernetes_fields, &unused);
    }
    add_gateway(all->operator, render(decoder, all, &entry, node->position));
}

/* A mistake in one gateway's entry disables that gateway's Service alone. */
static void decode_entries(struct decoder *decoder, struct operator_decoding *all) {
    const struct node *list = all->gateways;
    struct istio_operator *operator = all->operator;
    operator->has_ingress_gateways = true;
    if (!node_is_sequence(list)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, list->position, "start each gateway with '- '",
                     "components.ingressGateways must be a list, not %s", node_type_name(list));
        return;
    }
    operator->ingress_gateways = arena_new_array(decoder->arena, struct ingress_gateway *, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        struct decode_path path = {decoder->path, SPAN_LITERAL("ingressGateways"), 0};
        struct decode_path item = {&path, SPAN_EMPTY, i};
        bool failed_before = decoder->failed;
        decoder->path = &item;
        decode_entry(decoder, list->items[i], all);
        decoder->path = path.parent;
        decoder->failed = failed_before;
    }
}

/* Profiles that install an ingress gateway by themselves. */
static bool profile_has_ingress(struct span profile) {
    static const char *const without[] = {"minimal", "empty", "remote", "ambient", "external", "openshift-ambient"};
    for (size_t i = 0; i < ARRAY_SIZE(without); i++)
        if (span_equal(profile, span_of(without[i])))
            return false;
    return true;
}

/* --- The operator --- */

static void decode_components(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("ingressGateways", keep_node, struct operator_decoding, gateways),
        FIELD_OF_TYPE("egressGateways", FIELD_IGNORED), FIELD_OF_TYPE("base", FIELD_IGNORED),
        FIELD_OF_TYPE("pilot", FIELD_IGNORED),          FIELD_OF_TYPE("cni", FIELD_IGNORED),
        FIELD_OF_TYPE("ztunnel", FIELD_IGNORED),        FIELD_OF_TYPE("istiodRemote", FIELD_IGNORED),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

static void decode_profile(struct decoder *decoder, const struct node *node, void *target) {
    struct operator_decoding *all = target;
    decode_string(decoder, node, &all->operator->profile);
}

static void decode_values(struct decoder *decoder, const struct node *node, void *target) {
    struct operator_decoding *all = target;
    const struct node *values = NULL;
    keep_mapping(decoder, node, &values);
    all->values = merge_present(decoder->arena, all->values, values);
}

static const struct field spec_fields[] = {
    FIELD_CALL_WHOLE("profile", decode_profile),
    FIELD_AT("namespace", FIELD_STRING, struct operator_decoding, namespace),
    FIELD_CALL_AT("meshConfig", keep_mapping, struct operator_decoding, spec_mesh),
    FIELD_CALL_WHOLE("components", decode_components),
    FIELD_CALL_WHOLE("values", decode_values),
    FIELD_CALL_WHOLE("unvalidatedValues", decode_values),
    FIELD_OF_TYPE("installPackagePath", FIELD_IGNORED),
    FIELD_OF_TYPE("hub", FIELD_IGNORED),
    FIELD_OF_TYPE("tag", FIELD_IGNORED),
    FIELD_OF_TYPE("resourceSuffix", FIELD_IGNORED),
    FIELD_OF_TYPE("revision", FIELD_IGNORED),
    FIELD_OF_TYPE("compatibilityVersion", FIELD_IGNORED),
    FIELD_OF_TYPE("addonComponents", FIELD_IGNORED),
};

static void add_default_gateway(struct decoder *decoder, const struct operator_decoding *all) {
    struct entry entry = {.labels = NULL};
    struct istio_operator *operator = all->operator;
    if (!profile_has_ingress(operator->profile.text))
        return;
    operator->ingress_gateways = arena_new_array(decoder->arena, struct ingress_gateway *, 1);
    struct ingress_gateway *gateway = render(decoder, all, &entry, operator->meta.position);
    gateway->assumed = true;
    add_gateway(operator, gateway);
}

struct object_meta *istio_operator_decode(struct decoder *decoder, const struct object_meta *meta,
                                          const struct node *root) {
    struct istio_operator *operator = arena_new(decoder->arena, struct istio_operator);
    struct operator_decoding all = {.operator = operator };
    operator->meta = *meta;
    operator->profile.text = SPAN_LITERAL("default");
    operator->istio_namespace = SPAN_LITERAL("istio-system");
    decoder->unsupported = &operator->meta.unsupported;
    object_decode_spec(decoder, root, spec_fields, ARRAY_SIZE(spec_fields), &all);
    const struct node *istio_namespace = node_get_path(all.values, "global.istioNamespace");
    if (istio_namespace != NULL && !node_as_string(istio_namespace, &operator->istio_namespace))
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, istio_namespace->position, "put the value in quotes",
                     "values.global.istioNamespace must be a string");
    /* Istio applies the values last. */
    const struct node *mesh_config = merge_present(decoder->arena, all.spec_mesh, node_get_present(all.values, "meshConfig"));
    /* A copy: it is asked for when the document may be gone. */
    operator->mesh_config = mesh_config == NULL ? NULL : node_copy(decoder->arena, mesh_config);
    struct decode_path spec = {decoder->path, SPAN_LITERAL("spec"), 0};
    struct decode_path components = {&spec, SPAN_LITERAL("components"), 0};
    decoder->path = &components;
    if (all.gateways != NULL)
        decode_entries(decoder, &all);
    else
        add_default_gateway(decoder, &all);
    decoder->path = spec.parent;
    return &operator->meta;
}
