#include "compile/gateways.h"

#include "base/assert.h"
#include "base/network_address.h"
#include "compile/compiler.h"

/* Per resolved port: whether it was seen, and the first plaintext group. */
struct port_state {
    uint16_t port;
    struct server_group *plaintext;
};

struct merge_state {
    struct compiler *compiler;
    struct map taken; /* port, bind and host string -> struct merged_server: taken by a server with a tls block */
    ARRAY_OF(struct port_state) ports;
};

bool gateway_server_is_passthrough(const struct gateway_server *server) {
    return server->tls != NULL &&
           (server->tls->mode == GATEWAY_TLS_PASSTHROUGH || server->tls->mode == GATEWAY_TLS_AUTO_PASSTHROUGH);
}

static bool is_tls_server(const struct merged_server *server) {
    return server->server->tls != NULL && !protocol_is_http(server->protocol);
}

bool merged_server_terminates_https(const struct merged_server *server) {
    return server->protocol == PROTOCOL_HTTPS && server->server->tls != NULL &&
           !gateway_server_is_passthrough(server->server);
}

static bool is_http_server(const struct merged_server *server) {
    return protocol_is_http(server->protocol) ||
           (server->protocol == PROTOCOL_HTTPS && !gateway_server_is_passthrough(server->server));
}

static struct span host_part(struct span host) {
    size_t slash;
    return span_find_byte(host, '/', &slash) ? span_from(host, slash + 1) : host;
}

void merged_server_hosts_for(struct arena *arena, const struct merged_server *server, struct span namespace,
                             struct span_list *ret_hosts) {
    struct span_list hosts = {0};
    for (size_t i = 0; i < server->hosts.count; i++) {
        struct span host = server->hosts.items[i];
        size_t slash;
        if (span_find_byte(host, '/', &slash) && !span_equal(span_first(host, slash), namespace))
            continue;
        ARRAY_APPEND(arena, &hosts, host_part(host));
    }
    *ret_hosts = hosts;
}

static int compare_spans(const void *left, const void *right) {
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

void merged_server_sni_names(struct arena *arena, const struct merged_server *server, struct span_list *ret_names) {
    struct span_list names = {0};
    for (size_t i = 0; i < server->hosts.count; i++) {
        struct span name = arena_lower(arena, host_part(server->hosts.items[i]));
        if (!span_list_contains(&names, name))
            ARRAY_APPEND(arena, &names, name);
    }
    array_sort(names.items, names.count, sizeof(names.items[0]), compare_spans);
    *ret_names = names;
}

/* sanitizeServerHostNamespace: "./h" is the Gateway's own namespace, "*" before the slash is none, and one entry of both stars is all. */
static void sanitise_hosts(struct arena *arena, struct merged_server *merged) {
    const struct located_list *hosts = &merged->server->hosts;
    for (size_t i = 0; i < hosts->count; i++) {
        struct span host = hosts->items[i].text;
        size_t slash;
        if (span_equal(host, SPAN_LITERAL("*/*"))) {
            merged->hosts.count = 0;
            ARRAY_APPEND(arena, &merged->hosts, SPAN_LITERAL("*"));
            return;
        }
        if (span_find_byte(host, '/', &slash)) {
            struct span namespace = span_first(host, slash);
            if (span_equal(namespace, SPAN_LITERAL("*")))
                host = span_from(host, slash + 1);
            else if (span_equal(namespace, SPAN_LITERAL(".")))
                host = arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(merged->gateway->meta.namespace),
                                   SPAN_ARGUMENTS(span_from(host, slash + 1)));
        }
        ARRAY_APPEND(arena, &merged->hosts, host);
    }
}

