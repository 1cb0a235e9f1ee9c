#include "snapshot/route_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdalign.h>
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

/* Few letters, so that texts meet; some are longer than the words in which they are compared. */
static struct span any_text(struct arena *arena, size_t size_max) {
    static const char letters[] = "/aAb*";
    static const char begin[] = "/aA/b*aab/aA/bbaA";
    size_t size = roll(size_max + 1), begin_size = roll(4) > 0 ? 0 : roll(sizeof(begin));
    char *text = arena_new_array(arena, char, begin_size + size + 1);
    memcpy(text, begin, begin_size);
    for (size_t i = 0; i < size; i++)
        text[begin_size + i] = letters[begin_size + i == 0 && roll(4) > 0 ? 0 : roll(sizeof(letters) - 1)];
    return span_make(text, begin_size + size);
}

#define PATTERNS 4
static const char *const patterns[PATTERNS] = {"/[ab]+", "/a.*", ".*b", "(/A|/a)*b?"};
static struct regex *regexes[PATTERNS];

static void any_condition(struct match_condition *condition) {
    if (roll(2) == 0)
        *condition = (struct match_condition){
            .subject = MATCH_METHOD, .text = {.kind = TEXT_MATCH_EXACT, .value = roll(2) ? SPAN_LITERAL("GET") : SPAN_LITERAL("PUT")}};
    else
        *condition = (struct match_condition){.subject = MATCH_HEADER, .name = SPAN_LITERAL("x"), .inverted = roll(2) == 0,
                                              .text = {.kind = roll(2) ? TEXT_MATCH_EXACT : TEXT_MATCH_PRESENT, .value = SPAN_LITERAL("1")}};
}

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
    size_t count = match->path.size == 0 || match->path_match == PATH_MATCH_ANY ? 1 + roll(2) : roll(3);
    match->conditions = arena_new_array(arena, struct match_condition, 2);
    for (; match->condition_count < count; match->condition_count++)
        any_condition(&match->conditions[match->condition_count]);
}

static struct cluster live = {.endpoint_count = 1}, resolved = {.name_count = 1}, empty, refused = {.endpoint_count = 1, .refusal = {"r", 1}};

/* Most routes have a single destination, where the host says it is. */
static void any_host(struct arena *arena, struct virtual_host *host) {
    struct cluster *clusters[] = {&live, &resolved, &empty, &refused, NULL};
    struct weighted_cluster *destinations = arena_new_array(arena, struct weighted_cluster, ROUTES_MAX + 2);
    host->domain = any_text(arena, 4);
    host->route_count = roll(ROUTES_MAX + 1) / (1 + roll(5));
    host->routes = arena_new_array(arena, struct route, host->route_count + 1);
    host->destinations = roll(5) > 0 ? destinations : NULL;
    for (size_t i = 0; i < host->route_count; i++) {
        struct route *route = &host->routes[i];
        any_match(arena, &route->match);
        route->action = roll(5) > 0 ? ROUTE_FORWARD : ROUTE_REDIRECT;
        route->destinations.items = &destinations[roll(5) > 0 ? i : ROUTES_MAX];
        route->destinations.count = roll(5) > 0 ? 1 : 2 * roll(2);
        destinations[i].cluster = clusters[roll(ARRAY_SIZE(clusters))];
    }
}

static bool goes_straight(const struct virtual_host *host, const struct route *route) {
    const struct weighted_cluster *items = route->destinations.items;
    return host->destinations != NULL && route->action == ROUTE_FORWARD && route->destinations.count == 1 &&
           items == &host->destinations[route - host->routes] && (items->cluster == &live || items->cluster == &resolved);
}

static void assert_found(struct route_found found, const struct virtual_host *host, const struct route *expected) {
    assert_ptr_equal(found.route, expected);
    /* Of a route that only its predicate judges the destination need not be said. */
    if (found.destination != NULL)
        assert_ptr_equal(found.destination, expected->destinations.items);
    assert_true(found.destination == NULL || goes_straight(host, expected));
    bool is_text = expected != NULL && (expected->match.path_match == PATH_MATCH_EXACT || expected->match.path_match == PATH_MATCH_PREFIX);
    if (is_text && goes_straight(host, expected))
        assert_non_null(found.destination);
}

static struct message_head any_request(struct arena *arena) {
    struct message_head head;
    message_head_init(&head, arena, 4);
    message_head_set_method(&head, roll(2) ? SPAN_LITERAL("GET") : SPAN_LITERAL("PUT"));
    if (roll(2))
        message_head_add_name(&head, SPAN_LITERAL("x"), roll(2) ? SPAN_LITERAL("1") : SPAN_LITERAL("2"));
    head.path = roll(10) == 0 ? SPAN_LITERAL("*") : any_text(arena, 6);
    return head;
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
        struct virtual_host host = {.require_tls = roll(2) == 0};
        any_host(&arena, &host);
        struct route_finder *finder = arena_allocate_aligned(&arena, route_finder_size(&host), alignof(struct route_finder));
        route_finder_init(finder, &arena, &host);
        assert_true(span_equal(route_finder_domain(finder), host.domain));
        const struct route_index *index = route_index_create(&arena, &host);
        for (size_t i = 0; i < PATHS; i++) {
            struct message_head head = any_request(&arena);
            struct request_view request = request_view_of(&head);
            const struct route *expected = walk(host.routes, host.route_count, &request);
            assert_found(route_index_find(index, &request), &host, expected);
            assert_found(route_finder_match(finder, &head), &host, expected);
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
    struct virtual_host host = {.routes = routes, .route_count = ARRAY_SIZE(routes)};
    const struct route_index *index = route_index_create(&arena, &host);
    static const struct {
        const char *path;
        int route;
    } samples[] = {{"/a/b", 0}, {"/a/b/c", 0}, {"/ab", 1}, {"/a", 1}, {"/b", -1}, {"/A/b", -1}, {"/a/b?/x", 0}};
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
        struct message_head head;
        message_head_init(&head, &arena, 1);
        head.path = span_of(samples[i].path);
        struct request_view request = request_view_of(&head);
        assert_ptr_equal(route_index_find(index, &request).route, samples[i].route < 0 ? NULL : &routes[samples[i].route]);
    }
    arena_deinit(&arena);
}

/* Such a text is left to the predicate. */
static void a_text_may_be_longer_than_its_size_says(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    size_t size = UINT16_MAX + 1;
    char *text = arena_new_array(&arena, char, size + 1);
    memset(text, '/', size + 1);
    struct route route = {.match = {.path_match = PATH_MATCH_PREFIX, .path = span_make(text, size)}};
    struct virtual_host host = {.routes = &route, .route_count = 1};
    struct route_finder *finder = arena_allocate_aligned(&arena, route_finder_size(&host), alignof(struct route_finder));
    route_finder_init(finder, &arena, &host);
    const struct route_index *index = route_index_create(&arena, &host);
    for (size_t path_size = size - 1; path_size <= size + 1; path_size++) {
        struct message_head head = {.path = span_make(text, path_size)};
        struct request_view request = request_view_of(&head);
        const struct route *expected = path_size < size ? NULL : &route;
        assert_ptr_equal(route_finder_match(finder, &head).route, expected);
        assert_ptr_equal(route_index_find(index, &request).route, expected);
    }
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_a_walk), cmocka_unit_test(the_first_of_equals_wins),
                                       cmocka_unit_test(a_text_may_be_longer_than_its_size_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
