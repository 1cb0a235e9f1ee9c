#include "dns/resolver.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

struct seen {
    size_t calls;
    size_t addresses;
    struct network_address first;
    bool failed;
};

static struct loop *loop;
static struct timer_wheel timers;

static int set_up(void **state) {
    (void)state;
    timer_wheel_init(&timers, clock_monotonic_ns());
    return loop_create(&loop);
}

static int tear_down(void **state) {
    (void)state;
    loop_destroy(loop);
    return 0;
}

static void see(void *argument, const struct dns_answer *answer) {
    struct seen *seen = argument;
    seen->calls++;
    seen->addresses = answer->count;
    seen->failed = answer->error != NULL;
    if (answer->count > 0)
        seen->first = answer->addresses[0];
}

static void an_address_is_its_own_answer(void **state) {
    (void)state;
    struct dns_resolver *resolver;
    struct network_address expected;
    struct seen seen = {0};
    assert_int_equal(dns_resolver_create(loop, &timers, "127.0.0.1:1", &resolver), 0);
    dns_resolver_ask(resolver, "fd00::1", see, &seen);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.addresses, 1);
    assert_true(network_address_parse(SPAN_LITERAL("fd00::1"), 0, &expected));
    assert_true(network_address_equal(&seen.first, &expected));
    dns_resolver_destroy(resolver);
}

static void what_is_under_way_is_answered_at_the_end(void **state) {
    (void)state;
    struct dns_resolver *resolver;
    struct seen seen = {0};
    assert_int_equal(dns_resolver_create(loop, &timers, "192.0.2.1", &resolver), 0);
    dns_resolver_ask(resolver, "host.test.", see, &seen);
    dns_resolver_destroy(resolver);
    assert_int_equal(seen.calls, 1);
    assert_true(seen.failed);
    assert_int_equal(timers.count, 0);
}

static void servers_must_be_addresses(void **state) {
    (void)state;
    struct dns_resolver *resolver;
    assert_int_equal(dns_resolver_create(loop, &timers, "nothing useful", &resolver), -EINVAL);
    assert_int_equal(dns_resolver_create(loop, &timers, "127.0.0.1:53,[::1]:5353,::1", &resolver), 0);
    dns_resolver_destroy(resolver);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_is_its_own_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_under_way_is_answered_at_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(servers_must_be_addresses, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