static struct span route_name_of(struct arena *arena, const struct merged_server *merged) {
    const char *dot = merged->bind.size > 0 ? "." : "";
    if (protocol_is_http(merged->protocol))
        return arena_print(arena, "http.%u%s%.*s", merged->port, dot, SPAN_ARGUMENTS(merged->bind));
    if (!merged_server_terminates_https(merged))
        return SPAN_EMPTY;
    return arena_print(arena, "https.%u.%.*s.%.*s.%.*s%s%.*s", merged->number,
                       SPAN_ARGUMENTS(merged->server->port.name.text), SPAN_ARGUMENTS(merged->gateway->meta.name),
                       SPAN_ARGUMENTS(merged->gateway->meta.namespace), dot, SPAN_ARGUMENTS(merged->bind));
}

static bool bind_is_usable(struct compiler *compiler, const struct merged_server *merged) {
    struct network_address address;
    if (merged->bind.size == 0 || network_address_parse(merged->bind, 0, &address))
        return true;
    bool is_path = span_starts_with(merged->bind, SPAN_LITERAL("unix://"));
    compiler_report(compiler, DIAGNOSTIC_ERROR, is_path ? DIAGNOSTIC_UNSUPPORTED_FIELD : DIAGNOSTIC_LISTENER_NOT_BOUND,
                    position_or(merged->server->bind.position, merged->server->position), &merged->gateway->meta,
                    is_path ? "leave bind out, or write an IP address" : "write an IP address",
                    is_path ? "bind \"%.*s\": Unix sockets are not supported yet; the server is left out"
                            : "bind \"%.*s\" is no IP address; the server is left out",
                    SPAN_ARGUMENTS(merged->bind));
    return false;
}

/* The most surprising of Istio's port rules: worth a word where it bites. */
static void report_forgotten_port(struct compiler *compiler, const struct merged_server *merged) {
    const struct forgotten_port *forgotten = service_targets_find_forgotten(&compiler->service_targets, merged->number);
    if (forgotten == NULL)
        return;
    compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_GATEWAY_PORT, merged->server->port.number.position,
                    &merged->gateway->meta,
                    "name the Service's port with another protocol, such as tls-passthrough, or use the first port here",
                    "%.*s listens on %u itself, where no Service leads: in %.*s port %u has the target port %u and the "
                    "protocol of port %u, which alone counts, as in Istio",
                    SPAN_ARGUMENTS(merged->title), merged->number, SPAN_ARGUMENTS(forgotten->service->meta.title),
                    merged->number, forgotten->target_port, forgotten->winner_port);
}

static struct merged_server *merged_server_new(struct compiler *compiler, const struct gateway *gateway, size_t index) {
    struct arena *arena = &compiler->scratch;
    const struct gateway_server *server = &gateway->servers[index];
    if (!server->has_port)
        return NULL;
    struct merged_server *merged = arena_new(arena, struct merged_server);
    merged->gateway = gateway;
    merged->server = server;
    merged->gateway_title =
        arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(gateway->meta.namespace), SPAN_ARGUMENTS(gateway->meta.name));
    merged->title = arena_print(arena, "%.*s servers[%zu]", SPAN_ARGUMENTS(merged->gateway_title), index);
    merged->protocol = protocol_parse(server->port.protocol.text);
    merged->bind = server->bind.text;
    if (!bind_is_usable(compiler, merged))
        return NULL;
    if (server->port.number.value < 1 || server->port.number.value > UINT16_MAX)
        return NULL;
    merged->number = (uint16_t)server->port.number.value;
    merged->port = service_targets_resolve(&compiler->service_targets, merged->number);
    report_forgotten_port(compiler, merged);
    sanitise_hosts(arena, merged);
    merged->route_name = route_name_of(arena, merged);
    return merged;
}

static void report_dropped(struct compiler *compiler, const struct merged_server *loser, struct position position,
                           const struct merged_server *winner, const char *why) {
    compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_GATEWAY_SERVER_DROPPED,
                    position_or(position, loser->server->position), &loser->gateway->meta,
                    "of two such servers the older Gateway's counts (then name, then namespace)",
                    "%.*s (port %u, listening on %u) is dropped as a whole: %s %.*s", SPAN_ARGUMENTS(loser->title),
                    loser->number, loser->port, why, SPAN_ARGUMENTS(winner->title));
}

