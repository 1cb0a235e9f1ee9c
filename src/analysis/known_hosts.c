#include "analysis/known_hosts.h"

#include "compile/host_name.h"

#define EVERYWHERE SPAN_LITERAL("*")

static struct span key_of(struct arena *arena, struct span scope, struct span host) {
    return arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(scope), SPAN_ARGUMENTS(host));
}

static void add(struct known_hosts *hosts, const struct known_host *host, const struct located_list *export_to, struct span namespace) {
    bool everywhere = export_to->count == 0;
    for (size_t i = 0; i < export_to->count; i++)
        everywhere |= span_equal(export_to->items[i].text, EVERYWHERE);
    if (everywhere)
        map_set(&hosts->by_scope, key_of(hosts->arena, EVERYWHERE, host->name), (void *)(uintptr_t)host);
    for (size_t i = 0; i < export_to->count && !everywhere; i++) {
        struct span scope = export_to->items[i].text;
        if (span_equal(scope, SPAN_LITERAL(".")))
            scope = namespace;
        map_set(&hosts->by_scope, key_of(hosts->arena, scope, host->name), (void *)(uintptr_t)host);
    }
    if (host_name_is_wildcard(host->name))
        ARRAY_APPEND(hosts->arena, &hosts->wildcards, host);
}

static void add_entry(struct known_hosts *hosts, const struct service_entry *entry) {
    for (size_t i = 0; i < entry->hosts.count; i++) {
        struct known_host *host = arena_new(hosts->arena, struct known_host);
        *host = (struct known_host){
            host_name_resolve(hosts->arena, entry->hosts.items[i].text, entry->meta.namespace, hosts->domain_suffix), NULL, entry};
        add(hosts, host, &entry->export_to, entry->meta.namespace);
    }
}

void known_hosts_init(struct known_hosts *hosts, struct arena *arena, const struct resource_set *resources, struct span domain_suffix) {
    *hosts = (struct known_hosts){.arena = arena, .domain_suffix = domain_suffix};
    map_init(&hosts->by_scope);
    hosts->any = resources->services.count + resources->service_entries.count > 0;
    for (size_t i = 0; i < resources->service_entries.count; i++)
        add_entry(hosts, resources->service_entries.items[i]);
    for (size_t i = 0; i < resources->services.count; i++) {
        const struct service *service = resources->services.items[i];
        struct known_host *host = arena_new(arena, struct known_host);
        *host = (struct known_host){host_name_resolve(arena, service->meta.name, service->meta.namespace, domain_suffix), service, NULL};
        add(hosts, host, &service->export_to, service->meta.namespace);
    }
}

void known_hosts_deinit(struct known_hosts *hosts) {
    map_deinit(&hosts->by_scope);
}

static const struct known_host *find_in_scope(const struct known_hosts *hosts, struct span scope, struct span name) {
    return map_get(&hosts->by_scope, key_of(hosts->arena, scope, name));
}

static const struct known_host *find_exact(const struct known_hosts *hosts, struct span name, struct span namespace,
                                           const struct located_list *export_to) {
    const struct known_host *found = find_in_scope(hosts, EVERYWHERE, name);
    if (found == NULL && export_to->count == 0)
        found = find_in_scope(hosts, namespace, name);
    for (size_t i = 0; i < export_to->count && found == NULL; i++) {
        struct span scope = export_to->items[i].text;
        found = find_in_scope(hosts, span_equal(scope, SPAN_LITERAL(".")) ? namespace : scope, name);
    }
    return found;
}

const struct known_host *known_hosts_find(const struct known_hosts *hosts, struct span host, struct span namespace,
                                          const struct located_list *export_to) {
    struct span name = host_name_resolve(hosts->arena, host, namespace, hosts->domain_suffix);
    const struct known_host *found = find_exact(hosts, name, namespace, export_to);
    for (size_t i = 0; i < hosts->wildcards.count && found == NULL; i++) {
        const struct known_host *wildcard = hosts->wildcards.items[i];
        bool is_visible = find_in_scope(hosts, EVERYWHERE, wildcard->name) != NULL || find_in_scope(hosts, namespace, wildcard->name) != NULL;
        if (is_visible && host_name_is_subset(name, wildcard->name))
            found = wildcard;
    }
    return found;
}

/* --- Ports --- */

size_t known_host_port_count(const struct known_host *host) {
    return host->service != NULL ? host->service->port_count : host->entry->port_count;
}

static int64_t port_of(const struct known_host *host, size_t index) {
    return host->service != NULL ? (int64_t)host->service->ports[index].number : host->entry->ports[index].number.value;
}

bool known_host_has_port(const struct known_host *host, int64_t port) {
    for (size_t i = 0; i < known_host_port_count(host); i++)
        if (port_of(host, i) == port)
            return true;
    return false;
}

struct span known_host_ports_print(struct arena *arena, const struct known_host *host) {
    struct span text = SPAN_LITERAL("[");
    for (size_t i = 0; i < known_host_port_count(host); i++)
        text = arena_print(arena, "%.*s%s%lld", SPAN_ARGUMENTS(text), i == 0 ? "" : " ", (long long)port_of(host, i));
    return arena_print(arena, "%.*s]", SPAN_ARGUMENTS(text));
}
