#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/access_log.h"
#include "proxy/access_log_line.h"
#include "proxy/test_access_log.h"
#include "wire/message.h"
#include "wire/response_flag.h"

struct fixture {
    struct arena arena;
    struct access_log_ring *ring;
    char *bytes; /* what was read, NUL-terminated */
    size_t size;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    arena_init(&fixture->arena, 4096);
    fixture->ring = access_log_ring_create();
    fixture->bytes = malloc(ACCESS_LOG_RING_BYTES + 1);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    access_log_ring_destroy(fixture->ring);
    arena_deinit(&fixture->arena);
    free(fixture->bytes);
    free(fixture);
    return 0;
}

static const char *written(struct fixture *fixture, const struct access_log_format *format, const struct access_log_record *record) {
    access_log_write(fixture->ring, format, record);
    fixture->size = access_log_ring_read(fixture->ring, fixture->bytes, ACCESS_LOG_RING_BYTES);
    fixture->bytes[fixture->size] = '\0';
    return fixture->bytes;
}

static const char *printed(struct fixture *fixture, const char *format, const struct access_log_record *record) {
    const struct access_log_format *parsed = NULL;
    struct access_log_format_error error = {""};
    if (!access_log_format_parse_text(&fixture->arena, span_of(format), &parsed, &error))
        fail_msg("%s", error.text);
    return written(fixture, parsed, record);
}

static const char *printed_json(struct fixture *fixture, const char *format, const struct access_log_record *record) {
    struct access_log_format_error error = {""};
    struct access_log_field *field = arena_new(&fixture->arena, struct access_log_field);
    field->key_json = access_log_key_json(&fixture->arena, SPAN_LITERAL("k"));
    if (!access_log_value_parse(&fixture->arena, span_of(format), &field->value, &error))
        fail_msg("%s", error.text);
    return written(fixture, access_log_format_of_fields(&fixture->arena, field, 1), record);
}

/* 2026-01-02T03:04:05.678Z */
#define WALL_NS (1767323045ULL * NANOSECONDS_PER_SECOND + 678912345ULL)

static void fill_request(struct fixture *fixture, struct message_head *request, struct message_head *response, struct access_log_record *record) {
    message_head_init(request, &fixture->arena, 8);
    message_head_set_method(request, SPAN_LITERAL("GET"));
    request->authority = SPAN_LITERAL("app.example.com");
    request->path = SPAN_LITERAL("/a?b=\"c\"");
    message_head_add_name(request, SPAN_LITERAL("user-agent"), SPAN_LITERAL("curl/7.88.1"));
    message_head_add_name(request, SPAN_LITERAL("x-forwarded-for"), SPAN_LITERAL("10.0.0.9"));
    message_head_add_name(request, SPAN_LITERAL("x-request-id"), SPAN_LITERAL("0b2d0c3e-8d3c-4c1e-9c0a-0d6b1c2f3a4b"));
    message_head_init(response, &fixture->arena, 8);
    response->status = 200;
    message_head_add_name(response, SPAN_LITERAL("x-envoy-upstream-service-time"), SPAN_LITERAL("3"));
    *record = (struct access_log_record){
        .start_wall_ns = WALL_NS,
        .start_ns = SECONDS(5),
        .request_end_ns = SECONDS(5) + MILLISECONDS(1),
        .response_start_ns = SECONDS(5) + MILLISECONDS(3),
        .end_ns = SECONDS(5) + MILLISECONDS(4) + 999999,
        .request = request,
        .response = response,
        .protocol = SPAN_LITERAL("HTTP/1.1"),
        .response_code = 200,
        .response_code_details = SPAN_LITERAL("via_upstream"),
        .bytes_sent = 12,
        .upstream_host = SPAN_LITERAL("10.1.0.7:8080"),
        .upstream_cluster = SPAN_LITERAL("outbound|80||web.shop.svc.cluster.local"),
        .upstream_local = {.bytes = {10, 1, 0, 1}, .size = 4, .port = 40000},
        .downstream_local = {.bytes = {10, 1, 0, 1}, .size = 4, .port = 8443},
        .downstream_remote = {.bytes = {10, 0, 0, 9}, .size = 4, .port = 50000},
        .downstream_direct_remote = {.bytes = {10, 0, 0, 8}, .size = 4, .port = 50001},
        .requested_server_name = SPAN_LITERAL("app.example.com"),
        .connection_id = 7,
    };
}

