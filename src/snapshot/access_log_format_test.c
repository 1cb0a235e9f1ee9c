#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "snapshot/access_log_format.h"

static void assert_span(struct span actual, const char *expected) {
    assert_int_equal(actual.size, strlen(expected));
    assert_memory_equal(actual.data == NULL ? "" : actual.data, expected, actual.size);
}

static struct access_log_value parse(struct arena *arena, const char *format) {
    struct access_log_value value = {NULL, 0};
    struct access_log_format_error error = {""};
    if (!access_log_value_parse(arena, span_of(format), &value, &error))
        fail_msg("%s: %s", format, error.text);
    return value;
}

static void test_literals_and_operators_alternate(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    struct access_log_value value = parse(&arena, "a%%b%DURATION%ms %REQ(X-Me?:Path):12%%%");
    assert_int_equal(value.item_count, 5);
    assert_int_equal(value.items[0].operator_, ACCESS_LOG_LITERAL);
    assert_span(value.items[0].argument, "a%b");
    assert_int_equal(value.items[1].operator_, ACCESS_LOG_DURATION);
    assert_span(value.items[2].argument, "ms ");
    assert_int_equal(value.items[3].operator_, ACCESS_LOG_REQUEST_HEADER);
    assert_span(value.items[3].argument, "x-me");
    assert_span(value.items[3].alternative, ":path");
    assert_int_equal(value.items[3].size_max, 12);
    assert_span(value.items[4].argument, "%");
    assert_int_equal(parse(&arena, "").item_count, 0);
    arena_deinit(&arena);
}

static void test_every_operator_is_understood(void **state) {
    (void)state;
    static const struct {
        const char *format;
        enum access_log_operator operator_;
    } cases[] = {
        {"%START_TIME%", ACCESS_LOG_START_TIME},
        {"%START_TIME(%Y/%m/%d %3f)%", ACCESS_LOG_START_TIME},
        {"%REQ(A)%", ACCESS_LOG_REQUEST_HEADER},
        {"%REQ_WITHOUT_QUERY(:PATH)%", ACCESS_LOG_REQUEST_HEADER_WITHOUT_QUERY},
        {"%RESP(A?B):1%", ACCESS_LOG_RESPONSE_HEADER},
        {"%TRAILER(GRPC-STATUS)%", ACCESS_LOG_RESPONSE_TRAILER},
        {"%PROTOCOL%", ACCESS_LOG_PROTOCOL},
        {"%RESPONSE_CODE%", ACCESS_LOG_RESPONSE_CODE},
        {"%RESPONSE_CODE_DETAILS%", ACCESS_LOG_RESPONSE_CODE_DETAILS},
        {"%RESPONSE_FLAGS%", ACCESS_LOG_RESPONSE_FLAGS},
        {"%CONNECTION_TERMINATION_DETAILS%", ACCESS_LOG_CONNECTION_TERMINATION_DETAILS},
        {"%UPSTREAM_TRANSPORT_FAILURE_REASON%", ACCESS_LOG_UPSTREAM_TRANSPORT_FAILURE_REASON},
        {"%BYTES_RECEIVED%", ACCESS_LOG_BYTES_RECEIVED},
        {"%BYTES_SENT%", ACCESS_LOG_BYTES_SENT},
        {"%DURATION%", ACCESS_LOG_DURATION},
        {"%REQUEST_DURATION%", ACCESS_LOG_REQUEST_DURATION},
        {"%RESPONSE_DURATION%", ACCESS_LOG_RESPONSE_DURATION},
        {"%RESPONSE_TX_DURATION%", ACCESS_LOG_RESPONSE_TX_DURATION},
        {"%UPSTREAM_HOST%", ACCESS_LOG_UPSTREAM_HOST},
        {"%UPSTREAM_REMOTE_ADDRESS%", ACCESS_LOG_UPSTREAM_REMOTE_ADDRESS},
        {"%UPSTREAM_CLUSTER%", ACCESS_LOG_UPSTREAM_CLUSTER},
        {"%UPSTREAM_CLUSTER_RAW%", ACCESS_LOG_UPSTREAM_CLUSTER},
        {"%UPSTREAM_LOCAL_ADDRESS%", ACCESS_LOG_UPSTREAM_LOCAL_ADDRESS},
        {"%DOWNSTREAM_LOCAL_ADDRESS%", ACCESS_LOG_DOWNSTREAM_LOCAL_ADDRESS},
        {"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", ACCESS_LOG_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT},
        {"%DOWNSTREAM_LOCAL_PORT%", ACCESS_LOG_DOWNSTREAM_LOCAL_PORT},
        {"%DOWNSTREAM_REMOTE_ADDRESS%", ACCESS_LOG_DOWNSTREAM_REMOTE_ADDRESS},
        {"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", ACCESS_LOG_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT},
        {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_ADDRESS},
        {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT},
        {"%REQUESTED_SERVER_NAME%", ACCESS_LOG_REQUESTED_SERVER_NAME},
        {"%ROUTE_NAME%", ACCESS_LOG_ROUTE_NAME},
        {"%COALESCED%", ACCESS_LOG_COALESCED},
        {"%UPSTREAM_PROTOCOL%", ACCESS_LOG_UPSTREAM_PROTOCOL},
        {"%GRPC_STATUS%", ACCESS_LOG_GRPC_STATUS},
        {"%GRPC_STATUS(SNAKE_STRING)%", ACCESS_LOG_GRPC_STATUS},
        {"%GRPC_STATUS_NUMBER%", ACCESS_LOG_GRPC_STATUS_NUMBER},
        {"%DOWNSTREAM_TLS_VERSION%", ACCESS_LOG_DOWNSTREAM_TLS_VERSION},
        {"%DOWNSTREAM_TLS_CIPHER%", ACCESS_LOG_DOWNSTREAM_TLS_CIPHER},
        {"%CONNECTION_ID%", ACCESS_LOG_CONNECTION_ID},
        {"%HOSTNAME%", ACCESS_LOG_HOSTNAME},
        {"%ENVIRONMENT(PATH):3%", ACCESS_LOG_ENVIRONMENT},
        {"%DYNAMIC_METADATA(a:b):10%", ACCESS_LOG_ABSENT},
        {"%FILTER_STATE(a:PLAIN)%", ACCESS_LOG_ABSENT},
        {"%METADATA(ROUTE:a:b)%", ACCESS_LOG_ABSENT},
        {"%CEL(request.headers['a'])%", ACCESS_LOG_ABSENT},
        {"%DOWNSTREAM_PEER_SUBJECT%", ACCESS_LOG_DOWNSTREAM_PEER_SUBJECT},
        {"%UPSTREAM_PEER_CERT_V_END(%s)%", ACCESS_LOG_UPSTREAM_PEER_CERT_V_END},
        {"%TLS_JA3_FINGERPRINT%", ACCESS_LOG_ABSENT},
        {"%LOCAL_REPLY_BODY%", ACCESS_LOG_ABSENT},
    };
    struct arena arena;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct access_log_value value = parse(&arena, cases[i].format);
        assert_int_equal(value.item_count, 1);
        if (value.items[0].operator_ != cases[i].operator_)
            fail_msg("%s is operator %d", cases[i].format, (int)value.items[0].operator_);
    }
    arena_deinit(&arena);
}

