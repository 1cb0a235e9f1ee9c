#include "proxy/newcomers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "base/clock.h"
#include "base/limits.h"

struct guest {
    struct newcomer newcomer;
    struct newcomers *newcomers;
    uint64_t cost_ns;
    size_t runs;
    bool evicted;
};

#define DURATION_NS MILLISECONDS(200)

static uint64_t test_now_ns = 1;

static uint64_t test_clock_ns(void) {
    return test_now_ns;
}

/* As a handshake: takes its time. */
static void run(struct newcomer *newcomer) {
    struct guest *guest = CONTAINER_OF(newcomer, struct guest, newcomer);
    guest->runs++;
    test_now_ns += guest->cost_ns;
}

static void evict(struct newcomer *newcomer) {
    struct guest *guest = CONTAINER_OF(newcomer, struct guest, newcomer);
    guest->evicted = true;
    newcomers_remove(guest->newcomers, newcomer);
}

static void guest_init(struct guest *guest, struct newcomers *newcomers, uint64_t cost_ns) {
    *guest = (struct guest){.newcomers = newcomers, .cost_ns = cost_ns};
    newcomer_init(&guest->newcomer, run, evict);
    newcomers_add(newcomers, &guest->newcomer);
}

static void the_oldest_that_has_not_answered_goes_first(void **state) {
    (void)state;
    struct newcomers newcomers;
    static struct guest guests[WORKER_HANDSHAKES_MAX + 2];
    newcomers_init(&newcomers);
    for (size_t i = 0; i < WORKER_HANDSHAKES_MAX; i++)
        guest_init(&guests[i], &newcomers, 0);
    newcomers_prove(&newcomers, &guests[0].newcomer);
    newcomers_queue(&newcomers, &guests[1].newcomer);
    guest_init(&guests[WORKER_HANDSHAKES_MAX], &newcomers, 0);
    assert_false(guests[0].evicted);
    assert_true(guests[1].evicted);
    /* What was under way for it in the same turn comes too late: its memory goes at the end of the turn. */
    newcomers_queue(&newcomers, &guests[1].newcomer);
    assert_false(newcomers_wait(&newcomers));
    assert_true(list_is_empty(&newcomers.waiting));
    for (size_t i = 2; i <= WORKER_HANDSHAKES_MAX; i++)
        newcomers_prove(&newcomers, &guests[i].newcomer);
    /* All have answered: the oldest all the same. */
    guest_init(&guests[WORKER_HANDSHAKES_MAX + 1], &newcomers, 0);
    assert_true(guests[0].evicted);
    assert_int_equal(newcomers.count, WORKER_HANDSHAKES_MAX);
    for (size_t i = 0; i < ARRAY_SIZE(guests); i++)
        newcomers_remove(&newcomers, &guests[i].newcomer);
    assert_int_equal(newcomers.count, 0);
    newcomers_prove(&newcomers, &guests[3].newcomer);
    assert_true(list_is_empty(&newcomers.proven));
}

/* How many of those that always want are served in DURATION_NS, in which others use this part of the time of each turn. */
static size_t served(unsigned others_percent) {
    enum { GUESTS = 4, COST_NS = 200 * 1000, TURN_NS = 300 * 1000 };
    struct newcomers newcomers;
    struct guest guests[GUESTS];
    size_t runs = 0;
    newcomers_init(&newcomers);
    newcomers.clock_ns = test_clock_ns;
    for (size_t i = 0; i < GUESTS; i++)
        guest_init(&guests[i], &newcomers, COST_NS);
    uint64_t end_ns = test_now_ns + DURATION_NS;
    while (test_now_ns < end_ns) {
        uint64_t start_ns = test_now_ns;
        test_now_ns += TURN_NS * others_percent / 100 + 1000;
        for (size_t i = 0; i < GUESTS; i++)
            newcomers_queue(&newcomers, &guests[i].newcomer);
        newcomers_run(&newcomers, start_ns);
    }
    for (size_t i = 0; i < GUESTS; i++) {
        runs += guests[i].runs;
        newcomers_remove(&newcomers, &guests[i].newcomer);
    }
    assert_false(newcomers_wait(&newcomers));
    return runs;
}

/* Who else works keeps what they need but for the share; who does not, leaves it all. */
static void newcomers_get_what_others_leave_or_a_share(void **state) {
    (void)state;
    const uint64_t all = DURATION_NS / (200 * 1000);
    size_t alone = served(0), beside = served(100);
    print_message("alone %zu, beside others %zu, at most %llu\n", alone, beside, (unsigned long long)all);
    assert_true(alone >= all * 8 / 10);
    assert_true(beside > 0);
    assert_true(beside <= all * (uint64_t)(HANDSHAKE_SHARE_PERCENT + 5) / 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_that_has_not_answered_goes_first),
        cmocka_unit_test(newcomers_get_what_others_leave_or_a_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
