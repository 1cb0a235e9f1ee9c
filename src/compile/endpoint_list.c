#include "compile/endpoint_list.h"

#include "compile/compiler.h"

static bool label_holds(const struct endpoint_labels *labels, const struct label *wanted) {
    struct span value;
    if (labels->own != NULL && label_set_get(labels->own, wanted->key, &value))
        return span_equal(value, wanted->value);
    if (span_equal(wanted->key, SPAN_LITERAL("topology.kubernetes.io/zone")))
        return span_equal(labels->zone, wanted->value);
    if (span_equal(wanted->key, SPAN_LITERAL("kubernetes.io/hostname")))
        return span_equal(labels->node_name, wanted->value);
    return false;
}

static void note_account(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels) {
    if (labels->service_account.size == 0)
        return;
    struct span account = arena_print(&compiler->scratch, "ns/%.*s/sa/%.*s", SPAN_ARGUMENTS(labels->namespace),
                                      SPAN_ARGUMENTS(labels->service_account));
    if (!span_list_contains(&list->accounts, account))
        ARRAY_APPEND(&compiler->scratch, &list->accounts, account);
}

bool endpoint_list_wants(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels) {
    list->seen_count++;
    note_account(compiler, list, labels);
    for (size_t i = 0; list->wanted != NULL && i < list->wanted->count; i++)
        if (!label_holds(labels, &list->wanted->items[i]))
            return false;
    return true;
}

void endpoint_list_add(struct compiler *compiler, struct endpoint_list *list, const struct object_meta *meta,
                       const struct located *written, uint32_t port, uint32_t weight) {
    struct endpoint endpoint = {.weight = weight == 0 ? 1 : weight};
    if (port == 0 || port > UINT16_MAX || !network_address_parse(written->text, (uint16_t)port, &endpoint.address)) {
        if (compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ADDRESS, written->position, meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLUSTER_ADDRESS, written->position, meta,
                            "write an IP address", "endpoint \"%.*s\" port %u is no IP address and port; it is left out",
                            SPAN_ARGUMENTS(written->text), port);
        return;
    }
    ARRAY_APPEND(&compiler->scratch, list, endpoint);
}

static int compare_endpoints(const void *left, const void *right) {
    const struct network_address *a = &((const struct endpoint *)left)->address;
    const struct network_address *b = &((const struct endpoint *)right)->address;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    int order = memcmp(a->bytes, b->bytes, a->size);
    return order != 0 ? order : (int)a->port - (int)b->port;
}

void endpoint_list_finish(struct compiler *compiler, struct endpoint_list *list, struct cluster *cluster) {
    bool weighted = false;
    compiler->service_accounts = list->accounts;
    array_sort(list->items, list->count, sizeof(list->items[0]), compare_endpoints);
    cluster->endpoints = arena_new_array(compiler->arena, struct endpoint, list->count);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0 && network_address_equal(&list->items[i].address, &list->items[i - 1].address))
            continue;
        struct endpoint *endpoint = &cluster->endpoints[cluster->endpoint_count++];
        char text[NETWORK_ADDRESS_TEXT_MAX];
        *endpoint = list->items[i];
        size_t size = network_address_print(&endpoint->address, text);
        endpoint->address_text = arena_copy(compiler->arena, span_make(text, size));
        cluster->weight_total += endpoint->weight;
        weighted = weighted || endpoint->weight != cluster->endpoints[0].weight;
    }
    if (!weighted)
        cluster->weight_total = 0;
}

void endpoint_list_add_name(struct compiler *compiler, struct cluster *cluster, struct span host, uint32_t port, uint32_t weight) {
    cluster->names[cluster->name_count++] = (struct cluster_name){
        .host = arena_copy(compiler->arena, host), .port = (uint16_t)port, .weight = weight == 0 ? 1 : weight};
}

uint32_t workload_entry_port(const struct service_entry_endpoint *endpoint, struct span name, uint32_t otherwise) {
    for (size_t i = 0; name.size > 0 && i < endpoint->port_count; i++)
        if (span_equal(endpoint->ports[i].name.text, name))
            return endpoint->ports[i].number;
    return otherwise;
}

static void add_entries(struct compiler *compiler, struct endpoint_list *list, const struct workload_choice *choice) {
    for (size_t i = 0; i < compiler->resources->workload_entries.count; i++) {
        const struct workload_entry *entry = compiler->resources->workload_entries.items[i];
        struct endpoint_labels labels = {
            .own = &entry->endpoint.labels, .namespace = entry->meta.namespace, .service_account = entry->endpoint.service_account.text};
        if (entry->meta.invalid || !span_equal(entry->meta.namespace, choice->namespace) ||
            !label_set_contains(&entry->endpoint.labels, choice->selector) || !endpoint_list_wants(compiler, list, &labels))
            continue;
        uint32_t port = workload_entry_port(&entry->endpoint, choice->target_port_name, choice->port);
        port = workload_entry_port(&entry->endpoint, choice->port_name, port);
        endpoint_list_add(compiler, list, &entry->meta, &entry->endpoint.address, port, (uint32_t)entry->endpoint.weight.value);
    }
}

static void add_pods(struct compiler *compiler, struct endpoint_list *list, const struct workload_choice *choice) {
    for (size_t i = 0; i < compiler->resources->pods.count; i++) {
        const struct pod *pod = compiler->resources->pods.items[i];
        struct endpoint_labels labels = {.own = &pod->meta.labels, .namespace = pod->meta.namespace, .service_account = pod->service_account};
        if (!pod->ready || pod->address.text.size == 0 || !span_equal(pod->meta.namespace, choice->namespace) ||
            !label_set_contains(&pod->meta.labels, choice->selector) || !endpoint_list_wants(compiler, list, &labels))
            continue;
        endpoint_list_add(compiler, list, &pod->meta, &pod->address, choice->port, 1);
    }
}

void endpoint_list_add_workloads(struct compiler *compiler, struct endpoint_list *list, const struct workload_choice *choice) {
    if (choice->selector->count == 0)
        return;
    add_entries(compiler, list, choice);
    if (choice->takes_pods)
        add_pods(compiler, list, choice);
}
