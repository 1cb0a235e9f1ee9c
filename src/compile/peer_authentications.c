#include "compile/peer_authentications.h"

#include "compile/compiler.h"

/* Those of one namespace, the oldest first. */
struct peer_list {
    const struct peer_authentication **items;
    size_t count;
    size_t capacity;
};

static int compare_peers(const void *left, const void *right) {
    return object_meta_compare_age(&(*(const struct peer_authentication *const *)left)->meta,
                                   &(*(const struct peer_authentication *const *)right)->meta);
}

static void sort_by_namespace(struct compiler *compiler) {
    struct map *map = &compiler->peer_authentications;
    for (size_t i = 0; i < compiler->resources->peer_authentications.count; i++) {
        const struct peer_authentication *peer = compiler->resources->peer_authentications.items[i];
        struct peer_list *list = map_get(map, peer->meta.namespace);
        if (list == NULL) {
            list = arena_new(&compiler->scratch, struct peer_list);
            map_set(map, peer->meta.namespace, list);
        }
        ARRAY_APPEND(&compiler->scratch, list, peer);
    }
    struct map_entry entry;
    for (size_t cursor = 0; map_next(map, &cursor, &entry);) {
        struct peer_list *list = entry.value;
        array_sort(list->items, list->count, sizeof(list->items[0]), compare_peers);
    }
}

static const struct peer_list *peers_of(struct compiler *compiler, struct span namespace) {
    static const struct peer_list none;
    if (!compiler->has_peer_authentications)
        sort_by_namespace(compiler);
    compiler->has_peer_authentications = true;
    const struct peer_list *list = map_get(&compiler->peer_authentications, namespace);
    return list != NULL ? list : &none;
}

/* A restriction that cannot be read is a restriction all the same. */
static enum mutual_tls_mode mode_of(const struct peer_authentication *peer, enum mutual_tls_mode mode, enum mutual_tls_mode wider) {
    if (peer->meta.invalid)
        return MUTUAL_TLS_STRICT;
    return mode == MUTUAL_TLS_UNSET ? wider : mode;
}

static enum mutual_tls_mode mode_of_all(struct compiler *compiler, struct span namespace, enum mutual_tls_mode wider) {
    const struct peer_list *list = peers_of(compiler, namespace);
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->selector.count == 0)
            return mode_of(list->items[i], list->items[i]->mode, wider);
    return wider;
}

enum mutual_tls_mode peer_authentication_of_namespace(struct compiler *compiler, struct span namespace) {
    struct span root = compiler->mesh.root_namespace;
    enum mutual_tls_mode mode = mode_of_all(compiler, root, MUTUAL_TLS_PERMISSIVE);
    return span_equal(namespace, root) ? mode : mode_of_all(compiler, namespace, mode);
}

/* Those of the root namespace with a selector do not count: it would select across the mesh. */
static const struct peer_authentication *find_workload(struct compiler *compiler, struct span namespace, const struct label_set *labels) {
    const struct peer_list *list = peers_of(compiler, namespace);
    if (labels == NULL || span_equal(namespace, compiler->mesh.root_namespace))
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i]->selector.count > 0 && label_set_contains(labels, &list->items[i]->selector))
            return list->items[i];
    return NULL;
}

enum mutual_tls_mode peer_authentication_of_port(struct compiler *compiler, struct span namespace, const struct label_set *labels, uint16_t port) {
    enum mutual_tls_mode mode = peer_authentication_of_namespace(compiler, namespace);
    const struct peer_authentication *peer = find_workload(compiler, namespace, labels);
    if (peer == NULL)
        return mode;
    mode = mode_of(peer, peer->mode, mode);
    for (size_t i = 0; i < peer->port_count; i++)
        if (peer->ports[i].port == port)
            return mode_of(peer, peer->ports[i].mode, mode);
    return mode;
}
