#include "compile/virtual_hosts.h"

#include "compile/compiler.h"
#include "compile/routes.h"

/* The routes of one VirtualService through one Gateway: built for the first server that needs them and used for all of the table, port
 * conditions included, as Istio does. */
struct built_routes {
    struct built_routes *next; /* of the same VirtualService */
    size_t table; /* number of the route table */
    const struct gateway *gateway;
    struct span title; /* of the VirtualService */
    bool delegates;    /* some of its rules are another VirtualService's */
    struct route_list routes;
};

struct host_draft {
    struct virtual_host *host;
    ARRAY_OF(const struct built_routes *) sources;
};

struct table_draft {
    struct compiler *compiler;
    size_t number;
    ARRAY_OF(struct host_draft *) hosts; /* in order of creation */
    struct map hosts_by_domain;
};

static const struct built_routes *routes_for(struct table_draft *draft, struct bound_virtual_service *service,
                                             const struct merged_server *server) {
    struct built_routes *built;
    for (built = service->built; built != NULL && built->table == draft->number; built = built->next)
        if (built->gateway == server->gateway)
            return built;
    built = arena_new(&draft->compiler->scratch, struct built_routes);
    *built = (struct built_routes){.next = service->built, .table = draft->number, .gateway = server->gateway};
    service->built = built;
    compile_routes(draft->compiler, service, server, &built->routes);
    built->title = service->object->meta.title;
    for (size_t i = 0; i < service->object->http_count; i++)
        built->delegates |= service->object->http[i].delegate->is_set;
    return built;
}

static struct host_draft *host_for(struct table_draft *draft, struct span name) {
    struct compiler *compiler = draft->compiler;
    struct span domain = arena_lower(&compiler->scratch, name);
    struct host_draft *host = map_get(&draft->hosts_by_domain, domain);
    if (host != NULL)
        return host;
    host = arena_new(&compiler->scratch, struct host_draft);
    host->host = arena_new(compiler->arena, struct virtual_host);
    host->host->domain = arena_copy(compiler->arena, domain);
    ARRAY_APPEND(&compiler->scratch, &draft->hosts, host);
    map_set(&draft->hosts_by_domain, domain, host);
    return host;
}

/* The same routes a second time could never match: left out. */
static void add_routes(struct table_draft *draft, struct host_draft *host, const struct built_routes *built) {
    for (size_t i = 0; i < host->sources.count; i++)
        if (host->sources.items[i] == built)
            return;
    ARRAY_APPEND(&draft->compiler->scratch, &host->sources, built);
}

static bool redirects(const struct merged_server *server) {
    return server->server->tls != NULL && server->server->tls->https_redirect.value;
}

static void add_server(struct table_draft *draft, const struct merged_server *server) {
    struct compiler *compiler = draft->compiler;
    const struct virtual_service_list *services = virtual_services_of(compiler, server->gateway_title);
    for (size_t i = 0; i < services->count; i++) {
        struct bound_virtual_service *service = services->items[i];
        struct span_list hosts;
        virtual_service_server_hosts(compiler, service, server, &hosts);
        if (hosts.count == 0)
            continue;
        const struct built_routes *built = routes_for(draft, service, server);
        for (size_t host = 0; host < hosts.count && built->routes.count > 0; host++) {
            struct host_draft *draft_host = host_for(draft, hosts.items[host]);
            add_routes(draft, draft_host, built);
            draft_host->host->require_tls |= redirects(server);
        }
    }
    /* Hosts that still carry a namespace make a virtual host that no request names, as in Istio. */
    for (size_t i = 0; i < server->hosts.count && redirects(server); i++)
        host_for(draft, server->hosts.items[i])->host->require_tls = true;
}

/* A host has its own copies: the finder wants them side by side, and a graft moves them. */
static void gather_destinations(struct arena *arena, struct virtual_host *host) {
    struct weighted_cluster *single = arena_new_array(arena, struct weighted_cluster, host->route_count);
    for (size_t i = 0; i < host->route_count; i++) {
        struct destinations *destinations = &host->routes[i].destinations;
        struct weighted_cluster *items = destinations->count == 1 ? &single[i] : arena_new_array(arena, struct weighted_cluster, destinations->count);
        if (destinations->count > 0)
            memcpy(items, destinations->items, destinations->count * sizeof(*items));
        destinations->items = items;
    }
    host->destinations = single;
}

static void take_routes(struct virtual_host *host, const struct route_list *routes, bool catch_all) {
    for (size_t i = 0; i < routes->count; i++)
        if (route_is_catch_all(&routes->items[i]) == catch_all)
            host->routes[host->route_count++] = routes->items[i];
}

/* Catch-all routes go behind the others; otherwise the order stays. */
static void finish_host(struct compiler *compiler, struct host_draft *draft) {
    struct virtual_host *host = draft->host;
    if (draft->sources.count == 1 && !draft->sources.items[0]->delegates)
        host->owner = arena_copy(compiler->arena, draft->sources.items[0]->title);
    size_t count = 0;
    for (size_t i = 0; i < draft->sources.count; i++)
        count += draft->sources.items[i]->routes.count;
    host->routes = arena_new_array(compiler->arena, struct route, count);
    for (int catch_all = 0; catch_all < 2; catch_all++)
        for (size_t i = 0; i < draft->sources.count; i++)
            take_routes(host, &draft->sources.items[i]->routes, catch_all == 1);
    gather_destinations(compiler->arena, host);
}

static int compare_hosts(const void *left, const void *right) {
    return span_compare((*(struct virtual_host *const *)left)->domain, (*(struct virtual_host *const *)right)->domain);
}

static struct route_table *compile_route_table(struct compiler *compiler, const struct route_servers *servers) {
    struct table_draft draft = {.compiler = compiler, .number = compiler->route_tables.count};
    map_init(&draft.hosts_by_domain);
    for (size_t i = 0; i < servers->servers.count; i++)
        add_server(&draft, servers->servers.items[i]);
    map_deinit(&draft.hosts_by_domain);
    struct route_table *table = arena_new(compiler->arena, struct route_table);
    table->name = arena_copy(compiler->arena, servers->route_name);
    table->virtual_hosts = arena_new_array(compiler->arena, struct virtual_host *, draft.hosts.count);
    for (size_t i = 0; i < draft.hosts.count; i++) {
        finish_host(compiler, draft.hosts.items[i]);
        table->virtual_hosts[table->virtual_host_count++] = draft.hosts.items[i]->host;
    }
    array_sort(table->virtual_hosts, table->virtual_host_count, sizeof(table->virtual_hosts[0]), compare_hosts);
    return table;
}

void compile_route_tables(struct compiler *compiler) {
    for (size_t i = 0; i < compiler->servers.route_tables.count; i++) {
        struct route_table *table = compile_route_table(compiler, compiler->servers.route_tables.items[i]);
        ARRAY_APPEND(&compiler->scratch, &compiler->route_tables, table);
        map_set(&compiler->route_tables_by_name, table->name, table);
    }
}