static void test_default_json_of_a_request(void **state) {
    struct fixture *fixture = *state;
    struct message_head request, response;
    struct access_log_record record;
    fill_request(fixture, &request, &response, &record);
    assert_string_equal(
        written(fixture, access_log_format_default(&fixture->arena, true), &record),
        "{\"authority\":\"app.example.com\",\"bytes_received\":0,\"bytes_sent\":12,\"connection_termination_details\":null,"
        "\"downstream_local_address\":\"10.1.0.1:8443\",\"downstream_remote_address\":\"10.0.0.9:50000\",\"duration\":4,\"method\":\"GET\","
        "\"path\":\"/a?b=\\\"c\\\"\",\"protocol\":\"HTTP/1.1\",\"request_id\":\"0b2d0c3e-8d3c-4c1e-9c0a-0d6b1c2f3a4b\","
        "\"requested_server_name\":\"app.example.com\",\"response_code\":200,\"response_code_details\":\"via_upstream\","
        "\"response_flags\":\"-\",\"route_name\":null,\"start_time\":\"2026-01-02T03:04:05.678Z\","
        "\"upstream_cluster\":\"outbound|80||web.shop.svc.cluster.local\",\"upstream_host\":\"10.1.0.7:8080\","
        "\"upstream_local_address\":\"10.1.0.1:40000\",\"upstream_service_time\":\"3\",\"upstream_transport_failure_reason\":null,"
        "\"user_agent\":\"curl/7.88.1\",\"x_forwarded_for\":\"10.0.0.9\"}\n");
}

static void test_default_text_of_a_request(void **state) {
    struct fixture *fixture = *state;
    struct message_head request, response;
    struct access_log_record record;
    fill_request(fixture, &request, &response, &record);
    assert_string_equal(written(fixture, access_log_format_default(&fixture->arena, false), &record),
                        "[2026-01-02T03:04:05.678Z] \"GET /a?b=\\x22c\\x22 HTTP/1.1\" 200 - via_upstream - \"-\" 0 12 4 3 \"10.0.0.9\" "
                        "\"curl/7.88.1\" \"0b2d0c3e-8d3c-4c1e-9c0a-0d6b1c2f3a4b\" \"app.example.com\" \"10.1.0.7:8080\" "
                        "outbound|80||web.shop.svc.cluster.local 10.1.0.1:40000 10.1.0.1:8443 10.0.0.9:50000 app.example.com -\n");
}

static void test_default_json_of_an_unmatched_connection(void **state) {
    struct fixture *fixture = *state;
    struct access_log_record record = {
        .start_wall_ns = WALL_NS,
        .start_ns = 1,
        .end_ns = 1,
        .response_flags = RESPONSE_FLAG_NO_ROUTE,
        .response_code_details = SPAN_LITERAL("filter_chain_not_found"),
        .downstream_local = {.bytes = {127, 0, 0, 1}, .size = 4, .port = 8443},
        .downstream_remote = {.bytes = {[15] = 1}, .size = 16, .port = 1},
    };
    assert_string_equal(
        written(fixture, access_log_format_default(&fixture->arena, true), &record),
        "{\"authority\":null,\"bytes_received\":0,\"bytes_sent\":0,\"connection_termination_details\":null,"
        "\"downstream_local_address\":\"127.0.0.1:8443\",\"downstream_remote_address\":\"[::1]:1\",\"duration\":0,\"method\":null,"
        "\"path\":null,\"protocol\":null,\"request_id\":null,\"requested_server_name\":null,\"response_code\":0,"
        "\"response_code_details\":\"filter_chain_not_found\",\"response_flags\":\"NR\",\"route_name\":null,"
        "\"start_time\":\"2026-01-02T03:04:05.678Z\",\"upstream_cluster\":null,\"upstream_host\":null,\"upstream_local_address\":null,"
        "\"upstream_service_time\":null,\"upstream_transport_failure_reason\":null,\"user_agent\":null,\"x_forwarded_for\":null}\n");
}

