#include "compile/virtual_services.h"

#include "compile/compiler.h"
#include "compile/host_name.h"

struct span gateway_name_resolve(struct arena *arena, struct span name, struct span namespace) {
    size_t place;
    if (span_equal(name, SPAN_LITERAL("mesh")))
        return name;
    if (span_find_byte(name, '/', &place)) {
        if (span_equal(span_first(name, place), SPAN_LITERAL(".")))
            return arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(span_from(name, place + 1)));
        return name;
    }
    if (!span_find_byte(name, '.', &place))
        return arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(namespace), SPAN_ARGUMENTS(name));
    struct span rest = span_from(name, place + 1);
    size_t end;
    struct span legacy_namespace = span_find_byte(rest, '.', &end) ? span_first(rest, end) : rest;
    return arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(legacy_namespace), SPAN_ARGUMENTS(span_first(name, place)));
}

bool virtual_service_binds(const struct bound_virtual_service *service, struct span gateway_title) {
    return span_list_contains(&service->gateways, gateway_title);
}

bool match_names_gateway(struct arena *arena, const struct located_list *gateways, struct span namespace,
                         struct span gateway_title) {
    for (size_t i = 0; i < gateways->count; i++)
        if (span_equal(gateway_name_resolve(arena, gateways->items[i].text, namespace), gateway_title))
            return true;
    return gateways->count == 0;
}

void virtual_service_server_hosts(struct compiler *compiler, struct bound_virtual_service *service,
                                  const struct merged_server *server, struct span_list *ret_hosts) {
    *ret_hosts = (struct span_list){0};
    if (!virtual_service_binds(service, server->gateway_title))
        return;
    struct span_list server_hosts;
    merged_server_hosts_for(&compiler->scratch, server, service->object->meta.namespace, &server_hosts);
    host_name_intersect(&compiler->scratch, &server_hosts, &service->hosts, ret_hosts);
    if (ret_hosts->count > 0)
        service->served = true;
}

enum visibility { VISIBILITY_PRIVATE, VISIBILITY_EXPORTED, VISIBILITY_PUBLIC, VISIBILITY_HIDDEN };

static bool list_has(const struct located_list *list, struct span text) {
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(list->items[i].text, text))
            return true;
    return false;
}

static enum visibility visibility_of(const struct compiler *compiler, const struct virtual_service *service) {
    const struct located_list *list = &service->export_to;
    bool own = span_equal(service->meta.namespace, compiler->gateway_namespace);
    if (list->count == 0)
        list = &compiler->mesh.default_virtual_service_export_to;
    if (list->count == 0 || list_has(list, SPAN_LITERAL("*")))
        return VISIBILITY_PUBLIC;
    if (list_has(list, SPAN_LITERAL("~")))
        return VISIBILITY_HIDDEN;
    if (own && (list_has(list, SPAN_LITERAL(".")) || list_has(list, service->meta.namespace)))
        return VISIBILITY_PRIVATE;
    return !own && list_has(list, compiler->gateway_namespace) ? VISIBILITY_EXPORTED : VISIBILITY_HIDDEN;
}

struct bound_virtual_service virtual_service_bind(struct compiler *compiler, const struct virtual_service *object) {
    struct arena *arena = &compiler->scratch;
    struct bound_virtual_service service = {.object = object};
    for (size_t i = 0; i < object->hosts.count; i++)
        ARRAY_APPEND(arena, &service.hosts,
                     host_name_resolve(arena, object->hosts.items[i].text, object->meta.namespace,
                                       compiler->mesh.domain_suffix));
    for (size_t i = 0; i < object->gateways.count; i++)
        ARRAY_APPEND(arena, &service.gateways,
                     gateway_name_resolve(arena, object->gateways.items[i].text, object->meta.namespace));
    return service;
}

static void report_missing_gateways(struct compiler *compiler, const struct bound_virtual_service *service) {
    for (size_t i = 0; i < service->gateways.count; i++) {
        struct span title = service->gateways.items[i];
        size_t slash;
        if (!span_find_byte(title, '/', &slash))
            continue;
        struct span namespace = span_first(title, slash);
        if (resource_set_find_gateway(compiler->resources, namespace, span_from(title, slash + 1)) != NULL)
            continue;
        const struct virtual_service *object = service->object;
        compiler_report(compiler, compiler_missing_severity(compiler, RESOURCE_GATEWAY), DIAGNOSTIC_ROUTE_GATEWAY_MISSING,
                        object->gateways.items[i].position, &object->meta,
                        "write namespace/name; a name alone is looked up in the VirtualService's own namespace",
                        "Gateway \"%.*s\" is not in the input", SPAN_ARGUMENTS(title));
    }
}

