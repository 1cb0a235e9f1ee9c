#include "snapshot/route_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "snapshot/route.h"

enum { TABLES = 2000, ROUTES_MAX = 40, PATHS = 40 };

static struct random dice;

static size_t roll(size_t sides) {
    return (size_t)random_below(&dice, sides);
}

/* Few letters, so that texts meet. */
static struct span any_text(struct arena *arena, size_t size_max) {
    static const char letters[] = "/aAb*";
    size_t size = roll(size_max + 1);
    char *text = arena_new_array(arena, char, size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = letters[i == 0 && roll(4) > 0 ? 0 : roll(sizeof(letters) - 1)];
    return span_make(text, size);
}

#define PATTERNS 4
static const char *const patterns[PATTERNS] = {"/[ab]+", "/a.*", ".*b", "(/A|/a)*b?"};
static struct regex *regexes[PATTERNS];

static void any_match(struct arena *arena, struct route_match *match) {
    static const enum path_match kinds[] = {PATH_MATCH_EXACT, PATH_MATCH_EXACT,  PATH_MATCH_PREFIX, PATH_MATCH_PREFIX,
                                            PATH_MATCH_PREFIX, PATH_MATCH_REGEX, PATH_MATCH_ANY};
    *match = (struct route_match){.path_match = kinds[roll(7)], .path = any_text(arena, 4), .ignore_case = roll(3) == 0};
    if (match->path_match == PATH_MATCH_REGEX) {
        size_t pattern = roll(PATTERNS);
        match->path = span_of(patterns[pattern]);
        match->regex = regexes[pattern];
    }
    /* Without a condition, the first route that takes everything would hide the rest. */
    if (roll(3) > 0 || match->path.size == 0 || match->path_match == PATH_MATCH_ANY) {
        match->conditions = arena_new(arena, struct match_condition);
        match->conditions[0] = (struct match_condition){
            .subject = MATCH_METHOD, .text = {.kind = TEXT_MATCH_EXACT, .value = roll(2) ? SPAN_LITERAL("GET") : SPAN_LITERAL("PUT")}};
        match->condition_count = 1;
    }
}

static const struct route *walk(const struct route *routes, size_t count, const struct request_view *request) {
    for (size_t i = 0; i < count; i++)
        if (route_match_holds(&routes[i].match, request, NULL))
            return &routes[i];
    return NULL;
}

static void agrees_with_a_walk(void **state) {
    (void)state;
    random_init(&dice);
    for (size_t i = 0; i < PATTERNS; i++)
        regexes[i] = regex_create(span_of(patterns[i]), NULL);
    size_t found = 0, missed = 0;
    for (size_t table = 0; table < TABLES; table++) {
        struct arena arena;
        arena_init(&arena, 4096);
        size_t count = roll(ROUTES_MAX + 1);
        struct route *routes = arena_new_array(&arena, struct route, count + 1);
        for (size_t i = 0; i < count; i++)
            any_match(&arena, &routes[i].match);
        const struct route_index *index = route_index_create(&arena, routes, count);
        const struct route_hint *hints = route_hints_create(&arena, routes, count);
        for (size_t i = 0; i < PATHS; i++) {
            struct message_head head;
            message_head_init(&head, &arena, 1);
            message_head_set_method(&head, roll(2) ? SPAN_LITERAL("GET") : SPAN_LITERAL("PUT"));
            head.path = roll(10) == 0 ? SPAN_LITERAL("*") : any_text(&arena, 6);
            struct request_view request = request_view_of(&head);
            const struct route *expected = walk(routes, count, &request);
            assert_ptr_equal(route_index_find(index, &request), expected);
            assert_ptr_equal(route_hints_find(hints, routes, count, &request), expected);
            *(expected != NULL ? &found : &missed) += 1;
        }
        arena_deinit(&arena);
    }
    /* Both answers were really given. */
    assert_true(found > 1000);
    assert_true(missed > 1000);
    for (size_t i = 0; i < PATTERNS; i++)
        regex_destroy(regexes[i]);
}

static void the_first_of_equals_wins(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    struct route routes[] = {
        {.match = {.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/a/b")}},
        {.match = {.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/a")}},
        {.match = {.path_match = PATH_MATCH_EXACT, .path = SPAN_LITERAL("/a/b")}},
        {.match = {.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/a/b/c")}},
    };
    const struct route_index *index = route_index_create(&arena, routes, ARRAY_SIZE(routes));
    static const struct {
        const char *path;
        int route;
    } samples[] = {{"/a/b", 0}, {"/a/b/c", 0}, {"/ab", 1}, {"/a", 1}, {"/b", -1}, {"/A/b", -1}, {"/a/b?/x", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        struct message_head head;
        message_head_init(&head, &arena, 1);
        head.path = span_of(samples[i].path);
        struct request_view request = request_view_of(&head);
        assert_ptr_equal(route_index_find(index, &request), samples[i].route < 0 ? NULL : &routes[samples[i].route]);
    }
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_a_walk), cmocka_unit_test(the_first_of_equals_wins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
