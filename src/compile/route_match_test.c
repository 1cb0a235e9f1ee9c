#include "compile/route_match.h"

#include "compile/test_world.h"

#define BASE                                                                                                  \
    "apiVersion: v1\nkind: Service\nmetadata: {name: istio-ingressgateway, namespace: istio-system}\n"        \
    "spec: {selector: {istio: ingressgateway}, ports: [{name: http2, port: 80, targetPort: 8080}]}\n"         \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: ns}\nspec: {ports: [{name: http, port: 80}]}\n" \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: ns}\n"            \
    "spec: {servers: [{hosts: ['*'], port: {number: 80, name: http, protocol: HTTP}}]}\n"
#define MATCH(match)                                                                                          \
    "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v, namespace: ns}\n"    \
    "spec:\n  gateways: [g]\n  hosts: [x.com]\n  http:\n"                                                     \
    "  - match: [" match ", {uri: {exact: /kept}}]\n    route: [{destination: {host: web}}]\n"

static const struct virtual_host *host_of(const struct world *world) {
    const struct route_finder *finder = route_table_find(world_chain(world, 8080, "")->routes, SPAN_LITERAL("x.com"));
    return finder == NULL ? NULL : finder->host;
}

static void conditions_are_compiled(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE MATCH("{uri: {regex: '/a|/b'}, headers: {X-Up: {}}, withoutHeaders: {x: {regex: '*'}},"
                                " queryParams: {Q: {}}, method: {}}"));
    assert_int_equal(diagnostic_list_errors(&world.diagnostics), 0);
    const struct virtual_host *host = host_of(&world);
    assert_int_equal(host->route_count, 2);
    const struct route_match *match = &host->routes[0].match;
    assert_int_equal(match->path_match, PATH_MATCH_REGEX);
    assert_span(match->path, "/a|/b");
    assert_non_null(match->regex);
    assert_int_equal(match->condition_count, 4);
    assert_int_equal(match->conditions[0].subject, MATCH_METHOD);
    assert_int_equal(match->conditions[0].text.kind, TEXT_MATCH_PRESENT);
    assert_span(match->conditions[1].name, "x-up");
    assert_int_equal(match->conditions[1].text.kind, TEXT_MATCH_PRESENT);
    assert_true(match->conditions[2].inverted);
    assert_span(match->conditions[3].name, "Q");
    world_close(&world);
}

static void one_pattern_is_compiled_once(void **state) {
    (void)state;
    struct world world;
    world_of(&world, BASE MATCH("{uri: {regex: '/a.'}}, {uri: {regex: '/b.'}}, {headers: {x: {regex: '/a.'}}}"));
    const struct virtual_host *host = host_of(&world);
    assert_int_equal(host->route_count, 4);
    assert_ptr_equal(host->routes[0].match.regex, host->routes[2].match.conditions[0].text.regex);
    assert_ptr_not_equal(host->routes[0].match.regex, host->routes[1].match.regex);
    world_close(&world);
}

static void a_bad_pattern_refuses_its_object(void **state) {
    (void)state;
    static const char *const entries[] = {
        BASE MATCH("{uri: {regex: '/a('}}"),
        BASE MATCH("{uri: {regex: '*'}}"),
        BASE MATCH("{headers: {x: {regex: '(?=a)'}}}"),
        BASE MATCH("{queryParams: {x: {regex: '[b-a]'}}}"),
        BASE MATCH("{authority: {regex: 'a{9999}'}}"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        struct world world;
        world_of(&world, entries[i]);
        assert_null(host_of(&world));
        assert_int_equal(world_count(&world, DIAGNOSTIC_ROUTE_REGEX), 1);
        const struct diagnostic *diagnostic = world_find(&world, DIAGNOSTIC_ROUTE_REGEX);
        assert_int_equal(diagnostic->severity, DIAGNOSTIC_ERROR);
        assert_int_equal(diagnostic->position.line, 23);
        assert_true(diagnostic->position.column > 20);
        world_close(&world);
    }
}

static void a_pattern_has_a_ceiling(void **state) {
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        char pattern[ROUTE_REGEX_BYTES_MAX + 2], yaml[8192];
        size_t size = ROUTE_REGEX_BYTES_MAX + (size_t)extra;
        memset(pattern, 'a', size);
        pattern[size] = '\0';
        snprintf(yaml, sizeof(yaml), "%s", BASE);
        size_t used = strlen(yaml);
        snprintf(yaml + used, sizeof(yaml) - used, MATCH("{uri: {regex: %s}}"), pattern);
        struct world world;
        world_of(&world, yaml);
        assert_int_equal(host_of(&world) != NULL, 1 - extra);
        assert_int_equal(world_count(&world, DIAGNOSTIC_ROUTE_REGEX), extra);
        world_close(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_compiled),
        cmocka_unit_test(one_pattern_is_compiled_once),
        cmocka_unit_test(a_bad_pattern_refuses_its_object),
        cmocka_unit_test(a_pattern_has_a_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
