#include "regex/regex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct {
    const char *pattern, *text;
    bool matches;
} rows[] = {
    {"", "", true},
    {"", "a", false},
    {"a", "a", true},
    {"a", "ba", false},
    {"a", "ab", false},
    {"/v[0-9]+/.*", "/v12/x", true},
    {"/v[0-9]+/.*", "/vx/x", false},
    {"(?i)abc", "aBC", true},
    {"abc", "aBC", false},
    {"a|b", "b", true},
    {"^a$", "a", true},
    {"[^/]+\\.example\\.com", "x.example.com", true},
    {"[^/]+\\.example\\.com", "xexample.com", false},
    {".*", "", true},
};

static void test_full_match(void **state UNUSED) {
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char error[REGEX_ERROR_BYTES_MAX] = "";
        struct regex *regex = regex_create(span_of(rows[i].pattern), error);
        assert_non_null(regex);
        if (regex_full_match(regex, span_of(rows[i].text)) != rows[i].matches)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
        regex_destroy(regex);
    }
}

static void test_empty_span(void **state UNUSED) {
    struct regex *regex = regex_create(SPAN_EMPTY, NULL);
    assert_true(regex_full_match(regex, SPAN_EMPTY));
    assert_true(regex_full_match(regex, SPAN_LITERAL("")));
    regex_destroy(regex);
    regex_destroy(NULL);
}

static void test_refusals(void **state UNUSED) {
    /* No RE2: look-around, back references, unbalanced, repetition bombs. */
    static const char *const patterns[] = {"(?=a)", "(a)\\1", "(", "[", "*", "a{2,1}", "((((a{1000}){1000}){1000}){1000})", "\\p{Nope}"};
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        char error[REGEX_ERROR_BYTES_MAX] = "";
        assert_null(regex_create(span_of(patterns[i]), error));
        assert_true(error[0] != '\0');
        assert_null(regex_create(span_of(patterns[i]), NULL));
    }
}

/* What takes a backtracking matcher 2^n steps. */
static void test_time_is_linear(void **state UNUSED) {
    enum { SIZE = 100000 };
    char *text = malloc(SIZE);
    struct regex *regex = regex_create(SPAN_LITERAL("(a*)*(a|aa)+b"), NULL);
    assert_non_null(regex);
    memset(text, 'a', SIZE);
    assert_false(regex_full_match(regex, span_make(text, SIZE)));
    regex_destroy(regex);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_match),
        cmocka_unit_test(test_empty_span),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_time_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
