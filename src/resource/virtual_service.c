#include "resource/virtual_service.h"

#include "base/clock.h"
#include "resource/http_mirror.h"
#include "resource/http_route_check.h"
#include "resource/name_check.h"
#include "resource/name_syntax.h"
#include "resource/object_decode.h"
#include "resource/virtual_service_check.h"

/* --- Destinations --- */

static void decode_destination_port(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("number", struct route_destination, port, 1, 65535),
    };
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && node_get_present(node, "number") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set number, or leave port out", "the port has no number");
}

static void decode_destination_host(struct decoder *decoder, const struct node *node, void *target) {
    struct located *host = target;
    if (!decode_string(decoder, node, host) || host->text.size == 0)
        return;
    if (span_equal(host->text, SPAN_LITERAL("*")))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, host->position, "name the host", "the destination '*' is no host");
    else
        name_check_wildcard_domain(decoder, host);
}

static void decode_destination_subset(struct decoder *decoder, const struct node *node, void *target) {
    struct located *subset = target;
    if (decode_string(decoder, node, subset) && subset->text.size > 0)
        name_check_dns_label(decoder, subset, "a subset");
}

void route_destination_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_AT("host", decode_destination_host, struct route_destination, host),
        FIELD_CALL_AT("subset", decode_destination_subset, struct route_destination, subset),
        FIELD_CALL_WHOLE("port", decode_destination_port),
    };
    struct route_destination *destination = target;
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && destination->host.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set host to a Service's name",
                     "the destination has no host");
}

static const struct http_headers no_headers;

static void decode_weighted(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("destination", route_destination_decode),
        FIELD_NUMBER_AT("weight", struct route_destination, weight, 0, INT32_MAX),
        FIELD_PART_AT("headers", http_headers_decode, struct route_destination, headers),
    };
    struct route_destination *destination = target;
    destination->position = node->position;
    DECODE_MAPPING(decoder, node, fields, target);
    destination->headers = destination->headers == NULL ? &no_headers : destination->headers;
    if (node_is_mapping(node) && node_get_present(node, "destination") == NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "add destination with a host",
                     "the route names no destination");
}

struct destination_list {
    struct route_destination *items;
    size_t count;
};

static struct destination_list decode_destinations(struct decoder *decoder, const struct node *node) {
    struct destination_list list;
    list.items = decode_items(decoder, node, sizeof(struct route_destination), decode_weighted, &list.count);
    int64_t total = 0;
    for (size_t i = 0; i < list.count; i++)
        total += list.items[i].weight.value;
    if (list.count > 1 && total == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, node->position, "give each destination its weight",
                     "there are several destinations, but no weight");
    return list;
}

/* --- HTTP --- */

static void decode_http_matches(struct decoder *decoder, const struct node *node, void *target) {
    struct http_route *route = target;
    route->matches = decode_items(decoder, node, sizeof(struct http_match), http_match_decode, &route->match_count);
}

static void decode_http_destinations(struct decoder *decoder, const struct node *node, void *target) {
    struct http_route *route = target;
    struct destination_list list = decode_destinations(decoder, node);
    route->destinations = list.items;
    route->destination_count = list.count;
}

static void decode_delegate(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("name", FIELD_STRING, struct http_delegate, name),
        FIELD_AT("namespace", FIELD_STRING, struct http_delegate, namespace),
    };
    struct http_delegate *delegate = target;
    delegate->is_set = true;
    delegate->position = node->position;
    DECODE_MAPPING(decoder, node, fields, delegate);
    if (node_is_mapping(node) && delegate->name.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set name to that of a VirtualService without hosts",
                     "the delegate has no name");
}

static const struct field http_route_fields[] = {
    FIELD_AT("name", FIELD_STRING, struct http_route, name),
    FIELD_CALL_WHOLE("match", decode_http_matches),
    FIELD_CALL_WHOLE("route", decode_http_destinations),
    FIELD_PART_AT("redirect", http_redirect_decode, struct http_route, redirect),
    FIELD_PART_AT("directResponse", http_direct_response_decode, struct http_route, direct_response),
    FIELD_PART_AT("delegate", decode_delegate, struct http_route, delegate),
    FIELD_PART_AT("rewrite", http_rewrite_decode, struct http_route, rewrite),
    FIELD_DURATION_AT("timeout", struct http_route, timeout_ns, (int64_t)MILLISECONDS(1)),
    FIELD_PART_AT("retries", http_retries_decode, struct http_route, retries),
    FIELD_PART_AT("fault", http_fault_decode, struct http_route, fault),
    FIELD_PART_AT("mirror", http_mirror_decode, struct http_route, mirrors),
    FIELD_PART_AT("mirrors", http_mirrors_decode, struct http_route, mirrors),
    FIELD_PART_AT("mirrorPercentage", http_mirror_percentage_decode, struct http_route, mirrors),
    FIELD_PART_AT("mirrorPercent", http_mirror_percent_decode, struct http_route, mirrors),
    FIELD_PART_AT("mirror_percent", http_mirror_percent_decode, struct http_route, mirrors),
    FIELD_PART_AT("corsPolicy", http_cors_decode, struct http_route, cors),
    FIELD_PART_AT("headers", http_headers_decode, struct http_route, headers),
};

