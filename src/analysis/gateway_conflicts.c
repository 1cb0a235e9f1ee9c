/* Servers of different Gateways that ask for one host on one port of one workload. */
#include "analysis/analysis.h"

/* The selectors are the same, or one is a part of the other and some pod has both. */
static bool share_workload(struct analysis *analysis, const struct gateway *a, const struct gateway *b) {
    bool a_in_b = label_set_contains(&b->selector, &a->selector), b_in_a = label_set_contains(&a->selector, &b->selector);
    if (a_in_b && b_in_a)
        return true;
    if (!a_in_b && !b_in_a)
        return false;
    return workloads_select(&analysis->workloads, a_in_b ? &b->selector : &a->selector) != NULL;
}

static bool has_host(const struct gateway_server *server, struct span host) {
    for (size_t i = 0; i < server->hosts.count; i++)
        if (span_equal(server->hosts.items[i].text, host))
            return true;
    return false;
}

/* Two servers of one Gateway on one port: the later counts. */
static const struct gateway_server *server_on(const struct gateway *gateway, int64_t number) {
    const struct gateway_server *found = NULL;
    for (size_t i = 0; i < gateway->server_count; i++)
        if (gateway->servers[i].port.number.value == number)
            found = &gateway->servers[i];
    return found;
}

static bool conflict(const struct gateway_server *server, const struct gateway *other) {
    const struct gateway_server *theirs = server_on(other, server->port.number.value);
    if (theirs == NULL || !span_equal(server->bind.text, theirs->bind.text))
        return false;
    for (size_t i = 0; i < server->hosts.count; i++)
        if (has_host(theirs, server->hosts.items[i].text))
            return true;
    return false;
}

/* The Gateways by "namespace/name", in which order they are told. */
struct sorted_gateways {
    const struct gateway **items;
    size_t count;
};

static struct span name_of(struct arena *arena, const struct gateway *gateway) {
    return arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(gateway->meta.namespace), SPAN_ARGUMENTS(gateway->meta.name));
}

static int compare_gateways(const void *left, const void *right) {
    const struct object_meta *a = &(*(const struct gateway *const *)left)->meta, *b = &(*(const struct gateway *const *)right)->meta;
    int order = span_compare(a->namespace, b->namespace);
    return order != 0 ? order : span_compare(a->name, b->name);
}

static void check_server(struct analysis *analysis, const struct sorted_gateways *gateways, const struct gateway *gateway,
                         const struct gateway_server *server) {
    struct arena *arena = &analysis->arena;
    struct message_names others = {0}, hosts = {0};
    for (size_t i = 0; i < gateways->count; i++) {
        const struct gateway *other = gateways->items[i];
        if (other != gateway && conflict(server, other) && share_workload(analysis, gateway, other))
            message_names_add(&others, arena, ",", message_names_are_full(&others) ? SPAN_EMPTY : name_of(arena, other));
    }
    if (others.count == 0)
        return;
    for (size_t i = 0; i < server->hosts.count; i++)
        message_names_add(&hosts, arena, ",", server->hosts.items[i].text);
    message_add(&analysis->messages, MESSAGE_CONFLICTING_GATEWAYS, &gateway->meta, gateway->meta.name_position,
                "Conflict with gateways %.*s (workload selector %.*s, port %lld, hosts %.*s).", SPAN_ARGUMENTS(message_names_print(&others, arena)),
                SPAN_ARGUMENTS(selector_print(arena, &gateway->selector)), (long long)server->port.number.value,
                SPAN_ARGUMENTS(message_names_print(&hosts, arena)));
}

void analyze_gateway_conflicts(struct analysis *analysis) {
    const struct resource_set *resources = analysis->resources;
    struct sorted_gateways sorted = {arena_new_array(&analysis->arena, const struct gateway *, resources->gateways.count + 1), resources->gateways.count};
    for (size_t i = 0; i < sorted.count; i++)
        sorted.items[i] = resources->gateways.items[i];
    array_sort(sorted.items, sorted.count, sizeof(*sorted.items), compare_gateways);
    for (size_t i = 0; i < sorted.count; i++)
        for (size_t server = 0; server < sorted.items[i]->server_count; server++)
            check_server(analysis, &sorted, sorted.items[i], &sorted.items[i]->servers[server]);
}
