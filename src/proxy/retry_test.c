#include "proxy/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static const struct retry_policy istio_default = {
    .attempts = 2,
    .retry_on = RETRY_ON_CONNECT_FAILURE | RETRY_ON_REFUSED_STREAM | RETRY_ON_UNAVAILABLE | RETRY_ON_CANCELLED |
                RETRY_ON_RETRIABLE_STATUS_CODES,
    .backoff_base_ns = MILLISECONDS(25),
    .backoff_max_ns = MILLISECONDS(250),
};

static void connect_failures_are_retried_until_the_limit(void **state) {
    (void)state;
    struct retry_state retry;
    retry_init(&retry, &istio_default);
    struct retry_question post = {.failure = ATTEMPT_CONNECT_FAILED, .replayable = true, .idempotent = false};
    assert_int_equal(retry_decide(&retry, &post), RETRY_AFTER_BACKOFF);
    post.failure = ATTEMPT_CONNECT_TIMED_OUT;
    assert_int_equal(retry_decide(&retry, &post), RETRY_AFTER_BACKOFF);
    assert_int_equal(retry_decide(&retry, &post), RETRY_LIMIT_EXCEEDED);
}

static void a_lost_body_is_not_retried(void **state) {
    (void)state;
    struct retry_state retry;
    retry_init(&retry, &istio_default);
    struct retry_question question = {.failure = ATTEMPT_CONNECT_FAILED, .replayable = false};
    assert_int_equal(retry_decide(&retry, &question), RETRY_NO);
}

static void a_dead_reused_connection_is_worth_one_fresh_one(void **state) {
    (void)state;
    struct retry_state retry;
    retry_init(&retry, &istio_default);
    struct retry_question get = {.failure = ATTEMPT_ENDED, .reused = true, .idempotent = true, .replayable = true};
    assert_int_equal(retry_decide(&retry, &get), RETRY_FRESH);
    assert_int_equal(retry_decide(&retry, &get), RETRY_NO);
    struct retry_question post = {.failure = ATTEMPT_ENDED, .reused = true, .idempotent = false, .replayable = true};
    retry_init(&retry, &istio_default);
    assert_int_equal(retry_decide(&retry, &post), RETRY_NO);
    struct retry_question answered = {.failure = ATTEMPT_ENDED_WITHIN_HEAD, .reused = true, .idempotent = true, .replayable = true};
    assert_int_equal(retry_decide(&retry, &answered), RETRY_NO);
    struct retry_question fresh = {.failure = ATTEMPT_ENDED, .reused = false, .idempotent = true, .replayable = true};
    assert_int_equal(retry_decide(&retry, &fresh), RETRY_NO);
}

static void statuses_are_retried_only_where_named(void **state) {
    (void)state;
    struct retry_state retry;
    retry_init(&retry, &istio_default);
    struct retry_question question = {.failure = ATTEMPT_STATUS, .status = 503, .replayable = true};
    assert_int_equal(retry_decide(&retry, &question), RETRY_NO);
    question.grpc_status = SPAN_LITERAL("14");
    assert_int_equal(retry_decide(&retry, &question), RETRY_AFTER_BACKOFF);
    uint16_t codes[] = {418, 503};
    struct retry_policy named = istio_default;
    named.status_codes = codes;
    named.status_code_count = 2;
    retry_init(&retry, &named);
    question.grpc_status = SPAN_EMPTY;
    assert_int_equal(retry_decide(&retry, &question), RETRY_AFTER_BACKOFF);
    question.status = 500;
    assert_int_equal(retry_decide(&retry, &question), RETRY_NO);
}

static void no_attempts_means_no_limit_flag(void **state) {
    (void)state;
    struct retry_policy none = istio_default;
    none.attempts = 0;
    struct retry_state retry;
    retry_init(&retry, &none);
    struct retry_question question = {.failure = ATTEMPT_CONNECT_FAILED, .replayable = true};
    assert_int_equal(retry_decide(&retry, &question), RETRY_NO);
}

static void backoff_stays_within_its_bounds(void **state) {
    (void)state;
    struct random random;
    random_init(&random);
    struct retry_state retry;
    retry_init(&retry, &istio_default);
    for (uint32_t n = 1; n < 80; n++) {
        retry.retries_done = n;
        uint64_t limit = n >= 4 ? MILLISECONDS(250) : MILLISECONDS(25) * ((1U << n) - 1);
        for (int i = 0; i < 50; i++)
            assert_true(retry_backoff_ns(&retry, &random) < limit);
    }
}

