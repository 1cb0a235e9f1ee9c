#include "snapshot/graft.h"

/* --- Whether it can be done --- */

static const struct route_table *find_table(const struct snapshot *snapshot, struct span name) {
    for (size_t i = 0; i < snapshot->route_table_count; i++)
        if (span_equal(snapshot->route_tables[i]->name, name))
            return snapshot->route_tables[i];
    return NULL;
}

static bool is_owned(const struct virtual_host *host, struct span owner) {
    return host != NULL && span_equal(host->owner, owner);
}

static size_t count_owned(const struct snapshot *snapshot, struct span owner) {
    size_t count = 0;
    for (size_t i = 0; i < snapshot->route_table_count; i++)
        for (size_t host = 0; host < snapshot->route_tables[i]->virtual_host_count; host++)
            count += is_owned(snapshot->route_tables[i]->virtual_hosts[host], owner);
    return count;
}

/* A destination that leads nowhere does so on both sides; the finders know what takes requests. */
static bool has_cluster(const struct snapshot *base, const struct cluster *cluster, struct span name) {
    const struct cluster *same = snapshot_find_cluster(base, name);
    return (cluster == NULL) == (same == NULL) && cluster_takes_requests(cluster) == cluster_takes_requests(same);
}

static bool has_clusters(const struct snapshot *base, const struct virtual_host *host) {
    bool has = true;
    for (size_t i = 0; i < host->route_count; i++) {
        const struct route *route = &host->routes[i];
        for (size_t item = 0; item < route->destinations.count; item++)
            has = has && has_cluster(base, route->destinations.items[item].cluster, route->destinations.items[item].cluster_name);
        for (size_t item = 0; item < route->mirror_count; item++)
            has = has && has_cluster(base, route->mirrors[item].cluster, route->mirrors[item].cluster_name);
    }
    return has;
}

static bool fits(const struct snapshot *part, const struct snapshot *base, struct span owner) {
    size_t count = 0;
    for (size_t i = 0; i < part->route_table_count; i++) {
        const struct route_table *table = part->route_tables[i], *former = find_table(base, table->name);
        for (size_t host = 0; host < table->virtual_host_count; host++) {
            const struct virtual_host *grafted = table->virtual_hosts[host];
            if (!is_owned(grafted, owner))
                continue;
            const struct route_finder *finder = former == NULL ? NULL : host_index_get(&former->hosts, grafted->domain);
            const struct virtual_host *place = finder == NULL ? NULL : finder->host;
            if (!is_owned(place, owner) || place->require_tls != grafted->require_tls || !has_clusters(base, grafted))
                return false;
            count++;
        }
    }
    return count > 0 && count == count_owned(base, owner);
}

/* --- Doing it --- */

static void move_host(const struct snapshot *base, struct virtual_host *host) {
    for (size_t i = 0; i < host->route_count; i++) {
        struct route *route = &host->routes[i];
        route->id += (uint32_t)base->origin_count;
        for (size_t item = 0; item < route->destinations.count; item++) {
            route->destinations.items[item].cluster = snapshot_find_cluster(base, route->destinations.items[item].cluster_name);
            route->destinations.items[item].id += (uint32_t)base->origin_count;
        }
        for (size_t item = 0; item < route->mirror_count; item++)
            route->mirrors[item].cluster = snapshot_find_cluster(base, route->mirrors[item].cluster_name);
    }
}

static struct virtual_host *find_host(const struct route_table *table, struct span domain) {
    for (size_t i = 0; i < table->virtual_host_count; i++)
        if (span_equal(table->virtual_hosts[i]->domain, domain))
            return table->virtual_hosts[i];
    return NULL;
}

/* The base's table with the owner's hosts of the part's. */
static struct route_table *merge_table(struct arena *arena, const struct snapshot *base, const struct route_table *former,
                                       const struct route_table *part, struct span owner) {
    struct route_table *table = arena_new(arena, struct route_table);
    table->name = former->name;
    table->virtual_host_count = former->virtual_host_count;
    table->virtual_hosts = arena_new_array(arena, struct virtual_host *, former->virtual_host_count);
    host_index_copy(&table->hosts, &former->hosts);
    for (size_t i = 0; i < former->virtual_host_count; i++) {
        table->virtual_hosts[i] = former->virtual_hosts[i];
        if (!is_owned(former->virtual_hosts[i], owner))
            continue;
        table->virtual_hosts[i] = find_host(part, former->virtual_hosts[i]->domain);
        move_host(base, table->virtual_hosts[i]);
        host_index_replace(&table->hosts, former->virtual_hosts[i]->finder, table->virtual_hosts[i]->finder);
    }
    return table;
}

static struct listener *copy_listener(struct arena *arena, const struct listener *former) {
    struct listener *listener = arena_new(arena, struct listener);
    *listener = *former;
    listener->filter_chains = arena_new_array(arena, struct filter_chain *, former->filter_chain_count);
    for (size_t i = 0; i < former->filter_chain_count; i++)
        listener->filter_chains[i] = former->filter_chains[i];
    host_index_copy(&listener->server_names, &former->server_names);
    return listener;
}

