#include "proxy/request_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "proxy/http_date.h"
#include "proxy/response_rules.h"

static struct arena arena;
static struct random draws;
static struct message_head head;
static struct gateway_settings settings;
static struct request_origin origin;
static struct network_address client;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096);
    random_init(&draws);
    message_head_init(&head, &arena, 32);
    head.version = HTTP_1_1;
    message_head_set_method(&head, SPAN_LITERAL("GET"));
    head.path = SPAN_LITERAL("/");
    settings = (struct gateway_settings){.server_header = SPAN_LITERAL("istio-envoy")};
    origin = (struct request_origin){.peer = {.bytes = {10, 0, 0, 7}, .size = 4, .port = 555},
                                     .local = {.bytes = {10, 0, 0, 9}, .size = 4, .port = 8080}};
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

/* From the beginning, within one test. */
static void again(void) {
    arena_deinit(&arena);
    setup(NULL);
}

static void add(const char *name, const char *value) {
    message_head_add_name(&head, span_of(name), span_of(value));
}

static enum request_verdict apply(void) {
    return request_rules_apply(&head, &origin, &settings, &draws, &client);
}

static void assert_field(const char *name, const char *value) {
    const struct header *header = message_head_find_name(&head, span_of(name));
    if (value == NULL) {
        assert_null(header);
        return;
    }
    assert_non_null(header);
    if (!span_equal(header->value, span_of(value)))
        fail_msg("%s: %.*s instead of %s", name, SPAN_ARGUMENTS(header->value), value);
}

static void assert_client(const char *text) {
    char printed[NETWORK_ADDRESS_TEXT_MAX];
    network_address_print(&client, printed);
    assert_string_equal(printed, text);
}

static void an_untrusted_chain_is_kept_and_appended_to(void **state) {
    (void)state;
    add("x-forwarded-for", "1.1.1.1, 2.2.2.2");
    add("x-forwarded-proto", "https");
    add("x-envoy-external-address", "9.9.9.9");
    assert_int_equal(apply(), REQUEST_ROUTE);
    assert_field("x-forwarded-for", "1.1.1.1, 2.2.2.2,10.0.0.7");
    assert_field("x-forwarded-proto", "http");
    assert_field("x-envoy-external-address", "10.0.0.7");
    assert_client("10.0.0.7:555");
}

/* Vector V13. */
static void one_trusted_proxy(void **state) {
    (void)state;
    settings.trusted_proxy_count = 1;
    add("x-forwarded-for", "1.1.1.1, 2.2.2.2");
    add("x-forwarded-proto", "https");
    assert_int_equal(apply(), REQUEST_ROUTE);
    assert_field("x-forwarded-for", "1.1.1.1, 2.2.2.2,10.0.0.7");
    assert_field("x-forwarded-proto", "https");
    assert_field("x-envoy-external-address", "2.2.2.2");
    assert_client("2.2.2.2:0");
}