static void tried_endpoints_are_remembered(void **state) {
    (void)state;
    struct retry_state retry;
    retry_init(&retry, &istio_default);
    struct network_address a = {.bytes = {10, 0, 0, 1}, .size = 4, .port = 80}, b = {.bytes = {10, 0, 0, 2}, .size = 4, .port = 80};
    assert_int_equal(retry_tried_count(&retry), 0);
    retry_remember(&retry, &a);
    assert_int_equal(retry_tried_count(&retry), 1);
    assert_true(network_address_equal(&retry.tried[0], &a));
    for (int i = 0; i < RETRY_TRIED_MAX; i++)
        retry_remember(&retry, &b);
    assert_int_equal(retry_tried_count(&retry), RETRY_TRIED_MAX);
    assert_true(network_address_equal(&retry.tried[0], &b));
}

static bool is_retried(uint32_t retry_on, struct retry_question question) {
    struct retry_policy policy = {.attempts = 1, .retry_on = retry_on};
    struct retry_state retry;
    retry_init(&retry, &policy);
    question.replayable = true;
    return retry_decide(&retry, &question) == RETRY_AFTER_BACKOFF;
}

static void each_word_means_its_own_failures(void **state) {
    (void)state;
    const struct {
        uint32_t word;
        const char *grpc_status;
    } grpc[] = {{RETRY_ON_CANCELLED, "1"}, {RETRY_ON_DEADLINE_EXCEEDED, "4"}, {RETRY_ON_RESOURCE_EXHAUSTED, "8"},
                {RETRY_ON_INTERNAL, "13"}, {RETRY_ON_UNAVAILABLE, "14"}};
    for (size_t word = 0; word < sizeof(grpc) / sizeof(grpc[0]); word++)
        for (size_t status = 0; status < sizeof(grpc) / sizeof(grpc[0]); status++)
            assert_int_equal(is_retried(grpc[word].word, (struct retry_question){.failure = ATTEMPT_STATUS,
                                                                                 .status = 200,
                                                                                 .grpc_status = span_of(grpc[status].grpc_status)}),
                             word == status);
    const struct {
        uint32_t word;
        unsigned status;
        bool retried;
    } statuses[] = {{RETRY_ON_5XX, 500, true},           {RETRY_ON_5XX, 599, true},           {RETRY_ON_5XX, 499, false},
                    {RETRY_ON_GATEWAY_ERROR, 500, false}, {RETRY_ON_GATEWAY_ERROR, 502, true}, {RETRY_ON_GATEWAY_ERROR, 504, true},
                    {RETRY_ON_GATEWAY_ERROR, 505, false}, {RETRY_ON_RETRIABLE_4XX, 409, true}, {RETRY_ON_RETRIABLE_4XX, 408, false},
                    {RETRY_ON_RESET, 503, false},         {RETRY_ON_CONNECT_FAILURE, 503, false}};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        assert_int_equal(is_retried(statuses[i].word, (struct retry_question){.failure = ATTEMPT_STATUS, .status = statuses[i].status}),
                         statuses[i].retried);
    const struct retry_question expired = {.failure = ATTEMPT_TRY_TIMED_OUT};
    assert_true(is_retried(RETRY_ON_5XX, expired) && is_retried(RETRY_ON_GATEWAY_ERROR, expired) && is_retried(RETRY_ON_RESET, expired));
    assert_false(is_retried(RETRY_ON_CONNECT_FAILURE, expired));
    const struct retry_question limited = {.failure = ATTEMPT_STATUS, .status = 503, .rate_limited = true};
    assert_false(is_retried(RETRY_ON_5XX, limited));
    assert_true(is_retried(RETRY_ON_ENVOY_RATE_LIMITED, limited));
}

static void tried_endpoints_are_avoided_unless_the_policy_says_otherwise(void **state) {
    (void)state;
    struct retry_policy policy = istio_default;
    struct network_address address = {.bytes = {127, 0, 0, 1}, .size = 4, .port = 80};
    struct retry_state retry;
    retry_init(&retry, &policy);
    retry_remember(&retry, &address);
    assert_int_equal(retry_tried_count(&retry), 1);
    policy.revisits_endpoints = true;
    assert_int_equal(retry_tried_count(&retry), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_means_its_own_failures),
        cmocka_unit_test(tried_endpoints_are_avoided_unless_the_policy_says_otherwise),
        cmocka_unit_test(connect_failures_are_retried_until_the_limit),
        cmocka_unit_test(a_lost_body_is_not_retried),
        cmocka_unit_test(a_dead_reused_connection_is_worth_one_fresh_one),
        cmocka_unit_test(statuses_are_retried_only_where_named),
        cmocka_unit_test(no_attempts_means_no_limit_flag),
        cmocka_unit_test(backoff_stays_within_its_bounds),
        cmocka_unit_test(tried_endpoints_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
