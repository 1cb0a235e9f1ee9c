#include "resource/resource_fixture.h"

static const struct peer_authentication *load(struct fixture *fixture, const char *spec) {
    char text[600];
    snprintf(text, sizeof(text), "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: p, namespace: shop}\nspec: %s\n", spec);
    fixture_load(fixture, text);
    assert_int_equal(fixture->set.peer_authentications.count, 1);
    return fixture->set.peer_authentications.items[0];
}

static void reads_all_of_it(void **state) {
    struct fixture *fixture = *state;
    const struct peer_authentication *peer =
        load(fixture, "{selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}, 9000: {}}}");
    fixture_assert_clean(fixture);
    assert_int_equal(peer->mode, MUTUAL_TLS_STRICT);
    assert_int_equal(peer->selector.count, 1);
    assert_int_equal(peer->port_count, 2);
    assert_int_equal(peer->ports[0].port, 8080);
    assert_int_equal(peer->ports[0].mode, MUTUAL_TLS_DISABLE);
    assert_int_equal(peer->ports[1].port, 9000);
    assert_int_equal(peer->ports[1].mode, MUTUAL_TLS_UNSET);
}

static void nothing_is_unset(void **state) {
    struct fixture *fixture = *state;
    const struct peer_authentication *peer = load(fixture, "{mtls: {}}");
    fixture_assert_clean(fixture);
    assert_int_equal(peer->mode, MUTUAL_TLS_UNSET);
    assert_int_equal(peer->selector.count + peer->port_count, 0);
}

static void mistakes_are_told(void **state) {
    static const struct {
        const char *spec;
        enum diagnostic_code code;
        uint32_t column;
    } cases[] = {
        {"{mtls: {mode: STRIKT}}", DIAGNOSTIC_FIELD_VALUE, 21},
        {"{mtls: STRICT}", DIAGNOSTIC_FIELD_TYPE, 14},
        {"{portLevelMtls: {80: {mode: STRICT}}}", DIAGNOSTIC_FIELD_CONFLICT, 1},
        {"{selector: {matchLabels: {a: b}}, portLevelMtls: {0: {mode: STRICT}}}", DIAGNOSTIC_FIELD_VALUE, 57},
        {"{selector: {matchLabels: {a: b}}, portLevelMtls: {http: {mode: STRICT}}}", DIAGNOSTIC_FIELD_VALUE, 57},
        {"{selector: {matchLabels: {a: b}}, portLevelMtls: [80]}", DIAGNOSTIC_FIELD_TYPE, 56},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        assert_true(load(fixture, cases[i].spec)->meta.invalid);
        fixture_assert_one(fixture, DIAGNOSTIC_ERROR, cases[i].code, cases[i].column == 1 ? 1 : 4, cases[i].column);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_all_of_it),
        FIXTURE_TEST(nothing_is_unset),
        FIXTURE_TEST(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
