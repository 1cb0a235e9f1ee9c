#include "resource/virtual_service.h"

#include "resource/http_mirror.h"
#include "resource/object_decode.h"

/* --- Destinations --- */

static void decode_destination_port(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("number", struct route_destination, port, 1, 65535),
    };
    DECODE_MAPPING(decoder, node, fields, target);
}

void route_destination_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("host", FIELD_STRING, struct route_destination, host),
        FIELD_AT("subset", FIELD_STRING, struct route_destination, subset),
        FIELD_CALL_WHOLE("port", decode_destination_port),
    };
    struct route_destination *destination = target;
    DECODE_MAPPING(decoder, node, fields, target);
    if (node_is_mapping(node) && destination->host.text.size == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, node->position, "set host to a Service's name",
                     "the destination has no host");
}

static void decode_weighted(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_CALL_WHOLE("destination", route_destination_decode),
        FIELD_NUMBER_AT("weight", struct route_destination, weight, 0, INT32_MAX),
        FIELD_CALL_AT("headers", http_headers_decode, struct route_destination, headers),
    };
    struct route_destination *destination = target;
    struct unsupported_list *outer = decoder->unsupported;
    destination->position = node->position;
    destination->node = node;
    decoder->unsupported = &destination->unsupported;
    DECODE_MAPPING(decoder, node, fields, target);
    decoder->unsupported = outer;
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

static const struct field http_route_fields[] = {
    FIELD_AT("name", FIELD_STRING, struct http_route, name),
    FIELD_CALL_WHOLE("match", decode_http_matches),
    FIELD_CALL_WHOLE("route", decode_http_destinations),
    FIELD_CALL_AT("redirect", http_redirect_decode, struct http_route, redirect),
    FIELD_CALL_AT("directResponse", http_direct_response_decode, struct http_route, direct_response),
    FIELD_OF_TYPE("delegate", FIELD_UNSUPPORTED),
    FIELD_CALL_AT("rewrite", http_rewrite_decode, struct http_route, rewrite),
    FIELD_DURATION_AT("timeout", struct http_route, timeout_ns, 0),
    FIELD_CALL_AT("retries", http_retries_decode, struct http_route, retries),
    FIELD_CALL_AT("fault", http_fault_decode, struct http_route, fault),
    FIELD_CALL_AT("mirror", http_mirror_decode, struct http_route, mirrors),
    FIELD_CALL_AT("mirrors", http_mirrors_decode, struct http_route, mirrors),
    FIELD_CALL_AT("mirrorPercentage", http_mirror_percentage_decode, struct http_route, mirrors),
    FIELD_CALL_AT("mirrorPercent", http_mirror_percent_decode, struct http_route, mirrors),
    FIELD_CALL_AT("mirror_percent", http_mirror_percent_decode, struct http_route, mirrors),
    FIELD_CALL_AT("corsPolicy", http_cors_decode, struct http_route, cors),
    FIELD_CALL_AT("headers", http_headers_decode, struct http_route, headers),
};

/* What is done with requests on their way to a destination is nothing to a request that is answered here. */
static void check_answering_route(struct decoder *decoder, const struct http_route *route, const char *action) {
    static const char *const names[] = {"rewrite", "fault"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const struct node *other = node_get_present(route->node, names[i]);
        if (other != NULL)
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, other->position, "keep one of them",
                         "%s cannot be used together with %s", names[i], action);
    }
    if (route->redirect.prefix_rewrite.text.size == 0)
        return;
    for (size_t i = 0; i < route->match_count; i++) {
        const struct string_match *uri = &route->matches[i].uri;
        if (uri->kind == STRING_MATCH_EXACT || uri->kind == STRING_MATCH_REGEX)
            decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, uri->position, "match with prefix, or redirect with uri",
                         "prefixRewrite needs a uri prefix to replace");
    }
}

/* Istio's validateAuthorityRewrite. */
static void check_authority(struct decoder *decoder, const struct http_route *route) {
    const struct label_set *const sets[] = {&route->headers.request.set, &route->headers.request.add};
    bool is_set = route->rewrite.authority.text.size > 0;
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        for (size_t item = 0; item < sets[i]->count; item++) {
            const struct label *label = &sets[i]->items[item];
            if (!span_equal_ignore_case(label->key, SPAN_LITERAL("host")) && !span_equal_ignore_case(label->key, SPAN_LITERAL(":authority")))
                continue;
            if (is_set)
                decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, label->position, "keep one of them", "the authority is rewritten more than once");
            is_set = true;
        }
    }
}

