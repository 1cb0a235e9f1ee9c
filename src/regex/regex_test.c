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

static void expect_set(const struct regex_set *set, const char *text, size_t count, int first, int last) {
    const int *numbers;
    size_t number_count;
    assert_true(regex_set_match(set, span_of(text), &numbers, &number_count));
    assert_int_equal(number_count, count);
    if (count > 0)
        assert_true(numbers[0] == first && numbers[count - 1] == last);
}

static void test_a_set_says_which_match_the_whole_text(void **state UNUSED) {
    const struct span patterns[] = {SPAN_LITERAL("/a.*"), SPAN_LITERAL("/b"), SPAN_LITERAL(""), SPAN_LITERAL("/[ab]+"), SPAN_LITERAL("/a.*")};
    struct regex_set *set = regex_set_create(patterns, ARRAY_SIZE(patterns));
    assert_non_null(set);
    expect_set(set, "/ab", 3, 0, 4);
    expect_set(set, "/b", 2, 1, 3);
    expect_set(set, "", 1, 2, 2);
    expect_set(set, "/c", 0, 0, 0);
    expect_set(set, "x/ab", 0, 0, 0);
    regex_set_destroy(set);
    regex_set_destroy(NULL);
    const struct span broken[] = {SPAN_LITERAL("/a"), SPAN_LITERAL("(")};
    assert_null(regex_set_create(broken, ARRAY_SIZE(broken)));
    const struct span large[] = {SPAN_LITERAL("(a{900}){900}"), SPAN_LITERAL("(b{900}){900}")};
    assert_null(regex_set_create(large, ARRAY_SIZE(large)));
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
        cmocka_unit_test(test_a_set_says_which_match_the_whole_text),
        cmocka_unit_test(test_time_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
