#include "proxy/redirect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/rewrite.h"

#define TEXT(literal) {literal, sizeof(literal) - 1}

static void assert_text(struct span text, const char *expected) {
    assert_string_equal(text.size == 0 ? "" : text.data, expected);
    assert_int_equal(text.size, strlen(expected));
}

static void locations_name_what_is_written(void **state) {
    (void)state;
    static const struct {
        struct redirect_action action;
        const char *authority, *proto, *location;
    } cases[] = {
        {{.scheme = TEXT("https")}, "a.com:80", "http", "https://a.com/a/b?q"},
        {{.scheme = TEXT("https")}, "a.com:8080", "http", "https://a.com:8080/a/b?q"},
        {{.scheme = TEXT("http")}, "a.com:80", "http", "http://a.com:80/a/b?q"},
        {{.scheme = TEXT("http")}, "[::1]:443", "https", "http://[::1]/a/b?q"},
        {{.port = 81}, "a.com:8080", "http", "http://a.com:81/a/b?q"},
        {{.authority = TEXT("b:1"), .port = 0}, "a.com:8080", "http", "http://b:1/a/b?q"},
        {{.path = {.kind = PATH_REWRITE_WHOLE, .text = TEXT("new")}}, "a.com", "http", "http://a.com/new?q"},
        {{.path = {.kind = PATH_REWRITE_WHOLE, .text = TEXT("/n?x")}}, "a.com", "http", "http://a.com/n?x"},
        {{.path = {.kind = PATH_REWRITE_PREFIX, .prefix_size = 2, .text = TEXT("/z")}}, "a.com", "http", "http://a.com/z/b?q"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct arena arena;
        struct message_head head;
        arena_init(&arena, 4096);
        message_head_init(&head, &arena, 4);
        assert_true(message_head_set_authority(&head, span_of(cases[i].authority)));
        head.path = SPAN_LITERAL("/a/b?q");
        message_head_add(&head, HEADER_X_FORWARDED_PROTO, span_of(cases[i].proto));
        assert_text(redirect_location(&cases[i].action, &head), cases[i].location);
        arena_deinit(&arena);
    }
}

static void paths_are_rewritten_without_their_query(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    struct regex *regex = regex_create(SPAN_LITERAL("/([a-z])"), NULL);
    const struct path_rewrite prefix = {.kind = PATH_REWRITE_PREFIX, .prefix_size = 2, .text = TEXT("/")};
    const struct path_rewrite prefix_with_slash = {.kind = PATH_REWRITE_PREFIX, .prefix_size = 3, .text = TEXT("/")};
    const struct path_rewrite pattern = {.kind = PATH_REWRITE_REGEX, .regex = regex, .text = TEXT("/\\1\\1")};
    const struct path_rewrite bare = {.kind = PATH_REWRITE_PREFIX, .prefix_size = 2, .text = TEXT("x")};
    assert_text(path_rewrite_apply(&prefix, &arena, SPAN_LITERAL("/a/b?/a")), "//b?/a");
    assert_text(path_rewrite_apply(&prefix_with_slash, &arena, SPAN_LITERAL("/a/b")), "/b");
    assert_text(path_rewrite_apply(&pattern, &arena, SPAN_LITERAL("/a/b?/c")), "/aa/bb?/c");
    assert_text(path_rewrite_apply(&bare, &arena, SPAN_LITERAL("/a/b")), "/x/b");
    assert_text(path_rewrite_apply(&prefix, &arena, SPAN_LITERAL("*")), "*");
    assert_true(regex_substitution_is_valid(regex, SPAN_LITERAL("\\1\\\\")));
    assert_false(regex_substitution_is_valid(regex, SPAN_LITERAL("\\2")));
    regex_destroy(regex);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locations_name_what_is_written),
        cmocka_unit_test(paths_are_rewritten_without_their_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