static void test_environment_is_resolved_at_once(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    setenv("FAIRLEAD_TEST_NAME", "first", 1);
    struct access_log_value value = parse(&arena, "%ENVIRONMENT(FAIRLEAD_TEST_NAME)%");
    setenv("FAIRLEAD_TEST_NAME", "second", 1);
    assert_span(value.items[0].argument, "first");
    assert_span(parse(&arena, "%ENVIRONMENT(FAIRLEAD_NO_SUCH_NAME)%").items[0].argument, "");
    arena_deinit(&arena);
}

static void test_mistakes_are_named(void **state) {
    (void)state;
    static const struct {
        const char *format;
        const char *error; /* a part of it */
    } cases[] = {
        {"%NO_SUCH_THING%", "there is no operator %NO_SUCH_THING%"},
        {"100%", "no operator after '%' at byte 3"},
        {"% DURATION%", "no operator after '%'"},
        {"%duration%", "no operator after '%'"},
        {"%DURATION", "closing '%'"},
        {"%GRPC_STATUS(snake_string)%", "CAMEL_STRING, SNAKE_STRING and NUMBER"},
        {"%REQ%", "%REQ% needs a parameter"},
        {"%REQ()%", "%REQ% needs a parameter"},
        {"%REQ(?X)%", "needs a header name"},
        {"%REQ(A?B?C)%", "more than one alternative"},
        {"%REQ(A B)%", "\"A B\" is no header name"},
        {"%REQ(A%", "')' is missing"},
        {"%REQ(A):%", "a number is missing"},
        {"%REQ(A):99999999999999999999%", "a number is missing"},
        {"%DURATION(A)%", "%DURATION% takes no parameters"},
        {"%DURATION:5%", "%DURATION% takes no length"},
    };
    struct arena arena;
    arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct access_log_value value = {NULL, 77};
        struct access_log_format_error error = {""};
        assert_false(access_log_value_parse(&arena, span_of(cases[i].format), &value, &error));
        assert_int_equal(value.item_count, 77);
        if (strstr(error.text, cases[i].error) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].format, error.text, cases[i].error);
    }
    arena_deinit(&arena);
}

