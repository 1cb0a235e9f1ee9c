#include "resource/resource_set.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "resource/resource_kinds.h"

struct resource_index_entry {
    struct object_meta *meta;
    size_t place; /* in the array of its kind */
};

void resource_set_init(struct resource_set *set, struct arena *arena) {
    *set = (struct resource_set){.arena = arena};
    map_init(&set->index);
    map_init(&set->skipped_kinds);
    map_init(&set->regexes);
}

void resource_set_deinit(struct resource_set *set) {
    map_deinit(&set->index);
    map_deinit(&set->skipped_kinds);
    map_deinit(&set->regexes);
}

/* Puts `meta` (the first member of a struct `type`) at `place`, which is the count to append. */
#define ARRAY_PUT(set, array, type, meta_pointer, place)                                                               \
    do {                                                                                                               \
        if ((place) == (array).capacity) {                                                                             \
            size_t capacity = (array).capacity == 0 ? 8 : (array).capacity * 2;                                        \
            struct type **items = arena_new_array((set)->arena, struct type *, capacity);                              \
            if ((array).count > 0)                                                                                     \
                memcpy(items, (array).items, (array).count * sizeof(struct type *));                                   \
            (array).items = items;                                                                                     \
            (array).capacity = capacity;                                                                               \
        }                                                                                                              \
        (array).items[(place)] = CONTAINER_OF(meta_pointer, struct type, meta);                                        \
        (array).count += (place) == (array).count;                                                                     \
    } while (0)

static void put(struct resource_set *set, struct object_meta *meta, size_t place) {
    switch (meta->resource_kind) {
    case RESOURCE_GATEWAY:
        ARRAY_PUT(set, set->gateways, gateway, meta, place);
        return;
    case RESOURCE_VIRTUAL_SERVICE:
        ARRAY_PUT(set, set->virtual_services, virtual_service, meta, place);
        return;
    case RESOURCE_DESTINATION_RULE:
        ARRAY_PUT(set, set->destination_rules, destination_rule, meta, place);
        return;
    case RESOURCE_SERVICE_ENTRY:
        ARRAY_PUT(set, set->service_entries, service_entry, meta, place);
        return;
    case RESOURCE_SERVICE:
        ARRAY_PUT(set, set->services, service, meta, place);
        return;
    case RESOURCE_ENDPOINT_SLICE:
        ARRAY_PUT(set, set->endpoint_slices, endpoint_slice, meta, place);
        return;
    case RESOURCE_ENDPOINTS:
        ARRAY_PUT(set, set->endpoints, endpoint_slice, meta, place);
        return;
    case RESOURCE_SECRET:
        ARRAY_PUT(set, set->secrets, secret, meta, place);
        return;
    case RESOURCE_CONFIG_MAP:
        ARRAY_PUT(set, set->config_maps, config_map, meta, place);
        return;
    case RESOURCE_ISTIO_OPERATOR:
        ARRAY_PUT(set, set->istio_operators, istio_operator, meta, place);
        return;
    case RESOURCE_POLICY:
        ARRAY_PUT(set, set->policies, policy, meta, place);
        return;
    case RESOURCE_POD:
        ARRAY_PUT(set, set->pods, pod, meta, place);
        return;
    case RESOURCE_WORKLOAD_ENTRY:
        ARRAY_PUT(set, set->workload_entries, workload_entry, meta, place);
        return;
    case RESOURCE_NAMESPACE:
        ARRAY_PUT(set, set->namespaces, namespace_object, meta, place);
        return;
    case RESOURCE_PEER_AUTHENTICATION:
        ARRAY_PUT(set, set->peer_authentications, peer_authentication, meta, place);
        return;
    case RESOURCE_KIND_COUNT:
        break;
    }
    UNREACHABLE();
}

static size_t count_of(const struct resource_set *set, enum resource_kind kind) {
    switch (kind) {
    case RESOURCE_GATEWAY:
        return set->gateways.count;
    case RESOURCE_VIRTUAL_SERVICE:
        return set->virtual_services.count;
    case RESOURCE_DESTINATION_RULE:
        return set->destination_rules.count;
    case RESOURCE_SERVICE_ENTRY:
        return set->service_entries.count;
    case RESOURCE_SERVICE:
        return set->services.count;
    case RESOURCE_ENDPOINT_SLICE:
        return set->endpoint_slices.count;
    case RESOURCE_ENDPOINTS:
        return set->endpoints.count;
    case RESOURCE_SECRET:
        return set->secrets.count;
    case RESOURCE_CONFIG_MAP:
        return set->config_maps.count;
    case RESOURCE_ISTIO_OPERATOR:
        return set->istio_operators.count;
    case RESOURCE_POLICY:
        return set->policies.count;
    case RESOURCE_POD:
        return set->pods.count;
    case RESOURCE_WORKLOAD_ENTRY:
        return set->workload_entries.count;
    case RESOURCE_NAMESPACE:
        return set->namespaces.count;
    case RESOURCE_PEER_AUTHENTICATION:
        return set->peer_authentications.count;
    case RESOURCE_KIND_COUNT:
        break;
    }
    UNREACHABLE();
}

