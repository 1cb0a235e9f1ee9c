#include "analysis/other_objects.h"

#include "base/compiler.h"
#include "base/limits.h"
#include "compile/array.h"

static const struct {
    const char *group; /* "" is the core group */
    const char *kind;
    enum other_kind other_kind;
    bool is_namespaced;
} kinds[] = {
    {"", "Node", OTHER_NODE, false},
    {"apps", "Deployment", OTHER_DEPLOYMENT, true},
    {"apiextensions.k8s.io", "CustomResourceDefinition", OTHER_CRD, false},
    {"gateway.networking.k8s.io", "Gateway", OTHER_API_GATEWAY, true},
    {"gateway.networking.k8s.io", "HTTPRoute", OTHER_HTTP_ROUTE, true},
    {"gateway.networking.k8s.io", "GRPCRoute", OTHER_GRPC_ROUTE, true},
};

static struct span text_of(const struct node *node, const char *path) {
    struct span text;
    return node_as_string(node_get_path(node, path), &text) ? text : SPAN_EMPTY;
}

static struct label_set labels_of(struct arena *arena, const struct node *node) {
    struct label_set set = {0};
    if (!node_is_mapping(node))
        return set;
    set.items = arena_new_array(arena, struct label, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        struct span value;
        if (node_as_string(node->fields[i].value, &value))
            set.items[set.count++] = (struct label){node->fields[i].key, value, node->fields[i].value->position};
    }
    return set;
}

static void add_object(struct other_object_list *list, struct arena *arena, const struct node *root, size_t kind) {
    struct other_object *object = arena_new(arena, struct other_object);
    struct object_meta *meta = &object->meta;
    const struct node *name = node_get_path(root, "metadata.name");
    object->other_kind = kinds[kind].other_kind;
    meta->kind = span_of(kinds[kind].kind);
    meta->name = text_of(root, "metadata.name");
    if (kinds[kind].is_namespaced)
        meta->namespace = text_of(root, "metadata.namespace");
    if (kinds[kind].is_namespaced && meta->namespace.size == 0)
        meta->namespace = SPAN_LITERAL("default");
    meta->title = arena_print(arena, "%.*s %.*s%s%.*s", SPAN_ARGUMENTS(meta->kind), SPAN_ARGUMENTS(meta->namespace),
                              meta->namespace.size > 0 ? "/" : "", SPAN_ARGUMENTS(meta->name));
    meta->labels = labels_of(arena, node_get_path(root, "metadata.labels"));
    meta->annotations = labels_of(arena, node_get_path(root, "metadata.annotations"));
    meta->position = root->position;
    meta->name_position = name == NULL ? root->position : name->position;
    meta->root = root;
    ARRAY_APPEND(arena, list, object);
}

static void add_node(struct other_object_list *list, struct arena *arena, const struct node *root, int depth) {
    struct span version = text_of(root, "apiVersion"), kind = text_of(root, "kind");
    const struct node *items = node_get_present(root, "items");
    if (span_ends_with(kind, SPAN_LITERAL("List")) && node_is_sequence(items) && depth < CONFIGURATION_DEPTH_MAX) {
        for (uint32_t i = 0; i < items->count; i++)
            add_node(list, arena, items->items[i], depth + 1);
        return;
    }
    size_t slash = 0;
    struct span group = span_find_byte(version, '/', &slash) ? span_first(version, slash) : SPAN_EMPTY;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (span_equal(kind, span_of(kinds[i].kind)) && span_equal(group, span_of(kinds[i].group)))
            add_object(list, arena, root, i);
}

void other_objects_add(struct other_object_list *list, struct arena *arena, const struct node *root) {
    if (node_is_mapping(root))
        add_node(list, arena, root, 1);
}

const struct other_object *other_objects_find(const struct other_object_list *list, enum other_kind kind, struct span namespace, struct span name) {
    for (size_t i = 0; i < list->count; i++) {
        const struct other_object *object = list->items[i];
        if (object->other_kind == kind && span_equal(object->meta.namespace, namespace) && span_equal(object->meta.name, name))
            return object;
    }
    return NULL;
}
