#include "compile/endpoint_list.h"

#include "base/limits.h"
#include "compile/compiler.h"
#include "compile/peer_authentications.h"

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

struct endpoint_labels endpoint_labels_of_entry(struct span namespace, const struct service_entry_endpoint *endpoint) {
    return (struct endpoint_labels){
        .own = &endpoint->labels, .namespace = namespace, .service_account = endpoint->service_account.text, .is_entry = true};
}

struct endpoint_labels endpoint_labels_of_pod(const struct pod *pod) {
    return (struct endpoint_labels){
        .own = &pod->meta.labels, .namespace = pod->meta.namespace, .service_account = pod->service_account};
}

bool endpoint_list_wants(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels) {
    const struct label_set *wanted = list->choice->wanted;
    list->seen_count++;
    note_account(compiler, list, labels);
    for (size_t i = 0; wanted != NULL && i < wanted->count; i++)
        if (!label_holds(labels, &wanted->items[i]))
            return false;
    return true;
}

/* Whether its workload has a sidecar: the injector labels a Pod, while an entry with a service account is taken to have one. Source: Istio's
 * GetTLSModeFromEndpointLabels and getTLSModeFromWorkloadEntry. */
static bool takes_mutual_tls(const struct endpoint_labels *labels) {
    struct span mode;
    if (labels == NULL)
        return false;
    if (labels->own != NULL && label_set_get(labels->own, SPAN_LITERAL("security.istio.io/tlsMode"), &mode))
        return span_equal(mode, SPAN_LITERAL("istio"));
    return labels->is_entry && labels->service_account.size > 0;
}

/* False: there is no way to it. Without an identity of the gateway's own, what takes both gets plaintext. */
static bool secure(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels, uint32_t port,
                   bool *ret_uses_tls) {
    enum mutual_tls_mode mode = MUTUAL_TLS_DISABLE;
    if (list->choice->only_mutual_tls) {
        *ret_uses_tls = false;
        return takes_mutual_tls(labels) &&
               peer_authentication_of_port(compiler, labels->namespace, labels->own, (uint16_t)port) != MUTUAL_TLS_DISABLE;
    }
    if (list->choice->automatic_tls && takes_mutual_tls(labels))
        mode = peer_authentication_of_port(compiler, labels->namespace, labels->own, (uint16_t)port);
    bool is_able = compiler->options->mesh_identity.size > 0;
    *ret_uses_tls = mode != MUTUAL_TLS_DISABLE && is_able;
    if (mode == MUTUAL_TLS_DISABLE || is_able)
        return true;
    bool is_closed = mode == MUTUAL_TLS_STRICT && !compiler->options->allow_unsupported;
    list->closed_count += is_closed;
    list->plain_count += !is_closed;
    return !is_closed;
}

void endpoint_list_add(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels,
                       const struct endpoint_place *place) {
    struct endpoint endpoint = {.weight = place->weight == 0 ? 1 : place->weight};
    const struct located *written = place->address;
    if (place->port == 0 || place->port > UINT16_MAX ||
        !network_address_parse(written->text, (uint16_t)place->port, &endpoint.address)) {
        if (compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ADDRESS, written->position, place->meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLUSTER_ADDRESS, written->position, place->meta,
                            "write an IP address", "endpoint \"%.*s\" port %u is no IP address and port; it is left out",
                            SPAN_ARGUMENTS(written->text), place->port);
        return;
    }
    if (secure(compiler, list, labels, place->port, &endpoint.uses_tls))
        ARRAY_APPEND(&compiler->scratch, list, endpoint);
    else
        endpoint_list_note_absent(compiler, list, place->meta, place->address, ENDPOINT_WANTS_MUTUAL_TLS);
}

void endpoint_list_note_absent(struct compiler *compiler, struct endpoint_list *list, const struct object_meta *meta,
                               const struct located *address, enum endpoint_absence reason) {
    if (list->absent.count >= ENDPOINTS_ABSENT_MAX)
        return;
    struct absent_endpoint endpoint = {
        .address = arena_copy(compiler->arena, address->text), .reason = reason, .id = compiler_origin(compiler, meta, address->position)};
    ARRAY_APPEND(&compiler->scratch, &list->absent, endpoint);
}

