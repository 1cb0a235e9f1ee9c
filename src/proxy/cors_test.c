#include "proxy/cors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

static struct message_head request_of(const char *method, const char *origin, const char *asks_method) {
    struct message_head head;
    message_head_init(&head, &arena, 4);
    message_head_set_method(&head, span_of(method));
    if (origin != NULL)
        message_head_add(&head, HEADER_ORIGIN, span_of(origin));
    if (asks_method != NULL)
        message_head_add_name(&head, SPAN_LITERAL("access-control-request-method"), span_of(asks_method));
    return head;
}

static struct cors_policy policy_of(struct text_match *origin) {
    return (struct cors_policy){.origins = origin,
                                .origin_count = 1,
                                .allow_methods = SPAN_LITERAL("GET,PUT"),
                                .expose_headers = SPAN_LITERAL("x-b"),
                                .max_age = SPAN_LITERAL("60")};
}

static void what_a_request_is(void **state) {
    (void)state;
    struct text_match origin = {.kind = TEXT_MATCH_PREFIX, .value = SPAN_LITERAL("https://a.")};
    struct cors_policy policy = policy_of(&origin);
    const struct {
        const char *method, *origin, *asks;
        enum cors_verdict verdict, answering;
    } cases[] = {
        {"GET", NULL, NULL, CORS_FOREIGN, CORS_FOREIGN},
        {"GET", "", NULL, CORS_FOREIGN, CORS_FOREIGN},
        {"GET", "https://a.example", NULL, CORS_GRANTED, CORS_GRANTED},
        {"GET", "https://b.example", NULL, CORS_FOREIGN, CORS_FOREIGN},
        {"OPTIONS", "https://a.example", NULL, CORS_GRANTED, CORS_GRANTED},
        {"OPTIONS", "https://a.example", "", CORS_GRANTED, CORS_GRANTED},
        {"OPTIONS", "https://a.example", "PUT", CORS_PREFLIGHT, CORS_PREFLIGHT},
        {"OPTIONS", "https://b.example", "PUT", CORS_FOREIGN, CORS_PREFLIGHT},
        {"OPTIONS", NULL, "PUT", CORS_FOREIGN, CORS_FOREIGN},
        {"POST", "https://a.example", "PUT", CORS_GRANTED, CORS_GRANTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message_head request = request_of(cases[i].method, cases[i].origin, cases[i].asks);
        const struct cors_grant *grant = NULL;
        assert_int_equal(cors_decide(NULL, &request, &grant), CORS_FOREIGN);
        policy.answers_unmatched_preflights = false;
        assert_int_equal(cors_decide(&policy, &request, &grant), cases[i].verdict);
        assert_int_equal(grant != NULL, cases[i].verdict != CORS_FOREIGN);
        policy.answers_unmatched_preflights = true;
        assert_int_equal(cors_decide(&policy, &request, &grant), cases[i].answering);
    }
    struct message_head foreign = request_of("GET", "null", NULL);
    const struct cors_grant *grant = NULL;
    policy.allows_any_origin = true;
    assert_int_equal(cors_decide(&policy, &foreign, &grant), CORS_GRANTED);
    assert_true(span_equal(grant->origin, SPAN_LITERAL("null")));
}

static struct span field(const struct local_reply *reply, const char *name) {
    for (size_t i = 0; i < reply->field_count; i++)
        if (span_equal(reply->fields[i].name, span_of(name)))
            return reply->fields[i].value;
    return SPAN_EMPTY;
}

static void the_preflight_answer(void **state) {
    (void)state;
    struct text_match origin = {.kind = TEXT_MATCH_EXACT, .value = SPAN_LITERAL("https://a")};
    struct cors_policy policy = policy_of(&origin);
    struct message_head request = request_of("OPTIONS", "https://a", "DELETE");
    message_head_add_name(&request, SPAN_LITERAL("access-control-request-headers"), SPAN_LITERAL("x-q, x-r"));
    const struct cors_grant *grant = NULL;
    assert_int_equal(cors_decide(&policy, &request, &grant), CORS_PREFLIGHT);
    struct local_reply reply = cors_preflight_reply(&policy, &request, grant);
    assert_int_equal(reply.status, 200);
    assert_int_equal(reply.body.size, 0);
    assert_true(span_equal(field(&reply, "access-control-allow-origin"), SPAN_LITERAL("https://a")));
    assert_true(span_equal(field(&reply, "access-control-allow-methods"), SPAN_LITERAL("GET,PUT")));
    assert_true(span_equal(field(&reply, "access-control-expose-headers"), SPAN_LITERAL("x-b")));
    assert_true(span_equal(field(&reply, "access-control-max-age"), SPAN_LITERAL("60")));
    assert_int_equal(field(&reply, "access-control-allow-headers").size, 0);
    assert_int_equal(field(&reply, "access-control-allow-credentials").size, 0);

    policy.allow_methods = policy.allow_headers = SPAN_LITERAL("*");
    policy.allows_credentials = true;
    reply = cors_preflight_reply(&policy, &request, NULL);
    assert_int_equal(field(&reply, "access-control-allow-origin").size, 0);
    assert_true(span_equal(field(&reply, "access-control-allow-credentials"), SPAN_LITERAL("true")));
    assert_true(span_equal(field(&reply, "access-control-allow-methods"), SPAN_LITERAL("DELETE")));
    assert_true(span_equal(field(&reply, "access-control-allow-headers"), SPAN_LITERAL("x-q, x-r")));
}

static void the_grant_beats_the_upstream(void **state) {
    (void)state;
    struct message_head response;
    message_head_init(&response, &arena, 4);
    message_head_add_name(&response, SPAN_LITERAL("access-control-allow-origin"), SPAN_LITERAL("*"));
    struct cors_grant grant = {.origin = SPAN_LITERAL("https://a"), .credentials = true};
    cors_grant_apply(&grant, &response);
    assert_int_equal(response.header_count, 2);
    assert_true(span_equal(response.headers[0].value, SPAN_LITERAL("https://a")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_request_is, setup, teardown),
        cmocka_unit_test_setup_teardown(the_preflight_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(the_grant_beats_the_upstream, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
