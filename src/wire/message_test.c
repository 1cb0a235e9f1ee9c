#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/authority.h"
#include "wire/close_reason.h"
#include "wire/path.h"
#include "wire/response_flag.h"

static struct arena arena;

static int set_up(void **state UNUSED) {
    arena_init(&arena, 4096);
    return 0;
}

static int tear_down(void **state UNUSED) {
    arena_deinit(&arena);
    return 0;
}

/* "name: value" pairs, one after the other. */
static struct message_head make_head(const char *const (*fields)[2], size_t count) {
    struct message_head head;
    message_head_init(&head, &arena, 0);
    for (size_t i = 0; i < count; i++)
        message_head_add_name(&head, span_of(fields[i][0]), span_of(fields[i][1]));
    return head;
}

#define MAKE_HEAD(...) make_head((const char *const[][2]){__VA_ARGS__}, sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(char *[2]))

static void expect_fields(const struct message_head *head, const char *wanted) {
    char text[1000] = "";
    for (size_t i = 0; i < head->header_count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%.*s=%.*s;", SPAN_ARGUMENTS(head->headers[i].name), SPAN_ARGUMENTS(head->headers[i].value));
        assert_true(message_head_has(head, head->headers[i].token));
        assert_int_equal(head->headers[i].token, header_token_of(head->headers[i].name));
    }
    assert_string_equal(text, wanted);
}

static void test_find(void **state UNUSED) {
    struct message_head head = MAKE_HEAD({"x-a", "1"}, {"via", "2"}, {"x-a", "3"});
    assert_true(span_equal(message_head_value(&head, HEADER_VIA), SPAN_LITERAL("2")));
    assert_true(span_equal(message_head_find_name(&head, SPAN_LITERAL("x-a"))->value, SPAN_LITERAL("1")));
    assert_null(message_head_find_name(&head, SPAN_LITERAL("x-b")));
    assert_null(message_head_find(&head, HEADER_DATE));
    assert_null(message_head_find_name(&head, SPAN_LITERAL("date")));
    assert_int_equal(message_head_value(&head, HEADER_DATE).size, 0);
}

static void test_join(void **state UNUSED) {
    struct message_head head = MAKE_HEAD({"x-a", "1"}, {"via", "2"}, {"x-a", ""}, {"x-a", "3"}, {"x-e", ""});
    struct span value;
    assert_true(message_head_join(&head, &arena, SPAN_LITERAL("x-a"), &value));
    assert_true(span_equal(value, SPAN_LITERAL("1,,3")));
    assert_true(message_head_join(&head, &arena, SPAN_LITERAL("via"), &value));
    assert_true(span_equal(value, SPAN_LITERAL("2")));
    assert_true(message_head_join(&head, &arena, SPAN_LITERAL("x-e"), &value));
    assert_int_equal(value.size, 0);
    assert_false(message_head_join(&head, &arena, SPAN_LITERAL("x-b"), &value));
}

static void test_edit(void **state UNUSED) {
    struct message_head head = MAKE_HEAD({"x-a", "1"}, {"via", "2"}, {"x-a", "3"});
    message_head_set_name(&head, SPAN_LITERAL("x-a"), SPAN_LITERAL("4"));
    expect_fields(&head, "x-a=4;via=2;");
    message_head_set(&head, HEADER_DATE, SPAN_LITERAL("now"));
    message_head_set(&head, HEADER_VIA, SPAN_LITERAL("5"));
    expect_fields(&head, "x-a=4;via=5;date=now;");
    message_head_set_name(&head, SPAN_LITERAL("x-b"), SPAN_LITERAL("6"));
    message_head_remove_name(&head, SPAN_LITERAL("x-a"));
    message_head_remove_name(&head, SPAN_LITERAL("x-none"));
    message_head_remove(&head, HEADER_VIA);
    message_head_remove(&head, HEADER_TRAILER);
    expect_fields(&head, "date=now;x-b=6;");
    assert_false(message_head_has(&head, HEADER_VIA));
    for (int i = 0; i < 100; i++)
        message_head_add(&head, HEADER_VIA, SPAN_LITERAL("v"));
    assert_int_equal(head.header_count, 102);
    message_head_remove(&head, HEADER_VIA);
    expect_fields(&head, "date=now;x-b=6;");
}

static void test_copy_is_apart(void **state UNUSED) {
    struct message_head head = MAKE_HEAD({"x-a", "1"}), copy;
    message_head_copy(&head, &arena, &copy);
    message_head_set_name(&copy, SPAN_LITERAL("x-a"), SPAN_LITERAL("2"));
    message_head_add(&copy, HEADER_VIA, SPAN_LITERAL("v"));
    expect_fields(&head, "x-a=1;");
    expect_fields(&copy, "x-a=2;via=v;");
}

