#include "compile/service_registry.h"

#include "compile/compiler.h"

struct registry_list {
    struct registry_service *items;
    size_t count;
    size_t capacity;
};

static void add_host(struct compiler *compiler, struct service_registry *registry, struct span host,
                     struct registry_service service) {
    struct registry_list *list = map_get(&registry->hosts, host);
    if (list == NULL) {
        list = arena_new(&compiler->scratch, struct registry_list);
        map_set(&registry->hosts, host, list);
    }
    ARRAY_APPEND(&compiler->scratch, list, service);
}

static int compare_registry_services(const void *left, const void *right) {
    const struct registry_service *a = left;
    const struct registry_service *b = right;
    if ((a->service == NULL) != (b->service == NULL))
        return a->service != NULL ? -1 : 1;
    return object_meta_compare_age(a->meta, b->meta);
}

static struct span slice_key(struct arena *arena, struct span namespace, struct span name) {
    return arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(name));
}

static void add_slice(struct compiler *compiler, struct map *map, const struct endpoint_slice *slice) {
    if (slice->meta.invalid || slice->service_name.size == 0)
        return;
    struct span key = slice_key(&compiler->scratch, slice->meta.namespace, slice->service_name);
    struct endpoint_slice_list *list = map_get(map, key);
    if (list == NULL) {
        list = arena_new(&compiler->scratch, struct endpoint_slice_list);
        map_set(map, key, list);
    }
    ARRAY_APPEND(&compiler->scratch, list, slice);
}

void service_registry_init(struct compiler *compiler, struct service_registry *registry) {
    const struct resource_set *resources = compiler->resources;
    const struct located_list *mesh_default = &compiler->mesh.default_service_export_to;
    map_init(&registry->hosts);
    map_init(&registry->slices);
    map_init(&registry->endpoints);
    map_init(&registry->pods);
    for (size_t i = 0; i < resources->services.count; i++) {
        const struct service *service = resources->services.items[i];
        if (service->meta.invalid || !compiler_exported(compiler, &service->export_to, mesh_default, service->meta.namespace))
            continue;
        struct span host = arena_print(&compiler->scratch, "%.*s.%.*s.svc.%.*s", SPAN_ARGUMENTS(service->meta.name),
                                       SPAN_ARGUMENTS(service->meta.namespace),
                                       SPAN_ARGUMENTS(compiler->mesh.domain_suffix));
        add_host(compiler, registry, host, (struct registry_service){.meta = &service->meta, .service = service});
    }
    for (size_t i = 0; i < resources->service_entries.count; i++) {
        const struct service_entry *entry = resources->service_entries.items[i];
        if (entry->meta.invalid || !compiler_exported(compiler, &entry->export_to, mesh_default, entry->meta.namespace))
            continue;
        for (size_t host = 0; host < entry->hosts.count; host++)
            add_host(compiler, registry, entry->hosts.items[host].text,
                     (struct registry_service){.meta = &entry->meta, .entry = entry});
    }
    size_t cursor = 0;
    struct map_entry place;
    while (map_next(&registry->hosts, &cursor, &place)) {
        struct registry_list *list = place.value;
        array_sort(list->items, list->count, sizeof(list->items[0]), compare_registry_services);
    }
    for (size_t i = 0; i < resources->endpoint_slices.count; i++)
        add_slice(compiler, &registry->slices, resources->endpoint_slices.items[i]);
    for (size_t i = 0; i < resources->endpoints.count; i++)
        add_slice(compiler, &registry->endpoints, resources->endpoints.items[i]);
}

void service_registry_deinit(struct service_registry *registry) {
    map_deinit(&registry->hosts);
    map_deinit(&registry->slices);
    map_deinit(&registry->endpoints);
    map_deinit(&registry->pods);
}

const struct registry_service *service_registry_find(const struct service_registry *registry, struct span host,
                                                     struct span namespace) {
    const struct registry_list *list = map_get(&registry->hosts, host);
    if (list == NULL)
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(list->items[i].meta->namespace, namespace))
            return &list->items[i];
    return &list->items[0];
}

const struct endpoint_slice_list *service_registry_endpoints(const struct service_registry *registry, struct arena *arena,
                                                             const struct service *service) {
    struct span key = slice_key(arena, service->meta.namespace, service->meta.name);
    const struct endpoint_slice_list *slices = map_get(&registry->slices, key);
    return slices != NULL ? slices : map_get(&registry->endpoints, key);
}

const struct pod *service_registry_find_pod(struct compiler *compiler, struct service_registry *registry, struct span address) {
    const struct resource_set *resources = compiler->resources;
    bool first = !registry->has_pods;
    registry->has_pods = true;
    for (size_t i = 0; first && i < resources->pods.count; i++)
        if (resources->pods.items[i]->address.text.size > 0)
            map_set(&registry->pods, resources->pods.items[i]->address.text, resources->pods.items[i]);
    return map_get(&registry->pods, address);
}
