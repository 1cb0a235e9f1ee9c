#include "snapshot/endpoint_table.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/map.h"
#include "base/memory.h"

#define TABLE_ARENA_BLOCK_BYTES 4096

struct endpoint_table {
    atomic_size_t references;
    struct arena arena;
    struct map clusters;
};

struct endpoint_table *endpoint_table_create(void) {
    struct endpoint_table *table = memory_allocate_zeroed(1, sizeof(*table));
    atomic_init(&table->references, 1);
    arena_init(&table->arena, TABLE_ARENA_BLOCK_BYTES);
    map_init(&table->clusters);
    return table;
}

struct endpoint_table *endpoint_table_pin(struct endpoint_table *table) {
    size_t references = atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    ASSERT(references > 0);
    return table;
}

void endpoint_table_unpin(struct endpoint_table *table) {
    if (table == NULL || atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) > 1)
        return;
    map_deinit(&table->clusters);
    arena_deinit(&table->arena);
    free(table);
}

struct cluster *endpoint_table_add(struct endpoint_table *table, struct span cluster_name, size_t endpoint_max) {
    if (map_get(&table->clusters, cluster_name) != NULL)
        return NULL;
    struct cluster *cluster = arena_new(&table->arena, struct cluster);
    cluster->name = arena_copy(&table->arena, cluster_name);
    cluster->endpoints = arena_new_array(&table->arena, struct endpoint, endpoint_max);
    map_set(&table->clusters, cluster->name, cluster);
    return cluster;
}

void endpoint_table_add_endpoint(struct endpoint_table *table, struct cluster *cluster, const struct network_address *address,
                                 const struct cluster_name *name) {
    struct endpoint *endpoint = &cluster->endpoints[cluster->endpoint_count++];
    char text[NETWORK_ADDRESS_TEXT_MAX];
    struct network_address place = *address;
    place.port = name->port;
    size_t size = network_address_print(&place, text);
    *endpoint = (struct endpoint){.address = place,
                                  .address_text = arena_copy(&table->arena, span_make(text, size)),
                                  .weight = name->weight,
                                  .uses_tls = name->uses_tls};
}

const struct cluster *endpoint_table_find(const struct endpoint_table *table, struct span cluster_name) {
    return table == NULL ? NULL : map_get(&table->clusters, cluster_name);
}
