/* No virtual host has the name: which VirtualService was meant to, and what keeps it. */
#include "explain/cause.h"

static const struct background_gateway *find_gateway(const struct telling *telling, struct span name) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->gateway_count; i++)
        if (span_equal(background->gateways[i].name, name))
            return &background->gateways[i];
    return NULL;
}

static struct span base_name(struct span name) {
    size_t slash;
    return span_find_byte(name, '/', &slash) ? span_from(name, slash + 1) : name;
}

/* One of that name in another namespace. */
static const struct background_gateway *find_namesake(const struct telling *telling, struct span name) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->gateway_count; i++)
        if (span_equal(base_name(background->gateways[i].name), base_name(name)))
            return &background->gateways[i];
    return NULL;
}

static bool cause_missing_gateway(const struct telling *telling, const struct background_virtual_service *service, struct span name) {
    const struct background_gateway *namesake = find_namesake(telling, name);
    struct story *story = telling->story;
    if (namesake != NULL) {
        story_set_cause(story, service->gateways_id, "%.*s names Gateway %.*s, which does not exist; the one of that name is %.*s, in another namespace",
                        SPAN_ARGUMENTS(service->title), SPAN_ARGUMENTS(name), SPAN_ARGUMENTS(namesake->name));
        story_set_way_out(story, service->gateways_id, "write %.*s into gateways: a name alone is looked up in the VirtualService's own namespace",
                          SPAN_ARGUMENTS(namesake->name));
    } else {
        story_set_cause(story, service->gateways_id, "%.*s names Gateway %.*s, which is not in the input", SPAN_ARGUMENTS(service->title),
                        SPAN_ARGUMENTS(name));
        story_set_way_out(story, service->gateways_id, "write namespace/name of a Gateway that exists");
    }
    return true;
}

/* The Gateway is there and selected: its servers of this port do not have the host, or it has none of this port. */
static bool cause_servers(const struct telling *telling, const struct background_virtual_service *service,
                          const struct background_gateway *gateway, struct span host) {
    const struct background_server *here = NULL;
    struct story *story = telling->story;
    for (size_t i = 0; i < gateway->server_count; i++) {
        const struct background_server *server = &gateway->servers[i];
        if (server->port != telling->verdict->port)
            continue;
        if (cause_server_has(server, host) && cause_of_server(telling, gateway, server))
            return true;
        here = here == NULL || cause_server_has(server, host) ? server : here;
    }
    if (here == NULL) {
        story_set_cause(story, service->hosts_id, "%.*s is bound to Gateway %.*s, which has no server on port %u", SPAN_ARGUMENTS(service->title),
                        SPAN_ARGUMENTS(gateway->name), telling->request->port);
        story_set_way_out(story, gateway->id, "add a server with port.number %u, or ask on a port that it has", telling->request->port);
        return true;
    }
    struct span hosts = cause_hosts_text(telling, here);
    if (cause_server_has(here, host)) {
        const struct background_remark *remark = tell_remark_of(telling->snapshot, service->title);
        story_set_cause(story, here->id, "%.*s is bound to %.*s (%.*s), but makes no route for it%s%.*s", SPAN_ARGUMENTS(service->title),
                        SPAN_ARGUMENTS(here->title), SPAN_ARGUMENTS(hosts), remark == NULL ? "" : ": ",
                        SPAN_ARGUMENTS(remark == NULL ? SPAN_EMPTY : remark->message));
        return true;
    }
    story_set_cause(story, here->id, "host \"%.*s\" of %.*s is not in its Gateway: %.*s has %.*s", SPAN_ARGUMENTS(host), SPAN_ARGUMENTS(service->title),
                    SPAN_ARGUMENTS(here->title), SPAN_ARGUMENTS(hosts));
    story_set_way_out(story, here->id, "add \"%.*s\" to the server's hosts", SPAN_ARGUMENTS(host));
    return true;
}

