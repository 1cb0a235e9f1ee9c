#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/event.h"
#include "os/loop.h"

struct probe {
    struct loop_source source;
    unsigned events;
    int calls;
    struct loop *loop;
    struct probe *victim; /* removed from within the call */
};

static void probe_event(struct loop_source *source, unsigned events) {
    struct probe *probe = CONTAINER_OF(source, struct probe, source);
    probe->events |= events;
    probe->calls++;
    if (probe->victim != NULL)
        loop_remove(probe->loop, &probe->victim->source);
}

static void pair_make(int ret_pair[2]) {
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ret_pair), 0);
}

static void test_edges(void **state) {
    (void)state;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    int pair[2];
    pair_make(pair);
    struct probe probe = {.source.descriptor = -1};
    assert_int_equal(loop_add(loop, &probe.source, pair[0], probe_event), 0);
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_int_equal(probe.events, LOOP_WRITABLE);
    assert_int_equal(loop_turn(loop, 0), 0); /* the edge comes once */
    assert_int_equal(write(pair[1], "x", 1), 1);
    probe.events = 0;
    assert_int_equal(loop_turn(loop, UINT64_MAX), 1);
    assert_true(probe.events & LOOP_READABLE);
    assert_false(probe.events & LOOP_ENDED);
    assert_int_equal(loop_turn(loop, 0), 0);
    probe.events = 0;
    assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_true((probe.events & (LOOP_READABLE | LOOP_ENDED)) == (LOOP_READABLE | LOOP_ENDED));
    assert_false(probe.events & LOOP_HANGUP);
    close(pair[1]);
    probe.events = 0;
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_true(probe.events & LOOP_HANGUP);
    loop_remove(loop, &probe.source);
    loop_remove(loop, &probe.source); /* harmless */
    assert_int_equal(probe.source.descriptor, -1);
    close(pair[0]);
    loop_destroy(loop);
}

static void test_removed_in_the_same_turn(void **state) {
    (void)state;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    int one[2], two[2];
    pair_make(one);
    pair_make(two);
    struct probe a = {.source.descriptor = -1, .loop = loop}, b = {.source.descriptor = -1, .loop = loop};
    a.victim = &b;
    b.victim = &a;
    assert_int_equal(loop_add(loop, &a.source, one[0], probe_event), 0);
    assert_int_equal(loop_add(loop, &b.source, two[0], probe_event), 0);
    assert_int_equal(loop_turn(loop, 0), 2);
    assert_int_equal(a.calls + b.calls, 1);
    /* The place that became free is used again; the old generation's events do not reach the new source. */
    struct probe c = {.source.descriptor = -1};
    assert_int_equal(loop_add(loop, &c.source, a.calls == 0 ? one[0] : two[0], probe_event), 0);
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_int_equal(c.calls, 1);
    loop_destroy(loop);
    close(one[0]), close(one[1]), close(two[0]), close(two[1]);
}

static void test_level_and_event(void **state) {
    (void)state;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    int event;
    assert_int_equal(event_open(&event), 0);
    struct probe probe = {.source.descriptor = -1};
    assert_int_equal(loop_add_level(loop, &probe.source, event, probe_event), 0);
    assert_int_equal(loop_turn(loop, 0), 0);
    event_signal(event);
    event_signal(event);
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_int_equal(loop_turn(loop, 0), 1); /* it stays until cleared */
    event_clear(event);
    event_clear(event); /* harmless */
    assert_int_equal(loop_turn(loop, 0), 0);
    loop_forget(loop, &probe.source);
    event_close(event);
    loop_destroy(loop);
}

static void test_waits(void **state) {
    (void)state;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    uint64_t before_ns = clock_monotonic_ns();
    assert_int_equal(loop_turn(loop, 1), 0); /* rounded up to a millisecond */
    assert_true(clock_monotonic_ns() - before_ns >= NANOSECONDS_PER_MILLISECOND / 2);
    struct probe probe = {.source.descriptor = -1};
    assert_true(loop_add(loop, &probe.source, 1000000, probe_event) < 0);
    assert_int_equal(probe.source.descriptor, -1);
    loop_destroy(loop);
    loop_destroy(NULL);
}

static void test_many(void **state) {
    (void)state;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    enum { COUNT = 200 };
    struct probe probes[COUNT];
    int pairs[COUNT][2];
    for (int i = 0; i < COUNT; i++) {
        pair_make(pairs[i]);
        probes[i] = (struct probe){.source.descriptor = -1};
        assert_int_equal(loop_add(loop, &probes[i].source, pairs[i][0], probe_event), 0);
    }
    assert_int_equal(loop_turn(loop, 0), COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(probes[i].calls, 1);
        loop_forget(loop, &probes[i].source);
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    assert_int_equal(loop_turn(loop, 0), 0);
    loop_destroy(loop);
}

static void test_output_is_told_from_when_it_is_watched(void **state) {
    (void)state;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    int pair[2];
    pair_make(pair);
    struct probe probe = {.source.descriptor = -1};
    assert_int_equal(loop_add_input(loop, &probe.source, pair[0], probe_event), 0);
    assert_int_equal(loop_turn(loop, 0), 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_true(probe.events & LOOP_READABLE);
    /* Full: nothing until there is room again. */
    static char bytes[1 << 16];
    while (write(pair[0], bytes, sizeof(bytes)) > 0)
        continue;
    assert_int_equal(loop_watch_output(loop, &probe.source), 0);
    probe.events = 0;
    (void)loop_turn(loop, 0);
    assert_false(probe.events & LOOP_WRITABLE);
    while (read(pair[1], bytes, sizeof(bytes)) > 0)
        continue;
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_true(probe.events & LOOP_WRITABLE);
    /* Room that came before it was watched is told at once. */
    struct probe second = {.source.descriptor = -1};
    assert_int_equal(loop_add_input(loop, &second.source, pair[1], probe_event), 0);
    assert_int_equal(loop_watch_output(loop, &second.source), 0);
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_true(second.events & LOOP_WRITABLE);
    loop_remove(loop, &probe.source);
    loop_remove(loop, &second.source);
    close(pair[0]);
    close(pair[1]);
    loop_destroy(loop);
}

static void test_moved(void **state) {
    (void)state;
    struct loop *loop;
    assert_int_equal(loop_create(&loop), 0);
    int pair[2];
    pair_make(pair);
    struct probe first = {.source.descriptor = -1}, second = {.source.descriptor = -1};
    assert_int_equal(loop_add(loop, &first.source, pair[0], probe_event), 0);
    assert_int_equal(loop_turn(loop, 0), 1);
    loop_move(loop, &first.source, &second.source, probe_event);
    assert_int_equal(first.source.descriptor, -1);
    assert_int_equal(second.source.descriptor, pair[0]);
    assert_int_equal(loop_turn(loop, 0), 0); /* the edge was told already */
    assert_int_equal(write(pair[1], "x", 1), 1);
    assert_int_equal(loop_turn(loop, 0), 1);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 1);
    loop_remove(loop, &second.source);
    close(pair[0]);
    close(pair[1]);
    loop_destroy(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edges), cmocka_unit_test(test_removed_in_the_same_turn), cmocka_unit_test(test_level_and_event),
        cmocka_unit_test(test_waits), cmocka_unit_test(test_many), cmocka_unit_test(test_moved), cmocka_unit_test(test_output_is_told_from_when_it_is_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