static int compare_services(const void *left, const void *right) {
    return object_meta_compare_age(&(*(struct bound_virtual_service *const *)left)->object->meta,
                                   &(*(struct bound_virtual_service *const *)right)->object->meta);
}

static bool concerns_gateway(const struct compiler *compiler, const struct bound_virtual_service *service) {
    const struct server_merge *merge = &compiler->servers;
    for (size_t i = 0; i < merge->groups.count; i++)
        for (size_t server = 0; server < merge->groups.items[i]->servers.count; server++)
            if (virtual_service_binds(service, merge->groups.items[i]->servers.items[server]->gateway_title))
                return true;
    return false;
}

/* A name that is written twice counts once. */
static void index_by_gateways(struct compiler *compiler, struct bound_virtual_service *service) {
    for (size_t i = 0; i < service->gateways.count; i++) {
        struct virtual_service_list *list = map_get(&compiler->services_by_gateway, service->gateways.items[i]);
        if (list == NULL) {
            list = arena_new(&compiler->scratch, struct virtual_service_list);
            map_set(&compiler->services_by_gateway, service->gateways.items[i], list);
        }
        if (list->count == 0 || list->items[list->count - 1] != service)
            ARRAY_APPEND(&compiler->scratch, list, service);
    }
}

const struct virtual_service_list *virtual_services_of(const struct compiler *compiler, struct span gateway_title) {
    static const struct virtual_service_list none = {.count = 0};
    const struct virtual_service_list *list = map_get(&compiler->services_by_gateway, gateway_title);
    return list == NULL ? &none : list;
}

void compile_virtual_services(struct compiler *compiler) {
    const struct resource_set *resources = compiler->resources;
    struct virtual_service_list parts[VISIBILITY_HIDDEN + 1] = {0};
    for (size_t i = 0; i < resources->virtual_services.count; i++) {
        if (resources->virtual_services.items[i]->meta.invalid)
            continue;
        struct bound_virtual_service *service = arena_new(&compiler->scratch, struct bound_virtual_service);
        *service = virtual_service_bind(compiler, resources->virtual_services.items[i]);
        report_missing_gateways(compiler, service);
        ARRAY_APPEND(&compiler->scratch, &parts[visibility_of(compiler, service->object)], service);
    }
    for (int part = 0; part < VISIBILITY_HIDDEN; part++) {
        array_sort(parts[part].items, parts[part].count, sizeof(parts[part].items[0]), compare_services);
        for (size_t i = 0; i < parts[part].count; i++)
            ARRAY_APPEND(&compiler->scratch, &compiler->virtual_services, parts[part].items[i]);
    }
    for (size_t i = 0; i < compiler->virtual_services.count; i++)
        index_by_gateways(compiler, compiler->virtual_services.items[i]);
    for (size_t i = 0; i < parts[VISIBILITY_HIDDEN].count; i++) {
        const struct bound_virtual_service *hidden = parts[VISIBILITY_HIDDEN].items[i];
        if (concerns_gateway(compiler, hidden))
            compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_ROUTE_HOST, hidden->object->export_to.position,
                            &hidden->object->meta, "add the gateway's namespace to exportTo",
                            "exportTo hides it from namespace %.*s, where the ingress gateway runs",
                            SPAN_ARGUMENTS(compiler->gateway_namespace));
    }
}

void report_unserved_virtual_services(struct compiler *compiler) {
    for (size_t i = 0; i < compiler->virtual_services.count; i++) {
        const struct bound_virtual_service *service = compiler->virtual_services.items[i];
        if (service->served || service->hosts.count == 0 || !concerns_gateway(compiler, service))
            continue;
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_ROUTE_HOST, service->object->hosts.position,
                        &service->object->meta, "add the host to a server of the Gateway, or correct it here",
                        "none of its hosts is served by a Gateway that it names; it has no effect");
    }
}
