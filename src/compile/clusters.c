#include "compile/clusters.h"

#include "compile/compiler.h"
#include "compile/destination_rules.h"
#include "compile/endpoints.h"
#include "compile/host_name.h"
#include "compile/upstream_tls.h"

/* A destination on its way to a cluster. */
struct destination {
    const struct object_meta *meta; /* of the VirtualService */
    const struct route_destination *written;
    struct span host;
    uint16_t port;
    const struct registry_service *service; /* NULL: not there */
    struct position place;                  /* of the destination, or of what is wrong with it */
};

static bool is_kubernetes_host(const struct compiler *compiler, struct span host) {
    struct span suffix = compiler->mesh.domain_suffix;
    return span_ends_with(host, suffix) && host.size > suffix.size + 5 &&
           span_ends_with(span_first(host, host.size - suffix.size), SPAN_LITERAL(".svc."));
}

static const char *consequence(const struct destination *destination) {
    return destination->written->mirrors ? "nothing is mirrored there" : "requests are answered 503";
}

static void report_missing_service(struct compiler *compiler, struct destination *destination) {
    enum resource_kind kind =
        is_kubernetes_host(compiler, destination->host) ? RESOURCE_SERVICE : RESOURCE_SERVICE_ENTRY;
    struct position position = position_or(destination->written->host.position, destination->written->position);
    destination->place = position;
    if (!compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_SERVICE_MISSING, position, destination->meta))
        return;
    compiler_report(compiler, compiler_missing_severity(compiler, kind), DIAGNOSTIC_CLUSTER_SERVICE_MISSING, position,
                    destination->meta,
                    kind == RESOURCE_SERVICE ? "add the Service with its EndpointSlice, or a ServiceEntry for this host"
                                             : "add a ServiceEntry for this host",
                    "no Service or ServiceEntry that the gateway sees has the host %.*s; %s",
                    SPAN_ARGUMENTS(destination->host), consequence(destination));
}

static size_t port_count_of(const struct registry_service *service) {
    return service->service != NULL ? service->service->port_count : service->entry->port_count;
}

static uint16_t port_number_at(const struct registry_service *service, size_t index) {
    return (uint16_t)(service->service != NULL ? service->service->ports[index].number
                                               : service->entry->ports[index].number.value);
}

static enum protocol port_protocol_at(const struct registry_service *service, size_t index) {
    if (index >= port_count_of(service))
        return PROTOCOL_HTTP;
    return service->service != NULL ? protocol_of_service_port(&service->service->ports[index])
                                    : protocol_parse(service->entry->ports[index].protocol.text);
}

static bool port_find(const struct registry_service *service, uint16_t number, size_t *ret_index) {
    /* An ExternalName Service need not name its ports. */
    if (port_count_of(service) == 0 && service->service != NULL && service->service->type == SERVICE_EXTERNAL_NAME) {
        *ret_index = 0;
        return true;
    }
    for (size_t i = 0; i < port_count_of(service); i++) {
        if (port_number_at(service, i) != number)
            continue;
        *ret_index = i;
        return true;
    }
    return false;
}

static struct span cluster_name(struct compiler *compiler, const struct destination *destination) {
    return arena_print(&compiler->scratch, "outbound|%u|%.*s|%.*s", destination->port,
                       SPAN_ARGUMENTS(destination->written->subset.text), SPAN_ARGUMENTS(destination->host));
}

static void report_missing_port(struct compiler *compiler, struct destination *destination) {
    const struct route_destination *written = destination->written;
    struct position position = position_or(written->port.position, written->position);
    destination->place = position;
    if (!compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_PORT, position, destination->meta))
        return;
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLUSTER_PORT, position, destination->meta,
                    "write the number of one of the Service's ports in destination.port.number",
                    "%.*s has no port %u%s; %s", SPAN_ARGUMENTS(destination->service->meta->title),
                    destination->port,
                    written->port.is_set ? "" : " (no port is written and it has several, so the Gateway's counts)",
                    consequence(destination));
}

