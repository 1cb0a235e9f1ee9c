/* What the whole compiler promises: refusals, faults that harm only themselves, same input same bytes. */
#include "compile/compile.h"

#include "compile/test_world.h"

#define BASE                                                                                                \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\n"          \
    "spec:\n  servers:\n  - {hosts: ['*'], port: {number: 80, name: http, protocol: HTTP}}\n"               \
    "  - {hosts: ['*.p.com'], port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}}\n"   \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: ns}\n"                            \
    "spec: {ports: [{port: 80, name: http}]}\n"                                                             \
    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                                           \
    "metadata: {name: web-1, namespace: ns, labels: {kubernetes.io/service-name: web}}\n"                   \
    "addressType: IPv4\nports: [{name: http, port: 8000}]\n"                                                \
    "endpoints: [{addresses: [10.0.0.2]}, {addresses: [10.0.0.1]}, {addresses: [10.0.0.3], conditions: {ready: false}}]\n" \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: pass, namespace: ns}\n" \
    "spec:\n  gateways: [g]\n  hosts: [a.p.com]\n"                                                          \
    "  tls: [{match: [{sniHosts: [a.p.com]}], route: [{destination: {host: web}}]}]\n"
#define HTTP(entry)                                                                                         \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: ns}\n" \
    "spec:\n  gateways: [g]\n  hosts: [x.com]\n  http:\n  - " entry "\n  - {route: [{destination: {host: web}}]}\n"
#define POLICY(kind, spec)                                                                                  \
    "---\napiVersion: security.istio.io/v1\nkind: " kind "\nmetadata: {name: p, namespace: istio-system}\nspec: " spec "\n"

static void a_match_that_cannot_be_evaluated_drops_its_route(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE HTTP("{match: [{uri: {prefix: /a}, headers: {'@request.auth.claims.sub': {exact: me}}}], route: [{destination: {host: none}}]}"));
    const struct route *route = world_route(&world, 8080, "", "x.com", "/a");
    assert_span(route->destinations.items[0].cluster_name, "outbound|80||web.ns.svc.cluster.local");
    assert_int_equal(world_find(&world, DIAGNOSTIC_UNSUPPORTED_FIELD)->severity, DIAGNOSTIC_ERROR);
    world_close(&world);
}

static void a_misspelt_match_does_not_match_everything(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE HTTP("{match: [{uri: {prefx: /a}}], route: [{destination: {host: none}}]}"));
    const struct route *route = world_route(&world, 8080, "", "x.com", "/a");
    assert_span(route->destinations.items[0].cluster_name, "outbound|80||web.ns.svc.cluster.local");
    assert_int_equal(world_find(&world, DIAGNOSTIC_ROUTE_MATCH)->severity, DIAGNOSTIC_ERROR);
    world_close(&world);
}

static void what_is_unsupported_may_be_allowed(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    world.options.allow_unsupported = true;
    world_add(&world, BASE HTTP("{match: [{uri: {prefix: /a}}], corsPolicy: {}, route: [{destination: {host: web}}]}")
                          POLICY("AuthorizationPolicy", "{action: DENY}"));
    world_compile(&world);
    assert_int_equal(world_route(&world, 8080, "", "x.com", "/a")->action, ROUTE_FORWARD);
    assert_int_equal(world_chain(&world, 8443, "a.p.com")->refusal.size, 0);
    assert_int_equal(diagnostic_list_errors(&world.diagnostics), 0);
    world_close(&world);
}

static void an_authorization_policy_closes_everything(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE HTTP("{match: [{uri: {prefix: /a}}], route: [{destination: {host: web}}]}")
                         POLICY("AuthorizationPolicy", "{action: DENY}"));
    assert_int_equal(world_route(&world, 8080, "", "x.com", "/a")->action, ROUTE_REFUSE);
    assert_true(world_chain(&world, 8443, "a.p.com")->refusal.size > 0);
    assert_int_equal(world_find(&world, DIAGNOSTIC_UNSUPPORTED_RESTRICTION)->severity, DIAGNOSTIC_ERROR);
    world_close(&world);
}