static int compare_endpoints(const void *left, const void *right) {
    const struct network_address *a = &((const struct endpoint *)left)->address;
    const struct network_address *b = &((const struct endpoint *)right)->address;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    int order = memcmp(a->bytes, b->bytes, a->size);
    if (order == 0)
        order = (int)a->port - (int)b->port;
    /* Of two that are one address the more careful counts. */
    return order != 0 ? order : ((const struct endpoint *)right)->uses_tls - ((const struct endpoint *)left)->uses_tls;
}

/* Said once for each service, and once at all of what is only a pity. */
static void report_without_identity(struct compiler *compiler, const struct endpoint_list *list, const struct object_meta *meta,
                                    struct cluster *cluster) {
    static const char hint[] = "--mesh-identity DIR with the gateway's certificate, key and the mesh's root certificates";
    if (list->closed_count > 0) {
        if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_RESTRICTION, meta->position, meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_RESTRICTION, meta->position, meta, hint,
                            "PeerAuthentication STRICT governs %zu of its endpoints, and the gateway has no identity in the mesh: "
                            "nothing is sent to them", list->closed_count);
        if (cluster->endpoint_count == 0 && cluster->name_count == 0 && cluster->refusal.size == 0)
            cluster->refusal = arena_print(compiler->arena, "%.*s: mutual TLS is demanded, and the gateway has no identity in the mesh",
                                           SPAN_ARGUMENTS(meta->title));
    }
    if (list->plain_count == 0 || compiler->said_plaintext)
        return;
    compiler->said_plaintext = true;
    compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CLUSTER_ENDPOINTS, meta->position, meta, hint,
                    "its endpoints take mutual TLS, but the gateway has no identity in the mesh: plaintext is sent to them, and to all like them");
}

void endpoint_list_finish(struct compiler *compiler, struct endpoint_list *list, const struct object_meta *meta, struct cluster *cluster) {
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
    report_without_identity(compiler, list, meta, cluster);
    if (list->absent.count == 0)
        return;
    struct absent_endpoint *absent = arena_new_array(compiler->arena, struct absent_endpoint, list->absent.count);
    memcpy(absent, list->absent.items, list->absent.count * sizeof(*absent));
    cluster->absent = absent;
    cluster->absent_count = list->absent.count;
}

void endpoint_list_add_name(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels,
                            const struct endpoint_place *place, struct cluster *cluster) {
    struct cluster_name name = {.port = (uint16_t)place->port, .weight = place->weight == 0 ? 1 : place->weight};
    if (!secure(compiler, list, labels, place->port, &name.uses_tls))
        return;
    name.host = arena_copy(compiler->arena, place->address->text);
    cluster->names[cluster->name_count++] = name;
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
        struct endpoint_labels labels = endpoint_labels_of_entry(entry->meta.namespace, &entry->endpoint);
        if (entry->meta.invalid || !span_equal(entry->meta.namespace, choice->namespace) ||
            !label_set_contains(&entry->endpoint.labels, choice->selector))
            continue;
        if (!endpoint_list_wants(compiler, list, &labels)) {
            endpoint_list_note_absent(compiler, list, &entry->meta, &entry->endpoint.address, ENDPOINT_NOT_IN_SUBSET);
            continue;
        }
        uint32_t port = workload_entry_port(&entry->endpoint, choice->target_port_name, choice->port);
        struct endpoint_place place = {.meta = &entry->meta,
                                       .address = &entry->endpoint.address,
                                       .port = workload_entry_port(&entry->endpoint, choice->port_name, port),
                                       .weight = (uint32_t)entry->endpoint.weight.value};
        endpoint_list_add(compiler, list, &labels, &place);
    }
}

static void add_pods(struct compiler *compiler, struct endpoint_list *list, const struct workload_choice *choice) {
    for (size_t i = 0; i < compiler->resources->pods.count; i++) {
        const struct pod *pod = compiler->resources->pods.items[i];
        struct endpoint_labels labels = endpoint_labels_of_pod(pod);
        struct endpoint_place place = {.meta = &pod->meta, .address = &pod->address, .port = choice->port};
        if (!pod->ready || pod->address.text.size == 0 || !span_equal(pod->meta.namespace, choice->namespace) ||
            !label_set_contains(&pod->meta.labels, choice->selector) || !endpoint_list_wants(compiler, list, &labels))
            continue;
        endpoint_list_add(compiler, list, &labels, &place);
    }
}

void endpoint_list_add_workloads(struct compiler *compiler, struct endpoint_list *list, const struct workload_choice *choice) {
    if (choice->selector->count == 0)
        return;
    add_entries(compiler, list, choice);
    if (choice->takes_pods)
        add_pods(compiler, list, choice);
}
