#include "snapshot/route.h"

const struct route_finder *route_table_find(const struct route_table *table, struct span host) {
    return host_index_find(&table->hosts, host);
}

void route_table_seal(struct arena *arena, struct route_table *table) {
    size_t size = 0;
    for (size_t i = 0; i < table->virtual_host_count; i++)
        size += route_finder_size(table->virtual_hosts[i]);
    char *finders = arena_allocate_aligned(arena, size, alignof(struct route_finder));
    host_index_init(&table->hosts);
    for (size_t i = 0; i < table->virtual_host_count; i++) {
        struct virtual_host *host = table->virtual_hosts[i];
        host->finder = (struct route_finder *)(void *)finders;
        route_finder_init(host->finder, arena, host);
        finders += route_finder_size(host);
        bool added = host_index_add(&table->hosts, route_finder_domain(host->finder), host->finder);
        (void)added;
    }
}