static void a_policy_for_other_pods_closes_nothing(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE HTTP("{match: [{uri: {prefix: /a}}], route: [{destination: {host: web}}]}")
                         POLICY("AuthorizationPolicy", "{selector: {matchLabels: {app: other}}}"));
    assert_int_equal(world_route(&world, 8080, "", "x.com", "/a")->action, ROUTE_FORWARD);
    assert_int_equal(world_chain(&world, 8443, "a.p.com")->refusal.size, 0);
    world_close(&world);
}

static void tokens_do_not_concern_bytes(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE HTTP("{match: [{uri: {prefix: /a}}], route: [{destination: {host: web}}]}")
                         POLICY("RequestAuthentication", "{}"));
    assert_int_equal(world_route(&world, 8080, "", "x.com", "/a")->action, ROUTE_REFUSE);
    assert_int_equal(world_chain(&world, 8443, "a.p.com")->refusal.size, 0);
    world_close(&world);
}

#define RULE(namespace, spec)                                                                               \
    "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: r, namespace: " namespace "}\n" \
    "spec: {host: web.ns.svc.cluster.local, " spec "}\n"

static bool cluster_refuses(const char *yaml) {
    struct world world;
    world_of(&world, yaml);
    bool refuses = world.snapshot->clusters[0]->refusal.size > 0;
    world_close(&world);
    return refuses;
}

