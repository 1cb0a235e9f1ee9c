#include "resource/resource_fixture.h"

#define SERVICE(name, port) \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec: {ports: [{port: " port "}]}\n"

static void lists_are_opened(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "apiVersion: v1\nkind: List\nitems:\n"
                          "- {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {}}\n"
                          "- apiVersion: v1\n  kind: ServiceList\n  items:\n"
                          "  - {apiVersion: v1, kind: Service, metadata: {name: b}, spec: {}}\n"
                          "- {apiVersion: v1, kind: Namespace, metadata: {name: one}}\n");
    fixture_assert_clean(fixture);
    assert_int_equal(fixture->set.services.count, 2);
    assert_int_equal(fixture->set.namespaces.count, 1);
    assert_int_equal(fixture->set.namespaces.items[0]->meta.namespace.size, 0);
    assert_true(fixture->set.any[RESOURCE_SERVICE]);
    assert_false(fixture->set.any[RESOURCE_GATEWAY]);
}

static void the_later_of_two_wins(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, SERVICE("a", "1") SERVICE("b", "2") SERVICE("a", "3"));
    const struct diagnostic *item = fixture_assert_one(fixture, DIAGNOSTIC_WARNING, DIAGNOSTIC_OBJECT_DUPLICATE, 14, 18);
    assert_holds(item->message, "f.yaml:4");
    assert_int_equal(fixture->set.services.count, 2);
    const struct service *service = resource_set_find_service(&fixture->set, SPAN_LITERAL("default"), SPAN_LITERAL("a"));
    assert_int_equal(service->ports[0].number, 3);
    assert_true(fixture->set.services.items[0] == service);
    assert_null(resource_set_find_service(&fixture->set, SPAN_LITERAL("other"), SPAN_LITERAL("a")));
    assert_null(resource_set_find_gateway(&fixture->set, SPAN_LITERAL("default"), SPAN_LITERAL("a")));
}

static void unknown_kinds_are_said_once(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}\n---\n"
                          "{apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}\n---\n"
                          "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: b}}\n");
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_INFO], 2);
    assert_int_equal(fixture->diagnostics.count, 2);
    assert_int_equal(fixture->set.gateways.count, 0);
}

static void misspelt_kinds_of_istio_are_warnings(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "{apiVersion: networking.istio.io/v1, kind: VirtualServic, metadata: {name: a}}\n");
    const struct diagnostic *item = fixture_assert_one(fixture, DIAGNOSTIC_WARNING, DIAGNOSTIC_UNSUPPORTED_KIND, 1, 1);
    assert_holds(item->hint, "VirtualService");
}

static void unknown_versions_are_errors(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture, "{apiVersion: networking.istio.io/v2, kind: Gateway, metadata: {name: a}}\n");
    const struct diagnostic *item = fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_API_VERSION, 1, 14);
    assert_holds(item->hint, "networking.istio.io/v1");
    assert_int_equal(fixture->set.gateways.count, 0);
}

static void what_is_no_object_is_an_error(void **state) {
    static const char *const texts[] = {"a\n", "[a]\n", "{a: b}\n", "{kind: Service}\n", "{kind: [a], apiVersion: v1}\n",
                                        "{apiVersion: v1, kind: Service, spec: {}}\n",
                                        "{apiVersion: v1, kind: Service, metadata: {name: ''}, spec: {}}\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        fixture_load(fixture, texts[i]);
        assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 1);
        assert_int_equal(fixture->set.services.count, 0);
    }
}

static void bad_names_make_an_object_invalid(void **state) {
    static const char *const names[] = {"a/b", "'a b'", "\"a\\nb\"", "12"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char text[200];
        snprintf(text, sizeof(text), "{apiVersion: v1, kind: Service, metadata: {name: %s}, spec: {}}\n", names[i]);
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        fixture_load(fixture, text);
        assert_true(fixture->diagnostics.counts[DIAGNOSTIC_ERROR] >= 1);
        if (fixture->set.services.count > 0)
            assert_true(fixture->set.services.items[0]->meta.invalid);
    }
}

static void policies_say_where_they_apply(void **state) {
    struct fixture *fixture = *state;
    fixture_load(fixture,
                 "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: ns}\n"
                 "spec: {action: DENY, selector: {matchLabels: {istio: ingressgateway}}, rules: []}\n---\n"
                 "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: a, namespace: ns}\n"
                 "spec: {workloadSelector: {labels: {a: b}}}\n---\n"
                 "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: a, namespace: ns}\nspec: {}\n---\n"
                 "apiVersion: security.istio.io/v1beta1\nkind: RequestAuthentication\nmetadata: {name: a, namespace: ns}\n"
                 "spec: {targetRefs: []}\n---\n"
                 "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: empty}\n");
    fixture_assert_clean(fixture);
    assert_int_equal(fixture->set.policies.count, 5);
    const struct policy *policy = fixture->set.policies.items[0];
    assert_int_equal(policy->policy_kind, POLICY_AUTHORIZATION);
    assert_true(policy->restricts && policy->has_selector && !policy->has_target_refs);
    assert_text(policy->action.text, "DENY");
    assert_text(policy->selector.items[0].key, "istio");
    assert_true(fixture->set.policies.items[1]->has_selector);
    assert_false(fixture->set.policies.items[2]->restricts);
    assert_true(fixture->set.policies.items[3]->has_target_refs);
    assert_false(fixture->set.policies.items[4]->has_selector);
    assert_string_equal(policy_kind_name(POLICY_PROXY_CONFIG), "ProxyConfig");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(lists_are_opened),
        FIXTURE_TEST(the_later_of_two_wins),
        FIXTURE_TEST(unknown_kinds_are_said_once),
        FIXTURE_TEST(misspelt_kinds_of_istio_are_warnings),
        FIXTURE_TEST(unknown_versions_are_errors),
        FIXTURE_TEST(what_is_no_object_is_an_error),
        FIXTURE_TEST(bad_names_make_an_object_invalid),
        FIXTURE_TEST(policies_say_where_they_apply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