/* The listener, or a copy of it whose chains lead to the new table. */
static struct listener *follow_table(struct arena *arena, struct listener *former, const struct route_table *old_table,
                                     const struct route_table *new_table) {
    struct listener *listener = former;
    for (size_t i = 0; i < former->filter_chain_count; i++) {
        if (former->filter_chains[i]->routes != old_table)
            continue;
        if (listener == former)
            listener = copy_listener(arena, former);
        struct filter_chain *chain = arena_new(arena, struct filter_chain);
        *chain = *former->filter_chains[i];
        chain->routes = new_table;
        listener->filter_chains[i] = chain;
        host_index_replace(&listener->server_names, former->filter_chains[i], chain);
    }
    return listener;
}

/* What of the part itself is not served: the indexes lie outside its arena. */
static void drop_own_indexes(struct snapshot *part) {
    for (size_t i = 0; i < part->listener_count; i++)
        host_index_deinit(&part->listeners[i]->server_names);
    for (size_t i = 0; i < part->route_table_count; i++)
        host_index_deinit(&part->route_tables[i]->hosts);
    map_deinit(&part->clusters_by_name);
}

/* What was said of the owner is the part's, everything else the base's. */
static void merge_remarks(const struct snapshot *part, const struct snapshot *base, struct span owner, struct background *merged,
                          struct arena *arena) {
    const struct background *own = part->background, *former = base->background;
    merged->remarks = arena_new_array(arena, struct background_remark, former->remark_count + own->remark_count);
    merged->remark_count = 0;
    for (size_t i = 0; i < former->remark_count; i++)
        if (!span_equal(snapshot_origin(base, former->remarks[i].id).object, owner))
            merged->remarks[merged->remark_count++] = former->remarks[i];
    for (size_t i = 0; i < own->remark_count; i++) {
        if (!span_equal(snapshot_origin(part, own->remarks[i].id).object, owner))
            continue;
        struct background_remark *remark = &merged->remarks[merged->remark_count++];
        *remark = own->remarks[i];
        remark->id += (uint32_t)base->origin_count;
    }
}

static void merge_virtual_services(const struct snapshot *part, const struct snapshot *base, struct span owner, struct background *merged,
                                   struct arena *arena) {
    const struct background *own = part->background, *former = base->background;
    merged->virtual_services = arena_new_array(arena, struct background_virtual_service, former->virtual_service_count);
    for (size_t i = 0; i < former->virtual_service_count; i++) {
        merged->virtual_services[i] = former->virtual_services[i];
        for (size_t j = 0; span_equal(former->virtual_services[i].title, owner) && j < own->virtual_service_count; j++) {
            if (!span_equal(own->virtual_services[j].title, owner))
                continue;
            merged->virtual_services[i] = own->virtual_services[j];
            merged->virtual_services[i].hosts_id += (uint32_t)base->origin_count;
            merged->virtual_services[i].gateways_id += (uint32_t)base->origin_count;
        }
    }
}

/* Before the part's ids move. */
static const struct background *merge_background(const struct snapshot *part, const struct snapshot *base, struct span owner, struct arena *arena) {
    if (part->background == NULL || base->background == NULL)
        return base->background;
    struct background *merged = arena_new(arena, struct background);
    *merged = *base->background;
    merge_remarks(part, base, owner, merged, arena);
    merge_virtual_services(part, base, owner, merged, arena);
    return merged;
}

static void adopt_base(struct snapshot *part, struct snapshot *base, struct listener **listeners, struct route_table **tables) {
    bool names_upstream_tls = part->settings.names_upstream_tls; /* a header of its routes may ask for it */
    part->base = snapshot_pin(base);
    part->settings = base->settings;
    part->settings.names_upstream_tls |= names_upstream_tls;
    part->access_log = base->access_log;
    part->listeners = listeners;
    part->listener_count = base->listener_count;
    part->route_tables = tables;
    part->route_table_count = base->route_table_count;
    part->clusters = base->clusters;
    part->cluster_count = base->cluster_count;
    part->clusters_by_name = base->clusters_by_name;
    part->origin_first = base->origin_count;
    part->origin_count += base->origin_count;
}

bool snapshot_graft(struct snapshot *part, struct snapshot *base, struct span owner) {
    struct arena *arena = &part->arena;
    if (!fits(part, base, owner))
        return false;
    const struct background *background = merge_background(part, base, owner, arena);
    struct listener **listeners = arena_new_array(arena, struct listener *, base->listener_count);
    struct route_table **tables = arena_new_array(arena, struct route_table *, base->route_table_count);
    for (size_t i = 0; i < base->listener_count; i++)
        listeners[i] = base->listeners[i];
    for (size_t i = 0; i < base->route_table_count; i++) {
        const struct route_table *grafted = find_table(part, base->route_tables[i]->name);
        tables[i] = base->route_tables[i];
        bool concerned = false;
        for (size_t host = 0; grafted != NULL && host < grafted->virtual_host_count; host++)
            concerned |= is_owned(grafted->virtual_hosts[host], owner);
        if (!concerned)
            continue;
        tables[i] = merge_table(arena, base, base->route_tables[i], grafted, owner);
        for (size_t listener = 0; listener < base->listener_count; listener++) {
            struct listener *former = listeners[listener];
            listeners[listener] = follow_table(arena, former, base->route_tables[i], tables[i]);
            if (listeners[listener] != former && former != base->listeners[listener])
                host_index_deinit(&former->server_names);
        }
    }
    drop_own_indexes(part);
    adopt_base(part, base, listeners, tables);
    part->background = background;
    return true;
}
