#include "proxy/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "wire/response_flag.h"

#define DRAWS 200000

static void nothing_is_drawn_without_a_fault(void **state) {
    (void)state;
    struct random random;
    random_init(&random);
    struct random before = random;
    struct fault_action none = {.grpc_status = -1};
    assert_int_equal(fault_draw_delay_ns(NULL, &random), 0);
    assert_int_equal(fault_draw_delay_ns(&none, &random), 0);
    assert_false(fault_draw_abort(NULL, &random));
    assert_false(fault_draw_abort(&none, &random));
    assert_memory_equal(&before, &random, sizeof(random));
}

static void shares_hold(void **state) {
    (void)state;
    static const uint32_t shares[] = {1, 5000, 125000, 500000, 999999, 1000000};
    struct random random;
    random_init(&random);
    for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
        struct fault_action fault = {
            .delay_share = shares[i], .delay_ns = SECONDS(2), .abort_share = shares[i], .abort_status = 503, .grpc_status = -1};
        double delayed = 0, aborted = 0;
        for (int draw = 0; draw < DRAWS; draw++) {
            uint64_t delay_ns = fault_draw_delay_ns(&fault, &random);
            assert_true(delay_ns == 0 || delay_ns == SECONDS(2));
            delayed += delay_ns > 0;
            aborted += fault_draw_abort(&fault, &random);
        }
        /* Half a percentage point is more than four standard deviations. */
        assert_true(delayed / DRAWS - shares[i] / 1e6 < 0.005 && shares[i] / 1e6 - delayed / DRAWS < 0.005);
        assert_true(aborted / DRAWS - shares[i] / 1e6 < 0.005 && shares[i] / 1e6 - aborted / DRAWS < 0.005);
        assert_true(shares[i] < 1000000 || (delayed == DRAWS && aborted == DRAWS));
    }
}

static void the_answer_is_envoys(void **state) {
    (void)state;
    struct fault_action fault = {.abort_share = 1, .abort_status = 418, .grpc_status = -1};
    struct local_reply reply = fault_reply(&fault);
    assert_int_equal(reply.status, 418);
    assert_true(span_equal(reply.body, SPAN_LITERAL("fault filter abort")));
    assert_int_equal(reply.flags, RESPONSE_FLAG_FAULT_INJECTED);
    assert_false(reply.has_grpc_status);
    fault.grpc_status = 0;
    assert_true(fault_reply(&fault).has_grpc_status);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_drawn_without_a_fault),
        cmocka_unit_test(shares_hold),
        cmocka_unit_test(the_answer_is_envoys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
