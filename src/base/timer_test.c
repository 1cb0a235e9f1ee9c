#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/network_address.h"
#include "base/random.h"
#include "base/timer.h"

struct probe {
    struct timer timer;
    int fired;
};

static void note_fired(struct timer *timer) {
    CONTAINER_OF(timer, struct probe, timer)->fired++;
}

/* Every delay fires at its time: not before, and at the first advance that reaches it. */
static void timers_fire_on_time_across_all_levels(void **state) {
    (void)state;
    static const uint64_t delays_ms[] = {1, 2, 255, 256, 257, 1000, 65535, 65536, 70000, 16777216, 20000000};
    for (size_t i = 0; i < ARRAY_SIZE(delays_ms); i++) {
        struct timer_wheel wheel;
        uint64_t start = MILLISECONDS(123456789);
        timer_wheel_init(&wheel, start);
        struct probe probe = {.fired = 0};
        timer_init(&probe.timer, note_fired);
        timer_set(&wheel, &probe.timer, start, MILLISECONDS(delays_ms[i]));
        timer_wheel_advance(&wheel, start + MILLISECONDS(delays_ms[i] - 1));
        assert_int_equal(probe.fired, 0);
        timer_wheel_advance(&wheel, start + MILLISECONDS(delays_ms[i]));
        assert_int_equal(probe.fired, 1);
        assert_int_equal(wheel.count, 0);
    }
}

static void cancelled_timers_do_not_fire(void **state) {
    (void)state;
    struct timer_wheel wheel;
    timer_wheel_init(&wheel, 0);
    struct probe probe = {.fired = 0};
    timer_init(&probe.timer, note_fired);
    timer_set(&wheel, &probe.timer, 0, MILLISECONDS(5));
    timer_cancel(&wheel, &probe.timer);
    timer_cancel(&wheel, &probe.timer);
    timer_wheel_advance(&wheel, MILLISECONDS(10));
    assert_int_equal(probe.fired, 0);
    assert_true(timer_wheel_wait_ns(&wheel, 0) == UINT64_MAX);
}

static void the_wait_never_oversleeps(void **state) {
    (void)state;
    struct timer_wheel wheel;
    uint64_t now = MILLISECONDS(1000);
    timer_wheel_init(&wheel, now);
    struct probe probe = {.fired = 0};
    timer_init(&probe.timer, note_fired);
    timer_set(&wheel, &probe.timer, now, MILLISECONDS(100000));
    while (!probe.fired) {
        uint64_t wait = timer_wheel_wait_ns(&wheel, now);
        assert_true(now + wait <= MILLISECONDS(101000));
        now += wait;
        timer_wheel_advance(&wheel, now);
    }
    assert_true(now == MILLISECONDS(101000));
}

static void addresses_print_as_they_parse(void **state) {
    (void)state;
    static const struct {
        const char *host, *text;
    } cases[] = {{"10.0.0.1", "10.0.0.1:80"}, {"fd00::1", "[fd00::1]:80"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct network_address address;
        char text[NETWORK_ADDRESS_TEXT_MAX];
        assert_true(network_address_parse(span_of(cases[i].host), 80, &address));
        network_address_print(&address, text);
        assert_string_equal(text, cases[i].text);
    }
    struct network_address address;
    static const char *const refused[] = {"", "10.0.0", "10.0.0.256", "[::1]", "host", "10.0.0.1 "};
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_false(network_address_parse(span_of(refused[i]), 80, &address));
}

static void uuids_have_their_version_and_variant(void **state) {
    (void)state;
    struct random random;
    random_init(&random);
    char first[RANDOM_UUID_SIZE], second[RANDOM_UUID_SIZE];
    random_uuid(&random, first);
    random_uuid(&random, second);
    assert_int_equal(first[14], '4');
    assert_non_null(strchr("89ab", first[19]));
    assert_int_equal(first[8], '-');
    assert_int_equal(first[23], '-');
    assert_memory_not_equal(first, second, RANDOM_UUID_SIZE);
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(&random, 3) < 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_on_time_across_all_levels), cmocka_unit_test(cancelled_timers_do_not_fire),
        cmocka_unit_test(the_wait_never_oversleeps),             cmocka_unit_test(addresses_print_as_they_parse),
        cmocka_unit_test(uuids_have_their_version_and_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