static void report_missing_subset(struct compiler *compiler, struct destination *destination) {
    const struct route_destination *written = destination->written;
    destination->place = written->subset.position;
    if (!compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_SUBSET, written->subset.position, destination->meta))
        return;
    compiler_report(compiler, compiler_missing_severity(compiler, RESOURCE_DESTINATION_RULE), DIAGNOSTIC_CLUSTER_SUBSET,
                    written->subset.position, destination->meta, "define the subset in a DestinationRule for the host",
                    "no DestinationRule that applies defines subset \"%.*s\" of %.*s; %s",
                    SPAN_ARGUMENTS(written->subset.text), SPAN_ARGUMENTS(destination->host), consequence(destination));
}

static void report_empty_subset(struct compiler *compiler, const struct destination *destination,
                                const struct destination_policy *policy) {
    struct position position = position_or(policy->subset->name.position, policy->subset->position);
    bool knows_labels = destination->service->service == NULL || compiler->resources->any[RESOURCE_POD] ||
                        compiler->resources->any[RESOURCE_WORKLOAD_ENTRY];
    if (compiler_first_report(compiler, DIAGNOSTIC_CLUSTER_ENDPOINTS, position, &policy->rule->meta))
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_CLUSTER_ENDPOINTS, position, &policy->rule->meta,
                        knows_labels ? "compare the subset's labels with those of the workload"
                                     : "add the Pods of the EndpointSlices to the input: the labels are theirs",
                        "subset \"%.*s\" of %.*s has no ready endpoint; requests are answered 503",
                        SPAN_ARGUMENTS(policy->subset->name.text), SPAN_ARGUMENTS(destination->host));
}

static struct position port_position_at(const struct registry_service *service, size_t index) {
    if (index >= port_count_of(service))
        return service->meta->position;
    return service->service != NULL ? service->service->ports[index].position : service->entry->ports[index].position;
}

static struct span port_name_at(const struct registry_service *service, size_t index) {
    if (index >= port_count_of(service))
        return SPAN_EMPTY;
    return service->service != NULL ? service->service->ports[index].name.text : service->entry->ports[index].name.text;
}

/* NULL: none says anything of the cluster. */
static const struct destination_rule *rule_of(const struct destination_policy *policy) {
    const struct policy_part *parts[] = {&policy->tls, &policy->load_balancer, &policy->connection_pool};
    const struct destination_rule *rule = policy->rule;
    for (size_t i = 0; rule == NULL && i < ARRAY_SIZE(parts); i++)
        rule = parts[i]->rule;
    return rule;
}

static struct span rule_name(struct compiler *compiler, const struct destination_policy *policy) {
    const struct destination_rule *rule = rule_of(policy);
    return rule == NULL ? SPAN_EMPTY : arena_print(compiler->arena, "%.*s/%.*s", SPAN_ARGUMENTS(rule->meta.namespace), SPAN_ARGUMENTS(rule->meta.name));
}

static uint32_t policy_origin(struct compiler *compiler, const struct destination_policy *policy) {
    const struct destination_rule *rule = rule_of(policy);
    if (policy->subset != NULL)
        return compiler_origin(compiler, &policy->rule->meta, position_or(policy->subset->name.position, policy->subset->position));
    return rule == NULL ? 0 : compiler_origin(compiler, &rule->meta, rule->meta.position);
}

/* Source: Istio's setUpstreamProtocol, shouldH2Upgrade and applyConnectionPool, each of which overrides the one before. */
static enum cluster_protocol choose_protocol(const struct compiler *compiler, enum protocol protocol, const struct destination_policy *policy) {
    const struct connection_pool *pool = policy->connection_pool.rule == NULL ? NULL : policy->connection_pool.policy->connection_pool;
    enum http2_upgrade upgrade = pool == NULL ? HTTP2_UPGRADE_DEFAULT : pool->http2_upgrade;
    if (pool != NULL && pool->use_client_protocol.value)
        return CLUSTER_PROTOCOL_OF_CLIENT;
    if (upgrade == HTTP2_UPGRADE_DEFAULT && compiler->mesh.h2_upgrade && protocol == PROTOCOL_HTTP)
        upgrade = HTTP2_UPGRADE_ALWAYS;
    /* What the port itself says is not taken back. */
    return protocol_is_http2(protocol) || upgrade == HTTP2_UPGRADE_ALWAYS ? CLUSTER_HTTP2 : CLUSTER_HTTP1;
}

