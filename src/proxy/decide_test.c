#include "proxy/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot/snapshot.h"

static struct cluster live = {.name = {"live", 4}, .endpoint_count = 1};
static struct cluster empty = {.name = {"empty", 5}};
static struct cluster encrypted = {.name = {"encrypted", 9}, .endpoint_count = 1, .refusal = {"DestinationRule x tls", 21}};

static struct weighted_cluster to_live[] = {{&live, {"live", 4}, 1, 0, NULL}};
static struct weighted_cluster to_empty[] = {{&empty, {"empty", 5}, 1, 0, NULL}};
static struct weighted_cluster to_encrypted[] = {{&encrypted, {"encrypted", 9}, 1, 0, NULL}};
static struct weighted_cluster to_nothing[] = {{NULL, {"nothing", 7}, 1, 0, NULL}};

#define ROUTE(prefix, target) \
    {.match = {.path_match = PATH_MATCH_PREFIX, .path = {prefix, sizeof(prefix) - 1}}, .destinations = {target, 1, 1}}
static struct route routes[] = {
    ROUTE("/live", to_live),
    ROUTE("/empty", to_empty),
    ROUTE("/encrypted", to_encrypted),
    ROUTE("/nothing", to_nothing),
    {.match = {.path_match = PATH_MATCH_EXACT, .path = {"/refused", 8}}, .action = ROUTE_REFUSE, .refusal = {"why", 3}},
    {.match = {.path_match = PATH_MATCH_EXACT, .path = {"/nowhere", 8}}},
};
static struct route catch_all[] = {ROUTE("/", to_live)};

static struct virtual_host exact = {.domain = {"a.com", 5}, .routes = routes, .route_count = 6};
static struct virtual_host secure = {.domain = {"secure.com", 10}, .require_tls = true, .routes = catch_all, .route_count = 1};
static struct virtual_host any = {.domain = {"*", 1}, .routes = catch_all, .route_count = 1};

static struct arena arena;
static struct virtual_host *hosts[] = {&exact, &secure};
static struct route_table table = {.virtual_hosts = hosts, .virtual_host_count = 2};

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 4096);
    route_table_seal(&arena, &table);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    host_index_deinit(&table.hosts);
    arena_deinit(&arena);
    return 0;
}

static struct message_head request_for(const char *authority, const char *path, const char *proto) {
    struct message_head head;
    message_head_init(&head, &arena, 4);
    message_head_set_method(&head, SPAN_LITERAL("GET"));
    assert_true(message_head_set_authority(&head, span_of(authority)));
    head.path = span_of(path);
    if (proto != NULL)
        message_head_add(&head, HEADER_X_FORWARDED_PROTO, span_of(proto));
    return head;
}

static struct decision decision_for(const char *authority, const char *path, const char *proto) {
    struct message_head head = request_for(authority, path, proto);
    struct decision decision;
    decide(&table, &head, 0, &decision);
    return decision;
}

static void routes_in_order_with_their_ends(void **state) {
    (void)state;
    static const struct {
        const char *path;
        enum decision_kind kind;
    } cases[] = {
        {"/live", DECISION_FORWARD},
        {"/liver?x=/empty", DECISION_FORWARD},
        {"/empty", DECISION_NO_ENDPOINT},
        {"/encrypted", DECISION_REFUSED},
        {"/nothing", DECISION_NO_CLUSTER},
        {"/nowhere", DECISION_NO_CLUSTER},
        {"/refused", DECISION_REFUSED},
        {"/refused?query", DECISION_REFUSED},
        {"/refusedx", DECISION_NO_ROUTE},
        {"*", DECISION_NO_ROUTE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(decision_for("a.com", cases[i].path, NULL).kind, cases[i].kind);
    assert_true(span_equal(decision_for("a.com", "/nothing", NULL).destination->cluster_name, SPAN_LITERAL("nothing")));
    assert_true(span_equal(decision_for("a.com", "/refused", NULL).refusal, SPAN_LITERAL("why")));
}

static void hosts_match_without_port_and_case_and_without_fall_through(void **state) {
    (void)state;
    assert_int_equal(decision_for("A.COM:8443", "/live", NULL).kind, DECISION_FORWARD);
    assert_int_equal(decision_for("b.com", "/live", NULL).kind, DECISION_NO_ROUTE);
    assert_null(decision_for("b.com", "/live", NULL).virtual_host);
    struct route_finder *finder = arena_allocate_aligned(&arena, route_finder_size(&any), alignof(struct route_finder));
    route_finder_init(finder, &arena, &any);
    assert_true(host_index_add(&table.hosts, any.domain, finder));
    assert_int_equal(decision_for("b.com", "/live", NULL).kind, DECISION_FORWARD);
    /* A route miss does not fall through to the "*" host (vector V9). */
    assert_int_equal(decision_for("a.com", "/other", NULL).kind, DECISION_NO_ROUTE);
    table.hosts.any = NULL;
}

/* Vector V12. */
static void redirects_to_tls_with_the_host_verbatim(void **state) {
    (void)state;
    assert_int_equal(decision_for("secure.com:8080", "/p?q", "http").kind, DECISION_REDIRECT_TLS);
    assert_int_equal(decision_for("secure.com:8080", "/p?q", NULL).kind, DECISION_REDIRECT_TLS);
    assert_int_equal(decision_for("secure.com", "/", "https").kind, DECISION_FORWARD);
    assert_int_equal(decision_for("secure.com", "/", "HTTPS").kind, DECISION_FORWARD);
    struct message_head head = request_for("Secure.com:8080", "/p?q", "http");
    assert_true(span_equal(decide_tls_location(&arena, &head), SPAN_LITERAL("https://Secure.com:8080/p?q")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_in_order_with_their_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(hosts_match_without_port_and_case_and_without_fall_through, setup, teardown),
        cmocka_unit_test_setup_teardown(redirects_to_tls_with_the_host_verbatim, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
