/* What the set as a whole says of the mesh: its ingress gateways and its configuration. */
#include <stddef.h>
#include <stdlib.h>

#include "resource/ingress_service.h"
#include "resource/resource_set.h"

/* --- Ingress gateways --- */

static int compare_gateways(const void *left, const void *right) {
    const struct ingress_gateway *a = *(struct ingress_gateway *const *)left;
    const struct ingress_gateway *b = *(struct ingress_gateway *const *)right;
    int order = span_compare(a->namespace, b->namespace);
    return order != 0 ? order : span_compare(a->name, b->name);
}

static bool is_same_gateway(const struct ingress_gateway *a, const struct ingress_gateway *b) {
    return span_equal(a->name, b->name) && span_equal(a->namespace, b->namespace);
}

/* Of two of one name the later wins, as of all objects; one that was written always wins over a profile's. */
static void add_gateway(struct ingress_gateway_list *list, struct ingress_gateway *gateway) {
    for (size_t i = 0; i < list->count; i++) {
        if (!is_same_gateway(list->items[i], gateway))
            continue;
        if (!gateway->assumed || list->items[i]->assumed)
            list->items[i] = gateway;
        return;
    }
    list->items[list->count++] = gateway;
}

static bool any_written(const struct resource_set *set) {
    for (size_t i = 0; i < set->istio_operators.count; i++) {
        const struct istio_operator *operator = set->istio_operators.items[i];
        if (!operator->meta.invalid && operator->has_ingress_gateways && operator->ingress_gateway_count > 0)
            return true;
    }
    return false;
}

static struct ingress_gateway *default_gateway(struct arena *arena) {
    /* Nothing that the user wrote goes in, so nothing can be wrong. */
    struct diagnostic_list none;
    diagnostic_list_init(&none);
    struct decoder decoder = {.arena = arena, .diagnostics = &none};
    struct ingress_gateway *gateway = arena_new(arena, struct ingress_gateway);
    gateway->name = SPAN_LITERAL("istio-ingressgateway");
    gateway->namespace = SPAN_LITERAL("istio-system");
    gateway->labels = ingress_service_labels(&decoder, NULL);
    gateway->assumed = true;
    struct ingress_service_input input = {
        .name = gateway->name, .namespace = gateway->namespace, .labels = gateway->labels};
    gateway->service = ingress_service_render(&decoder, &input);
    diagnostic_list_deinit(&none);
    return gateway;
}

void resource_ingress_gateways(const struct resource_set *set, struct ingress_gateway_list *ret_gateways) {
    struct ingress_gateway_list list = {NULL, 0};
    bool only_written = any_written(set);
    size_t count = 1;
    for (size_t i = 0; i < set->istio_operators.count; i++)
        count += set->istio_operators.items[i]->ingress_gateway_count;
    list.items = arena_new_array(set->arena, struct ingress_gateway *, count);
    for (size_t i = 0; i < set->istio_operators.count; i++) {
        const struct istio_operator *operator = set->istio_operators.items[i];
        if (operator->meta.invalid)
            continue;
        for (size_t j = 0; j < operator->ingress_gateway_count; j++)
            if (!only_written || !operator->ingress_gateways[j]->assumed)
                add_gateway(&list, operator->ingress_gateways[j]);
    }
    if (list.count == 0)
        list.items[list.count++] = default_gateway(set->arena);
    qsort(list.items, list.count, sizeof(struct ingress_gateway *), compare_gateways);
    *ret_gateways = list;
}

/* --- The mesh configuration --- */

struct mesh_source {
    const struct node *node;
    const struct object_meta *meta;
};

/* Of several operators the later is laid over the earlier, as the installer does with several files. */
static struct mesh_source operator_mesh(const struct resource_set *set) {
    struct mesh_source source = {NULL, NULL};
    for (size_t i = 0; i < set->istio_operators.count; i++) {
        const struct istio_operator *operator = set->istio_operators.items[i];
        if (operator->meta.invalid || operator->mesh_config == NULL)
            continue;
        source.node = source.node == NULL ? operator->mesh_config
                                          : node_merge(set->arena, source.node, operator->mesh_config);
        source.meta = &operator->meta;
    }
    return source;
}

static struct mesh_source config_map_mesh(const struct resource_set *set) {
    struct mesh_source source = {NULL, NULL};
    for (size_t i = 0; i < set->config_maps.count; i++) {
        const struct config_map *map = set->config_maps.items[i];
        bool is_root = span_equal(map->meta.namespace, SPAN_LITERAL("istio-system"));
        if (map->meta.invalid || map->mesh_node == NULL || (source.node != NULL && !is_root))
            continue;
        source = (struct mesh_source){map->mesh_node, &map->meta};
    }
    return source;
}

void resource_mesh_config(const struct resource_set *set, struct diagnostic_list *diagnostics,
                          struct mesh_config *ret_mesh) {
    struct mesh_source source = operator_mesh(set);
    struct mesh_source map = config_map_mesh(set);
    if (source.node != NULL && map.node != NULL)
        diagnostic_add(diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_MESH_CONFIG_OVERRIDDEN, map.meta->name_position,
                       map.meta->title, SPAN_LITERAL("keep the mesh configuration in one place"),
                       "the mesh configuration of %.*s is used, this one is not", SPAN_ARGUMENTS(source.meta->title));
    if (source.node == NULL)
        source = map;
    mesh_config_decode(ret_mesh, set->arena, source.node, source.meta == NULL ? SPAN_EMPTY : source.meta->title,
                       diagnostics);
}
