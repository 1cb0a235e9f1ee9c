#include "compile/virtual_hosts.h"

#include "compile/test_world.h"

/* A Gateway ns/g with an HTTP server on 80 (8080), and a Service ns/web with one port and endpoint. */
#define GATEWAY(hosts, tls)                                                                              \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\n"       \
    "spec:\n  servers:\n  - {hosts: [" hosts "], port: {number: 80, name: http, protocol: HTTP}" tls "}\n"
#define SERVICE(name)                                                                                    \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: " name ", namespace: ns}\n"                    \
    "spec: {ports: [{port: 80, name: http}]}\n"                                                          \
    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                                        \
    "metadata: {name: " name "-1, namespace: ns, labels: {kubernetes.io/service-name: " name "}}\n"      \
    "addressType: IPv4\nports: [{name: http, port: 8000}]\nendpoints: [{addresses: [10.0.0.1]}]\n"
#define VIRTUAL_SERVICE(name, hosts, http)                                                               \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name ", namespace: ns}\n" \
    "spec:\n  gateways: [g]\n  hosts: [" hosts "]\n  http:\n" http
#define ROUTE(match, service) "  - {match: [" match "], route: [{destination: {host: " service "}}]}\n"
#define CATCH_ALL(service) "  - {route: [{destination: {host: " service "}}]}\n"
#define REDIRECT ", tls: {httpsRedirect: true}"

static void expect_cluster(const struct world *world, const char *host, const char *path, const char *cluster) {
    const struct route *route = world_route(world, 8080, "", host, path);
    if (cluster == NULL) {
        assert_null(route);
        return;
    }
    assert_non_null(route);
    assert_int_equal(route->action, ROUTE_FORWARD);
    assert_span(route->destinations.items[0].cluster_name, cluster);
}

#define WEB "outbound|80||web.ns.svc.cluster.local"
#define API "outbound|80||api.ns.svc.cluster.local"

static void catch_alls_move_behind_other_virtual_services(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*'", "") SERVICE("web") SERVICE("api")
                         VIRTUAL_SERVICE("a-old", "x.com", ROUTE("{uri: {prefix: /}}", "web"))
                             VIRTUAL_SERVICE("b-new", "x.com", ROUTE("{uri: {prefix: /api}}", "api")));
    expect_cluster(&world, "x.com", "/api/1", API);
    expect_cluster(&world, "x.com", "/apis", API);
    expect_cluster(&world, "x.com", "/", WEB);
    expect_cluster(&world, "y.com", "/", NULL);
    world_close(&world);
}

static void order_is_as_written_not_by_length(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*'", "") SERVICE("web") SERVICE("api")
                         VIRTUAL_SERVICE("a", "x.com", ROUTE("{uri: {prefix: /a}}", "web") ROUTE("{uri: {exact: /a/b}}", "api")));
    expect_cluster(&world, "x.com", "/a/b", WEB);
    expect_cluster(&world, "x.com", "/b", NULL);
    world_close(&world);
}

static void a_route_miss_does_not_fall_through(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*'", "") SERVICE("web") SERVICE("api")
                         VIRTUAL_SERVICE("a", "x.com", ROUTE("{uri: {prefix: /a}}", "web"))
                             VIRTUAL_SERVICE("b", "'*'", CATCH_ALL("api")));
    expect_cluster(&world, "x.com", "/b", NULL);
    expect_cluster(&world, "y.com", "/b", API);
    world_close(&world);
}

static void hosts_are_lower_case_and_shared(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*'", "") SERVICE("web") SERVICE("api")
                         VIRTUAL_SERVICE("a", "A.com", ROUTE("{uri: {prefix: /a}}", "web"))
                             VIRTUAL_SERVICE("b", "a.com", CATCH_ALL("api")));
    expect_cluster(&world, "a.com", "/a", WEB);
    expect_cluster(&world, "a.com", "/b", API);
    world_close(&world);
}

static void redirect_needs_no_routes(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*.x.com'", REDIRECT));
    const struct filter_chain *chain = world_chain(&world, 8080, "");
    const struct route_finder *finder = route_table_find(chain->routes, SPAN_LITERAL("a.x.com"));
    assert_non_null(finder);
    assert_true(finder->require_tls && finder->host->require_tls);
    assert_int_equal(finder->host->route_count, 0);
    assert_null(route_table_find(chain->routes, SPAN_LITERAL("x.com")));
    world_close(&world);
}

static void redirect_reaches_narrower_hosts_of_virtual_services(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*.x.com'", REDIRECT) SERVICE("web") VIRTUAL_SERVICE("a", "a.x.com", CATCH_ALL("web")));
    const struct filter_chain *chain = world_chain(&world, 8080, "");
    assert_true(route_table_find(chain->routes, SPAN_LITERAL("a.x.com"))->require_tls);
    assert_true(route_table_find(chain->routes, SPAN_LITERAL("b.x.com"))->require_tls);
    world_close(&world);
}