static void check_http_route(struct decoder *decoder, const struct http_route *route) {
    const struct node *node = route->node;
    bool redirects = node_get_present(node, "redirect") != NULL;
    bool answers = node_get_present(node, "directResponse") != NULL;
    bool delegates = node_get_present(node, "delegate") != NULL;
    check_authority(decoder, route);
    http_mirrors_check(decoder, &route->mirrors);
    int actions = (route->destination_count > 0) + redirects + answers + delegates;
    if (actions == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, route->position, "add route with a destination",
                     "the HTTP route does nothing: it has neither route nor redirect, directResponse or delegate");
    else if (actions > 1)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, route->position, "keep one of them",
                     "only one of route, redirect, directResponse and delegate may be set");
    else if (redirects || answers)
        check_answering_route(decoder, route, redirects ? "redirect" : "directResponse");
}

static void decode_http_route_fields(struct decoder *decoder, const struct node *node, void *target) {
    struct http_route *route = target;
    struct unsupported_list *outer = decoder->unsupported;
    route->position = node->position;
    route->node = node;
    decoder->unsupported = &route->unsupported;
    DECODE_MAPPING(decoder, node, http_route_fields, route);
    decoder->unsupported = outer;
    if (node_is_mapping(node) && !decoder->failed)
        check_http_route(decoder, route);
}

static void decode_http_route(struct decoder *decoder, const struct node *node, void *target) {
    struct http_route *route = target;
    route->invalid = decode_part(decoder, node, target, decode_http_route_fields);
}

/* --- TLS and TCP --- */

static void decode_tls_match(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_AT("sniHosts", FIELD_STRINGS, struct l4_match, sni_hosts),
        FIELD_NUMBER_AT("port", struct l4_match, port, 0, 65535),
        FIELD_AT("gateways", FIELD_STRINGS, struct l4_match, gateways),
        FIELD_AT("sourceLabels", FIELD_LABELS, struct l4_match, source_labels),
        FIELD_AT("sourceNamespace", FIELD_STRING, struct l4_match, source_namespace),
        FIELD_OF_TYPE("destinationSubnets", FIELD_RESTRICTION),
    };
    struct l4_match *match = target;
    struct unsupported_list *outer = decoder->unsupported;
    match->position = node->position;
    decoder->unsupported = &match->unsupported;
    DECODE_MAPPING(decoder, node, fields, match);
    decoder->unsupported = outer;
    if (node_is_mapping(node) && match->sni_hosts.count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, match->position, "add sniHosts", "the match has no sniHosts");
}

static void decode_tcp_match(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("port", struct l4_match, port, 0, 65535),
        FIELD_AT("gateways", FIELD_STRINGS, struct l4_match, gateways),
        FIELD_AT("sourceLabels", FIELD_LABELS, struct l4_match, source_labels),
        FIELD_AT("sourceNamespace", FIELD_STRING, struct l4_match, source_namespace),
        FIELD_OF_TYPE("destinationSubnets", FIELD_RESTRICTION),
        FIELD_OF_TYPE("sourceSubnet", FIELD_RESTRICTION),
    };
    struct l4_match *match = target;
    struct unsupported_list *outer = decoder->unsupported;
    match->position = node->position;
    decoder->unsupported = &match->unsupported;
    DECODE_MAPPING(decoder, node, fields, match);
    decoder->unsupported = outer;
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
    if (decoder->failed)
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
    if (!decoder->failed)
        check_l4_destinations(decoder, route);
}

static void decode_tls_route(struct decoder *decoder, const struct node *node, void *target) {
    struct l4_route *route = target;
    route->invalid = decode_part(decoder, node, target, decode_tls_route_fields);
}

static void decode_tcp_route(struct decoder *decoder, const struct node *node, void *target) {
    struct l4_route *route = target;
    route->invalid = decode_part(decoder, node, target, decode_tcp_route_fields);
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
    if (!decoder->failed && service->http_count + service->tls_count + service->tcp_count == 0)
        decode_error(decoder, DIAGNOSTIC_FIELD_MISSING, meta->position, "add one of http, tls and tcp",
                     "the VirtualService has no routes");
    return &service->meta;
}