static void upstream_tls_closes_the_cluster(void **state) {
    (void)state;
    assert_false(cluster_refuses(BASE));
    assert_true(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")));
    assert_true(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: simple}}")));
    assert_true(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: SIMPLE, credentialName: absent}}")));
    assert_true(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /nowhere/ca.pem}}")));
    assert_true(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: MUTUAL, credentialName: absent}}")));
    assert_false(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}")));
    assert_true(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")));
    assert_false(cluster_refuses(BASE RULE("ns", "trafficPolicy: {tls: {mode: DISABLE}}")));
    assert_false(cluster_refuses(BASE RULE("other", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")));
    assert_true(cluster_refuses(BASE RULE("istio-system", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")));
    assert_false(cluster_refuses(BASE RULE("ns", "exportTo: ['.'], trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}")));
    assert_true(cluster_refuses(BASE RULE("ns", "trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]}")));
    assert_false(cluster_refuses(BASE RULE("ns", "trafficPolicy: {portLevelSettings: [{port: {number: 81}, tls: {mode: ISTIO_MUTUAL}}]}")));
    assert_false(cluster_refuses(
        BASE RULE("ns", "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, portLevelSettings: [{port: {number: 80}, tls: {mode: DISABLE}}]}")));
}

static void subsets(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE HTTP("{match: [{uri: {prefix: /a}}], route: [{destination: {host: web, subset: v1}}]}")
                         RULE("ns", "subsets: [{name: v1, labels: {v: one}}]"));
    const struct cluster *cluster = world_route(&world, 8080, "", "x.com", "/a")->destinations.items[0].cluster;
    assert_span(cluster->name, "outbound|80|v1|web.ns.svc.cluster.local");
    assert_int_equal(cluster->refusal.size, 0);
    assert_int_equal(cluster->endpoint_count, 0);
    world_close(&world);
    world_of(&world, BASE HTTP("{match: [{uri: {prefix: /a}}], route: [{destination: {host: web, subset: v2}}]}")
                         RULE("ns", "subsets: [{name: v1, labels: {v: one}}]"));
    assert_null(world_route(&world, 8080, "", "x.com", "/a")->destinations.items[0].cluster);
    assert_int_equal(world_find(&world, DIAGNOSTIC_CLUSTER_SUBSET)->severity, DIAGNOSTIC_ERROR);
    world_close(&world);
}

static void servers_that_do_not_know_whom_to_trust_close_their_chain(void **state) {
    (void)state;
    static const char *const modes[] = {"MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL"};
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        char yaml[1024];
        struct world world;
        snprintf(yaml, sizeof(yaml),
                 "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\nspec:\n  servers:\n"
                 "  - {hosts: [a.com], port: {number: 443, name: a, protocol: HTTPS}, tls: {mode: %s%s}}\n"
                 "  - {hosts: [b.com], port: {number: 443, name: b, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}}\n",
                 modes[i], i < 2 ? ", credentialName: c" : "");
        world_of(&world, yaml);
        assert_true(world_chain(&world, 8443, "a.com")->lacks_trust);
        assert_false(filter_chain_can_shake_hands(world_chain(&world, 8443, "a.com")));
        assert_false(world_chain(&world, 8443, "b.com")->lacks_trust);
        world_close(&world);
    }
}

#define TERMINATE                                                                                           \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\nspec:\n  servers:\n" \
    "  - {hosts: [a.com], port: {number: 443, name: a, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}}\n"
#define SECRET(name, namespace, data)                                                                       \
    "---\napiVersion: v1\nkind: Secret\nmetadata: {name: " name ", namespace: " namespace "}\nstringData: {" data "}\n"

static void expect_secret(const char *yaml, enum diagnostic_code code, enum diagnostic_severity severity) {
    struct world world;
    world_of(&world, yaml);
    const struct filter_chain *chain = world_chain(&world, 8443, "a.com");
    assert_non_null(chain);
    assert_null(chain->identity);
    assert_non_null(chain->tls_policy);
    assert_span(chain->credential_name, "c");
    assert_non_null(world_find(&world, code));
    assert_int_equal(world_find(&world, code)->severity, severity);
    world_close(&world);
}

static void secrets_that_cannot_be_used_leave_the_port_open(void **state) {
    (void)state;
    expect_secret(TERMINATE, DIAGNOSTIC_SECRET_MISSING, DIAGNOSTIC_WARNING);
    expect_secret(TERMINATE SECRET("d", "istio-system", "a: b"), DIAGNOSTIC_SECRET_MISSING, DIAGNOSTIC_ERROR);
    expect_secret(TERMINATE SECRET("c", "ns", "a: b"), DIAGNOSTIC_SECRET_NAMESPACE, DIAGNOSTIC_ERROR);
    expect_secret(TERMINATE SECRET("c", "istio-system", "a: b"), DIAGNOSTIC_SECRET_CONTENT, DIAGNOSTIC_ERROR);
    expect_secret(TERMINATE SECRET("c", "istio-system", "tls.crt: x, tls.key: ''"), DIAGNOSTIC_SECRET_CONTENT, DIAGNOSTIC_ERROR);
    expect_secret(TERMINATE SECRET("c", "istio-system", "tls.crt: x, tls.key: z"), DIAGNOSTIC_SECRET_CONTENT, DIAGNOSTIC_ERROR);
}

static void endpoints_are_ready_sorted_and_once(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE);
    const struct cluster *cluster = world.snapshot->clusters[0];
    assert_int_equal(cluster->endpoint_count, 2);
    assert_span(cluster->endpoints[0].address_text, "10.0.0.1:8000");
    assert_span(cluster->endpoints[1].address_text, "10.0.0.2:8000");
    assert_int_equal(cluster->connect_timeout_ns, 10000000000ULL);
    world_close(&world);
}

static void routing_of_sni_follows_the_first(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: zz, namespace: ns}\n"
                          "spec:\n  gateways: [g]\n  hosts: ['*.p.com']\n  tls:\n"
                          "  - {match: [{sniHosts: [a.p.com]}], route: [{destination: {host: none}}]}\n"
                          "  - {match: [{sniHosts: ['*.p.com']}], route: [{destination: {host: wild}}]}\n"
                          "  - {match: [{sniHosts: [port.p.com], port: 8443}], route: [{destination: {host: none}}]}\n");
    assert_span(world_chain(&world, 8443, "a.p.com")->destinations.items[0].cluster_name, "outbound|80||web.ns.svc.cluster.local");
    assert_span(world_chain(&world, 8443, "port.p.com")->destinations.items[0].cluster_name, "outbound|443||wild.ns.svc.cluster.local");
    assert_null(world_chain(&world, 8443, "p.com"));
    assert_int_equal(world_count(&world, DIAGNOSTIC_ROUTE_DROPPED), 1);
    world_close(&world);
}

static void passthrough_without_routes_binds_nothing(void **state) {
    (void)state;
    struct world world;
    world_of(&world, "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\nspec:\n  servers:\n"
                     "  - {hosts: ['*.p.com'], port: {number: 443, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}}\n"
                     "  - {hosts: ['*'], port: {number: 5432, name: tcp, protocol: TCP}}\n");
    assert_int_equal(world.snapshot->listener_count, 0);
    assert_int_equal(world_count(&world, DIAGNOSTIC_LISTENER_NOT_BOUND), 2);
    world_close(&world);
}

static void the_order_of_documents_does_not_show(void **state) {
    (void)state;
    static const char other[] = "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a, namespace: z}\n"
                                "spec:\n  servers:\n  - {hosts: [q.com], port: {number: 80, name: http, protocol: HTTP}}\n";
    struct world first;
    struct world second;
    world_open(&first);
    world_add(&first, BASE);
    world_add(&first, other);
    world_compile(&first);
    world_open(&second);
    world_add(&second, other);
    world_add(&second, BASE);
    world_compile(&second);
    char *first_text = world_dump(&first);
    char *second_text = world_dump(&second);
    assert_string_equal(first_text, second_text);
    free(first_text);
    free(second_text);
    world_close(&first);
    world_close(&second);
}

static void the_access_log_format_falls_back(void **state) {
    (void)state;
    static const struct {
        const char *format;
        size_t fields;
        size_t mistakes;
    } rows[] = {
        {"'{\"b\": \"%DURATION%\", \"a\": {\"c\": \"x\"}}'", 2, 0}, {"'[]'", 24, 1}, {"'%DURATION%'", 24, 1},
        {"'{\"b\": \"%NO_SUCH%\"}'", 24, 1},                        {"'{\"b\": [1]}'", 24, 1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char yaml[1024];
        struct world world;
        snprintf(yaml, sizeof(yaml),
                 "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: o, namespace: istio-system}\n"
                 "spec:\n  meshConfig:\n    accessLogFile: /dev/stdout\n    accessLogEncoding: JSON\n    accessLogFormat: %s\n",
                 rows[i].format);
        world_of(&world, yaml);
        assert_true(world.snapshot->access_log->json);
        assert_int_equal(world.snapshot->access_log->field_count, rows[i].fields);
        assert_int_equal(world_count(&world, DIAGNOSTIC_MESH_ACCESS_LOG_FORMAT), rows[i].mistakes);
        world_close(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_that_cannot_be_evaluated_drops_its_route),
        cmocka_unit_test(a_misspelt_match_does_not_match_everything),
        cmocka_unit_test(what_is_unsupported_may_be_allowed),
        cmocka_unit_test(an_authorization_policy_closes_everything),
        cmocka_unit_test(a_policy_for_other_pods_closes_nothing),
        cmocka_unit_test(tokens_do_not_concern_bytes),
        cmocka_unit_test(upstream_tls_closes_the_cluster),
        cmocka_unit_test(subsets),
        cmocka_unit_test(servers_that_do_not_know_whom_to_trust_close_their_chain),
        cmocka_unit_test(secrets_that_cannot_be_used_leave_the_port_open),
        cmocka_unit_test(endpoints_are_ready_sorted_and_once),
        cmocka_unit_test(routing_of_sni_follows_the_first),
        cmocka_unit_test(passthrough_without_routes_binds_nothing),
        cmocka_unit_test(the_order_of_documents_does_not_show),
        cmocka_unit_test(the_access_log_format_falls_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