/* The kinds of policies share one array, so the written kind is part of a policy's key. */
static struct span index_key(struct arena *arena, enum resource_kind resource_kind, struct span kind,
                             struct span namespace, struct span name) {
    struct span policy_kind = resource_kind == RESOURCE_POLICY ? kind : SPAN_EMPTY;
    return arena_print(arena, "%d%.*s/%.*s/%.*s", (int)resource_kind, SPAN_ARGUMENTS(policy_kind),
                       SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(name));
}

static void warn_duplicate(struct diagnostic_list *diagnostics, const struct object_meta *former,
                           const struct object_meta *meta) {
    struct position place = former->name_position;
    diagnostic_add(diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_OBJECT_DUPLICATE, meta->name_position, meta->title,
                   SPAN_LITERAL("remove one of the two"),
                   "an object of this kind and name stands at %s:%u already; the one here, the later, is used",
                   place.file == NULL ? "" : place.file, place.line);
}

static void add_object(struct resource_set *set, struct object_meta *meta, struct diagnostic_list *diagnostics) {
    set->any[meta->resource_kind] = true;
    struct span key = index_key(set->arena, meta->resource_kind, meta->kind, meta->namespace, meta->name);
    struct resource_index_entry *entry = map_get(&set->index, key);
    if (entry == NULL) {
        entry = arena_new(set->arena, struct resource_index_entry);
        entry->place = count_of(set, meta->resource_kind);
        map_set(&set->index, key, entry);
    } else {
        warn_duplicate(diagnostics, entry->meta, meta);
    }
    entry->meta = meta;
    put(set, meta, entry->place);
    if (set->added != NULL)
        set->added(set->added_argument, meta);
}

static bool is_wanted(const struct resource_kind_entry *entry, const struct object_meta *meta, const struct node *root) {
    return entry->resource_kind != RESOURCE_CONFIG_MAP || config_map_is_wanted(meta, root);
}

static void decode_object(struct resource_set *set, const struct node *root, const struct resource_kind_entry *entry,
                          struct diagnostic_list *diagnostics) {
    struct decoder decoder = {.arena = set->arena, .diagnostics = diagnostics, .regexes = &set->regexes};
    struct object_meta meta = {.resource_kind = entry->resource_kind};
    bool hidden_before = diagnostics->excerpts_hidden;
    diagnostics->excerpts_hidden = hidden_before || entry->resource_kind == RESOURCE_SECRET;
    object_meta_decode(&decoder, root, entry->is_namespaced, &meta);
    bool has_name = meta.name.size > 0;
    if (has_name && is_wanted(entry, &meta, root)) {
        struct object_meta *object = entry->decode(&decoder, &meta, root);
        object->invalid = decoder.failed;
        add_object(set, object, diagnostics);
    }
    diagnostics->excerpts_hidden = hidden_before;
}

static void skip_kind(struct resource_set *set, const struct node *root, struct span api_version, struct span kind,
                      struct diagnostic_list *diagnostics) {
    struct span key = arena_print(set->arena, "%.*s %.*s", SPAN_ARGUMENTS(api_version), SPAN_ARGUMENTS(kind));
    if (map_set(&set->skipped_kinds, key, set) != NULL)
        return;
    diagnostic_add(diagnostics, DIAGNOSTIC_INFO, DIAGNOSTIC_KIND_SKIPPED, root->position, SPAN_EMPTY, SPAN_EMPTY,
                   "objects of kind %.*s (%.*s) do not concern the gateway and are skipped", SPAN_ARGUMENTS(kind),
                   SPAN_ARGUMENTS(api_version));
}

static void report_shape(const struct node *root, const char *hint, const char *message,
                         struct diagnostic_list *diagnostics) {
    diagnostic_add(diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_OBJECT_SHAPE, root->position, SPAN_EMPTY, span_of(hint), "%s",
                   message);
}

static void add_node(struct resource_set *set, const struct node *root, int depth, struct diagnostic_list *diagnostics);

static void add_list(struct resource_set *set, const struct node *items, int depth, struct diagnostic_list *diagnostics) {
    for (uint32_t i = 0; i < items->count; i++)
        add_node(set, items->items[i], depth + 1, diagnostics);
}