static struct span taken_key(struct arena *arena, const struct merged_server *merged, struct span host) {
    return arena_print(arena, "%u %.*s %.*s", merged->port, SPAN_ARGUMENTS(merged->bind), SPAN_ARGUMENTS(host));
}

/* A server with a tls block, be it only httpsRedirect, takes its host strings on its port; the first one keeps them. */
static bool take_hosts(struct merge_state *state, struct merged_server *merged) {
    if (merged->server->tls == NULL)
        return true;
    struct arena *arena = &state->compiler->scratch;
    for (size_t host = 0; host < merged->hosts.count; host++) {
        const struct merged_server *winner = map_get(&state->taken, taken_key(arena, merged, merged->hosts.items[host]));
        if (winner == NULL)
            continue;
        struct span why = arena_print(arena, "host \"%.*s\" belongs to", SPAN_ARGUMENTS(merged->hosts.items[host]));
        report_dropped(state->compiler, merged, merged->server->hosts.position, winner, why.data);
        return false;
    }
    for (size_t host = 0; host < merged->hosts.count; host++) {
        struct span key = taken_key(arena, merged, merged->hosts.items[host]);
        if (map_get(&state->taken, key) == NULL)
            map_set(&state->taken, key, merged);
    }
    return true;
}

static void register_route_server(struct compiler *compiler, struct merged_server *merged) {
    if (merged->route_name.size == 0)
        return;
    struct route_servers *found = map_get(&compiler->route_servers_by_name, merged->route_name);
    if (found == NULL) {
        found = arena_new(&compiler->scratch, struct route_servers);
        found->route_name = merged->route_name;
        ARRAY_APPEND(&compiler->scratch, &compiler->servers.route_tables, found);
        map_set(&compiler->route_servers_by_name, found->route_name, found);
    }
    ARRAY_APPEND(&compiler->scratch, &found->servers, merged);
}

static struct server_group *join_group(struct compiler *compiler, struct merged_server *merged) {
    struct server_merge *merge = &compiler->servers;
    struct span protocol = merged->server->port.protocol.text;
    struct server_group *group = NULL;
    for (size_t i = 0; i < merge->groups.count && group == NULL; i++) {
        struct server_group *candidate = merge->groups.items[i];
        if (candidate->port == merged->port && span_equal(candidate->bind, merged->bind) &&
            span_equal(candidate->protocol_text, protocol))
            group = candidate;
    }
    if (group == NULL) {
        group = arena_new(&compiler->scratch, struct server_group);
        *group = (struct server_group){.port = merged->port,
                                       .protocol_text = protocol,
                                       .protocol = merged->protocol,
                                       .bind = merged->bind,
                                       .route_name = merged->route_name};
        ARRAY_APPEND(&compiler->scratch, &merge->groups, group);
    }
    ARRAY_APPEND(&compiler->scratch, &group->servers, merged);
    return group;
}

static struct port_state *find_port(struct merge_state *state, uint16_t port) {
    for (size_t i = 0; i < state->ports.count; i++)
        if (state->ports.items[i].port == port)
            return &state->ports.items[i];
    return NULL;
}

/* The port has a plaintext server: plaintext HTTP of any flavour joins it, everything else on the same address loses. */
static void merge_after_plaintext(struct merge_state *state, struct server_group *plaintext,
                                  struct merged_server *merged) {
    struct compiler *compiler = state->compiler;
    bool same_bind = span_equal(plaintext->bind, merged->bind);
    bool mergeable = (protocol_is_http(merged->protocol) || merged->protocol == plaintext->protocol) &&
                     protocol_is_http(plaintext->protocol);
    if (same_bind && (!mergeable || merged->route_name.size == 0)) {
        struct span why =
            arena_print(&compiler->scratch, "%.*s cannot share port %u with the plaintext %.*s of",
                        SPAN_ARGUMENTS(merged->server->port.protocol.text), merged->port,
                        SPAN_ARGUMENTS(plaintext->protocol_text));
        report_dropped(compiler, merged, merged->server->port.protocol.position, plaintext->servers.items[0], why.data);
        return;
    }
    if (same_bind)
        ARRAY_APPEND(&compiler->scratch, &plaintext->servers, merged);
    else
        (void)join_group(compiler, merged);
    register_route_server(compiler, merged);
}