static void test_too_many_items_are_refused(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    char text[(ACCESS_LOG_ITEMS_MAX + 1) * 10 + 1];
    for (size_t i = 0; i <= ACCESS_LOG_ITEMS_MAX; i++)
        memcpy(text + i * 10, "%DURATION%", 11);
    struct access_log_value value;
    struct access_log_format_error error;
    assert_false(access_log_value_parse(&arena, span_of(text), &value, &error));
    text[ACCESS_LOG_ITEMS_MAX * 10] = '\0';
    assert_true(access_log_value_parse(&arena, span_of(text), &value, &error));
    assert_int_equal(value.item_count, ACCESS_LOG_ITEMS_MAX);
    arena_deinit(&arena);
}

static void test_text_ends_in_one_newline(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    const struct access_log_format *format = NULL;
    struct access_log_format_error error;
    assert_true(access_log_format_parse_text(&arena, SPAN_LITERAL("%DURATION%"), &format, &error));
    assert_false(format->json);
    assert_int_equal(format->text.item_count, 2);
    assert_span(format->text.items[1].argument, "\n");
    assert_true(access_log_format_parse_text(&arena, SPAN_LITERAL("a\n"), &format, &error));
    assert_int_equal(format->text.item_count, 1);
    assert_span(format->text.items[0].argument, "a\n");
    assert_true(access_log_format_parse_text(&arena, SPAN_EMPTY, &format, &error));
    assert_span(format->text.items[0].argument, "\n");
    assert_false(access_log_format_parse_text(&arena, SPAN_LITERAL("%"), &format, &error));
    arena_deinit(&arena);
}

static void test_default_json_has_24_sorted_keys(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    const struct access_log_format *format = access_log_format_default(&arena, true);
    assert_true(format->json);
    assert_int_equal(format->field_count, 24);
    assert_span(format->fields[0].key_json, "\"authority\":");
    assert_span(format->fields[23].key_json, "\"x_forwarded_for\":");
    for (size_t i = 1; i < format->field_count; i++)
        assert_true(span_compare(format->fields[i - 1].key_json, format->fields[i].key_json) < 0);
    arena_deinit(&arena);
}

static void test_default_text_has_its_operators(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    const struct access_log_format *format = access_log_format_default(&arena, false);
    assert_false(format->json);
    assert_int_equal(format->text.items[0].operator_, ACCESS_LOG_LITERAL);
    assert_int_equal(format->text.items[1].operator_, ACCESS_LOG_START_TIME);
    assert_span(format->text.items[format->text.item_count - 1].argument, "\n");
    arena_deinit(&arena);
}

static void test_keys_are_escaped_and_sorted_at_each_level(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    assert_span(access_log_key_json(&arena, SPAN_LITERAL("a\"b\\c\nd")), "\"a\\\"b\\\\c\\u000ad\":");
    struct access_log_field *inner = arena_new_array(&arena, struct access_log_field, 3);
    inner[0].key_json = access_log_key_json(&arena, SPAN_LITERAL("user agent"));
    inner[1].key_json = access_log_key_json(&arena, SPAN_LITERAL("user"));
    inner[2].key_json = access_log_key_json(&arena, SPAN_LITERAL("a"));
    struct access_log_field *outer = arena_new_array(&arena, struct access_log_field, 1);
    outer[0] = (struct access_log_field){.key_json = access_log_key_json(&arena, SPAN_LITERAL("o")), .fields = inner, .field_count = 3};
    const struct access_log_format *format = access_log_format_of_fields(&arena, outer, 1);
    assert_span(format->fields[0].fields[0].key_json, "\"a\":");
    assert_span(format->fields[0].fields[1].key_json, "\"user\":");
    assert_span(format->fields[0].fields[2].key_json, "\"user agent\":");
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literals_and_operators_alternate),
        cmocka_unit_test(test_every_operator_is_understood),
        cmocka_unit_test(test_environment_is_resolved_at_once),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_too_many_items_are_refused),
        cmocka_unit_test(test_text_ends_in_one_newline),
        cmocka_unit_test(test_default_json_has_24_sorted_keys),
        cmocka_unit_test(test_default_text_has_its_operators),
        cmocka_unit_test(test_keys_are_escaped_and_sorted_at_each_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
