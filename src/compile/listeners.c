#include "compile/listeners.h"

#include "compile/auto_passthrough.h"
#include "compile/clusters.h"
#include "compile/compiler.h"
#include "compile/host_name.h"
#include "compile/tls.h"

/* A listener while its chains are gathered. */
struct listener_draft {
    uint16_t port;
    struct span bind;
    ARRAY_OF(struct filter_chain *) chains;
    struct map names;        /* SNI name, "*" for the catch-all -> the chain that took it */
    struct map passed_names; /* sniHosts of passthrough servers, as written -> title of the server */
};

/* One chain in the making. */
struct chain_draft {
    struct listener_draft *listener;
    const struct merged_server *server;
    const struct object_meta *meta; /* that made it: the Gateway, or the VirtualService of a TCP route */
    struct position position;
    enum filter_chain_kind kind;
    struct span_list names; /* empty: every name */
};

static bool binds_every_address(struct span bind) {
    return bind.size == 0 || span_equal(bind, SPAN_LITERAL("0.0.0.0"));
}

/* Takes the names that are free; those that are not are reported. False: none was. */
static bool take_names(struct compiler *compiler, const struct chain_draft *draft, struct filter_chain *chain) {
    struct span_list wanted = draft->names;
    struct span_list taken = {0};
    if (wanted.count == 0 || span_list_contains(&wanted, SPAN_LITERAL("*"))) {
        wanted = (struct span_list){0};
        ARRAY_APPEND(&compiler->scratch, &wanted, SPAN_LITERAL("*"));
    }
    for (size_t i = 0; i < wanted.count; i++) {
        struct span name = arena_lower(compiler->arena, wanted.items[i]);
        const struct filter_chain *winner = map_get(&draft->listener->names, name);
        if (winner == NULL && host_name_is_servable(name)) {
            map_set(&draft->listener->names, name, chain);
            ARRAY_APPEND(&compiler->scratch, &taken, name);
            continue;
        }
        if (winner == chain)
            continue;
        if (winner == NULL)
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_GATEWAY_HOST, draft->position, draft->meta,
                            "write a name, \"*.\" and a name, or \"*\"",
                            "host \"%.*s\" cannot be matched with an SNI; it is left out", SPAN_ARGUMENTS(name));
        else
            compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_LISTENER_CHAIN_DROPPED, draft->position, draft->meta,
                            "of two such chains the first counts; Envoy would refuse the whole listener",
                            "SNI \"%.*s\" on port %u is taken by %.*s already; it does not lead to %.*s", SPAN_ARGUMENTS(name),
                            draft->listener->port, SPAN_ARGUMENTS(winner->name), SPAN_ARGUMENTS(draft->server->title));
    }
    if (taken.count == 0)
        return false;
    if (span_equal(taken.items[0], SPAN_LITERAL("*")))
        return true;
    chain->server_names = arena_new_array(compiler->arena, struct span, taken.count);
    memcpy(chain->server_names, taken.items, taken.count * sizeof(taken.items[0]));
    chain->server_name_count = taken.count;
    return true;
}

/* NULL when an earlier chain has all its names. */
static struct filter_chain *add_chain(struct compiler *compiler, const struct chain_draft *draft) {
    struct filter_chain *chain = arena_new(compiler->arena, struct filter_chain);
    chain->name = arena_copy(compiler->arena, draft->server->title);
    chain->kind = draft->kind;
    if (!take_names(compiler, draft, chain))
        return NULL;
    chain->id = compiler_origin(compiler, draft->meta, draft->position);
    bool http = filter_chain_is_http(chain);
    if (compiler->refusal.size > 0 && !http)
        chain->refusal = compiler->refusal;
    for (const struct unsupported *item = draft->server->gateway->meta.unsupported.first; item != NULL; item = item->next) {
        if (!item->restricts_or_encrypts || compiler->options->allow_unsupported)
            continue;
        chain->refusal = arena_print(compiler->arena, "%.*s is not supported", SPAN_ARGUMENTS(item->path));
    }
    ARRAY_APPEND(&compiler->scratch, &draft->listener->chains, chain);
    return chain;
}