/* RFC 9110 section 7.6.1. */
static void test_hop_by_hop(void **state UNUSED) {
    struct message_head head = MAKE_HEAD({"connection", "x-a, Via, close, keep-alive, te"}, {"x-a", "1"}, {"via", "2"}, {"x-b", "3"},
                                         {"keep-alive", "5"}, {"proxy-connection", "x"}, {"te", "gzip, trailers"}, {"x-a", "4"},
                                         {"transfer-encoding", "chunked"}, {"upgrade", "w"}, {"http2-settings", "x"}, {"trailer", "x"});
    message_head_strip_hop_by_hop(&head, false);
    expect_fields(&head, "x-b=3;trailer=x;te=trailers;");
    assert_false(message_head_has(&head, HEADER_VIA));
    assert_false(message_head_has(&head, HEADER_CONNECTION));
    head = MAKE_HEAD({"connection", "upgrade"}, {"upgrade", "w"}, {"te", "gzip"});
    message_head_strip_hop_by_hop(&head, true);
    expect_fields(&head, "upgrade=w;");
    head = MAKE_HEAD({"connection", "upgrade"}, {"upgrade", "w"}, {"connection", "x-c"}, {"x-c", "1"}, {"upgrade", "v"});
    message_head_strip_hop_by_hop(&head, false);
    expect_fields(&head, "");
    head = MAKE_HEAD({"x-a", "1"}, {"via", "x"});
    message_head_strip_hop_by_hop(&head, false);
    expect_fields(&head, "x-a=1;via=x;");
    /* Options without a field, long ones, and the names of what must stay out of reach. */
    head = MAKE_HEAD({"connection", "x-none, content-length, a123456789b123456789c123456789d123456789e123456789f123456789g123456789"},
                     {"a123456789b123456789c123456789d123456789e123456789f123456789g123456789", "1"}, {"content-length", "5"});
    message_head_strip_hop_by_hop(&head, false);
    expect_fields(&head, "");
}

static void test_fields_from_inside(void **state UNUSED) {
    struct message_head head = MAKE_HEAD({"x-envoy-internal", "true"}, {"x-a", "1"}, {"x-envoy-retry-on", "5xx"}, {"x-request-id", "2"});
    message_head_remove_properties(&head, HEADER_PROPERTY_FROM_INSIDE);
    expect_fields(&head, "x-a=1;x-request-id=2;");
    assert_false(message_head_has(&head, HEADER_X_ENVOY_INTERNAL));
}

static void test_methods(void **state UNUSED) {
    struct message_head head;
    message_head_init(&head, &arena, 0);
    message_head_set_method(&head, SPAN_LITERAL("DELETE"));
    assert_int_equal(head.method_token, HTTP_METHOD_DELETE);
    assert_true(http_method_is_idempotent(HTTP_METHOD_DELETE));
    assert_false(http_method_is_idempotent(HTTP_METHOD_POST));
    assert_false(http_method_is_idempotent(HTTP_METHOD_OTHER));
    assert_int_equal(http_method_of(SPAN_LITERAL("get")), HTTP_METHOD_OTHER);
    assert_int_equal(http_method_of(SPAN_LITERAL("GETS")), HTTP_METHOD_OTHER);
}

static void test_authority(void **state UNUSED) {
    static const struct {
        const char *text, *host, *port;
        unsigned number;
    } rows[] = {
        {"a", "a", "", 0},           {"", "", "", 0},           {"a:80", "a", "80", 80},      {"a:", "a", "", 0},
        {"A.b:080", "A.b", "080", 80}, {"[::1]", "[::1]", "", 0}, {"[fd00::1]:8443", "[fd00::1]", "8443", 8443},
        {"a%20b", "a%20b", "", 0},   {"a!$&'()*+,;=b", "a!$&'()*+,;=b", "", 0}, {"[v7.x:y]", "[v7.x:y]", "", 0}, {":1", "", "1", 1},
    };
    static const char *const wrong[] = {"a b",  "a@b",   "a/b", "a?b",    "a#b",     "a\\b",    "[::1",   "::1",    "a:b",   "a:-1",
                                        "a:1:2", "a:65536", "a%",  "a%2",    "a%2g",    "[::1]x",  "[]",     "[a]",    "[1.2.3.4]",
                                        "[v.x]", "[v1.]",  "[::1%25eth0]", "a\"b", "a<b", "a\x80", "a\x7f", "[::1]:x", "a: 80"};
    struct authority authority;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_true(authority_parse(span_of(rows[i].text), &authority));
        assert_true(span_equal(authority.host, span_of(rows[i].host)));
        assert_true(span_equal(authority.port, span_of(rows[i].port)));
        assert_int_equal(authority.port_number, rows[i].number);
    }
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        if (authority_parse(span_of(wrong[i]), &authority))
            fail_msg("taken: %s", wrong[i]);
    struct message_head head;
    message_head_init(&head, &arena, 0);
    assert_true(message_head_set_authority(&head, SPAN_LITERAL("A.b:1")));
    assert_true(span_equal(head.host, SPAN_LITERAL("a.b")));
    assert_false(message_head_set_authority(&head, SPAN_LITERAL("a b")));
    assert_true(span_equal(head.authority, SPAN_LITERAL("A.b:1")));
}

