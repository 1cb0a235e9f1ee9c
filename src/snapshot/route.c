#include "snapshot/route.h"

const struct virtual_host *route_table_find(const struct route_table *table, struct span host) {
    return host_index_find(&table->hosts, host);
}

const struct route *virtual_host_match(const struct virtual_host *host, const struct message_head *request) {
    struct request_view view = request_view_of(request);
    if (host->index != NULL)
        return route_index_find(host->index, &view);
    if (host->hints != NULL)
        return route_hints_find(host->hints, host->routes, host->route_count, &view);
    for (size_t i = 0; i < host->route_count; i++)
        if (route_match_holds(&host->routes[i].match, &view, NULL))
            return &host->routes[i];
    return NULL;
}