static const struct route_table *find_route_table(const struct compiler *compiler, struct span name) {
    return map_get(&compiler->route_tables_by_name, name);
}

static struct chain_draft draft_of(struct listener_draft *listener, const struct merged_server *server,
                                   enum filter_chain_kind kind) {
    return (struct chain_draft){.listener = listener,
                                .server = server,
                                .meta = &server->gateway->meta,
                                .position = server->server->position,
                                .kind = kind};
}

static void add_http_chain(struct compiler *compiler, struct listener_draft *listener, const struct server_group *group) {
    struct chain_draft draft = draft_of(listener, group->servers.items[0], FILTER_CHAIN_HTTP);
    struct filter_chain *chain = add_chain(compiler, &draft);
    if (chain != NULL)
        chain->routes = find_route_table(compiler, group->route_name);
}

static void add_https_chain(struct compiler *compiler, struct listener_draft *listener, const struct merged_server *server) {
    struct chain_draft draft = draft_of(listener, server, FILTER_CHAIN_HTTPS);
    merged_server_sni_names(&compiler->scratch, server, &draft.names);
    struct filter_chain *chain = add_chain(compiler, &draft);
    if (chain == NULL)
        return;
    chain->routes = find_route_table(compiler, server->route_name);
    compile_tls(compiler, server, chain);
}

static bool l4_match_holds(struct compiler *compiler, const struct l4_match *match, const struct object_meta *meta,
                           const struct merged_server *server) {
    if (match->port.is_set && match->port.value != 0 && match->port.value != server->number)
        return false;
    return match_names_gateway(&compiler->scratch, &match->gateways, meta->namespace, server->gateway_title);
}

/* On gateways Istio looks at port and gateways only; the rest is ignored there too, but not without a word. */
static void report_ignored(struct compiler *compiler, const struct l4_match *match, const struct object_meta *meta) {
    for (const struct unsupported *item = match->unsupported.first; item != NULL; item = item->next)
        if (compiler_first_report(compiler, DIAGNOSTIC_ROUTE_MATCH, item->position, meta))
            compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_ROUTE_MATCH, item->position, meta, "",
                            "%.*s has no effect on a gateway, as in Istio", SPAN_ARGUMENTS(item->path));
}

/* The first route of the VirtualService that holds on the server; of TCP routes one without matches holds always. */
static const struct l4_route *find_tcp_route(struct compiler *compiler, const struct virtual_service *service,
                                             const struct merged_server *server) {
    for (size_t i = 0; i < service->tcp_count; i++) {
        const struct l4_route *route = &service->tcp[i];
        if (route->match_count == 0)
            return route;
        for (size_t match = 0; match < route->match_count; match++) {
            if (!l4_match_holds(compiler, &route->matches[match], &service->meta, server))
                continue;
            report_ignored(compiler, &route->matches[match], &service->meta);
            return route;
        }
    }
    return NULL;
}

static void set_destinations(struct compiler *compiler, const struct virtual_service *service, const struct l4_route *route,
                             const struct merged_server *server, struct filter_chain *chain) {
    compile_destinations(compiler, compiler->arena, &service->meta, route->destinations, route->destination_count, server->number,
                         &chain->destinations);
    if (chain->destinations.count == 0 && chain->refusal.size == 0)
        chain->refusal = SPAN_LITERAL("the route has no destination");
}