static void test_paths(void **state UNUSED) {
    /* NULL: refused. The first rows are RFC 3986 section 5.2.4's. */
    static const char *const rows[][2] = {
        {"/a/b/c/./../../g", "/a/g"}, {"/mid/content=5/../6", "/mid/6"}, {"/", "/"}, {"/.", "/"}, {"/..", "/"}, {"/../..", "/"},
        {"/a/.", "/a/"}, {"/a/..", "/"}, {"/a/./", "/a/"}, {"/a/../", "/"}, {"/a/b/..", "/a/"}, {"/../a", "/a"}, {"/./a", "/a"},
        {"/...", "/..."}, {"/.a", "/.a"}, {"/a.", "/a."}, {"/..a", "/..a"}, {"/a/.b/..c/", "/a/.b/..c/"},
        {"/%2e/a", "/a"}, {"/%2E%2e/a", "/a"}, {"/a/%2e%2E/b", "/b"}, {"/.%2e/b", "/b"}, {"/a/.%2E", "/"},
        {"/%61%7E", "/a~"}, {"/%2f..%2Fa", "/%2f..%2Fa"}, {"/%252e%252e/a", "/%252e%252e/a"}, {"/%25", "/%25"},
        {"/a\\..\\b", "/b"}, {"\\a", NULL}, {"/a\\b", "/a/b"}, {"//a//b", "//a//b"}, {"/a//../b", "/a/b"}, {"//..", "/"},
        {"/%00", NULL}, {"/a/%00/../b", NULL}, {"/%0", "/%0"}, {"/%", "/%"}, {"/%zz/../a", "/a"},
        {"/a?b/../c", "/a?b/../c"}, {"/a/..?b/../c", "/?b/../c"}, {"/a/../b?%2e%00\\", "/b?%2e%00\\"}, {"/?", "/?"},
        {"*", "*"}, {"", ""}, {"a", NULL}, {"/%c3%a9", "/%c3%a9"}, {"/a/./b/./c", "/a/b/c"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct span normal = SPAN_EMPTY, again;
        bool taken = path_normalize(&arena, span_of(rows[i][0]), &normal);
        if (taken != (rows[i][1] != NULL) || (taken && !span_equal(normal, span_of(rows[i][1]))))
            fail_msg("%s: got %.*s wanted %s", rows[i][0], SPAN_ARGUMENTS(normal), rows[i][1] == NULL ? "refusal" : rows[i][1]);
        /* Normal is normal. */
        if (taken)
            assert_true(path_normalize(&arena, normal, &again) && span_equal(again, normal));
    }
    assert_true(span_equal(path_without_query(SPAN_LITERAL("/a?b?c")), SPAN_LITERAL("/a")));
    assert_int_equal(path_without_query(SPAN_EMPTY).size, 0);
}

static void test_response_flags(void **state UNUSED) {
    char text[RESPONSE_FLAGS_TEXT_MAX];
    assert_int_equal(response_flags_print(0, text), 1);
    assert_string_equal(text, "-");
    response_flags_print(RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT | RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE, text);
    assert_string_equal(text, "UF,URX");
    size_t size = response_flags_print(UINT32_MAX, text);
    assert_int_equal(size, strlen(text));
    assert_true(size < sizeof(text));
}

static void test_close_reasons(void **state UNUSED) {
    assert_int_equal(close_reason_flag(CLOSE_REASON_NO_FILTER_CHAIN), RESPONSE_FLAG_NO_ROUTE);
    assert_int_equal(close_reason_flag(CLOSE_REASON_COMPLETE), 0);
    for (unsigned reason = 1; reason < CLOSE_REASON_COUNT; reason++) {
        struct span word = close_reason_word((enum close_reason)reason);
        size_t offset;
        assert_true(word.size > 0);
        assert_false(span_find_byte(word, ' ', &offset));
        assert_true(span_starts_with(close_reason_counter((enum close_reason)reason), SPAN_LITERAL("closed_")));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),           cmocka_unit_test(test_join),       cmocka_unit_test(test_edit),
        cmocka_unit_test(test_copy_is_apart),  cmocka_unit_test(test_hop_by_hop), cmocka_unit_test(test_fields_from_inside),
        cmocka_unit_test(test_methods),        cmocka_unit_test(test_authority),  cmocka_unit_test(test_paths),
        cmocka_unit_test(test_response_flags), cmocka_unit_test(test_close_reasons),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
