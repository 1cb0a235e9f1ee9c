/* Connections that end before a request is read. */
#include "explain/cause.h"

#define CODE_LISTENER_NOT_BOUND 211

/* Walks all servers; `wants` says which. */
typedef bool server_wish(const struct telling *telling, const struct background_server *server);

static const struct background_server *find_server(const struct telling *telling, server_wish *wants) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->gateway_count; i++)
        for (size_t s = 0; s < background->gateways[i].server_count; s++)
            if (wants(telling, &background->gateways[i].servers[s]))
                return &background->gateways[i].servers[s];
    return NULL;
}

static struct span wanted_name(const struct telling *telling) {
    return explain_request_has_tls(telling->request) ? telling->request->sni : telling->request->host;
}

static bool is_served_here(const struct telling *telling, const struct background_server *server) {
    return server->state == BACKGROUND_SERVER_SERVED && server->port == telling->verdict->port;
}

static bool has_name_here(const struct telling *telling, const struct background_server *server) {
    return is_served_here(telling, server) && cause_server_has(server, wanted_name(telling));
}

static bool has_name_elsewhere(const struct telling *telling, const struct background_server *server) {
    bool exact = false;
    for (size_t i = 0; i < server->host_count; i++)
        exact |= !span_equal(server->hosts[i], SPAN_LITERAL("*"));
    return server->port != telling->verdict->port && exact && cause_server_has(server, wanted_name(telling));
}

static bool has_tls_here(const struct telling *telling, const struct background_server *server) {
    return is_served_here(telling, server) && server->has_tls;
}

static bool service_has_port(const struct telling *telling, uint16_t number) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->port_count; i++)
        if (background->ports[i].service_port == number)
            return true;
    return false;
}

static struct span ports_text(const struct telling *telling) {
    const struct background *background = telling->snapshot->background;
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < background->port_count; i++)
        text = arena_print(telling->arena, "%.*s%s%u", SPAN_ARGUMENTS(text), i == 0 ? "" : ", ", background->ports[i].service_port);
    return text;
}

static uint32_t service_id(const struct telling *telling) {
    const struct background *background = telling->snapshot->background;
    return background->port_count > 0 ? background->ports[0].id : 0;
}

/* Nothing came of a server that is served: no route leads anywhere. */
static bool cause_not_bound(const struct telling *telling, server_wish *wants) {
    const struct background_server *server = find_server(telling, wants);
    const struct background_remark *remark = server == NULL ? NULL : cause_remark_about(telling, CODE_LISTENER_NOT_BOUND, server->title);
    if (remark == NULL)
        return false;
    story_set_cause(telling->story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->message));
    story_set_way_out(telling->story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->hint));
    return true;
}

void cause_no_listener(const struct telling *telling) {
    struct story *story = telling->story;
    if (cause_of_absent_server(telling, wanted_name(telling)) || cause_not_bound(telling, is_served_here))
        return;
    const struct background_server *elsewhere = find_server(telling, has_name_elsewhere);
    if (elsewhere != NULL && !service_has_port(telling, elsewhere->number)) {
        struct span ports = ports_text(telling);
        story_set_cause(story, elsewhere->id, "%.*s has the host on port %u, and the gateway's Service has no such port, only %.*s",
                        SPAN_ARGUMENTS(elsewhere->title), elsewhere->number, SPAN_ARGUMENTS(ports));
        story_set_way_out(story, service_id(telling), "write a port of the Service into the server, or add port %u to the Service", elsewhere->number);
        return;
    }
    if (elsewhere != NULL) {
        story_set_cause(story, elsewhere->id, "no Gateway has a server for port %u; %.*s has the host on port %u", telling->request->port,
                        SPAN_ARGUMENTS(elsewhere->title), elsewhere->number);
        return;
    }
    if (cause_of_absent_server(telling, SPAN_EMPTY))
        return;
    story_set_cause(story, 0, "no Gateway has a server for port %u", telling->request->port);
    story_set_way_out(story, 0, "add a server with port.number %u to a Gateway", telling->request->port);
}

/* --- No filter chain --- */

static struct span hosts_here(const struct telling *telling, uint32_t *ret_id) {
    const struct background *background = telling->snapshot->background;
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < background->gateway_count; i++) {
        for (size_t s = 0; s < background->gateways[i].server_count; s++) {
            const struct background_server *server = &background->gateways[i].servers[s];
            if (!is_served_here(telling, server) || text.size > 200)
                continue;
            struct span hosts = cause_hosts_text(telling, server);
            text = arena_print(telling->arena, "%.*s%s%.*s", SPAN_ARGUMENTS(text), text.size == 0 ? "" : ", ", SPAN_ARGUMENTS(hosts));
            *ret_id = *ret_id == 0 ? server->id : *ret_id;
        }
    }
    return text;
}

static void note_virtual_service(const struct telling *telling, struct span name) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->virtual_service_count; i++) {
        const struct background_virtual_service *service = &background->virtual_services[i];
        for (size_t h = 0; h < service->host_count; h++) {
            if (!span_equal(service->hosts[h], name))
                continue;
            story_note(telling->story, service->hosts_id, "%.*s names the host, which is of no use before a Gateway has it",
                       SPAN_ARGUMENTS(service->title));
            return;
        }
    }
}

