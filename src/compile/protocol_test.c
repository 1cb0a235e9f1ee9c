#include "compile/protocol.h"

#include "compile/test_world.h"

static struct service_port port_of(const char *name, const char *application, const char *protocol, uint32_t number) {
    return (struct service_port){.name = {.text = span_of(name)},
                                 .app_protocol = {.text = span_of(application)},
                                 .protocol = {.text = span_of(protocol)},
                                 .number = number};
}

static void service_ports_imply_protocols(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *application;
        const char *protocol;
        uint32_t number;
        enum protocol expected;
    } rows[] = {
        {"http", "", "TCP", 80, PROTOCOL_HTTP},
        {"http-web", "", "TCP", 80, PROTOCOL_HTTP},
        {"HTTP2-x", "", "TCP", 80, PROTOCOL_HTTP2},
        {"http2", "", "TCP", 80, PROTOCOL_HTTP2},
        {"https", "", "TCP", 443, PROTOCOL_HTTPS},
        {"tls-passthrough", "", "TCP", 10443, PROTOCOL_TLS},
        {"tcp-x", "", "TCP", 443, PROTOCOL_TCP},
        {"grpc-web-x", "", "TCP", 443, PROTOCOL_GRPC_WEB},
        {"grpc-x", "", "TCP", 443, PROTOCOL_GRPC},
        {"status-port", "", "TCP", 15021, PROTOCOL_UNSUPPORTED},
        {"httpx", "", "TCP", 80, PROTOCOL_UNSUPPORTED},
        {"", "", "TCP", 3306, PROTOCOL_TCP},
        {"", "", "TCP", 80, PROTOCOL_UNSUPPORTED},
        {"http", "", "UDP", 80, PROTOCOL_UDP},
        {"tcp", "http", "TCP", 80, PROTOCOL_HTTP},
        {"tcp", "kubernetes.io/h2c", "TCP", 80, PROTOCOL_HTTP2},
        {"tcp", "kubernetes.io/wss", "TCP", 80, PROTOCOL_HTTPS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct service_port port = port_of(rows[i].name, rows[i].application, rows[i].protocol, rows[i].number);
        assert_int_equal(protocol_of_service_port(&port), rows[i].expected);
    }
}

static void gateway_protocols_parse_in_any_case(void **state) {
    (void)state;
    assert_int_equal(protocol_parse(SPAN_LITERAL("HTTPS")), PROTOCOL_HTTPS);
    assert_int_equal(protocol_parse(SPAN_LITERAL("https")), PROTOCOL_HTTPS);
    assert_int_equal(protocol_parse(SPAN_LITERAL("GRPC-Web")), PROTOCOL_GRPC_WEB);
    assert_int_equal(protocol_parse(SPAN_LITERAL("HTTP3")), PROTOCOL_UNSUPPORTED);
    assert_int_equal(protocol_parse(SPAN_EMPTY), PROTOCOL_UNSUPPORTED);
    assert_true(protocol_is_http(PROTOCOL_GRPC_WEB));
    assert_false(protocol_is_http(PROTOCOL_HTTPS));
    assert_true(protocol_is_http2(PROTOCOL_GRPC));
    assert_false(protocol_is_http2(PROTOCOL_HTTP));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(service_ports_imply_protocols),
        cmocka_unit_test(gateway_protocols_parse_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