static void test_operators_print_their_values(void **state) {
    struct fixture *fixture = *state;
    struct message_head request, response;
    struct access_log_record record;
    fill_request(fixture, &request, &response, &record);
    record.response_flags = RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE | RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT;
    record.attempt_count = 2;
    static const struct {
        const char *format;
        const char *line;
    } cases[] = {
        {"%REQ(NO?USER-AGENT):4%", "curl\n"},
        {"%REQ(USER-AGENT?:PATH)%", "curl/7.88.1\n"},
        {"%REQ(NO?NEITHER)%", "-\n"},
        {"%REQ(HOST)%", "app.example.com\n"},
        {"%REQ_WITHOUT_QUERY(:PATH)%", "/a\n"},
        {"%RESP(:STATUS)%", "200\n"},
        {"%TRAILER(X)%", "-\n"},
        {"%RESPONSE_FLAGS%", "UF,URX\n"},
        {"%REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "1 3 1\n"},
        {"%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%:%DOWNSTREAM_LOCAL_PORT%", "10.1.0.1:8443\n"},
        {"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "10.0.0.9\n"},
        {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "10.0.0.8:50001\n"},
        {"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "10.0.0.8\n"},
        {"%UPSTREAM_REMOTE_ADDRESS%", "10.1.0.7:8080\n"},
        {"%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT%", "10.1.0.7 8080\n"},
        {"%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_LOCAL_PORT%", "10.1.0.1 40000\n"},
        {"%DOWNSTREAM_REMOTE_PORT% %DOWNSTREAM_DIRECT_REMOTE_PORT%", "50000 50001\n"},
        {"%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2\n"},
        {"%CONNECTION_ID%", "7\n"},
        {"%START_TIME(%Y-%j %s.%3f|%6f|%9f|%f|%%)%", "2026-002 1767323045.678|678912|678912345|678912345|%\n"},
        {"%START_TIME(%s)%", "1767323045\n"},
        {"%DYNAMIC_METADATA(a)%", "-\n"},
        {"%DOWNSTREAM_TLS_VERSION%", "-\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(printed(fixture, cases[i].format, &record), cases[i].line);
}

static void test_json_values_keep_their_types(void **state) {
    struct fixture *fixture = *state;
    struct message_head request, response;
    struct access_log_record record;
    fill_request(fixture, &request, &response, &record);
    assert_string_equal(printed_json(fixture, "%DURATION%", &record), "{\"k\":4}\n");
    assert_string_equal(printed_json(fixture, "%DURATION%ms", &record), "{\"k\":\"4ms\"}\n");
    assert_string_equal(printed_json(fixture, "%ROUTE_NAME%", &record), "{\"k\":null}\n");
    assert_string_equal(printed_json(fixture, "<%ROUTE_NAME%>", &record), "{\"k\":\"<->\"}\n");
    assert_string_equal(printed_json(fixture, "say \"a\"\n", &record), "{\"k\":\"say \\\"a\\\"\\n\"}\n");
    assert_string_equal(printed_json(fixture, "", &record), "{\"k\":\"\"}\n");
    message_head_add_name(&request, SPAN_LITERAL("x-empty"), span_make("", 0));
    assert_string_equal(printed_json(fixture, "%REQ(X-EMPTY)%", &record), "{\"k\":\"\"}\n");
}

static void test_values_cannot_break_out(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *value;
        const char *json;
        const char *text;
    } cases[] = {
        {"a\"b\\c", "a\\\"b\\\\c", "a\\x22b\\x5cc"},
        {"a\r\nb\tc", "a\\r\\nb\\tc", "a\\x0d\\x0ab\\x09c"},
        {"\x01\x1b[31m\x7f", "\\u0001\\u001b[31m\\u007f", "\\x01\\x1b[31m\\x7f"},
        {"h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82"},
        {"\xff|\xc3|\xc0\xaf|\xed\xa0\x80", "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
         "\\xff|\\xc3|\\xc0\\xaf|\\xed\\xa0\\x80"},
        {"\xc2\x9b" "1m\xe2\x80\xa8", "\\u009b1m\\u2028", "\\xc2\\x9b1m\\xe2\\x80\\xa8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message_head request;
        message_head_init(&request, &fixture->arena, 8);
        message_head_add_name(&request, SPAN_LITERAL("x"), span_of(cases[i].value));
        struct access_log_record record = {.request = &request};
        char expected[256];
        snprintf(expected, sizeof(expected), "{\"k\":\"%s\"}\n", cases[i].json);
        assert_string_equal(printed_json(fixture, "%REQ(X)%", &record), expected);
        snprintf(expected, sizeof(expected), "%s\n", cases[i].text);
        assert_string_equal(printed(fixture, "%REQ(X)%", &record), expected);
    }
    struct access_log_record record = {.requested_server_name = SPAN_LITERAL("a - b")};
    assert_string_equal(printed(fixture, "%REQUESTED_SERVER_NAME%", &record), "a\\x20-\\x20b\n");
    assert_string_equal(printed_json(fixture, "%REQUESTED_SERVER_NAME%", &record), "{\"k\":\"a - b\"}\n");
}

static void test_cutting_keeps_characters_whole(void **state) {
    (void)state;
    assert_int_equal(access_log_cut(SPAN_LITERAL("abc"), 3).size, 3);
    assert_int_equal(access_log_cut(SPAN_LITERAL("abc"), 2).size, 2);
    assert_int_equal(access_log_cut(SPAN_LITERAL("ab\xe2\x82\xac"), 4).size, 2);
    assert_int_equal(access_log_cut(SPAN_LITERAL("ab\xe2\x82\xac"), 5).size, 5);
    assert_int_equal(access_log_cut(SPAN_LITERAL("\x80\x80\x80\x80\x80\x80"), 5).size, 5);
    assert_int_equal(access_log_cut(SPAN_LITERAL("\xe2\x82\xac"), 0).size, 0);
}

static void test_a_long_line_is_cut_and_stays_whole(void **state) {
    struct fixture *fixture = *state;
    struct message_head request, response;
    struct access_log_record record;
    fill_request(fixture, &request, &response, &record);
    size_t size = 60000;
    char *agent = malloc(size);
    memset(agent, '\x01', size); /* grows sixfold */
    message_head_set_name(&request, SPAN_LITERAL("user-agent"), span_make(agent, size));
    const char *line = written(fixture, access_log_format_default(&fixture->arena, true), &record);
    assert_true(fixture->size > 4096 && fixture->size <= ACCESS_LOG_LINE_BYTES_MAX);
    assert_non_null(strstr(line, "\\u0001\",\"x_forwarded_for\":\"10.0.0.9\"}\n"));
    assert_int_equal(access_log_ring_dropped(fixture->ring), 0);
    free(agent);
}

static void test_a_full_ring_drops_and_counts(void **state) {
    struct fixture *fixture = *state;
    struct message_head request, response;
    struct access_log_record record;
    fill_request(fixture, &request, &response, &record);
    const struct access_log_format *format = access_log_format_default(&fixture->arena, true);
    written(fixture, format, &record);
    size_t line = fixture->size, fits = ACCESS_LOG_RING_BYTES / line;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < fits + 5; i++)
            access_log_write(fixture->ring, format, &record);
        assert_int_equal(access_log_ring_dropped(fixture->ring), (round + 1) * 5);
        size_t got = 0, part;
        do {
            part = access_log_ring_read(fixture->ring, fixture->bytes, ACCESS_LOG_RING_BYTES);
            assert_int_equal(part % line, 0);
            got += part;
        } while (part != 0);
        assert_int_equal(got, fits * line);
    }
}

#define THREAD_LINES 20000

static void *write_many(void *argument) {
    struct fixture *fixture = argument;
    const struct access_log_format *format = NULL;
    struct access_log_format_error error;
    struct arena arena;
    arena_init(&arena, 4096);
    if (access_log_format_parse_text(&arena, SPAN_LITERAL("%CONNECTION_ID%"), &format, &error))
        for (uint64_t i = 0; i < THREAD_LINES; i++) {
            struct access_log_record record = {.connection_id = i};
            access_log_write(fixture->ring, format, &record);
        }
    arena_deinit(&arena);
    return NULL;
}

static void test_reader_and_writer_may_run_at_once(void **state) {
    struct fixture *fixture = *state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_many, fixture), 0);
    uint64_t last = 0, count = 0;
    while (last != THREAD_LINES - 1) {
        size_t size = access_log_ring_read(fixture->ring, fixture->bytes, ACCESS_LOG_RING_BYTES);
        struct span rest = span_make(fixture->bytes, size), part;
        while (rest.size != 0 && span_split(&rest, '\n', &part)) {
            uint64_t value;
            assert_true(span_to_u64(part, &value));
            assert_true(count == 0 || value > last);
            last = value;
            count++;
        }
    }
    pthread_join(thread, NULL);
    assert_int_equal(count + access_log_ring_dropped(fixture->ring), THREAD_LINES);
}

static void test_status_of_grpc(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *type, *of_head, *of_trailers;
        int status;
        const char *line;
    } cases[] = {
        {"application/grpc", NULL, "3", 200, "InvalidArgument INVALID_ARGUMENT 3 3 InvalidArgument\n"},
        {"application/grpc+proto", "1", NULL, 200, "Canceled CANCELLED 1 1 Canceled\n"},
        {"application/grpc", "5", "0", 200, "OK OK 0 0 OK\n"},
        {"application/grpc", NULL, NULL, 503, "Unavailable UNAVAILABLE 14 14 Unavailable\n"},
        {"application/grpc", NULL, NULL, 200, "Unknown UNKNOWN 2 2 Unknown\n"},
        {"application/grpc", NULL, "77", 200, "77 77 77 77 77\n"},
        {"application/grpc", NULL, "x", 200, "-1 -1 -1 -1 -1\n"},
        {"application/grpc-web", NULL, "3", 200, "- - - - -\n"},
        {"text/plain", "3", NULL, 200, "- - - - -\n"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct message_head request, response, trailers;
        message_head_init(&request, &fixture->arena, 2);
        message_head_init(&response, &fixture->arena, 2);
        message_head_init(&trailers, &fixture->arena, 2);
        response.status = cases[i].status;
        message_head_add_name(&request, SPAN_LITERAL("content-type"), span_of(cases[i].type));
        if (cases[i].of_head != NULL)
            message_head_add_name(&response, SPAN_LITERAL("grpc-status"), span_of(cases[i].of_head));
        if (cases[i].of_trailers != NULL)
            message_head_add_name(&trailers, SPAN_LITERAL("grpc-status"), span_of(cases[i].of_trailers));
        struct access_log_record record = {.request = &request, .response = &response};
        record.response_trailers = cases[i].of_trailers != NULL ? &trailers : NULL;
        assert_string_equal(printed(fixture, "%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% %GRPC_STATUS_NUMBER% %GRPC_STATUS(CAMEL_STRING)%", &record),
                            cases[i].line);
        record.response = NULL;
        assert_string_equal(printed(fixture, "%GRPC_STATUS%", &record), "-\n");
    }
}

static void test_status_of_grpc_in_json(void **state) {
    struct fixture *fixture = *state;
    struct message_head request, response;
    message_head_init(&request, &fixture->arena, 2);
    message_head_init(&response, &fixture->arena, 2);
    response.status = 200;
    message_head_add_name(&request, SPAN_LITERAL("content-type"), SPAN_LITERAL("application/grpc"));
    message_head_add_name(&response, SPAN_LITERAL("grpc-status"), SPAN_LITERAL("7"));
    struct access_log_record record = {.request = &request, .response = &response, .upstream_protocol = SPAN_LITERAL("HTTP/2")};
    assert_string_equal(printed_json(fixture, "%GRPC_STATUS_NUMBER%", &record), "{\"k\":7}\n");
    assert_string_equal(printed_json(fixture, "%GRPC_STATUS%", &record), "{\"k\":\"PermissionDenied\"}\n");
    assert_string_equal(printed_json(fixture, "%UPSTREAM_PROTOCOL%", &record), "{\"k\":\"HTTP/2\"}\n");
    record.upstream_protocol = SPAN_EMPTY;
    assert_string_equal(printed_json(fixture, "%UPSTREAM_PROTOCOL%", &record), "{\"k\":null}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_default_json_of_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_default_text_of_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_default_json_of_an_unmatched_connection, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operators_print_their_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_json_values_keep_their_types, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values_cannot_break_out, setup, teardown),
        cmocka_unit_test(test_cutting_keeps_characters_whole),
        cmocka_unit_test_setup_teardown(test_a_long_line_is_cut_and_stays_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_ring_drops_and_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reader_and_writer_may_run_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_of_grpc, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_of_grpc_in_json, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