static void trusted_proxies_count_from_the_right(void **state) {
    (void)state;
    static const struct {
        uint32_t count;
        const char *first, *second, *client;
    } cases[] = {
        {2, "1.1.1.1, 2.2.2.2", NULL, "1.1.1.1:0"},  {3, "1.1.1.1, 2.2.2.2", NULL, "10.0.0.7:555"},
        {2, "1.1.1.1", "2.2.2.2", "1.1.1.1:0"},      {1, "nonsense", NULL, "10.0.0.7:555"},
        {1, "1.1.1.1,", NULL, "10.0.0.7:555"},       {1, "fd00::1", NULL, "[fd00::1]:0"},
        {1, "", NULL, "10.0.0.7:555"},               {1, NULL, NULL, "10.0.0.7:555"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        again();
        settings.trusted_proxy_count = cases[i].count;
        if (cases[i].first != NULL)
            add("x-forwarded-for", cases[i].first);
        if (cases[i].second != NULL)
            add("x-forwarded-for", cases[i].second);
        assert_int_equal(apply(), REQUEST_ROUTE);
        assert_client(cases[i].client);
    }
    again();
}

static void what_only_the_gateway_may_say_is_removed(void **state) {
    (void)state;
    static const char *const names[] = {"x-envoy-internal", "x-envoy-retry-on", "x-envoy-max-retries", "x-envoy-upstream-rq-timeout-ms",
                                        "x-envoy-decorator-operation", "x-forwarded-client-cert", "keep-alive", "proxy-connection",
                                        "x-named", "connection", "upgrade"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        add(names[i], strcmp(names[i], "connection") == 0 ? "x-named" : "value");
    add("x-request-id", "mine");
    add("x-kept", "1");
    head.upgrade = SPAN_LITERAL("h2c");
    assert_int_equal(apply(), REQUEST_ROUTE);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_field(names[i], NULL);
    assert_field("x-kept", "1");
    assert_field("via", "1.1 fairlead");
    struct span id = message_head_value(&head, HEADER_X_REQUEST_ID);
    assert_int_equal(id.size, RANDOM_UUID_SIZE);
    assert_int_equal(id.data[14], '4');
}

/* x-forwarded-client-cert by gatewayTopology.forwardClientCertDetails: what came, and whether the client showed a certificate. */
static void the_client_certificate_is_told_as_configured(void **state) {
    (void)state;
    static const struct {
        enum client_certificate_forwarding forwarding;
        bool shown, came;
        const char *expected;
    } cases[] = {
        {CLIENT_CERTIFICATE_SANITIZE_SET, false, true, NULL},
        {CLIENT_CERTIFICATE_SANITIZE_SET, true, false, "Hash=own"},
        {CLIENT_CERTIFICATE_SANITIZE_SET, true, true, "Hash=own"},
        {CLIENT_CERTIFICATE_SANITIZE, false, true, NULL},
        {CLIENT_CERTIFICATE_SANITIZE, true, true, NULL},
        {CLIENT_CERTIFICATE_FORWARD_ONLY, false, true, NULL},
        {CLIENT_CERTIFICATE_FORWARD_ONLY, true, true, "Hash=a,Hash=b"},
        {CLIENT_CERTIFICATE_FORWARD_ONLY, true, false, NULL},
        {CLIENT_CERTIFICATE_APPEND_FORWARD, false, true, NULL},
        {CLIENT_CERTIFICATE_APPEND_FORWARD, true, false, "Hash=own"},
        {CLIENT_CERTIFICATE_APPEND_FORWARD, true, true, "Hash=a,Hash=b,Hash=own"},
        {CLIENT_CERTIFICATE_ALWAYS_FORWARD_ONLY, false, true, "Hash=a,Hash=b"},
        {CLIENT_CERTIFICATE_ALWAYS_FORWARD_ONLY, true, true, "Hash=a,Hash=b"},
        {CLIENT_CERTIFICATE_ALWAYS_FORWARD_ONLY, true, false, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        again();
        settings.client_certificate_forwarding = cases[i].forwarding;
        origin.has_client_certificate = cases[i].shown;
        origin.client_certificate = SPAN_LITERAL("Hash=own");
        /* Two lines are one list. */
        if (cases[i].came) {
            add("x-forwarded-client-cert", "Hash=a");
            add("x-forwarded-client-cert", "Hash=b");
        }
        assert_int_equal(apply(), REQUEST_ROUTE);
        struct span joined;
        bool is_there = message_head_join(&head, &arena, SPAN_LITERAL("x-forwarded-client-cert"), &joined);
        assert_int_equal(is_there, cases[i].expected != NULL);
        if (is_there)
            assert_true(span_equal(joined, span_of(cases[i].expected)));
    }
}

static void only_websocket_is_upgraded_to(void **state) {
    (void)state;
    add("connection", "Upgrade");
    add("upgrade", "WebSocket");
    head.upgrade = SPAN_LITERAL("WebSocket");
    assert_int_equal(apply(), REQUEST_ROUTE);
    assert_field("upgrade", "WebSocket");
    assert_field("connection", NULL);
}

static void proxy_headers_settings(void **state) {
    (void)state;
    settings.request_id_disabled = true;
    settings.attempt_count_disabled = true;
    settings.x_forwarded_port_enabled = true;
    add("x-request-id", "mine");
    assert_int_equal(apply(), REQUEST_ROUTE);
    request_rules_attempt(&head, &settings, 2, 0);
    assert_field("x-request-id", "mine");
    assert_field("x-envoy-attempt-count", NULL);
    assert_field("x-envoy-expected-rq-timeout-ms", NULL);
    assert_field("x-forwarded-port", "8080");
    settings.attempt_count_disabled = false;
    request_rules_attempt(&head, &settings, 1, SECONDS(10));
    request_rules_attempt(&head, &settings, 12, SECONDS(10));
    assert_field("x-envoy-attempt-count", "12");
    assert_field("x-envoy-expected-rq-timeout-ms", "10000");
}

static void max_forwards_counts_for_options_and_trace_only(void **state) {
    (void)state;
    static const struct {
        const char *method, *before, *after;
        enum request_verdict verdict;
    } cases[] = {
        {"OPTIONS", "0", "0", REQUEST_ANSWER_OPTIONS}, {"TRACE", "0", "0", REQUEST_ANSWER_TRACE},
        {"OPTIONS", "1", "0", REQUEST_ROUTE},          {"TRACE", "10", "9", REQUEST_ROUTE},
        {"GET", "0", "0", REQUEST_ROUTE},              {"OPTIONS", "many", "many", REQUEST_ROUTE},
        {"OPTIONS", "00", "00", REQUEST_ANSWER_OPTIONS}, {"TRACE", "100", "99", REQUEST_ROUTE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        again();
        message_head_set_method(&head, span_of(cases[i].method));
        add("max-forwards", cases[i].before);
        assert_int_equal(apply(), cases[i].verdict);
        assert_field("max-forwards", cases[i].after);
    }
    again();
    message_head_set_method(&head, SPAN_LITERAL("CONNECT"));
    head.path = SPAN_EMPTY;
    assert_int_equal(apply(), REQUEST_CONNECT_REFUSED);
}

static void paths_are_made_normal(void **state) {
    (void)state;
    static const struct {
        enum path_normalization normalization;
        const char *before, *after;
    } cases[] = {
        {PATH_NORMALIZATION_NONE, "/a/../b//c", "/a/../b//c"},
        {PATH_NORMALIZATION_BASE, "/a/../b//c?d/../e//f", "/b//c?d/../e//f"},
        {PATH_NORMALIZATION_MERGE_SLASHES, "//a///b?c//d", "/a/b?c//d"},
        {PATH_NORMALIZATION_MERGE_SLASHES, "/a%2f%2fb", "/a%2f%2fb"},
        {PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES, "/a%2F%2fb%5c..%5Cd?x=%2f", "/a/d?x=%2f"},
        {PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES, "/%2", "/%2"},
        {PATH_NORMALIZATION_BASE, "*", "*"},
        {PATH_NORMALIZATION_BASE, "/%00", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        again();
        settings.path_normalization = cases[i].normalization;
        head.path = span_of(cases[i].before);
        assert_int_equal(apply(), cases[i].after == NULL ? REQUEST_BAD_PATH : REQUEST_ROUTE);
        if (cases[i].after != NULL && !span_equal(head.path, span_of(cases[i].after)))
            fail_msg("%s became %.*s", cases[i].before, SPAN_ARGUMENTS(head.path));
    }
    again();
}

static void responses_get_what_a_gateway_adds(void **state) {
    (void)state;
    struct http_date date = {0};
    head.status = 200;
    add("server", "nginx");
    add("x-envoy-peer-metadata", "secret");
    add("connection", "x-named");
    add("x-named", "1");
    response_rules_apply(&head, &settings, MILLISECONDS(12));
    response_rules_local(&head, &settings, &date);
    assert_field("server", "istio-envoy");
    assert_field("x-envoy-peer-metadata", NULL);
    assert_field("x-named", NULL);
    assert_field("x-envoy-upstream-service-time", "12");
    assert_int_equal(message_head_value(&head, HEADER_DATE).size, HTTP_DATE_SIZE);
    again();
    settings.server_header_passes = true;
    settings.envoy_debug_headers_disabled = true;
    head.status = 200;
    add("server", "nginx");
    add("date", "theirs");
    response_rules_apply(&head, &settings, 0);
    response_rules_local(&head, &settings, &date);
    assert_field("server", "nginx");
    assert_field("date", "theirs");
    assert_field("x-envoy-upstream-service-time", NULL);
    assert_true(span_equal(http_date_text(&date, SECONDS(784111777)), SPAN_LITERAL("Sun, 06 Nov 1994 08:49:37 GMT")));
}

static void trailers_lose_what_only_the_gateway_may_say(void **state) {
    (void)state;
    struct header trailers[] = {
        {SPAN_LITERAL("x-sum"), SPAN_LITERAL("1"), HEADER_OTHER},
        {SPAN_LITERAL("x-envoy-internal"), SPAN_LITERAL("true"), HEADER_X_ENVOY_INTERNAL},
        {SPAN_LITERAL("x-forwarded-client-cert"), SPAN_LITERAL("Hash=00"), HEADER_X_FORWARDED_CLIENT_CERT},
        {SPAN_LITERAL("x-end"), SPAN_LITERAL("2"), HEADER_OTHER},
    };
    assert_int_equal(request_rules_trailers(trailers, 4), 2);
    assert_true(span_equal(trailers[1].name, SPAN_LITERAL("x-end")));
    assert_int_equal(request_rules_trailers(NULL, 0), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_untrusted_chain_is_kept_and_appended_to, setup, teardown),
        cmocka_unit_test_setup_teardown(one_trusted_proxy, setup, teardown),
        cmocka_unit_test_setup_teardown(trusted_proxies_count_from_the_right, setup, teardown),
        cmocka_unit_test_setup_teardown(what_only_the_gateway_may_say_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(the_client_certificate_is_told_as_configured, setup, teardown),
        cmocka_unit_test_setup_teardown(only_websocket_is_upgraded_to, setup, teardown),
        cmocka_unit_test_setup_teardown(proxy_headers_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(max_forwards_counts_for_options_and_trace_only, setup, teardown),
        cmocka_unit_test_setup_teardown(paths_are_made_normal, setup, teardown),
        cmocka_unit_test_setup_teardown(responses_get_what_a_gateway_adds, setup, teardown),
        cmocka_unit_test_setup_teardown(trailers_lose_what_only_the_gateway_may_say, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