void cause_no_chain(const struct telling *telling) {
    struct story *story = telling->story;
    struct span name = telling->request->sni;
    uint32_t id = 0;
    struct span hosts = hosts_here(telling, &id);
    if (telling->verdict->chain != NULL) {
        story_set_cause(story, telling->verdict->chain->id, "%.*s passes the mesh's mutual TLS on and nothing else; the client offers no ALPN of Istio's",
                        SPAN_ARGUMENTS(telling->verdict->chain->name));
        return;
    }
    if (!explain_request_has_tls(telling->request)) {
        story_set_cause(story, id, "port %u speaks TLS only, for %.*s, and the client speaks plaintext", telling->request->port, SPAN_ARGUMENTS(hosts));
        story_set_way_out(story, 0, "ask by https://");
    } else if (name.size == 0) {
        story_set_cause(story, id, "the client sends no server name, and the servers of port %u are chosen by it: %.*s", telling->request->port,
                        SPAN_ARGUMENTS(hosts));
        story_set_way_out(story, 0, "ask by a host name, not by an IP address");
    } else if (!cause_of_absent_server(telling, name) && !cause_not_bound(telling, has_name_here)) {
        const struct background_server *server = find_server(telling, has_name_here);
        if (server != NULL) {
            story_set_cause(story, server->id, "%.*s has \"%.*s\", but no VirtualService has a route for this server name", SPAN_ARGUMENTS(server->title),
                            SPAN_ARGUMENTS(name));
            story_set_way_out(story, 0, "add \"%.*s\" to sniHosts of a tls route that is bound to the Gateway", SPAN_ARGUMENTS(name));
            return;
        }
        story_set_cause(story, id, "host \"%.*s\" is in no Gateway on port %u; its servers have %.*s", SPAN_ARGUMENTS(name), telling->request->port,
                        SPAN_ARGUMENTS(hosts));
        story_set_way_out(story, id, "add \"%.*s\" to the hosts of a server", SPAN_ARGUMENTS(name));
        note_virtual_service(telling, name);
    }
}

/* --- TLS --- */

/* What is wrong with the Secret of a chain, or with that of its name and `suffix`; NULL: nothing was said. */
static const struct background_remark *remark_of_secret(const struct telling *telling, const struct filter_chain *chain, const char *suffix) {
    struct span name = chain->credential_name, namespace = telling->snapshot->settings.gateway_namespace;
    size_t slash;
    if (name.size == 0)
        return NULL;
    if (span_find_byte(name, '/', &slash)) {
        namespace = span_first(name, slash);
        name = span_from(name, slash + 1);
    }
    struct span title = arena_print(telling->arena, "Secret %.*s/%.*s%s", SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(name), suffix);
    return tell_remark_of(telling->snapshot, title);
}

static void set_cause_or(const struct telling *telling, const struct background_remark *remark, uint32_t id, const char *otherwise) {
    struct story *story = telling->story;
    if (remark == NULL) {
        story_set_cause(story, id, "%s", otherwise);
        return;
    }
    struct span object = snapshot_origin(telling->snapshot, remark->id).object;
    if (span_starts_with(object, SPAN_LITERAL("Secret ")))
        story_set_cause(story, remark->id, "%.*s: %.*s", SPAN_ARGUMENTS(object), SPAN_ARGUMENTS(remark->message));
    else
        story_set_cause(story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->message));
    if (remark->hint.size > 0)
        story_set_way_out(story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->hint));
}

void cause_no_certificate(const struct telling *telling) {
    const struct filter_chain *chain = telling->verdict->chain;
    const struct background_remark *of_gateway = tell_remark_of(telling->snapshot, snapshot_origin(telling->snapshot, chain->id).object);
    struct story *story = telling->story;
    if (chain->lacks_trust) {
        const struct background_remark *said = remark_of_secret(telling, chain, "-cacert");
        said = said != NULL ? said : remark_of_secret(telling, chain, "");
        set_cause_or(telling, said != NULL ? said : of_gateway, chain->id, "it is not known whom to trust among clients");
        return;
    }
    for (int code = 400; code <= 406; code++) {
        const struct background_remark *remark = chain->credential_name.size == 0 ? NULL : cause_remark_about(telling, code, chain->credential_name);
        if (remark == NULL || remark->severity == 0)
            continue;
        story_set_cause(story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->message));
        story_set_way_out(story, remark->id, "%.*s", SPAN_ARGUMENTS(remark->hint));
        return;
    }
    const struct background_remark *of_secret = remark_of_secret(telling, chain, "");
    set_cause_or(telling, of_secret != NULL ? of_secret : of_gateway, chain->credential_id, "the server has no usable certificate");
}

void cause_not_plaintext(const struct telling *telling) {
    struct story *story = telling->story;
    const struct background_server *server = find_server(telling, has_tls_here);
    if (cause_of_absent_server(telling, wanted_name(telling)))
        return;
    if (server != NULL) {
        story_set_cause(story, server->id, "%.*s has a tls block but port.protocol %.*s: plaintext is spoken there, and the client speaks TLS",
                        SPAN_ARGUMENTS(server->title), SPAN_ARGUMENTS(server->protocol));
        story_set_way_out(story, server->id, "write port.protocol: HTTPS");
        return;
    }
    story_set_cause(story, telling->verdict->chain->id, "port %u speaks plaintext HTTP, and the client speaks TLS", telling->request->port);
    story_set_way_out(story, 0, "ask by http://, or give the server port.protocol HTTPS and a tls block");
}