static struct cluster *cluster_new(struct compiler *compiler, const struct destination *destination, struct span name,
                                   size_t port_index, const struct destination_policy *policy) {
    struct cluster *cluster = arena_new(compiler->arena, struct cluster);
    enum protocol protocol = port_protocol_at(destination->service, port_index);
    cluster->name = arena_copy(compiler->arena, name);
    cluster->host = arena_copy(compiler->arena, destination->host);
    cluster->port = destination->port;
    cluster->service_name = destination->service->service != NULL ? arena_copy(compiler->arena, destination->service->meta->name) : cluster->host;
    cluster->service_namespace = arena_copy(compiler->arena, destination->service->meta->namespace);
    cluster->protocol = choose_protocol(compiler, protocol, policy);
    cluster->connect_timeout_ns = (uint64_t)compiler->mesh.connect_timeout_ns;
    cluster->protocol_is_assumed = protocol == PROTOCOL_UNSUPPORTED;
    cluster->port_name = arena_copy(compiler->arena, port_name_at(destination->service, port_index));
    cluster->refusal = policy->refusal;
    cluster->destination_rule = rule_name(compiler, policy);
    cluster->id = compiler_origin(compiler, destination->service->meta, port_position_at(destination->service, port_index));
    cluster->policy_id = policy_origin(compiler, policy);
    cluster->tls_by_endpoint = upstream_tls_is_automatic(compiler, policy, destination->service);
    struct endpoint_choice choice = {.wanted = policy->subset == NULL ? NULL : &policy->subset->labels,
                                     .automatic_tls = cluster->tls_by_endpoint};
    compile_endpoints(compiler, destination->service, port_index, &choice, cluster);
    compile_upstream_tls(compiler, policy, destination->service, cluster);
    if (policy->subset != NULL && cluster->endpoint_count == 0 && cluster->name_count == 0 && cluster->refusal.size == 0)
        report_empty_subset(compiler, destination, policy);
    ARRAY_APPEND(&compiler->scratch, &compiler->clusters, cluster);
    map_set(&compiler->clusters_by_name, cluster->name, cluster);
    return cluster;
}

static const struct cluster *find_cluster(struct compiler *compiler, struct destination *destination,
                                          struct span name) {
    const struct cluster *known = map_get(&compiler->clusters_by_name, name);
    if (known != NULL)
        return known;
    if (destination->service == NULL) {
        report_missing_service(compiler, destination);
        return NULL;
    }
    size_t port_index;
    if (!port_find(destination->service, destination->port, &port_index)) {
        report_missing_port(compiler, destination);
        return NULL;
    }
    struct destination_policy policy;
    destination_policy_find(compiler, destination->host, destination->service->meta->namespace, destination->port,
                            destination->written->subset.text, &policy);
    if (!policy.has_subset) {
        report_missing_subset(compiler, destination);
        return NULL;
    }
    return cluster_new(compiler, destination, name, port_index, &policy);
}

/* The port that is written, else the only one of the Service, else the server's own number (which rarely fits). */
static uint16_t destination_port(const struct destination *destination, uint16_t server_number) {
    if (destination->written->port.is_set)
        return (uint16_t)destination->written->port.value;
    if (destination->service != NULL && port_count_of(destination->service) == 1)
        return port_number_at(destination->service, 0);
    return server_number;
}

