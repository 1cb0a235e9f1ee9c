#include "resource/resource_fixture.h"

#define HEAD                                      \
    "apiVersion: networking.istio.io/v1beta1\n"   \
    "kind: Gateway\n"                             \
    "metadata: {name: g, namespace: ns}\n"         \
    "spec:\n"                                     \
    "  servers:\n"

static struct gateway *load_gateway(struct fixture *fixture, const char *text) {
    fixture_load(fixture, text);
    assert_int_equal(fixture->set.gateways.count, 1);
    return fixture->set.gateways.items[0];
}

static void reads_the_whole(void **state) {
    struct fixture *fixture = *state;
    struct gateway *gateway = load_gateway(
        fixture, "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: g\n"
                 "  creationTimestamp: 2024-01-02T03:04:05Z\nspec:\n  selector: {istio: ingressgateway}\n  servers:\n"
                 "    - hosts: [\"*.a.com\", ./b.com]\n      port: {number: 443, name: https, protocol: Https}\n"
                 "      bind: 127.0.0.1\n"
                 "      tls:\n        mode: SIMPLE\n        credentialName: c\n        minProtocolVersion: TLSV1_3\n"
                 "        cipherSuites: [A, B]\n    - hosts: ['*']\n"
                 "      port: {number: 80, name: http, protocol: HTTP}\n      tls: {httpsRedirect: true}\n");
    fixture_assert_clean(fixture);
    assert_text(gateway->meta.title, "Gateway default/g");
    assert_text(gateway->meta.namespace, "default");
    assert_true(gateway->meta.has_creation_time);
    assert_true(gateway->meta.creation_time_s == 1704164645);
    assert_true(gateway->has_selector);
    assert_int_equal(gateway->server_count, 2);
    const struct gateway_server *server = &gateway->servers[0];
    assert_false(gateway->meta.invalid);
    assert_int_equal(server->hosts.count, 2);
    assert_text(server->hosts.items[1].text, "./b.com");
    assert_int_equal(server->port.number.value, 443);
    assert_text(server->port.protocol.text, "Https");
    assert_text(server->bind.text, "127.0.0.1");
    assert_int_equal(server->tls->mode, GATEWAY_TLS_SIMPLE);
    assert_text(server->tls->credential_name.text, "c");
    assert_int_equal(server->tls->credential_name.position.line, 14);
    assert_int_equal(server->tls->min_protocol_version, GATEWAY_TLS_V1_3);
    assert_int_equal(server->tls->cipher_suites.count, 2);
    server = &gateway->servers[1];
    assert_int_equal(server->tls->mode, GATEWAY_TLS_PASSTHROUGH);
    assert_false(position_is_known(server->tls->mode_position));
    assert_true(server->tls->https_redirect.value);
}

struct mistake {
    const char *server; /* the lines of one server, below HEAD, which has 5 lines */
    enum diagnostic_code code;
    uint32_t line;
    uint32_t column;
};

static const struct mistake mistakes[] = {
    {"    - hosts: [a.com]\n", DIAGNOSTIC_FIELD_MISSING, 6, 7},
    {"    - port: {number: 80, name: h, protocol: HTTP}\n", DIAGNOSTIC_FIELD_MISSING, 6, 7},
    {"    - hosts: [a.com]\n      port: {number: 0, name: h, protocol: HTTP}\n", DIAGNOSTIC_FIELD_MISSING, 7, 13},
    {"    - hosts: [a.com]\n      port: {number: 65536, name: h, protocol: HTTP, }\n", DIAGNOSTIC_FIELD_VALUE, 7, 22},
    {"    - hosts: [a.com]\n      port: {number: \"80\", name: h, protocol: HTTP}\n", DIAGNOSTIC_FIELD_TYPE, 7, 22},
    {"    - hosts: [a.com]\n      port: {number: 80, name: h}\n", DIAGNOSTIC_FIELD_MISSING, 7, 13},
    {"    - hosts: [a.com]\n      port: {number: 80, name: h, protocol: SMTP}\n", DIAGNOSTIC_FIELD_VALUE, 7, 45},
    {"    - hosts: a.com\n      port: {number: 80, name: h, protocol: HTTP}\n", DIAGNOSTIC_FIELD_TYPE, 6, 14},
    {"    - hosts: [1]\n      port: {number: 80, name: h, protocol: HTTP}\n", DIAGNOSTIC_FIELD_TYPE, 6, 15},
    {"    - hosts: [a.com]\n      port: {number: 443, name: h, protocol: HTTPS}\n", DIAGNOSTIC_FIELD_MISSING, 7, 13},
    {"    - hosts: [a.com]\n      port: {number: 443, name: h, protocol: HTTPS}\n      tls: {mode: SIMPLE}\n",
     DIAGNOSTIC_FIELD_MISSING, 8, 12},
    {"    - hosts: [a.com]\n      port: {number: 443, name: h, protocol: HTTPS}\n      tls: {mode: simple}\n",
     DIAGNOSTIC_FIELD_VALUE, 8, 19},
    {"    - hosts: [a.com]\n      port: {number: 443, name: h, protocol: HTTPS}\n"
     "      tls: {mode: SIMPLE, credentialName: a, credentialNames: [b]}\n",
     DIAGNOSTIC_FIELD_CONFLICT, 8, 12},
    {"    - hosts: [a.com]\n      port: {number: 443, name: h, protocol: HTTPS}\n"
     "      tls: {mode: ISTIO_MUTUAL, credentialName: a}\n",
     DIAGNOSTIC_FIELD_CONFLICT, 8, 49},
    {"    - hosts: [a.com]\n      port: {number: 443, name: h, protocol: HTTPS}\n"
     "      tls: {mode: MUTUAL, credentialName: a, caCrl: /x}\n",
     DIAGNOSTIC_FIELD_CONFLICT, 8, 53},
    {"    - hosts: [a.com]\n      port: {number: 80, name: h, protocol: HTTP}\n"
     "      tls: {mode: SIMPLE, credentialName: a}\n",
     DIAGNOSTIC_FIELD_CONFLICT, 8, 12},
    {"    - hosts: [a.com]\n      port: {number: 80, name: h, protocol: TCP}\n      tls: {}\n", DIAGNOSTIC_FIELD_CONFLICT,
     8, 12},
    {"    - [1]\n", DIAGNOSTIC_FIELD_TYPE, 6, 7},
};