/* What was not written. */
static void set_absent_parts(struct http_route *route) {
    static const struct http_redirect no_redirect;
    static const struct http_direct_response no_direct_response;
    static const struct http_rewrite no_rewrite;
    static const struct http_fault no_fault;
    static const struct http_cors no_cors;
    static const struct http_mirrors no_mirrors;
    static const struct mesh_retry_policy no_retries;
    static const struct http_delegate no_delegate;
    route->redirect = route->redirect == NULL ? &no_redirect : route->redirect;
    route->direct_response = route->direct_response == NULL ? &no_direct_response : route->direct_response;
    route->rewrite = route->rewrite == NULL ? &no_rewrite : route->rewrite;
    route->fault = route->fault == NULL ? &no_fault : route->fault;
    route->cors = route->cors == NULL ? &no_cors : route->cors;
    route->mirrors = route->mirrors == NULL ? &no_mirrors : route->mirrors;
    route->headers = route->headers == NULL ? &no_headers : route->headers;
    route->retries = route->retries == NULL ? &no_retries : route->retries;
    route->delegate = route->delegate == NULL ? &no_delegate : route->delegate;
}

static void decode_http_route_fields(struct decoder *decoder, const struct node *node, void *target) {
    struct http_route *route = target;
    route->position = node->position;
    route->node = node;
    route->has_headers = node_get_present(node, "headers") != NULL;
    DECODE_MAPPING(decoder, node, http_route_fields, route);
    set_absent_parts(route);
    if (node_is_mapping(node))
        http_route_check(decoder, route);
}

static void decode_http_route(struct decoder *decoder, const struct node *node, void *target) {
    decode_part(decoder, node, target, decode_http_route_fields);
}

/* --- TLS and TCP --- */

static void check_subnet(struct decoder *decoder, const struct located *item) {
    if (!name_is_subnet(item->text))
        decode_error(decoder, DIAGNOSTIC_FIELD_VALUE, item->position, "write an address, or address/bits", "'%.*s' is no subnet",
                     SPAN_ARGUMENTS(span_excerpt(item->text, 80)));
}

/* Checked, but of no effect on a gateway. */
static void decode_subnets(struct decoder *decoder, const struct node *node, void *target) {
    struct located_list subnets = {0};
    (void)target;
    decode_strings_checked(decoder, node, check_subnet, &subnets);
    decode_unsupported(decoder, node->position, true);
}

static void check_l4_match(struct decoder *decoder, const struct l4_match *match) {
    name_check_gateways(decoder, &match->gateways);
    name_check_labels(decoder, &match->source_labels);
}

static void decode_tls_match(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("sniHosts", FIELD_STRINGS, struct l4_match, sni_hosts),
        FIELD_NUMBER_AT("port", struct l4_match, port, 0, 65535),
        FIELD_AT("gateways", FIELD_STRINGS, struct l4_match, gateways),
        FIELD_AT("sourceLabels", FIELD_LABELS, struct l4_match, source_labels),
        FIELD_AT("sourceNamespace", FIELD_STRING, struct l4_match, source_namespace),
        FIELD_CALL_WHOLE("destinationSubnets", decode_subnets),
    };
    struct l4_match *match = target;
    struct unsupported_list *outer = decoder->unsupported;
    match->position = node->position;
    decoder->unsupported = &match->unsupported;
    DECODE_MAPPING(decoder, node, fields, match);
    decoder->unsupported = outer;
    check_l4_match(decoder, match);
    if (node_is_mapping(node) && match->sni_hosts.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, match->position, "add sniHosts", "the match has no sniHosts");
}