static struct weighted_cluster resolve(struct compiler *compiler, const struct object_meta *meta,
                                       const struct route_destination *written, uint16_t server_number) {
    struct destination destination = {.meta = meta, .written = written, .place = written->position};
    destination.host = host_name_resolve(&compiler->scratch, written->host.text, meta->namespace, compiler->mesh.domain_suffix);
    destination.service = service_registry_find(&compiler->registry, destination.host, meta->namespace);
    if (destination.service != NULL && destination.service->service != NULL &&
        destination.service->service->type == SERVICE_EXTERNAL_NAME) {
        const struct registry_service *alias = destination.service;
        destination.host = alias->service->external_name.text;
        destination.service = service_registry_find(&compiler->registry, destination.host, meta->namespace);
        /* A name of the cluster's own that is not there is a mistake; another one is for DNS. */
        if (destination.service == NULL && !is_kubernetes_host(compiler, destination.host))
            destination.service = alias;
    }
    destination.port = destination_port(&destination, server_number);
    struct span name = cluster_name(compiler, &destination);
    const struct cluster *cluster = find_cluster(compiler, &destination, name);
    return (struct weighted_cluster){
        .cluster = cluster,
        .cluster_name = cluster != NULL ? cluster->name : arena_copy(compiler->arena, name),
        .weight = (uint32_t)written->weight.value,
        .id = compiler_origin(compiler, meta, destination.place),
    };
}

void compile_destinations(struct compiler *compiler, struct arena *arena, const struct object_meta *meta,
                          const struct route_destination *destinations, size_t count, uint16_t server_number,
                          struct destinations *ret_destinations) {
    struct destinations result = {.items = arena_new_array(arena, struct weighted_cluster, count)};
    for (size_t i = 0; i < count; i++) {
        if (count > 1 && destinations[i].weight.value <= 0)
            continue;
        struct weighted_cluster item = resolve(compiler, meta, &destinations[i], server_number);
        if (count == 1)
            item.weight = 1;
        result.items[result.count++] = item;
        result.weight_total += item.weight;
    }
    *ret_destinations = result;
}

/* --- AUTO_PASSTHROUGH --- */

bool passed_port_exists(const struct passed_cluster *wanted) {
    return wanted->port_index < port_count_of(wanted->service);
}

bool passed_port_is_stream(const struct passed_cluster *wanted) {
    const struct registry_service *service = wanted->service;
    struct span protocol = service->service != NULL ? service->service->ports[wanted->port_index].protocol.text
                                                    : service->entry->ports[wanted->port_index].protocol.text;
    return !span_equal_ignore_case(protocol, SPAN_LITERAL("UDP"));
}

const struct cluster *compile_passed_cluster(struct compiler *compiler, const struct passed_cluster *wanted) {
    struct span subset = wanted->subset == NULL ? SPAN_EMPTY : wanted->subset->name.text;
    struct cluster *cluster = arena_new(compiler->arena, struct cluster);
    struct endpoint_choice choice = {.wanted = wanted->subset == NULL ? NULL : &wanted->subset->labels, .only_mutual_tls = true};
    cluster->port = port_number_at(wanted->service, wanted->port_index);
    cluster->name = arena_print(compiler->arena, "outbound_.%u_.%.*s_.%.*s", cluster->port, SPAN_ARGUMENTS(subset), SPAN_ARGUMENTS(wanted->host));
    struct cluster *known = map_get(&compiler->clusters_by_name, cluster->name);
    if (known != NULL)
        return known;
    cluster->host = arena_copy(compiler->arena, wanted->host);
    cluster->service_name = wanted->service->service != NULL ? arena_copy(compiler->arena, wanted->service->meta->name) : cluster->host;
    cluster->service_namespace = arena_copy(compiler->arena, wanted->service->meta->namespace);
    cluster->connect_timeout_ns = (uint64_t)compiler->mesh.connect_timeout_ns;
    compile_endpoints(compiler, wanted->service, wanted->port_index, &choice, cluster);
    ARRAY_APPEND(&compiler->scratch, &compiler->clusters, cluster);
    map_set(&compiler->clusters_by_name, cluster->name, cluster);
    return cluster;
}
