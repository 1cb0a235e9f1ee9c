#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "os/lock.h"
#include "os/socket.h"
#include "server/drain.h"
#include "server/publish.h"

#define WORKERS 2

struct fixture {
    struct worker *workers[WORKERS];
    struct listener_sockets sockets;
    struct publisher publisher;
    uint16_t ports[2];
};

static const struct network_address loopback = {.bytes = {127, 0, 0, 1}, .size = 4};

/* A port that nobody has just now. */
static uint16_t free_port(void) {
    int descriptor;
    assert_int_equal(socket_listen(&loopback, &descriptor), 0);
    uint16_t port = socket_local_address(descriptor).port;
    socket_close(descriptor);
    return port;
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    for (unsigned i = 0; i < WORKERS; i++)
        if (worker_create(i, &fixture->workers[i]) < 0)
            return -1;
    listener_sockets_init(&fixture->sockets, fixture->workers, WORKERS, &loopback);
    publisher_init(&fixture->publisher, fixture->workers, WORKERS, &fixture->sockets);
    for (size_t i = 0; i < 2; i++)
        fixture->ports[i] = free_port();
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    listener_sockets_deinit(&fixture->sockets);
    for (unsigned i = 0; i < WORKERS; i++) {
        worker_stop(fixture->workers[i]);
        worker_destroy(fixture->workers[i]);
    }
    publisher_deinit(&fixture->publisher);
    free(fixture);
    return 0;
}

/* A snapshot whose listeners have no chain: connections are accepted and reset. */
static struct snapshot *snapshot_with_ports(const uint16_t *ports, size_t count) {
    struct snapshot *snapshot = snapshot_create();
    snapshot->listeners = arena_new_array(&snapshot->arena, struct listener *, count);
    snapshot->listener_count = count;
    for (size_t i = 0; i < count; i++) {
        snapshot->listeners[i] = arena_new(&snapshot->arena, struct listener);
        snapshot->listeners[i]->port = ports[i];
    }
    snapshot_seal(snapshot);
    return snapshot;
}

static bool answers(uint16_t port) {
    struct network_address address = loopback;
    address.port = port;
    int descriptor, result = socket_connect(&address, &descriptor);
    if (result < 0 && result != -EINPROGRESS)
        return false;
    usleep(1000);
    /* No chain takes it, so it may be reset already: that is an answer, too. */
    bool refused = socket_error(descriptor) == ECONNREFUSED;
    socket_close(descriptor);
    return !refused;
}

static bool wait_for(bool (*holds)(struct fixture *fixture), struct fixture *fixture) {
    uint64_t end_ns = clock_monotonic_ns() + SECONDS(5);
    while (!holds(fixture)) {
        if (clock_monotonic_ns() > end_ns)
            return false;
        usleep(1000);
    }
    return true;
}

static bool only_one_is_live(struct fixture *fixture) {
    return !publisher_collect(&fixture->publisher);
}

static bool first_port_is_silent(struct fixture *fixture) {
    return !answers(fixture->ports[0]);
}

static void test_former_snapshots_are_destroyed_once_let_go(void **state) {
    struct fixture *fixture = *state;
    for (uint64_t i = 1; i <= 50; i++) {
        if (!publisher_has_room(&fixture->publisher))
            assert_true(wait_for(only_one_is_live, fixture));
        publisher_publish(&fixture->publisher, snapshot_with_ports(fixture->ports, 2));
        assert_int_equal(publisher_current(&fixture->publisher)->generation, i);
    }
    assert_true(wait_for(only_one_is_live, fixture));
    assert_int_equal(fixture->publisher.live_count, 1);
    assert_int_equal(publisher_current(&fixture->publisher)->generation, 50);
}

static void test_there_is_a_ceiling_of_live_snapshots(void **state) {
    struct fixture *fixture = *state;
    for (size_t i = 0; i < SNAPSHOTS_LIVE_MAX; i++) {
        assert_true(publisher_has_room(&fixture->publisher));
        publisher_publish(&fixture->publisher, snapshot_with_ports(NULL, 0));
    }
    assert_false(publisher_has_room(&fixture->publisher));
    assert_true(wait_for(only_one_is_live, fixture));
    assert_true(publisher_has_room(&fixture->publisher));
}

static void test_sockets_follow_the_snapshots(void **state) {
    struct fixture *fixture = *state;
    publisher_publish(&fixture->publisher, snapshot_with_ports(fixture->ports, 1));
    assert_true(answers(fixture->ports[0]));
    assert_false(answers(fixture->ports[1]));
    publisher_publish(&fixture->publisher, snapshot_with_ports(fixture->ports, 2));
    assert_true(answers(fixture->ports[0]));
    assert_true(answers(fixture->ports[1]));
    publisher_publish(&fixture->publisher, snapshot_with_ports(&fixture->ports[1], 1));
    assert_true(wait_for(first_port_is_silent, fixture));
    assert_true(answers(fixture->ports[1]));
    /* The lock of what went is free again, that of what stayed is not. */
    struct network_address address = loopback;
    int lock;
    address.port = fixture->ports[1];
    assert_int_equal(listener_lock(&address, &lock), -EADDRINUSE);
    address.port = fixture->ports[0];
    assert_int_equal(listener_lock(&address, &lock), 0);
    lock_release(lock);
}

static void test_a_port_that_cannot_be_bound_harms_only_itself(void **state) {
    struct fixture *fixture = *state;
    struct network_address address = loopback;
    address.port = fixture->ports[0];
    int foreign;
    assert_int_equal(socket_listen(&address, &foreign), 0);
    publisher_publish(&fixture->publisher, snapshot_with_ports(fixture->ports, 2));
    size_t locked;
    assert_int_equal(listener_sockets_failed(&fixture->sockets, &locked), 1);
    assert_int_equal(locked, 0);
    assert_true(answers(fixture->ports[1]));
    assert_false(listener_sockets_retry(&fixture->sockets));
    socket_close(foreign);
    assert_true(listener_sockets_retry(&fixture->sockets));
    listener_sockets_hand_over(&fixture->sockets);
    assert_true(answers(fixture->ports[0]));
    assert_int_equal(listener_sockets_failed(&fixture->sockets, &locked), 0);
}

static void test_another_instance_is_told_from_another_program(void **state) {
    struct fixture *fixture = *state;
    struct network_address address = loopback;
    address.port = fixture->ports[0];
    int lock;
    assert_int_equal(listener_lock(&address, &lock), 0);
    publisher_publish(&fixture->publisher, snapshot_with_ports(fixture->ports, 2));
    size_t locked;
    assert_int_equal(listener_sockets_failed(&fixture->sockets, &locked), 1);
    assert_int_equal(locked, 1);
    lock_release(lock);
}

static void test_a_drain_without_connections_is_over_at_once(void **state) {
    struct fixture *fixture = *state;
    struct drain drain;
    drain_init(&drain, fixture->workers, WORKERS);
    assert_false(drain_is_over(&drain, SECONDS(100)));
    drain_start(&drain, SECONDS(100), SECONDS(5));
    assert_int_equal(drain_connections(&drain), 0);
    assert_true(drain_is_over(&drain, SECONDS(100)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_former_snapshots_are_destroyed_once_let_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_is_a_ceiling_of_live_snapshots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sockets_follow_the_snapshots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_port_that_cannot_be_bound_harms_only_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_instance_is_told_from_another_program, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_drain_without_connections_is_over_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
