/* Ports of ServiceEntries that cannot be told apart, and hosts to which two of them give different protocols. */
#include "analysis/analysis.h"

static bool has_allocated_address(const struct service_entry *entry) {
    const struct node *addresses = node_get_path(entry->meta.root, "status.addresses");
    return node_is_sequence(addresses) && addresses->count > 0;
}

static bool is_true(const struct node *mapping, const char *key) {
    struct span text;
    bool flag = false;
    const struct node *value = node_get_present(mapping, key);
    return value != NULL && ((node_as_string(value, &text) && span_equal(text, SPAN_LITERAL("true"))) || (node_as_bool(value, &flag) && flag));
}

static bool allocates(const struct node *mesh) {
    const struct node *metadata = node_get_path(mesh, "defaultConfig.proxyMetadata");
    return is_true(metadata, "ISTIO_META_DNS_CAPTURE") &&
           (is_true(metadata, "ISTIO_META_DNS_AUTO_ALLOCATE") || is_true(metadata, "PILOT_ENABLE_IP_AUTOALLOCATE"));
}

/* The mesh's proxies give such an entry an address of their own. */
static bool allocates_addresses(const struct resource_set *resources) {
    for (size_t i = 0; i < resources->istio_operators.count; i++)
        if (allocates(resources->istio_operators.items[i]->mesh_config))
            return true;
    for (size_t i = 0; i < resources->config_maps.count; i++)
        if (allocates(resources->config_maps.items[i]->mesh_node))
            return true;
    return false;
}

static void check_addresses(struct analysis *analysis, const struct service_entry *entry) {
    if (entry->addresses.count > 0 || has_allocated_address(entry))
        return;
    for (size_t i = 0; i < entry->port_count; i++) {
        const struct service_entry_port *port = &entry->ports[i];
        if (port->protocol.text.size == 0 || span_equal_ignore_case(port->protocol.text, SPAN_LITERAL("TCP")))
            message_add(&analysis->messages, MESSAGE_ADDRESSES_REQUIRED, &entry->meta, port->name.position,
                        "ServiceEntry addresses are required for this protocol.");
    }
}

/* --- Protocols --- */

/* One that gives a host and port a protocol. */
struct claim {
    const struct service_entry *entry;
    struct span protocol; /* in capitals */
    struct claim *next;
};

static bool sees(const struct service_entry *entry, struct span scope) {
    const struct located_list *list = &entry->export_to;
    for (size_t i = 0; i < list->count; i++) {
        struct span item = span_equal(list->items[i].text, SPAN_LITERAL(".")) ? entry->meta.namespace : list->items[i].text;
        if (span_equal(item, SPAN_LITERAL("*")) || span_equal(item, scope))
            return true;
    }
    return list->count == 0;
}

static bool share_scope(const struct service_entry *a, const struct service_entry *b) {
    if (a->export_to.count == 0 || b->export_to.count == 0)
        return true;
    for (size_t i = 0; i < a->export_to.count; i++) {
        struct span scope = a->export_to.items[i].text;
        if (span_equal(scope, SPAN_LITERAL("*")) || sees(b, span_equal(scope, SPAN_LITERAL(".")) ? a->meta.namespace : scope))
            return true;
    }
    return false;
}

static struct span upper(struct arena *arena, struct span text) {
    char *copy = arena_new_array(arena, char, text.size + 1);
    for (size_t i = 0; i < text.size; i++)
        copy[i] = text.data[i] >= 'a' && text.data[i] <= 'z' ? (char)(text.data[i] - 'a' + 'A') : text.data[i];
    return span_make(copy, text.size);
}

static void add_sorted(struct arena *arena, struct span_list *list, struct span text) {
    size_t at = 0;
    if (span_list_contains(list, text))
        return;
    ARRAY_APPEND(arena, list, text);
    for (at = list->count - 1; at > 0 && span_compare(list->items[at - 1], text) > 0; at--)
        list->items[at] = list->items[at - 1];
    list->items[at] = text;
}

static struct span join(struct arena *arena, const struct span_list *list) {
    struct message_names names = {0};
    for (size_t i = 0; i < list->count; i++)
        message_names_add(&names, arena, ", ", list->items[i]);
    return message_names_print(&names, arena);
}

static struct span name_of(struct arena *arena, const struct service_entry *entry) {
    return arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(entry->meta.namespace), SPAN_ARGUMENTS(entry->meta.name));
}

static void check_claims(struct analysis *analysis, const struct claim *first, struct span host, int64_t port) {
    struct arena *arena = &analysis->arena;
    for (const struct claim *claim = first; claim != NULL; claim = claim->next) {
        struct span_list names = {0}, protocols = {0};
        for (const struct claim *other = first; other != NULL; other = other->next) {
            if (!share_scope(claim->entry, other->entry))
                continue;
            add_sorted(arena, &names, name_of(arena, other->entry));
            add_sorted(arena, &protocols, other->protocol);
        }
        if (protocols.count > 1)
            message_add(&analysis->messages, MESSAGE_CONFLICTING_PROTOCOL, &claim->entry->meta, claim->entry->meta.name_position,
                        "ServiceEntries %.*s define conflicting protocols for host %.*s and port %lld: %.*s", SPAN_ARGUMENTS(join(arena, &names)),
                        SPAN_ARGUMENTS(host), (long long)port, SPAN_ARGUMENTS(join(arena, &protocols)));
    }
}

static void add_claim(struct analysis *analysis, struct map *claims, const struct service_entry *entry, struct span host,
                      const struct service_entry_port *port) {
    struct span key = arena_print(&analysis->arena, "%lld/%.*s", (long long)port->number.value, SPAN_ARGUMENTS(host));
    struct claim *claim = arena_new(&analysis->arena, struct claim);
    *claim = (struct claim){entry, upper(&analysis->arena, port->protocol.text), map_get(claims, key)};
    map_set(claims, key, claim);
}

static void check_protocols(struct analysis *analysis) {
    struct map claims;
    struct map_entry item;
    map_init(&claims);
    for (size_t i = 0; i < analysis->resources->service_entries.count; i++) {
        const struct service_entry *entry = analysis->resources->service_entries.items[i];
        for (size_t host = 0; host < entry->hosts.count; host++)
            for (size_t port = 0; port < entry->port_count; port++)
                add_claim(analysis, &claims, entry, entry->hosts.items[host].text, &entry->ports[port]);
    }
    for (size_t cursor = 0; map_next(&claims, &cursor, &item);) {
        size_t slash = 0;
        uint64_t port = 0;
        if (span_find_byte(item.key, '/', &slash) && span_to_u64(span_first(item.key, slash), &port))
            check_claims(analysis, item.value, span_from(item.key, slash + 1), (int64_t)port);
    }
    map_deinit(&claims);
}

void analyze_service_entries(struct analysis *analysis) {
    for (size_t i = 0; !allocates_addresses(analysis->resources) && i < analysis->resources->service_entries.count; i++)
        check_addresses(analysis, analysis->resources->service_entries.items[i]);
    check_protocols(analysis);
}
