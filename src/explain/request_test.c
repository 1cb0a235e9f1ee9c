#include "explain/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct explain_request parsed(const char *url) {
    struct explain_request request;
    struct explain_request_error error;
    if (!explain_request_parse(&arena, span_of(url), &request, &error))
        fail_msg("%s: %s", url, error.text);
    return request;
}

#define assert_span(value, text) assert_true(span_equal((value), span_of(text)))

static void urls(void **state) {
    (void)state;
    struct explain_request request = parsed("https://Shop.Example.com/a?b#c");
    assert_int_equal(request.port, 443);
    assert_span(request.authority, "Shop.Example.com");
    assert_span(request.host, "shop.example.com");
    assert_span(request.sni, "shop.example.com");
    assert_span(request.path, "/a?b");
    request = parsed("HTTP://a.test:8080?x=1");
    assert_int_equal(request.port, 8080);
    assert_span(request.authority, "a.test:8080");
    assert_span(request.path, "/?x=1");
    assert_int_equal(request.sni.size, 0);
    /* RFC 6066 section 3: an address is no server name. */
    assert_int_equal(parsed("https://10.0.0.1/").sni.size, 0);
    assert_int_equal(parsed("https://[::1]:8443/").sni.size, 0);
    assert_int_equal(parsed("tcp://:5432").port, 5432);
    assert_span(parsed("tls://db.test").sni, "db.test");
}

static void what_is_no_url(void **state) {
    (void)state;
    static const char *const texts[] = {"", "a.test", "ftp://a.test/", "http://", "http:///x", "http://a@b/", "tcp://a.test", "http://a.test/\r\nx: y", "http://a b/"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct explain_request request;
        struct explain_request_error error;
        if (explain_request_parse(&arena, span_of(texts[i]), &request, &error))
            fail_msg("%s", texts[i]);
        assert_true(strlen(error.text) > 0);
    }
}

static void json_goes_both_ways(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"url\":\"http://a.test/\",\"port\":80}",
        ("{\"method\":\"POST\",\"url\":\"https://a.test:8443/x?y\",\"port\":443,\"headers\":[\"x-one: 1\",\"x-one: 2\"],\"sni\":\"b.test\",\"alpn\":\"h2\","
        "\"client_certificate\":\"pem\",\"from\":\"10.0.0.1\"}"),
        "{\"url\":\"https://10.0.0.1/\",\"port\":443}",
        "{\"url\":\"https://a.test/\",\"port\":443,\"sni\":\"\"}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct explain_request request;
        struct explain_request_error error;
        struct builder text = {.data = NULL};
        struct json_writer json = json_writer_make(&text);
        json.compact = true;
        if (!explain_request_parse_json(&arena, span_of(texts[i]), &request, &error))
            fail_msg("%s: %s", texts[i], error.text);
        explain_request_write_json(&arena, &request, &json);
        if (!span_equal(builder_span(&text), span_of(texts[i])))
            fail_msg("%s became %.*s", texts[i], SPAN_ARGUMENTS(builder_span(&text)));
        builder_deinit(&text);
    }
}

static void what_is_no_request(void **state) {
    (void)state;
    static const char *const texts[] = {"", "[]", "{}", "{\"url\":1}", "{\"url\":\"http://a/\",\"colour\":\"red\"}", "{\"url\":\"http://a/\",\"port\":0}",
                                        "{\"url\":\"http://a/\",\"headers\":\"x\"}", "{\"url\":\"http://a/\",\"headers\":[[]]}",
                                        "{\"url\":\"http://a/\",\"method\":\"A\\nB\"}", "{\"url\":\"http://a/\",\"headers\":{\"x\":\"a\\r\\nb\"}}"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct explain_request request;
        struct explain_request_error error;
        if (explain_request_parse_json(&arena, span_of(texts[i]), &request, &error))
            fail_msg("%s", texts[i]);
    }
}

static void headers_have_a_ceiling(void **state) {
    (void)state;
    struct explain_request request = parsed("http://a.test/");
    struct explain_request_error error;
    for (size_t i = 0; i < EXPLAIN_HEADERS_MAX; i++)
        assert_true(explain_request_add_header(&arena, &request, SPAN_LITERAL("x: y"), &error));
    assert_false(explain_request_add_header(&arena, &request, SPAN_LITERAL("x: y"), &error));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(urls, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_url, setup, teardown),
        cmocka_unit_test_setup_teardown(json_goes_both_ways, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_request, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_have_a_ceiling, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
