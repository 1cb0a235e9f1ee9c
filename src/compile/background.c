#include "compile/background.h"

#include "compile/compiler.h"

static struct span labels_text(struct arena *arena, const struct label_set *labels) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < labels->count; i++)
        text = arena_print(arena, "%.*s%s%.*s=%.*s", SPAN_ARGUMENTS(text), i == 0 ? "" : ",", SPAN_ARGUMENTS(labels->items[i].key),
                           SPAN_ARGUMENTS(labels->items[i].value));
    return text;
}

static void add_ports(struct compiler *compiler, struct background *background) {
    const struct service_target_list *targets = &compiler->service_targets;
    background->ports = arena_new_array(compiler->arena, struct background_port, targets->count);
    for (size_t i = 0; i < targets->count; i++) {
        const struct service_target *target = &targets->items[i];
        background->ports[background->port_count++] = (struct background_port){
            .service_port = target->service_port,
            .target_port = target->target_port,
            .translates = target->translates,
            .id = compiler_origin(compiler, &target->service->meta, target->service->meta.position),
        };
    }
}

/* --- Gateways --- */

static bool is_served(const struct compiler *compiler, const struct gateway_server *server) {
    for (size_t i = 0; i < compiler->servers.groups.count; i++) {
        const struct merged_server_list *list = &compiler->servers.groups.items[i]->servers;
        for (size_t item = 0; item < list->count; item++)
            if (list->items[item]->server == server)
                return true;
    }
    return false;
}

static enum background_server_state state_of(const struct compiler *compiler, const struct gateway *gateway,
                                             const struct gateway_server *server, bool selected) {
    if (gateway->meta.invalid || !server->has_port)
        return BACKGROUND_SERVER_UNUSABLE;
    if (!selected)
        return BACKGROUND_SERVER_NOT_SELECTED;
    return is_served(compiler, server) ? BACKGROUND_SERVER_SERVED : BACKGROUND_SERVER_DROPPED;
}

static void add_server(struct compiler *compiler, struct background_gateway *gateway, const struct gateway *object, size_t index) {
    const struct gateway_server *written = &object->servers[index];
    struct background_server *server = &gateway->servers[gateway->server_count++];
    int64_t number = written->port.number.value;
    *server = (struct background_server){
        .title = arena_print(compiler->arena, "%.*s servers[%zu]", SPAN_ARGUMENTS(gateway->name), index),
        .protocol = arena_copy(compiler->arena, written->port.protocol.text),
        .number = number > 0 && number <= UINT16_MAX ? (uint16_t)number : 0,
        .has_tls = written->tls != NULL && (position_is_known(written->tls->mode_position) || written->tls->credential_name.text.size > 0),
        .state = state_of(compiler, object, written, gateway->selected),
        .id = compiler_origin(compiler, &object->meta, written->position),
        .hosts = arena_new_array(compiler->arena, struct span, written->hosts.count),
    };
    server->port = service_targets_resolve(&compiler->service_targets, server->number);
    for (size_t i = 0; i < written->hosts.count; i++)
        server->hosts[server->host_count++] = arena_lower(compiler->arena, written->hosts.items[i].text);
}

static void add_gateways(struct compiler *compiler, struct background *background) {
    const struct resource_set *resources = compiler->resources;
    background->gateways = arena_new_array(compiler->arena, struct background_gateway, resources->gateways.count);
    for (size_t i = 0; i < resources->gateways.count; i++) {
        const struct gateway *object = resources->gateways.items[i];
        struct background_gateway *gateway = &background->gateways[background->gateway_count++];
        *gateway = (struct background_gateway){
            .name = arena_print(compiler->arena, "%.*s/%.*s", SPAN_ARGUMENTS(object->meta.namespace), SPAN_ARGUMENTS(object->meta.name)),
            .selector = labels_text(compiler->arena, &object->selector),
            .selected = !object->has_selector || label_set_contains(&compiler->gateway_labels, &object->selector),
            .id = compiler_origin(compiler, &object->meta, object->meta.position),
            .servers = arena_new_array(compiler->arena, struct background_server, object->server_count),
        };
        for (size_t server = 0; server < object->server_count; server++)
            add_server(compiler, gateway, object, server);
    }
}

/* --- VirtualServices --- */

static struct span *copy_names(struct arena *arena, const struct span_list *names) {
    struct span *copy = arena_new_array(arena, struct span, names->count);
    for (size_t i = 0; i < names->count; i++)
        copy[i] = arena_lower(arena, names->items[i]);
    return copy;
}

static void add_virtual_service(struct compiler *compiler, struct background *background, const struct bound_virtual_service *service,
                                bool hidden) {
    const struct virtual_service *object = service->object;
    background->virtual_services[background->virtual_service_count++] = (struct background_virtual_service){
        .title = arena_copy(compiler->arena, object->meta.title),
        .namespace = arena_copy(compiler->arena, object->meta.namespace),
        .hosts = copy_names(compiler->arena, &service->hosts),
        .host_count = service->hosts.count,
        .gateways = copy_names(compiler->arena, &service->gateways),
        .gateway_count = service->gateways.count,
        .invalid = object->meta.invalid,
        .hidden = hidden,
        .served = service->served,
        .hosts_id = compiler_origin(compiler, &object->meta, object->hosts.position),
        .gateways_id = compiler_origin(compiler, &object->meta, object->gateways.position),
    };
}

static void add_virtual_services(struct compiler *compiler, struct background *background) {
    const struct resource_set *resources = compiler->resources;
    struct map visible;
    map_init(&visible);
    background->virtual_services =
        arena_new_array(compiler->arena, struct background_virtual_service, resources->virtual_services.count);
    for (size_t i = 0; i < compiler->virtual_services.count; i++) {
        struct bound_virtual_service *service = compiler->virtual_services.items[i];
        add_virtual_service(compiler, background, service, false);
        map_set(&visible, service->object->meta.title, service);
    }
    for (size_t i = 0; i < resources->virtual_services.count; i++) {
        const struct virtual_service *object = resources->virtual_services.items[i];
        if (map_get(&visible, object->meta.title) != NULL)
            continue;
        struct bound_virtual_service service = virtual_service_bind(compiler, object);
        add_virtual_service(compiler, background, &service, !object->meta.invalid);
    }
    map_deinit(&visible);
}

/* --- Diagnostics --- */

static void add_remarks(struct compiler *compiler, struct background *background) {
    const struct diagnostic_list *list = compiler->diagnostics;
    background->remarks = arena_new_array(compiler->arena, struct background_remark, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        background->remarks[background->remark_count++] = (struct background_remark){
            .severity = (int)item->severity,
            .code = (int)item->code,
            .id = compiler_origin_titled(compiler, item->resource, item->position),
            .message = arena_copy(compiler->arena, item->message),
            .hint = arena_copy(compiler->arena, item->hint),
        };
    }
}

void compile_background(struct compiler *compiler) {
    struct background *background = arena_new(compiler->arena, struct background);
    background->gateway_labels = labels_text(compiler->arena, &compiler->gateway_labels);
    background->lacks_secrets = !compiler->resources->any[RESOURCE_SECRET];
    background->lacks_services = !compiler->resources->any[RESOURCE_SERVICE] && !compiler->resources->any[RESOURCE_SERVICE_ENTRY];
    add_ports(compiler, background);
    add_gateways(compiler, background);
    add_virtual_services(compiler, background);
    add_remarks(compiler, background);
    compiler->snapshot->background = background;
}
