#include "compile/routes.h"

#include "compile/clusters.h"
#include "compile/compiler.h"
#include "compile/route_action.h"
#include "compile/route_match.h"

/* What the routes of one call have in common. */
struct route_scope {
    struct compiler *compiler;
    const struct object_meta *meta; /* of the rule */
    const struct merged_server *server;
};

bool route_is_catch_all(const struct route *route) {
    return route_match_is_catch_all(&route->match);
}

/* Istio's sourceMatchHTTP: the labels and the namespace of the source are the gateway's own, and only looked at without gateways. */
static bool match_holds_here(const struct route_scope *scope, const struct http_match *match) {
    struct compiler *compiler = scope->compiler;
    if (match->port.is_set && match->port.value != 0 && match->port.value != scope->server->number)
        return false;
    if (match->gateways.count > 0)
        return match_names_gateway(&compiler->scratch, &match->gateways, scope->meta->namespace, scope->server->gateway_title);
    if (!label_set_contains(&compiler->gateway_labels, &match->source_labels))
        return false;
    return match->source_namespace.text.size == 0 ||
           span_equal(match->source_namespace.text, compiler->gateway_namespace);
}

static void refuse(struct route *route, struct arena *arena, struct span reason) {
    if (route->action == ROUTE_REFUSE)
        return;
    route->action = ROUTE_REFUSE;
    route->refusal = arena_copy(arena, reason);
}

/* Of one among several; those of weight 0 are not there any more. */
static bool compile_destination_headers(const struct route_scope *scope, const struct http_route *written, struct destinations *destinations) {
    size_t item = 0;
    bool usable = true;
    for (size_t i = 0; written->destination_count > 1 && i < written->destination_count; i++) {
        const struct http_headers *headers = written->destinations[i].headers;
        if (written->destinations[i].weight.value > 0)
            usable &= header_action_compile(scope->compiler, scope->meta, &headers, 1, &destinations->items[item++].headers);
    }
    return usable;
}

static void compile_action(const struct route_scope *scope, const struct http_route *written, struct route *route) {
    struct compiler *compiler = scope->compiler;
    route->action = ROUTE_FORWARD;
    bool usable = route_action_compile(compiler, scope->meta, written, scope->server, route);
    bool forwards = route->action == ROUTE_FORWARD;
    if (compiler->http_refusal.size > 0)
        refuse(route, compiler->arena, compiler->http_refusal);
    compile_destinations(compiler, &compiler->scratch, scope->meta, written->destinations, written->destination_count, scope->server->number,
                         &route->destinations);
    if (!compile_destination_headers(scope, written, &route->destinations) || !usable)
        refuse(route, compiler->arena, SPAN_LITERAL("a field of the route cannot be used as it is written"));
    if (forwards && route->destinations.count == 0)
        refuse(route, compiler->arena, SPAN_LITERAL("the route has no destination"));
}

/* http.name, then "." and match.name, each where it is set. */
static struct span route_name(struct arena *arena, const struct http_route *written, const struct http_match *match) {
    struct span name = match == NULL ? SPAN_EMPTY : match->name.text;
    if (name.size == 0)
        return arena_copy(arena, written->name.text);
    return arena_print(arena, "%.*s.%.*s", SPAN_ARGUMENTS(written->name.text), SPAN_ARGUMENTS(name));
}

/* True when nothing behind this route can be reached. `match` is NULL for a route without matches. */
static bool add_route(const struct route_scope *scope, const struct http_route *written, const struct http_match *match,
                      struct route_list *routes) {
    struct compiler *compiler = scope->compiler;
    struct route route = {.match = ROUTE_MATCH_EVERYTHING};
    if (match != NULL && (!match_holds_here(scope, match) || !route_match_compile(compiler, scope->meta, match, &route.match)))
        return false;
    route.name = route_name(compiler->arena, written, match);
    route.id = compiler_origin(compiler, scope->meta, match == NULL ? written->position : match->position);
    route.retry = compiler->retry;
    compile_action(scope, written, &route);
    ARRAY_APPEND(&compiler->scratch, routes, route);
    return route_is_catch_all(&route);
}

/* At most. */
static size_t count_routes(const struct bound_rule_list *rules) {
    size_t count = 0;
    for (size_t i = 0; i < rules->count; i++)
        count += rules->items[i].written->match_count == 0 ? 1 : rules->items[i].written->match_count;
    return count;
}

void compile_routes(struct compiler *compiler, struct bound_virtual_service *service,
                    const struct merged_server *server, struct route_list *ret_routes) {
    struct route_scope scope = {.compiler = compiler, .server = server};
    bool ended = false;
    if (!service->rules_bound)
        delegates_bind(compiler, service->object, &service->rules);
    service->rules_bound = true;
    struct route_list routes = {.capacity = count_routes(&service->rules)};
    routes.items = arena_new_array(&compiler->scratch, struct route, routes.capacity);
    for (size_t i = 0; i < service->rules.count && !ended; i++) {
        const struct http_route *written = service->rules.items[i].written;
        scope.meta = service->rules.items[i].meta;
        if (written->match_count == 0)
            ended = add_route(&scope, written, NULL, &routes);
        for (size_t match = 0; match < written->match_count && !ended; match++)
            ended = add_route(&scope, written, &written->matches[match], &routes);
    }
    *ret_routes = routes;
}
