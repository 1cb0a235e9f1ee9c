#include "resource/http_match.h"

#include "resource/resource_fixture.h"

#define HEAD                                  \
    "apiVersion: networking.istio.io/v1\n"    \
    "kind: VirtualService\n"                  \
    "metadata: {name: v, namespace: ns}\n"    \
    "spec:\n"                                 \
    "  hosts: [a.com]\n"                      \
    "  gateways: [g]\n"                       \
    "  http:\n"                               \
    "    - route: [{destination: {host: s}}]\n" \
    "      match:\n"

static const struct http_route *load_route(struct fixture *fixture, const char *text) {
    fixture_load(fixture, text);
    assert_int_equal(fixture->set.virtual_services.count, 1);
    return &fixture->set.virtual_services.items[0]->http[0];
}

static void reads_every_condition(void **state) {
    struct fixture *fixture = *state;
    const struct http_route *route = load_route(
        fixture, HEAD "        - scheme: {exact: https}\n          method: {prefix: P}\n          authority: {regex: 'a.*'}\n"
                      "          headers: {X-A: {exact: ''}, x-b: {}}\n          withoutHeaders: {x-c: {regex: '*'}}\n"
                      "          queryParams: {q: {prefix: v}}\n          statPrefix: p\n        - uri: {prefix: ''}\n");
    fixture_assert_clean(fixture);
    const struct http_match *match = &route->matches[0];
    assert_int_equal(match->scheme.kind, STRING_MATCH_EXACT);
    assert_int_equal(match->method.kind, STRING_MATCH_PREFIX);
    assert_int_equal(match->authority.kind, STRING_MATCH_REGEX);
    assert_text(match->authority.value, "a.*");
    assert_int_equal(match->headers.count, 2);
    assert_text(match->headers.items[0].name, "X-A");
    assert_int_equal(match->headers.items[0].match.kind, STRING_MATCH_EXACT);
    assert_int_equal(match->headers.items[1].match.kind, STRING_MATCH_NONE);
    assert_true(position_is_known(match->headers.items[1].match.position));
    assert_int_equal(match->headers.items[1].position.line, 13);
    assert_text(match->without_headers.items[0].match.value, "*");
    assert_text(match->query_params.items[0].match.value, "v");
    assert_false(position_is_known(route->matches[1].scheme.position));
    assert_int_equal(route->matches[1].uri.kind, STRING_MATCH_PREFIX);
}

static void claims_are_recorded_as_not_served(void **state) {
    struct fixture *fixture = *state;
    const struct http_route *route =
        load_route(fixture, HEAD "        - headers: {'@request.auth.claims.sub': {exact: x}, y: {}}\n");
    fixture_assert_clean(fixture);
    assert_int_equal(route->matches[0].headers.count, 1);
    assert_int_equal(route->matches[0].unsupported.count, 1);
    assert_true(route->matches[0].unsupported.first->restricts_or_encrypts);
    assert_text(route->matches[0].unsupported.first->path, "spec.http[0].match[0].headers.@request.auth.claims.sub");
}

static void mistakes_have_their_place(void **state) {
    static const struct {
        const char *match;
        enum diagnostic_code code;
    } cases[] = {
        {"        - headers: [x]\n", DIAGNOSTIC_FIELD_TYPE},
        {"        - headers: {x: null}\n", DIAGNOSTIC_FIELD_MISSING},
        {"        - headers: {x: {prefix: ''}}\n", DIAGNOSTIC_FIELD_VALUE},
        {"        - headers: {':protocol': {exact: x}}\n", DIAGNOSTIC_FIELD_VALUE},
        {"        - withoutHeaders: {'a b': {exact: x}}\n", DIAGNOSTIC_FIELD_VALUE},
        {"        - queryParams: {x: {regex: ''}}\n", DIAGNOSTIC_ROUTE_REGEX},
        {"        - method: {exact: GET, prefix: G}\n", DIAGNOSTIC_FIELD_CONFLICT},
        {"        - method: GET\n", DIAGNOSTIC_FIELD_TYPE},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        void *inner = NULL;
        fixture_set_up(&inner);
        struct fixture *fixture = inner;
        char text[1024];
        snprintf(text, sizeof(text), "%s%s", HEAD, cases[i].match);
        load_route(fixture, text);
        assert_true(fixture->set.virtual_services.items[0]->meta.invalid);
        assert_int_equal(fixture->diagnostics.count, 1);
        assert_int_equal(fixture->diagnostics.items[0].code, cases[i].code);
        assert_int_equal(fixture->diagnostics.items[0].position.line, 10);
        fixture_tear_down(&inner);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_every_condition, fixture_set_up, fixture_tear_down),
        cmocka_unit_test_setup_teardown(claims_are_recorded_as_not_served, fixture_set_up, fixture_tear_down),
        cmocka_unit_test(mistakes_have_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