static void add_typed(struct resource_set *set, const struct node *root, struct span api_version, struct span kind,
                      struct diagnostic_list *diagnostics) {
    const struct resource_kind_entry *entry = NULL;
    const struct node *version_node = node_get_present(root, "apiVersion");
    switch (resource_kind_find(api_version, kind, &entry)) {
    case RESOURCE_KIND_KNOWN:
        decode_object(set, root, entry, diagnostics);
        return;
    case RESOURCE_KIND_UNKNOWN:
        skip_kind(set, root, api_version, kind, diagnostics);
        return;
    case RESOURCE_KIND_VERSION:
        diagnostic_add(diagnostics, DIAGNOSTIC_ERROR, DIAGNOSTIC_API_VERSION, version_node->position, kind,
                       arena_print(set->arena, "use %s%s%s", entry->group, entry->group[0] == '\0' ? "" : "/",
                                   entry->versions[0]),
                       "the apiVersion '%.*s' of this kind is not known; the object is not read",
                       SPAN_ARGUMENTS(api_version));
        return;
    case RESOURCE_KIND_MISSPELT:
        diagnostic_add(diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_UNSUPPORTED_KIND, root->position, SPAN_EMPTY,
                       entry == NULL ? SPAN_EMPTY : arena_print(set->arena, "do you mean %s?", entry->kind),
                       "the kind %.*s (%.*s) is not known; the object is not read", SPAN_ARGUMENTS(kind),
                       SPAN_ARGUMENTS(api_version));
        return;
    }
    UNREACHABLE();
}

static void add_node(struct resource_set *set, const struct node *root, int depth, struct diagnostic_list *diagnostics) {
    struct span kind;
    struct span api_version;
    if (node_is_null(root))
        return;
    if (!node_is_mapping(root)) {
        report_shape(root, "a document is a mapping with apiVersion, kind and metadata",
                     "this document is not a Kubernetes object", diagnostics);
        return;
    }
    if (!node_as_string(node_get_present(root, "kind"), &kind)) {
        report_shape(root, "add kind, for instance 'kind: Gateway'", "this document has no kind", diagnostics);
        return;
    }
    const struct node *items = node_get_present(root, "items");
    if (span_ends_with(kind, SPAN_LITERAL("List")) && (node_is_sequence(items) || items == NULL)) {
        if (items != NULL && depth < CONFIGURATION_DEPTH_MAX)
            add_list(set, items, depth, diagnostics);
        return;
    }
    if (!node_as_string(node_get_present(root, "apiVersion"), &api_version)) {
        report_shape(root, "add apiVersion, for instance 'apiVersion: networking.istio.io/v1'",
                     "this document has no apiVersion", diagnostics);
        return;
    }
    add_typed(set, root, api_version, kind, diagnostics);
}

void resource_set_add_documents(struct resource_set *set, const struct document_list *documents,
                                struct diagnostic_list *diagnostics) {
    for (size_t i = 0; i < documents->count; i++)
        add_node(set, documents->items[i].root, 1, diagnostics);
}

struct object_meta *resource_set_find(const struct resource_set *set, enum resource_kind kind, struct span namespace,
                                      struct span name) {
    char key[640];
    ASSERT(kind != RESOURCE_POLICY && kind != RESOURCE_KIND_COUNT);
    int size = snprintf(key, sizeof(key), "%d/%.*s/%.*s", (int)kind, SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(name));
    /* Names of objects are at most 253 bytes: what does not fit names none. */
    if (size < 0 || (size_t)size >= sizeof(key))
        return NULL;
    const struct resource_index_entry *entry = map_get(&set->index, span_make(key, (size_t)size));
    return entry == NULL ? NULL : entry->meta;
}

struct gateway *resource_set_find_gateway(const struct resource_set *set, struct span namespace, struct span name) {
    struct object_meta *meta = resource_set_find(set, RESOURCE_GATEWAY, namespace, name);
    return meta == NULL ? NULL : CONTAINER_OF(meta, struct gateway, meta);
}

struct service *resource_set_find_service(const struct resource_set *set, struct span namespace, struct span name) {
    struct object_meta *meta = resource_set_find(set, RESOURCE_SERVICE, namespace, name);
    return meta == NULL ? NULL : CONTAINER_OF(meta, struct service, meta);
}

struct secret *resource_set_find_secret(const struct resource_set *set, struct span namespace, struct span name) {
    struct object_meta *meta = resource_set_find(set, RESOURCE_SECRET, namespace, name);
    return meta == NULL ? NULL : CONTAINER_OF(meta, struct secret, meta);
}

static void forget_nodes(struct l4_route *routes, size_t count) {
    for (size_t i = 0; i < count; i++)
        routes[i].node = NULL;
}

void resource_forget_document(struct object_meta *meta) {
    meta->root = NULL;
    if (meta->resource_kind == RESOURCE_POLICY)
        CONTAINER_OF(meta, struct policy, meta)->spec = NULL;
    if (meta->resource_kind != RESOURCE_VIRTUAL_SERVICE)
        return;
    struct virtual_service *service = CONTAINER_OF(meta, struct virtual_service, meta);
    for (size_t i = 0; i < service->http_count; i++)
        service->http[i].node = NULL;
    forget_nodes(service->tls, service->tls_count);
    forget_nodes(service->tcp, service->tcp_count);
}

struct config_map *resource_set_find_config_map(const struct resource_set *set, struct span namespace, struct span name) {
    struct object_meta *meta = resource_set_find(set, RESOURCE_CONFIG_MAP, namespace, name);
    return meta == NULL ? NULL : CONTAINER_OF(meta, struct config_map, meta);
}
