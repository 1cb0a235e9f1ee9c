#include "snapshot/route_match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct sample {
    enum path_match path_match;
    const char *path;
    bool ignore_case;
    const char *request; /* path and query */
    bool holds;
};

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

static struct message_head request_for(const char *path) {
    struct message_head head;
    message_head_init(&head, &arena, 4);
    message_head_set_method(&head, SPAN_LITERAL("GET"));
    assert_true(message_head_set_authority(&head, SPAN_LITERAL("A.com:8443")));
    head.scheme = SPAN_LITERAL("https");
    head.path = span_of(path);
    message_head_add_name(&head, SPAN_LITERAL("x-one"), SPAN_LITERAL("One"));
    message_head_add_name(&head, SPAN_LITERAL("x-two"), SPAN_LITERAL("a"));
    message_head_add_name(&head, SPAN_LITERAL("x-two"), SPAN_LITERAL("b"));
    message_head_add_name(&head, SPAN_LITERAL("x-empty"), SPAN_EMPTY);
    return head;
}

static void paths(void **state) {
    (void)state;
    static const struct sample samples[] = {
        {PATH_MATCH_ANY, "", false, "*", true},
        {PATH_MATCH_EXACT, "/a", false, "/a?x=1", true},
        {PATH_MATCH_EXACT, "/a", false, "/A", false},
        {PATH_MATCH_EXACT, "/a", true, "/A", true},
        {PATH_MATCH_EXACT, "/a", false, "/a/", false},
        {PATH_MATCH_PREFIX, "/foo", false, "/foobar", true},
        {PATH_MATCH_PREFIX, "/foo", false, "/FOO", false},
        {PATH_MATCH_PREFIX, "/foo", true, "/FOO/x", true},
        {PATH_MATCH_PREFIX, "/foo", false, "/fo?/foo", false},
        {PATH_MATCH_PREFIX, "/", false, "*", true},
        {PATH_MATCH_PREFIX, "/a", false, "*", false},
        {PATH_MATCH_REGEX, "/v[0-9]+", false, "/v12?q", true},
        {PATH_MATCH_REGEX, "/v[0-9]+", false, "/v12/x", false},
        {PATH_MATCH_REGEX, "/v[0-9]+", false, "/x/v12", false},
        {PATH_MATCH_REGEX, "/v[0-9]+", true, "/V12", false},
        {PATH_MATCH_REGEX, "(?i)/v[0-9]+", false, "/V12", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct sample *sample = &samples[i];
        struct regex *regex = sample->path_match == PATH_MATCH_REGEX ? regex_create(span_of(sample->path), NULL) : NULL;
        struct route_match match = {.path_match = sample->path_match, .path = span_of(sample->path), .ignore_case = sample->ignore_case, .regex = regex};
        struct message_head head = request_for(sample->request);
        struct request_view view = request_view_of(&head);
        assert_int_equal(route_match_holds(&match, &view, NULL), sample->holds);
        regex_destroy(regex);
    }
}

struct condition_sample {
    enum match_subject subject;
    const char *name;
    enum text_match_kind kind;
    const char *value;
    bool inverted;
    bool holds;
};

static void conditions(void **state) {
    (void)state;
    static const struct condition_sample samples[] = {
        {MATCH_SCHEME, "", TEXT_MATCH_EXACT, "https", false, true},
        {MATCH_SCHEME, "", TEXT_MATCH_EXACT, "http", false, false},
        {MATCH_METHOD, "", TEXT_MATCH_EXACT, "GET", false, true},
        {MATCH_METHOD, "", TEXT_MATCH_EXACT, "get", false, false},
        {MATCH_METHOD, "", TEXT_MATCH_REGEX, "GET|POST", false, true},
        {MATCH_METHOD, "", TEXT_MATCH_PRESENT, "", false, true},
        /* Vector V18: the authority is compared as it came. */
        {MATCH_AUTHORITY, "", TEXT_MATCH_EXACT, "a.com", false, false},
        {MATCH_AUTHORITY, "", TEXT_MATCH_EXACT, "A.com", false, false},
        {MATCH_AUTHORITY, "", TEXT_MATCH_EXACT, "A.com:8443", false, true},
        {MATCH_AUTHORITY, "", TEXT_MATCH_PREFIX, "A.com", false, true},
        {MATCH_HEADER, "host", TEXT_MATCH_EXACT, "A.com:8443", false, true},
        {MATCH_HEADER, ":authority", TEXT_MATCH_PREFIX, "A.com:", false, true},
        {MATCH_HEADER, ":method", TEXT_MATCH_EXACT, "POST", true, true},
        {MATCH_HEADER, ":scheme", TEXT_MATCH_EXACT, "http", false, false},
        {MATCH_HEADER, ":path", TEXT_MATCH_PREFIX, "/p?k=", false, true},
        {MATCH_HEADER, "x-one", TEXT_MATCH_EXACT, "One", false, true},
        {MATCH_HEADER, "x-one", TEXT_MATCH_EXACT, "one", false, false},
        {MATCH_HEADER, "x-one", TEXT_MATCH_REGEX, "O", false, false},
        {MATCH_HEADER, "x-one", TEXT_MATCH_REGEX, "O.*", false, true},
        {MATCH_HEADER, "x-two", TEXT_MATCH_EXACT, "a,b", false, true},
        {MATCH_HEADER, "x-two", TEXT_MATCH_EXACT, "a", false, false},
        {MATCH_HEADER, "x-empty", TEXT_MATCH_EXACT, "", false, true},
        {MATCH_HEADER, "x-empty", TEXT_MATCH_PRESENT, "", false, true},
        {MATCH_HEADER, "x-none", TEXT_MATCH_EXACT, "", false, false},
        {MATCH_HEADER, "x-none", TEXT_MATCH_REGEX, ".*", false, false},
        {MATCH_HEADER, "x-none", TEXT_MATCH_PRESENT, "", false, false},
        {MATCH_HEADER, "x-one", TEXT_MATCH_EXACT, "One", true, false},
        {MATCH_HEADER, "x-one", TEXT_MATCH_EXACT, "Two", true, true},
        {MATCH_HEADER, "x-one", TEXT_MATCH_PRESENT, "", true, false},
        {MATCH_HEADER, "x-none", TEXT_MATCH_PRESENT, "", true, true},
        {MATCH_HEADER, "x-none", TEXT_MATCH_EXACT, "x", true, true},
        {MATCH_HEADER, "x-none", TEXT_MATCH_EXACT, "", true, false},
        /* Vector V15. */
        {MATCH_HEADER, "x-none", TEXT_MATCH_REGEX, ".*", true, false},
        {MATCH_HEADER, "x-none", TEXT_MATCH_REGEX, ".+", true, true},
        {MATCH_QUERY_PARAMETER, "k", TEXT_MATCH_EXACT, "v%31", false, true},
        {MATCH_QUERY_PARAMETER, "k", TEXT_MATCH_EXACT, "v1", false, false},
        {MATCH_QUERY_PARAMETER, "k", TEXT_MATCH_EXACT, "second", false, false},
        {MATCH_QUERY_PARAMETER, "K", TEXT_MATCH_PRESENT, "", false, false},
        {MATCH_QUERY_PARAMETER, "k", TEXT_MATCH_REGEX, "v.*", false, true},
        {MATCH_QUERY_PARAMETER, "flag", TEXT_MATCH_PRESENT, "", false, true},
        {MATCH_QUERY_PARAMETER, "flag", TEXT_MATCH_EXACT, "", false, true},
        {MATCH_QUERY_PARAMETER, "e", TEXT_MATCH_EXACT, "=f=", false, true},
        {MATCH_QUERY_PARAMETER, "none", TEXT_MATCH_EXACT, "", false, false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        const struct condition_sample *sample = &samples[i];
        struct regex *regex = sample->kind == TEXT_MATCH_REGEX ? regex_create(span_of(sample->value), NULL) : NULL;
        struct match_condition condition = {.subject = sample->subject, .name = span_of(sample->name), .inverted = sample->inverted,
                                            .text = {sample->kind, span_of(sample->value), regex}};
        struct route_match match = {.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/"), .conditions = &condition, .condition_count = 1};
        struct message_head head = request_for("/p?k=v%31&flag&k=second&e==f=");
        struct request_view view = request_view_of(&head);
        if (route_match_holds(&match, &view, NULL) != sample->holds)
            fail_msg("condition %zu", i);
        regex_destroy(regex);
    }
}

static void all_conditions_must_hold(void **state) {
    (void)state;
    struct match_condition both[] = {
        {.subject = MATCH_METHOD, .text = {.kind = TEXT_MATCH_EXACT, .value = SPAN_LITERAL("GET")}},
        {.subject = MATCH_HEADER, .name = SPAN_LITERAL("x-one"), .text = {.kind = TEXT_MATCH_PRESENT}},
    };
    struct route_match match = {.path_match = PATH_MATCH_ANY, .conditions = both, .condition_count = 2};
    struct message_head head = request_for("/");
    struct request_view view = request_view_of(&head);
    assert_true(route_match_holds(&match, &view, NULL));
    message_head_remove_name(&head, SPAN_LITERAL("x-one"));
    assert_false(route_match_holds(&match, &view, NULL));
}

/* The first that failed, and what the request has there. */
static void a_trace_names_the_first_condition_that_failed(void **state) {
    (void)state;
    struct match_condition conditions[] = {
        {.subject = MATCH_HEADER, .name = SPAN_LITERAL("x-one"), .text = {.kind = TEXT_MATCH_EXACT, .value = SPAN_LITERAL("Two")}},
        {.subject = MATCH_HEADER, .name = SPAN_LITERAL("x-none"), .text = {.kind = TEXT_MATCH_PRESENT}},
    };
    struct route_match match = {.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/b"), .conditions = conditions, .condition_count = 2};
    struct message_head head = request_for("/a?b");
    struct request_view view = request_view_of(&head);
    struct match_trace trace;
    assert_false(route_match_holds(&match, &view, &trace));
    assert_null(trace.condition);
    assert_true(span_equal(trace.text, SPAN_LITERAL("/a")));
    match.path = SPAN_LITERAL("/a");
    assert_false(route_match_holds(&match, &view, &trace));
    assert_ptr_equal(trace.condition, &conditions[0]);
    assert_true(trace.found && span_equal(trace.text, SPAN_LITERAL("One")));
    match.conditions++;
    match.condition_count = 1;
    assert_false(route_match_holds(&match, &view, &trace));
    assert_ptr_equal(trace.condition, &conditions[1]);
    assert_false(trace.found);
}

static void catch_alls(void **state) {
    (void)state;
    struct match_condition condition = {.subject = MATCH_METHOD, .text = {.kind = TEXT_MATCH_PRESENT}};
    struct route_match match = {.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/")};
    assert_true(route_match_is_catch_all(&match));
    assert_true(route_match_is_catch_all(&(struct route_match){.path_match = PATH_MATCH_ANY}));
    match.conditions = &condition;
    match.condition_count = 1;
    assert_false(route_match_is_catch_all(&match));
    assert_false(route_match_is_catch_all(&(struct route_match){.path_match = PATH_MATCH_REGEX, .path = SPAN_LITERAL("/.*")}));
    assert_false(route_match_is_catch_all(&(struct route_match){.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/a")}));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths, setup, teardown),
        cmocka_unit_test_setup_teardown(conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(all_conditions_must_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(a_trace_names_the_first_condition_that_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(catch_alls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
