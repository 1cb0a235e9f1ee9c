#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "server/reload.h"

struct fixture {
    struct loop *loop;
    struct timer_wheel timers;
    struct reload reload;
    char folder[64];
    char file[128];
    unsigned count;
};

static void reloaded(void *argument) {
    ((struct fixture *)argument)->count++;
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/fairlead-reload-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL || loop_create(&fixture->loop) < 0)
        return -1;
    snprintf(fixture->file, sizeof(fixture->file), "%s/a.yaml", fixture->folder);
    timer_wheel_init(&fixture->timers, clock_monotonic_ns());
    *state = fixture;
    return reload_init(&fixture->reload, fixture->loop, &fixture->timers, reloaded, fixture);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    reload_deinit(&fixture->reload);
    loop_destroy(fixture->loop);
    unlink(fixture->file);
    rmdir(fixture->folder);
    free(fixture);
    return 0;
}

static void change(struct fixture *fixture) {
    FILE *file = fopen(fixture->file, "w");
    assert_non_null(file);
    fclose(file);
}

static void turn_for(struct fixture *fixture, uint64_t duration_ns) {
    uint64_t end_ns = clock_monotonic_ns() + duration_ns;
    while (clock_monotonic_ns() < end_ns) {
        assert_true(loop_turn(fixture->loop, MILLISECONDS(1)) >= 0);
        timer_wheel_advance(&fixture->timers, clock_monotonic_ns());
    }
}

static void watch(struct fixture *fixture) {
    const char *folders[] = {fixture->folder};
    reload_watch(&fixture->reload, folders, 1);
}

static void test_a_new_folder_is_looked_at_once_more(void **state) {
    struct fixture *fixture = *state;
    watch(fixture);
    turn_for(fixture, MILLISECONDS(100));
    assert_int_equal(fixture->count, 1);
    watch(fixture);
    turn_for(fixture, MILLISECONDS(100));
    assert_int_equal(fixture->count, 1);
}

static void test_a_burst_of_changes_is_one_reload(void **state) {
    struct fixture *fixture = *state;
    watch(fixture);
    turn_for(fixture, MILLISECONDS(100));
    fixture->count = 0;
    for (int i = 0; i < 5; i++)
        change(fixture);
    turn_for(fixture, MILLISECONDS(200));
    assert_int_equal(fixture->count, 1);
    turn_for(fixture, MILLISECONDS(200));
    assert_int_equal(fixture->count, 1);
}

static void test_changes_without_end_are_not_put_off_for_ever(void **state) {
    struct fixture *fixture = *state;
    watch(fixture);
    turn_for(fixture, MILLISECONDS(100));
    fixture->count = 0;
    uint64_t end_ns = clock_monotonic_ns() + MILLISECONDS(500);
    while (clock_monotonic_ns() < end_ns) {
        change(fixture);
        turn_for(fixture, MILLISECONDS(1));
    }
    assert_true(fixture->count >= 2);
}

static void test_nothing_happens_without_a_change(void **state) {
    struct fixture *fixture = *state;
    turn_for(fixture, MILLISECONDS(100));
    assert_int_equal(fixture->count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_folder_is_looked_at_once_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_burst_of_changes_is_one_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_without_end_are_not_put_off_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_happens_without_a_change, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