/* TCP, and TLS that ends here with bytes inside: at most one route of all VirtualServices. */
static void add_tcp_chain(struct compiler *compiler, struct listener_draft *listener, const struct merged_server *server) {
    struct chain_draft draft =
        draft_of(listener, server, server->server->tls != NULL ? FILTER_CHAIN_TLS_TCP : FILTER_CHAIN_TCP);
    if (draft.kind == FILTER_CHAIN_TLS_TCP)
        merged_server_sni_names(&compiler->scratch, server, &draft.names);
    const struct virtual_service_list *services = virtual_services_of(compiler, server->gateway_title);
    for (size_t i = 0; i < services->count; i++) {
        struct bound_virtual_service *service = services->items[i];
        struct span_list hosts;
        virtual_service_server_hosts(compiler, service, server, &hosts);
        const struct l4_route *route = hosts.count > 0 ? find_tcp_route(compiler, service->object, server) : NULL;
        if (route == NULL)
            continue;
        draft.meta = &service->object->meta;
        draft.position = route->position;
        struct filter_chain *chain = add_chain(compiler, &draft);
        if (chain == NULL)
            return;
        if (chain->kind == FILTER_CHAIN_TLS_TCP)
            compile_tls(compiler, server, chain);
        set_destinations(compiler, service->object, route, server, chain);
        return;
    }
    compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_LISTENER_NOT_BOUND, server->server->position,
                    &server->gateway->meta, "add a VirtualService with a tcp route for it",
                    "%.*s (port %u, listening on %u): no tcp route leads anywhere, so nothing listens for it",
                    SPAN_ARGUMENTS(server->title), server->number, server->port);
}

/* False when an earlier match of a passthrough server on this listener has one of the names: then the whole match counts for nothing. */
static bool pass_names(struct compiler *compiler, struct listener_draft *listener, const struct l4_match *match,
                       const struct object_meta *meta, const struct merged_server *server) {
    for (size_t i = 0; i < match->sni_hosts.count; i++) {
        const struct located *name = &match->sni_hosts.items[i];
        const struct span *winner = map_get(&listener->passed_names, name->text);
        if (winner == NULL)
            continue;
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_ROUTE_DROPPED, name->position, meta,
                        "the first route counts: in order of servers, then VirtualServices, then routes",
                        "SNI host \"%.*s\" on port %u is routed already, by way of %.*s; this match has no effect on %.*s",
                        SPAN_ARGUMENTS(name->text), listener->port, SPAN_ARGUMENTS(*winner), SPAN_ARGUMENTS(server->title));
        return false;
    }
    struct span *holder = arena_new(&compiler->scratch, struct span);
    *holder = server->title;
    for (size_t i = 0; i < match->sni_hosts.count; i++)
        map_set(&listener->passed_names, match->sni_hosts.items[i].text, holder);
    return true;
}

/* How many chains the VirtualService's tls routes made on the server. */
static size_t add_tls_routes(struct compiler *compiler, struct listener_draft *listener, const struct merged_server *server,
                             const struct virtual_service *service) {
    size_t added = 0;
    for (size_t i = 0; i < service->tls_count; i++) {
        const struct l4_route *route = &service->tls[i];
        for (size_t m = 0; m < route->match_count && route->destination_count > 0; m++) {
            const struct l4_match *match = &route->matches[m];
            if (match->sni_hosts.count == 0 || !l4_match_holds(compiler, match, &service->meta, server) ||
                !pass_names(compiler, listener, match, &service->meta, server))
                continue;
            report_ignored(compiler, match, &service->meta);
            struct chain_draft draft = draft_of(listener, server, FILTER_CHAIN_PASSTHROUGH);
            draft.meta = &service->meta;
            draft.position = match->position;
            for (size_t name = 0; name < match->sni_hosts.count; name++)
                ARRAY_APPEND(&compiler->scratch, &draft.names, match->sni_hosts.items[name].text);
            struct filter_chain *chain = add_chain(compiler, &draft);
            if (chain != NULL)
                set_destinations(compiler, service, route, server, chain);
            added++;
        }
    }
    return added;
}

static void add_passthrough_chains(struct compiler *compiler, struct listener_draft *listener,
                                   const struct merged_server *server) {
    size_t added = 0;
    const struct virtual_service_list *services = virtual_services_of(compiler, server->gateway_title);
    for (size_t i = 0; i < services->count; i++) {
        struct bound_virtual_service *service = services->items[i];
        struct span_list hosts;
        virtual_service_server_hosts(compiler, service, server, &hosts);
        if (hosts.count > 0)
            added += add_tls_routes(compiler, listener, server, service->object);
    }
    if (added == 0)
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_LISTENER_NOT_BOUND, server->server->position,
                        &server->gateway->meta, "add a VirtualService with a tls route and sniHosts for it",
                        "%.*s (port %u, listening on %u): no tls route leads anywhere, so it takes no connection",
                        SPAN_ARGUMENTS(server->title), server->number, server->port);
}

