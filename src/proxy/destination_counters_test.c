#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/destination_counters.h"
#include "wire/response_flag.h"

static void test_outcomes_are_packed_without_loss(void **state) {
    (void)state;
    static const struct outcome cases[] = {
        {.response_code = 200, .grpc_status = -1},
        {.response_code = 0, .grpc_status = -1, .protocol = COUNTED_TCP},
        {.response_code = 599, .response_flags = (1u << RESPONSE_FLAG_COUNT) - 1, .grpc_status = 16, .protocol = COUNTED_GRPC},
        {.response_code = 200, .grpc_status = 0, .protocol = COUNTED_GRPC},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t packed = outcome_pack(&cases[i]);
        assert_true(packed != 0);
        struct outcome again = outcome_unpack(packed);
        assert_int_equal(again.response_code, cases[i].response_code);
        assert_int_equal(again.response_flags, cases[i].response_flags);
        assert_int_equal(again.protocol, cases[i].protocol);
        assert_int_equal(again.grpc_status, cases[i].grpc_status);
        assert_false(again.is_other);
        for (size_t j = 0; j < i; j++)
            assert_true(packed != outcome_pack(&cases[j]));
    }
}

static uint64_t count_of(const struct destination_slot *slot, const struct outcome *outcome, size_t *ret_places) {
    uint64_t packed = outcome_pack(outcome), count = 0;
    *ret_places = 0;
    for (const struct outcome_chunk *chunk = &slot->outcomes; chunk != NULL; chunk = chunk->next)
        for (size_t i = 0; i < OUTCOMES_PER_CHUNK && chunk->items[i].outcome != 0; i++) {
            ++*ret_places;
            if (chunk->items[i].outcome == packed)
                count = counter_read(&chunk->items[i].count);
        }
    return count;
}

static void test_outcomes_are_bounded(void **state) {
    (void)state;
    struct destination_counters counters;
    destination_counters_init(&counters, 2);
    assert_null(destination_slot_of(NULL, 0));
    struct destination_slot *slot = destination_slot_of(&counters, 1);
    assert_ptr_equal(slot, destination_slot_of(&counters, 1));
    assert_ptr_not_equal(slot, destination_slot_of(&counters, 0));
    for (unsigned round = 0; round < 2; round++)
        for (unsigned code = 0; code < DESTINATION_OUTCOMES_MAX + 10; code++) {
            struct counted_request request = {.outcome = {.response_code = code, .grpc_status = -1}};
            destination_slot_count_request(slot, &request);
        }
    struct outcome first = {.response_code = 0, .grpc_status = -1}, late = {.response_code = DESTINATION_OUTCOMES_MAX, .grpc_status = -1};
    struct outcome other = {.is_other = true};
    size_t places;
    assert_int_equal(count_of(slot, &first, &places), 2);
    assert_int_equal(count_of(slot, &late, &places), 0);
    assert_int_equal(count_of(slot, &other, &places), 20);
    assert_int_equal(places, DESTINATION_OUTCOMES_MAX + 1);
    destination_counters_deinit(&counters);
}

static void test_values_fall_into_their_buckets(void **state) {
    (void)state;
    static const struct {
        uint64_t duration_ns, bytes;
        size_t duration_bucket, bytes_bucket;
    } cases[] = {
        {0, 0, 0, 0},
        {500000, 1, 0, 1},
        {500001, 5, 1, 2},
        {MILLISECONDS(1), 6, 1, 3},
        {MILLISECONDS(3600000), 3600000, 18, 18},
        {MILLISECONDS(3600000) + 1, 3600001, 19, 19},
    };
    struct destination_counters counters;
    destination_counters_init(&counters, 1);
    struct destination_slot *slot = destination_slot_of(&counters, 0);
    uint64_t sum_ns = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct counted_request request = {.outcome = {.response_code = 200, .grpc_status = -1},
                                          .duration_ns = cases[i].duration_ns,
                                          .received_bytes = cases[i].bytes,
                                          .sent_bytes = cases[i].bytes};
        uint64_t before[2] = {0, 0};
        const struct request_histograms *histograms = slot->histograms[COUNTED_HTTP];
        if (histograms != NULL) {
            before[0] = counter_read(&histograms->of[HISTOGRAM_DURATION].buckets[cases[i].duration_bucket]);
            before[1] = counter_read(&histograms->of[HISTOGRAM_RESPONSE_BYTES].buckets[cases[i].bytes_bucket]);
        }
        destination_slot_count_request(slot, &request);
        histograms = slot->histograms[COUNTED_HTTP];
        assert_int_equal(counter_read(&histograms->of[HISTOGRAM_DURATION].buckets[cases[i].duration_bucket]), before[0] + 1);
        assert_int_equal(counter_read(&histograms->of[HISTOGRAM_RESPONSE_BYTES].buckets[cases[i].bytes_bucket]), before[1] + 1);
        sum_ns += cases[i].duration_ns;
    }
    const struct request_histograms *histograms = slot->histograms[COUNTED_HTTP];
    assert_true(counter_read(&histograms->of[HISTOGRAM_DURATION].sum) == sum_ns);
    assert_null(slot->histograms[COUNTED_GRPC]);
    assert_int_equal(histogram_bound(HISTOGRAM_DURATION, 0), 500000);
    assert_int_equal(histogram_bound(HISTOGRAM_REQUEST_BYTES, 18), 3600000);
    destination_counters_deinit(&counters);
}

static void test_pins_keep_it(void **state) {
    (void)state;
    struct destination_counters counters;
    destination_counters_init(&counters, 2);
    assert_true(destination_counters_are_free(&counters));
    struct destination_slot *slot = destination_slot_of(&counters, 1);
    destination_slot_pin(slot);
    destination_slot_pin(slot);
    destination_slot_unpin(slot);
    assert_false(destination_counters_are_free(&counters));
    destination_slot_unpin(slot);
    assert_true(destination_counters_are_free(&counters));
    destination_counters_deinit(&counters);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outcomes_are_packed_without_loss),
        cmocka_unit_test(test_outcomes_are_bounded),
        cmocka_unit_test(test_values_fall_into_their_buckets),
        cmocka_unit_test(test_pins_keep_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
