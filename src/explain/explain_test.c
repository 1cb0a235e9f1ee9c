#include "explain/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ROUTES 12

static struct route *routes;

/* One plaintext listener on port 80 with so many exact routes of one host that they have an index; each answers 200. */
static struct snapshot *make_snapshot(void) {
    struct snapshot *snapshot = snapshot_create();
    struct arena *arena = &snapshot->arena;
    struct virtual_host *host = arena_new(arena, struct virtual_host);
    struct route_table *table = arena_new(arena, struct route_table);
    struct filter_chain *chain = arena_new(arena, struct filter_chain);
    struct listener *listener = arena_new(arena, struct listener);
    struct direct_response_action *answer = arena_new(arena, struct direct_response_action);
    answer->status = 200;
    routes = arena_new_array(arena, struct route, ROUTES);
    for (size_t i = 0; i < ROUTES; i++) {
        struct route_match match = {.path_match = PATH_MATCH_EXACT, .path = arena_print(arena, "/%zu", i)};
        routes[i] = (struct route){.match = match, .action = ROUTE_DIRECT_RESPONSE, .direct_response = answer};
    }
    *host = (struct virtual_host){.domain = SPAN_LITERAL("a.test"), .routes = routes, .route_count = ROUTES};
    *table = (struct route_table){.name = SPAN_LITERAL("http.80"), .virtual_hosts = arena_new_array(arena, struct virtual_host *, 1), .virtual_host_count = 1};
    table->virtual_hosts[0] = host;
    *chain = (struct filter_chain){.name = SPAN_LITERAL("n/g servers[0]"), .kind = FILTER_CHAIN_HTTP, .routes = table};
    *listener = (struct listener){.port = 80, .filter_chains = arena_new_array(arena, struct filter_chain *, 1), .filter_chain_count = 1};
    listener->filter_chains[0] = chain;
    snapshot->listeners = arena_new_array(arena, struct listener *, 1);
    snapshot->listeners[0] = listener;
    snapshot->route_tables = arena_new_array(arena, struct route_table *, 1);
    snapshot->route_tables[0] = table;
    snapshot->listener_count = snapshot->route_table_count = 1;
    snapshot->background = arena_new(arena, struct background);
    snapshot_seal(snapshot);
    return snapshot;
}

static bool ask(const struct snapshot *snapshot, const char *url, enum explain_format format, struct builder *ret_text) {
    struct arena arena;
    struct explain_request request;
    struct explain_request_error error;
    arena_init(&arena, 4096);
    assert_true(explain_request_parse(&arena, span_of(url), &request, &error));
    bool agreed = explain(snapshot, NULL, &request, format, ret_text);
    arena_deinit(&arena);
    builder_put_byte(ret_text, '\0');
    return agreed;
}

static void the_index_and_the_walk_agree(void **state) {
    (void)state;
    struct snapshot *snapshot = make_snapshot();
    struct builder text = {.data = NULL};
    assert_true(ask(snapshot, "http://a.test/7", EXPLAIN_TEXT, &text));
    assert_non_null(strstr(text.data, "200 by the gateway itself"));
    assert_non_null(strstr(text.data, "  - 7. path \"/7\" is not \"/6\"\n  + 8. path \"/7\": matches\n"));
    assert_null(strstr(text.data, "error"));
    builder_deinit(&text);
    snapshot_destroy(snapshot);
}

/* The index knows the routes as they were; the walk sees them as they are. */
static void a_disagreement_is_an_error_that_says_so(void **state) {
    (void)state;
    static const enum explain_format formats[] = {EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_VERDICT};
    static const char *const said[] = {"error: this explanation is not to be trusted: the walk over the routes of \"a.test\" ends at 3, the index at 7",
                                       "\"error\": \"the walk over the routes", "\"error\":\"the walk over the routes"};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        struct snapshot *snapshot = make_snapshot();
        struct builder text = {.data = NULL};
        routes[3].match.path = SPAN_LITERAL("/7");
        assert_false(ask(snapshot, "http://a.test/7", formats[i], &text));
        if (strstr(text.data, said[i]) == NULL)
            fail_msg("%s", text.data);
        builder_deinit(&text);
        snapshot_destroy(snapshot);
    }
}

/* Names come from the input: none of them moves the reader's cursor. */
static void control_bytes_are_not_printed(void **state) {
    (void)state;
    struct snapshot *snapshot = make_snapshot();
    struct builder text = {.data = NULL};
    routes[7].name = SPAN_LITERAL("evil\033[2J");
    assert_true(ask(snapshot, "http://a.test/7", EXPLAIN_TEXT, &text));
    assert_null(strchr(text.data, '\033'));
    builder_deinit(&text);
    snapshot_destroy(snapshot);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_and_the_walk_agree),
        cmocka_unit_test(a_disagreement_is_an_error_that_says_so),
        cmocka_unit_test(control_bytes_are_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
