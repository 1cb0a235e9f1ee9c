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

static int compare_names(const void *left, const void *right) {
    return span_compare(*(const struct span *)left, *(const struct span *)right);
}

static struct span join(struct arena *arena, const struct span_list *names) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < names->count; i++)
        text = arena_print(arena, "%.*s%s%.*s", SPAN_ARGUMENTS(text), i == 0 ? "" : ",", SPAN_ARGUMENTS(names->items[i]));
    return text;
}

static void check_server(struct analysis *analysis, const struct gateway *gateway, const struct gateway_server *server) {
    struct arena *arena = &analysis->arena;
    const struct resource_set *resources = analysis->resources;
    struct span_list others = {0}, hosts = {0};
    for (size_t i = 0; i < resources->gateways.count; i++) {
        const struct gateway *other = resources->gateways.items[i];
        if (other != gateway && conflict(server, other) && share_workload(analysis, gateway, other))
            ARRAY_APPEND(arena, &others, arena_print(arena, "%.*s/%.*s", SPAN_ARGUMENTS(other->meta.namespace), SPAN_ARGUMENTS(other->meta.name)));
    }
    if (others.count == 0)
        return;
    array_sort(others.items, others.count, sizeof(others.items[0]), compare_names);
    for (size_t i = 0; i < server->hosts.count; i++)
        ARRAY_APPEND(arena, &hosts, server->hosts.items[i].text);
    message_add(&analysis->messages, MESSAGE_CONFLICTING_GATEWAYS, &gateway->meta, gateway->meta.name_position,
                "Conflict with gateways %.*s (workload selector %.*s, port %lld, hosts %.*s).", SPAN_ARGUMENTS(join(arena, &others)),
                SPAN_ARGUMENTS(selector_print(arena, &gateway->selector)), (long long)server->port.number.value, SPAN_ARGUMENTS(join(arena, &hosts)));
}

void analyze_gateway_conflicts(struct analysis *analysis) {
    for (size_t i = 0; i < analysis->resources->gateways.count; i++) {
        const struct gateway *gateway = analysis->resources->gateways.items[i];
        for (size_t server = 0; server < gateway->server_count; server++)
            check_server(analysis, gateway, &gateway->servers[server]);
    }
}