static void merge_after_tls(struct merge_state *state, struct port_state *port, struct merged_server *merged) {
    struct compiler *compiler = state->compiler;
    if (!is_tls_server(merged)) {
        port->plaintext = join_group(compiler, merged);
        if (is_http_server(merged))
            register_route_server(compiler, merged);
        return;
    }
    if (merged_server_terminates_https(merged)) {
        const struct route_servers *twin = map_get(&compiler->route_servers_by_name, merged->route_name);
        if (twin != NULL) {
            report_dropped(compiler, merged, merged->server->port.name.position, twin->servers.items[0],
                           "its port has the number and name of a port of");
            return;
        }
        register_route_server(compiler, merged);
    }
    (void)join_group(compiler, merged);
}

static void merge_server(struct merge_state *state, struct merged_server *merged) {
    struct compiler *compiler = state->compiler;
    if (!take_hosts(state, merged))
        return;
    struct port_state *port = find_port(state, merged->port);
    if (port == NULL) {
        struct port_state first = {.port = merged->port};
        struct server_group *group = join_group(compiler, merged);
        if (!is_tls_server(merged))
            first.plaintext = group;
        if (is_http_server(merged))
            register_route_server(compiler, merged);
        ARRAY_APPEND(&compiler->scratch, &state->ports, first);
        return;
    }
    if (port->plaintext != NULL)
        merge_after_plaintext(state, port->plaintext, merged);
    else
        merge_after_tls(state, port, merged);
}

static int compare_gateways(const void *left, const void *right) {
    return object_meta_compare_age(&(*(struct gateway *const *)left)->meta, &(*(struct gateway *const *)right)->meta);
}

void compile_gateways(struct compiler *compiler) {
    const struct resource_set *resources = compiler->resources;
    ARRAY_OF(struct gateway *) selected = {0};
    for (size_t i = 0; i < resources->gateways.count; i++) {
        struct gateway *gateway = resources->gateways.items[i];
        if (gateway->meta.invalid)
            continue;
        if (gateway->has_selector && !label_set_contains(&compiler->gateway_labels, &gateway->selector)) {
            compiler_report(compiler, DIAGNOSTIC_INFO, DIAGNOSTIC_GATEWAY_NOT_SELECTED, gateway->meta.position, &gateway->meta,
                            "", "its selector does not select the ingress gateway %.*s/%.*s",
                            SPAN_ARGUMENTS(compiler->gateway_namespace), SPAN_ARGUMENTS(compiler->gateway_name));
            continue;
        }
        ARRAY_APPEND(&compiler->scratch, &selected, gateway);
    }
    if (selected.count == 0)
        diagnostic_add(compiler->diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_GATEWAY_NOT_SELECTED, POSITION_NONE, SPAN_EMPTY,
                       SPAN_LITERAL("add a Gateway whose selector fits the ingress gateway's labels"),
                       "no Gateway selects the ingress gateway %.*s/%.*s: nothing will listen",
                       SPAN_ARGUMENTS(compiler->gateway_namespace), SPAN_ARGUMENTS(compiler->gateway_name));
    array_sort(selected.items, selected.count, sizeof(selected.items[0]), compare_gateways);
    struct merge_state state = {.compiler = compiler};
    map_init(&state.taken);
    for (size_t i = 0; i < selected.count; i++) {
        for (size_t index = 0; index < selected.items[i]->server_count; index++) {
            struct merged_server *merged = merged_server_new(compiler, selected.items[i], index);
            if (merged != NULL)
                merge_server(&state, merged);
        }
    }
    map_deinit(&state.taken);
}