/* East-west gateways: a chain for each port of the Services that the hosts cover. */
static void add_auto_passthrough_chains(struct compiler *compiler, struct listener_draft *listener,
                                        const struct merged_server *server) {
    struct span_list hosts = {0};
    struct passed_port_list ports = {0};
    merged_server_sni_names(&compiler->scratch, server, &hosts);
    compile_passed_ports(compiler, &hosts, &ports);
    for (size_t i = 0; i < ports.count; i++) {
        struct chain_draft draft = draft_of(listener, server, FILTER_CHAIN_PASSTHROUGH);
        ARRAY_APPEND(&compiler->scratch, &draft.names, ports.items[i].server_name);
        struct filter_chain *chain = add_chain(compiler, &draft);
        if (chain == NULL)
            continue;
        chain->destinations = ports.items[i].destinations;
        chain->wants_mesh_protocol = true;
    }
    if (ports.count == 0)
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_LISTENER_NOT_BOUND, server->server->position,
                        &server->gateway->meta, "add the Services of the mesh, or hosts that cover them, such as \"*.local\"",
                        "%.*s (port %u, listening on %u): its hosts cover no Service, so it takes no connection",
                        SPAN_ARGUMENTS(server->title), server->number, server->port);
}

static void add_server(struct compiler *compiler, struct listener_draft *listener, const struct merged_server *server) {
    const struct gateway_server *written = server->server;
    if (merged_server_terminates_https(server))
        add_https_chain(compiler, listener, server);
    else if (!gateway_server_is_passthrough(written))
        add_tcp_chain(compiler, listener, server);
    else if (written->tls->mode == GATEWAY_TLS_AUTO_PASSTHROUGH)
        add_auto_passthrough_chains(compiler, listener, server);
    else
        add_passthrough_chains(compiler, listener, server);
}

struct listener_draft_list {
    struct listener_draft **items;
    size_t count;
    size_t capacity;
};

static struct listener_draft *listener_for(struct compiler *compiler, struct listener_draft_list *drafts,
                                           const struct server_group *group) {
    for (size_t i = 0; i < drafts->count; i++) {
        struct listener_draft *known = drafts->items[i];
        if (known->port == group->port && (span_equal(known->bind, group->bind) ||
                                           (binds_every_address(known->bind) && binds_every_address(group->bind))))
            return known;
    }
    struct listener_draft *draft = arena_new(&compiler->scratch, struct listener_draft);
    draft->port = group->port;
    draft->bind = group->bind;
    map_init(&draft->names);
    map_init(&draft->passed_names);
    ARRAY_APPEND(&compiler->scratch, drafts, draft);
    return draft;
}

static void finish_listener(struct compiler *compiler, struct listener_draft *draft) {
    map_deinit(&draft->names);
    map_deinit(&draft->passed_names);
    if (draft->chains.count == 0)
        return;
    struct listener *listener = arena_new(compiler->arena, struct listener);
    listener->port = draft->port;
    listener->bind = arena_copy(compiler->arena, draft->bind);
    listener->filter_chain_count = draft->chains.count;
    listener->filter_chains = arena_new_array(compiler->arena, struct filter_chain *, draft->chains.count);
    memcpy(listener->filter_chains, draft->chains.items, draft->chains.count * sizeof(draft->chains.items[0]));
    ARRAY_APPEND(&compiler->scratch, &compiler->listeners, listener);
}

void compile_listeners(struct compiler *compiler) {
    struct listener_draft_list drafts = {0};
    for (size_t i = 0; i < compiler->servers.groups.count; i++) {
        const struct server_group *group = compiler->servers.groups.items[i];
        struct listener_draft *listener = listener_for(compiler, &drafts, group);
        if (protocol_is_http(group->protocol)) {
            add_http_chain(compiler, listener, group);
            continue;
        }
        for (size_t server = 0; server < group->servers.count; server++)
            add_server(compiler, listener, group->servers.items[server]);
    }
    for (size_t i = 0; i < drafts.count; i++)
        finish_listener(compiler, drafts.items[i]);
}