static void matches_filter_by_port_gateway_and_labels(void **state) {
    (void)state;
    static const struct {
        const char *match;
        bool holds;
    } rows[] = {
        {"port: 80", true},          {"port: 8080", false},          {"gateways: [g]", true},
        {"gateways: [ns/g]", true},  {"gateways: [other]", false},   {"gateways: [mesh]", false},
        {"sourceLabels: {istio: ingressgateway}", true},             {"sourceLabels: {istio: other}", false},
        {"sourceNamespace: istio-system", true},                     {"sourceNamespace: ns", false},
        {"gateways: [g], sourceNamespace: ns", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char yaml[4096];
        struct world world;
        snprintf(yaml, sizeof(yaml), "%s  - {match: [{%s}], route: [{destination: {host: web}}]}\n",
                 GATEWAY("'*'", "") SERVICE("web") VIRTUAL_SERVICE("a", "x.com", ""), rows[i].match);
        world_of(&world, yaml);
        expect_cluster(&world, "x.com", "/", rows[i].holds ? WEB : NULL);
        world_close(&world);
    }
}

static void a_virtual_service_without_routes_makes_no_host(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*'", "") SERVICE("web") SERVICE("api")
                         VIRTUAL_SERVICE("a", "x.com", ROUTE("{port: 443}", "web"))
                             VIRTUAL_SERVICE("b", "'*'", CATCH_ALL("api")));
    expect_cluster(&world, "x.com", "/", API);
    world_close(&world);
}

static void nothing_follows_a_catch_all(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*'", "") SERVICE("web") SERVICE("api")
                         VIRTUAL_SERVICE("a", "x.com", CATCH_ALL("web") ROUTE("{uri: {prefix: /api}}", "api")));
    expect_cluster(&world, "x.com", "/api", WEB);
    world_close(&world);
}

static void a_wildcard_serves_only_what_the_server_has(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("foo.bar", "") SERVICE("web") VIRTUAL_SERVICE("a", "'*'", CATCH_ALL("web")));
    expect_cluster(&world, "foo.bar", "/", WEB);
    expect_cluster(&world, "x.bar", "/", NULL);
    world_close(&world);
}

static void private_virtual_services_are_hidden(void **state) {
    (void)state;
    static const struct {
        const char *export_to;
        bool seen;
    } rows[] = {{"'*'", true}, {"'.'", false}, {"istio-system", true}, {"other", false}, {"'.', other", false}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char yaml[4096];
        struct world world;
        snprintf(yaml, sizeof(yaml), "%s  exportTo: [%s]\n",
                 GATEWAY("'*'", "") SERVICE("web") VIRTUAL_SERVICE("a", "x.com", CATCH_ALL("web")), rows[i].export_to);
        world_of(&world, yaml);
        expect_cluster(&world, "x.com", "/", rows[i].seen ? WEB : NULL);
        world_close(&world);
    }
}

static void weights_leave_zero_out(void **state) {
    (void)state;
    struct world world;
    world_of(&world, GATEWAY("'*'", "") SERVICE("web") SERVICE("api")
                         VIRTUAL_SERVICE("a", "x.com",
                                         "  - route:\n    - {destination: {host: web}, weight: 0}\n"
                                         "    - {destination: {host: api}, weight: 30}\n    - {destination: {host: none}, weight: 90}\n"));
    const struct route *route = world_route(&world, 8080, "", "x.com", "/");
    assert_int_equal(route->destinations.count, 2);
    assert_int_equal(route->destinations.weight_total, 120);
    assert_non_null(route->destinations.items[0].cluster);
    assert_null(route->destinations.items[1].cluster);
    assert_span(route->destinations.items[1].cluster_name, "outbound|80||none.ns.svc.cluster.local");
    assert_int_equal(world_find(&world, DIAGNOSTIC_CLUSTER_SERVICE_MISSING)->severity, DIAGNOSTIC_ERROR);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catch_alls_move_behind_other_virtual_services),
        cmocka_unit_test(order_is_as_written_not_by_length),
        cmocka_unit_test(a_route_miss_does_not_fall_through),
        cmocka_unit_test(hosts_are_lower_case_and_shared),
        cmocka_unit_test(redirect_needs_no_routes),
        cmocka_unit_test(redirect_reaches_narrower_hosts_of_virtual_services),
        cmocka_unit_test(matches_filter_by_port_gateway_and_labels),
        cmocka_unit_test(a_virtual_service_without_routes_makes_no_host),
        cmocka_unit_test(nothing_follows_a_catch_all),
        cmocka_unit_test(a_wildcard_serves_only_what_the_server_has),
        cmocka_unit_test(private_virtual_services_are_hidden),
        cmocka_unit_test(weights_leave_zero_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
