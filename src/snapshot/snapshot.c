#include "snapshot/snapshot.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/memory.h"

struct snapshot *snapshot_create(void) {
    struct snapshot *snapshot = memory_allocate_zeroed(1, sizeof(*snapshot));
    arena_init(&snapshot->arena, SNAPSHOT_ARENA_BLOCK_BYTES);
    map_init(&snapshot->clusters_by_name);
    snapshot->reference_count = 1;
    return snapshot;
}

struct snapshot *snapshot_pin(struct snapshot *snapshot) {
    snapshot->reference_count++;
    return snapshot;
}

/* The indexes that are not the base's. */
static void destroy_indexes(struct snapshot *snapshot) {
    const struct snapshot *base = snapshot->base;
    for (size_t i = 0; i < snapshot->listener_count; i++)
        if (base == NULL || snapshot->listeners[i] != base->listeners[i])
            host_index_deinit(&snapshot->listeners[i]->server_names);
    for (size_t i = 0; i < snapshot->route_table_count; i++)
        if (base == NULL || snapshot->route_tables[i] != base->route_tables[i])
            host_index_deinit(&snapshot->route_tables[i]->hosts);
    if (base == NULL)
        map_deinit(&snapshot->clusters_by_name);
}

void snapshot_destroy(struct snapshot *snapshot) {
    while (snapshot != NULL && --snapshot->reference_count == 0) {
        struct snapshot *base = snapshot->base;
        destroy_indexes(snapshot);
        arena_deinit(&snapshot->arena);
        free(snapshot);
        snapshot = base;
    }
}

struct origin snapshot_origin(const struct snapshot *snapshot, uint32_t id) {
    while (snapshot->base != NULL && id < snapshot->origin_first)
        snapshot = snapshot->base;
    if (id >= snapshot->origin_count)
        return (struct origin){.line = 0};
    const struct origin_place *place = &snapshot->origins[id - snapshot->origin_first];
    const struct origin_object *object = &snapshot->origin_objects[place->object];
    return (struct origin){object->title, object->file, place->line};
}

static void listener_seal(struct listener *listener) {
    host_index_init(&listener->server_names);
    for (size_t i = 0; i < listener->filter_chain_count; i++) {
        struct filter_chain *chain = listener->filter_chains[i];
        bool added = true;
        if (chain->server_name_count == 0)
            added = host_index_add(&listener->server_names, SPAN_LITERAL("*"), chain);
        for (size_t name = 0; name < chain->server_name_count; name++)
            added = host_index_add(&listener->server_names, chain->server_names[name], chain) && added;
        (void)added; /* the first wins; the compiler has told the user about the others */
        /* A chain that refuses waits for the client's first bytes too: a reset before them looks like a port that is not bound. */
        if (chain->server_name_count > 0 || filter_chain_terminates_tls(chain) || chain->refusal.size > 0)
            listener->inspects_tls = true;
    }
}

void snapshot_seal(struct snapshot *snapshot) {
    for (size_t i = 0; i < snapshot->listener_count; i++)
        listener_seal(snapshot->listeners[i]);
    for (size_t i = 0; i < snapshot->route_table_count; i++)
        route_table_seal(&snapshot->arena, snapshot->route_tables[i]);
    for (size_t i = 0; i < snapshot->cluster_count; i++) {
        snapshot->clusters[i]->index = (uint32_t)i;
        map_set(&snapshot->clusters_by_name, snapshot->clusters[i]->name, snapshot->clusters[i]);
    }
}

const struct cluster *snapshot_find_cluster(const struct snapshot *snapshot, struct span name) {
    return map_get(&snapshot->clusters_by_name, name);
}