static void decode_tcp_match(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("port", struct l4_match, port, 0, 65535),
        FIELD_AT("gateways", FIELD_STRINGS, struct l4_match, gateways),
        FIELD_AT("sourceLabels", FIELD_LABELS, struct l4_match, source_labels),
        FIELD_AT("sourceNamespace", FIELD_STRING, struct l4_match, source_namespace),
        FIELD_CALL_WHOLE("destinationSubnets", decode_subnets),
        FIELD_OF_TYPE("sourceSubnet", FIELD_RESTRICTION),
    };
    struct l4_match *match = target;
    struct unsupported_list *outer = decoder->unsupported;
    match->position = node->position;
    decoder->unsupported = &match->unsupported;
    DECODE_MAPPING(decoder, node, fields, match);
    decoder->unsupported = outer;
    check_l4_match(decoder, match);
}

static void decode_tls_matches(struct decoder *decoder, const struct node *node, void *target) {
    struct l4_route *route = target;
    route->matches = decode_items(decoder, node, sizeof(struct l4_match), decode_tls_match, &route->match_count);
}

static void decode_tcp_matches(struct decoder *decoder, const struct node *node, void *target) {
    struct l4_route *route = target;
    route->matches = decode_items(decoder, node, sizeof(struct l4_match), decode_tcp_match, &route->match_count);
}

static void decode_l4_destinations(struct decoder *decoder, const struct node *node, void *target) {
    struct l4_route *route = target;
    struct destination_list list = decode_destinations(decoder, node);
    route->destinations = list.items;
    route->destination_count = list.count;
}

static void check_l4_destinations(struct decoder *decoder, const struct l4_route *route) {
    if (route->destination_count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, route->position, "add route with a destination",
                     "the route has no destination");
}

static void decode_tls_route_fields(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("match", decode_tls_matches),
        FIELD_CALL_WHOLE("route", decode_l4_destinations),
    };
    struct l4_route *route = target;
    route->position = node->position;
    route->node = node;
    DECODE_MAPPING(decoder, node, fields, route);
    if (!node_is_mapping(node))
        return;
    check_l4_destinations(decoder, route);
    if (route->match_count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, route->position, "add match with sniHosts",
                     "a TLS route needs a match");
}

static void decode_tcp_route_fields(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("match", decode_tcp_matches),
        FIELD_CALL_WHOLE("route", decode_l4_destinations),
    };
    struct l4_route *route = target;
    route->position = node->position;
    route->node = node;
    DECODE_MAPPING(decoder, node, fields, route);
    if (node_is_mapping(node))
        check_l4_destinations(decoder, route);
}

static void decode_tls_route(struct decoder *decoder, const struct node *node, void *target) {
    decode_part(decoder, node, target, decode_tls_route_fields);
}

static void decode_tcp_route(struct decoder *decoder, const struct node *node, void *target) {
    decode_part(decoder, node, target, decode_tcp_route_fields);
}

/* --- The whole --- */

static void decode_http(struct decoder *decoder, const struct node *node, void *target) {
    struct virtual_service *service = target;
    service->http = decode_items(decoder, node, sizeof(struct http_route), decode_http_route, &service->http_count);
}

static void decode_tls(struct decoder *decoder, const struct node *node, void *target) {
    struct virtual_service *service = target;
    service->tls = decode_items(decoder, node, sizeof(struct l4_route), decode_tls_route, &service->tls_count);
}

static void decode_tcp(struct decoder *decoder, const struct node *node, void *target) {
    struct virtual_service *service = target;
    service->tcp = decode_items(decoder, node, sizeof(struct l4_route), decode_tcp_route, &service->tcp_count);
}

struct object_meta *virtual_service_decode(struct decoder *decoder, const struct object_meta *meta,
                                           const struct node *root) {
    static const struct field fields[] = {
        FIELD_AT("hosts", FIELD_STRINGS, struct virtual_service, hosts),
        FIELD_AT("gateways", FIELD_STRINGS, struct virtual_service, gateways),
        FIELD_AT("exportTo", FIELD_STRINGS, struct virtual_service, export_to),
        FIELD_CALL_WHOLE("http", decode_http),
        FIELD_CALL_WHOLE("tls", decode_tls),
        FIELD_CALL_WHOLE("tcp", decode_tcp),
    };
    struct virtual_service *service = arena_new(decoder->arena, struct virtual_service);
    service->meta = *meta;
    decoder->unsupported = &service->meta.unsupported;
    object_decode_spec(decoder, root, fields, ARRAY_SIZE(fields), service);
    virtual_service_check(decoder, service);
    return &service->meta;
}
