#include "compile/gateways.h"

#include "compile/test_world.h"

enum kind { HTTP, HTTPS, PASSTHROUGH, TLS_TERMINATE, TCP };

/* One server of each kind, but for its hosts. */
static const char *const servers[] = {
    [HTTP] = "port: {number: 443, name: http, protocol: HTTP}}",
    [HTTPS] = "port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: SIMPLE, credentialName: c}}",
    [PASSTHROUGH] = "port: {number: 443, name: pass, protocol: TLS}, tls: {mode: PASSTHROUGH}}",
    [TLS_TERMINATE] = "port: {number: 443, name: tls, protocol: TLS}, tls: {mode: SIMPLE, credentialName: c}}",
    [TCP] = "port: {number: 443, name: tcp, protocol: TCP}}",
};

static void add_gateway(struct world *world, const char *name, const char *host, enum kind kind) {
    char yaml[1024];
    snprintf(yaml, sizeof(yaml),
             "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: %s, namespace: ns}\n"
             "spec:\n  servers:\n  - {hosts: [%s], %s\n"
             "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: ns}\n"
             "spec:\n  gateways: [%s]\n  hosts: [%s]\n"
             "  tls: [{match: [{sniHosts: [%s]}], route: [{destination: {host: b.example}}]}]\n"
             "  tcp: [{route: [{destination: {host: b.example}}]}]\n",
             name, host, servers[kind], name, name, host, host);
    world_add(world, yaml);
}

static bool has_chain_of(const struct world *world, const char *title) {
    const struct listener *listener = world_listener(world, 8443);
    for (size_t i = 0; listener != NULL && i < listener->filter_chain_count; i++)
        if (span_equal(listener->filter_chains[i]->name, span_of(title)))
            return true;
    return false;
}

/* Semantics 1.4: first \ second on one port and address. */
static void the_table_of_merges(void **state) {
    (void)state;
    enum outcome { BOTH, ONE_CHAIN, DROPPED };
    static const enum outcome rows[5][5] = {
        [HTTP] = {ONE_CHAIN, DROPPED, DROPPED, DROPPED, DROPPED},
        [HTTPS] = {BOTH, BOTH, BOTH, BOTH, BOTH},
        [PASSTHROUGH] = {BOTH, BOTH, BOTH, BOTH, BOTH},
        [TLS_TERMINATE] = {BOTH, BOTH, BOTH, BOTH, BOTH},
        [TCP] = {DROPPED, DROPPED, DROPPED, DROPPED, DROPPED},
    };
    for (int first = HTTP; first <= TCP; first++) {
        for (int second = HTTP; second <= TCP; second++) {
            struct world world;
            world_open(&world);
            add_gateway(&world, "first", "a.example.com", (enum kind)first);
            add_gateway(&world, "second", "b.example.com", (enum kind)second);
            world_compile(&world);
            assert_true(has_chain_of(&world, "ns/first servers[0]"));
            assert_int_equal(has_chain_of(&world, "ns/second servers[0]"), rows[first][second] == BOTH);
            assert_int_equal(world_count(&world, DIAGNOSTIC_GATEWAY_SERVER_DROPPED), rows[first][second] == DROPPED ? 1 : 0);
            world_close(&world);
        }
    }
}

static void three_servers_the_plaintext_one_shuts_the_door(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    add_gateway(&world, "a", "a.example.com", HTTPS);
    add_gateway(&world, "b", "b.example.com", HTTP);
    add_gateway(&world, "c", "c.example.com", HTTPS);
    world_compile(&world);
    assert_true(has_chain_of(&world, "ns/a servers[0]"));
    assert_true(has_chain_of(&world, "ns/b servers[0]"));
    assert_false(has_chain_of(&world, "ns/c servers[0]"));
    world_close(&world);
}

static void the_winner_is_named(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    add_gateway(&world, "second", "a.example.com", HTTPS);
    add_gateway(&world, "first", "a.example.com", HTTPS);
    world_compile(&world);
    const struct diagnostic *diagnostic = world_find(&world, DIAGNOSTIC_GATEWAY_SERVER_DROPPED);
    assert_non_null(diagnostic);
    assert_span(diagnostic->resource, "Gateway ns/second");
    assert_span(diagnostic->message, "ns/second servers[0] (port 443, listening on 8443) is dropped as a whole: host \"a.example.com\" belongs to ns/first servers[0]");
    world_close(&world);
}

/* Semantics 1.4 rule b: equal hosts are compared with their namespace, SNI is not. */
static void namespaced_hosts_meet_as_one_sni(void **state) {
    (void)state;
    struct world world;
    world_open(&world);
    add_gateway(&world, "a", "x/foo.com", HTTPS);
    add_gateway(&world, "b", "y/foo.com", HTTPS);
    world_compile(&world);
    assert_int_equal(world_count(&world, DIAGNOSTIC_GATEWAY_SERVER_DROPPED), 0);
    assert_int_equal(world_count(&world, DIAGNOSTIC_LISTENER_CHAIN_DROPPED), 1);
    assert_span(world_chain(&world, 8443, "foo.com")->name, "ns/a servers[0]");
    world_close(&world);
}

static void selectors_decide(void **state) {
    (void)state;
    static const struct {
        const char *selector;
        size_t listeners;
    } rows[] = {{"istio: ingressgateway", 1}, {"", 1}, {"istio: egressgateway", 0}, {"istio: ingressgateway, app: no", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char yaml[512];
        struct world world;
        snprintf(yaml, sizeof(yaml),
                 "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\n"
                 "spec:\n  selector: {%s}\n  servers:\n"
                 "  - {hosts: ['*'], port: {number: 80, name: http, protocol: HTTP}}\n",
                 rows[i].selector);
        world_of(&world, yaml);
        assert_int_equal(world.snapshot->listener_count, rows[i].listeners);
        world_close(&world);
    }
}

static void several_ingress_gateways_need_a_choice(void **state) {
    (void)state;
    static const char operator_[] = "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: o, namespace: istio-system}\n"
                                    "spec:\n  components:\n    ingressGateways:\n    - {name: one, enabled: true}\n    - {name: two, enabled: true}\n";
    struct world world;
    world_of(&world, operator_);
    assert_null(world.snapshot);
    assert_int_equal(world_find(&world, DIAGNOSTIC_GATEWAY_CHOICE)->severity, DIAGNOSTIC_ERROR);
    assert_span(world_find(&world, DIAGNOSTIC_GATEWAY_CHOICE)->message,
                "the input holds several ingress gateways: istio-system/one, istio-system/two");
    world.options.gateway_name = SPAN_LITERAL("two");
    world_compile(&world);
    assert_non_null(world.snapshot);
    assert_span(world.snapshot->settings.gateway_name, "two");
    snapshot_destroy(world.snapshot);
    world.options.gateway_name = SPAN_LITERAL("three");
    world_compile(&world);
    assert_null(world.snapshot);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_merges),
        cmocka_unit_test(three_servers_the_plaintext_one_shuts_the_door),
        cmocka_unit_test(the_winner_is_named),
        cmocka_unit_test(namespaced_hosts_meet_as_one_sni),
        cmocka_unit_test(selectors_decide),
        cmocka_unit_test(several_ingress_gateways_need_a_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