static void a_mistake_in_a_server_disables_the_gateway(void **state) {
    for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
        char text[2000];
        snprintf(text, sizeof(text),
                 HEAD "%s    - hosts: [b.com]\n      port: {number: 81, name: good, protocol: HTTP}\n", mistakes[i].server);
        fixture_tear_down(state);
        fixture_set_up(state);
        struct fixture *fixture = *state;
        struct gateway *gateway = load_gateway(fixture, text);
        assert_true(fixture->diagnostics.count >= 1);
        const struct diagnostic *item = &fixture->diagnostics.items[0];
        assert_int_equal(item->severity, DIAGNOSTIC_ERROR);
        assert_int_equal(item->code, mistakes[i].code);
        assert_int_equal(item->position.line, mistakes[i].line);
        assert_int_equal(item->position.column, mistakes[i].column);
        assert_text(item->resource, "Gateway ns/g");
        assert_true(item->hint.size > 0);
        assert_true(gateway->meta.invalid);
        assert_int_equal(gateway->server_count, 2);
    }
}

static void unknown_fields_are_warned_of(void **state) {
    struct fixture *fixture = *state;
    struct gateway *gateway = load_gateway(
        fixture, HEAD "    - host: [a.com]\n      hosts: [a.com]\n      port: {number: 80, name: h, protocol: HTTP}\n");
    const struct diagnostic *item = fixture_assert_one(fixture, DIAGNOSTIC_WARNING, DIAGNOSTIC_FIELD_UNKNOWN, 6, 7);
    assert_holds(item->message, "spec.servers[0]: the field 'host'");
    assert_text(item->hint, "do you mean 'hosts'?");
    assert_false(gateway->meta.invalid);
}

static void misplaced_fields_are_refused(void **state) {
    struct fixture *fixture = *state;
    struct gateway *gateway =
        load_gateway(fixture, "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nservers: []\n");
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_WARNING], 0);
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 2);
    assert_true(gateway->meta.invalid);
}

static void harmless_oddities_are_warnings(void **state) {
    struct fixture *fixture = *state;
    struct gateway *gateway =
        load_gateway(fixture, HEAD "    - hosts: [b.com]\n      port: {number: 443, name: x, protocol: TLS}\n"
                                   "      tls: {mode: PASSTHROUGH, credentialName: c, httpsRedirect: true}\n");
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 0);
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_WARNING], 2);
    assert_false(gateway->meta.invalid);
}

static void a_gateway_without_servers_is_invalid(void **state) {
    struct fixture *fixture = *state;
    struct gateway *gateway =
        load_gateway(fixture, "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {selector: {}}\n");
    fixture_assert_one(fixture, DIAGNOSTIC_ERROR, DIAGNOSTIC_FIELD_MISSING, 1, 1);
    assert_true(gateway->meta.invalid);
    assert_false(gateway->has_selector);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(reads_the_whole),
        FIXTURE_TEST(a_mistake_in_a_server_disables_the_gateway),
        FIXTURE_TEST(unknown_fields_are_warned_of),
        FIXTURE_TEST(misplaced_fields_are_refused),
        FIXTURE_TEST(harmless_oddities_are_warnings),
        FIXTURE_TEST(a_gateway_without_servers_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