static bool cause_gateway(const struct telling *telling, const struct background_virtual_service *service, struct span name, struct span host) {
    struct story *story = telling->story;
    const struct background_gateway *gateway = find_gateway(telling, name);
    if (gateway == NULL)
        return cause_missing_gateway(telling, service, name);
    if (!gateway->selected) {
        story_set_cause(story, gateway->id, "%.*s is bound to Gateway %.*s, whose selector %.*s does not fit the gateway's labels %.*s",
                        SPAN_ARGUMENTS(service->title), SPAN_ARGUMENTS(name), SPAN_ARGUMENTS(gateway->selector),
                        SPAN_ARGUMENTS(telling->snapshot->background->gateway_labels));
        story_set_way_out(story, gateway->id, "write labels of the gateway into spec.selector");
        return true;
    }
    return cause_servers(telling, service, gateway, host);
}

static bool cause_service(const struct telling *telling, const struct background_virtual_service *service, struct span host) {
    struct story *story = telling->story;
    if (service->invalid) {
        const struct background_remark *remark = tell_remark_of(telling->snapshot, service->title);
        story_set_cause(story, remark == NULL ? service->hosts_id : remark->id, "%.*s is not served, for it holds a mistake: %.*s",
                        SPAN_ARGUMENTS(service->title), SPAN_ARGUMENTS(remark == NULL ? SPAN_EMPTY : remark->message));
        return true;
    }
    if (service->hidden) {
        story_set_cause(story, service->hosts_id, "exportTo of %.*s hides it from the gateway's namespace %.*s", SPAN_ARGUMENTS(service->title),
                        SPAN_ARGUMENTS(telling->snapshot->settings.gateway_namespace));
        story_set_way_out(story, service->hosts_id, "add \"%.*s\" or \"*\" to exportTo", SPAN_ARGUMENTS(telling->snapshot->settings.gateway_namespace));
        return true;
    }
    for (size_t i = 0; i < service->gateway_count; i++)
        if (!span_equal(service->gateways[i], SPAN_LITERAL("mesh")))
            return cause_gateway(telling, service, service->gateways[i], host);
    story_set_cause(story, service->hosts_id, "%.*s has the host, but names no Gateway: it is for the mesh alone", SPAN_ARGUMENTS(service->title));
    story_set_way_out(story, service->hosts_id, "add spec.gateways with the Gateway's namespace/name");
    return true;
}

static bool service_names(const struct background_virtual_service *service, struct span host, bool exact) {
    for (size_t i = 0; i < service->host_count; i++)
        if (exact ? span_equal(service->hosts[i], host) : tell_name_covers(service->hosts[i], host))
            return true;
    return false;
}

static bool a_server_has(const struct telling *telling, struct span host) {
    const struct background *background = telling->snapshot->background;
    for (size_t i = 0; i < background->gateway_count; i++)
        for (size_t j = 0; background->gateways[i].selected && j < background->gateways[i].server_count; j++)
            if (background->gateways[i].servers[j].port == telling->verdict->port && cause_server_has(&background->gateways[i].servers[j], host))
                return true;
    return false;
}

void cause_no_host(const struct telling *telling) {
    const struct background *background = telling->snapshot->background;
    struct story *story = telling->story;
    struct span host = telling->verdict->request->host;
    for (int exact = 1; exact >= 0; exact--)
        for (size_t i = 0; i < background->virtual_service_count; i++)
            if (service_names(&background->virtual_services[i], host, exact == 1) && cause_service(telling, &background->virtual_services[i], host))
                return;
    bool in_gateway = a_server_has(telling, host);
    story_set_cause(story, telling->verdict->chain->id, "no VirtualService has the host \"%.*s\"%s", SPAN_ARGUMENTS(host),
                    in_gateway ? "" : ", and no server of this port has it either");
    story_set_way_out(story, 0, in_gateway ? "add a VirtualService with the host, bound to the Gateway"
                                           : "add the host to the hosts of a server, and a VirtualService with it, bound to that Gateway");
}
