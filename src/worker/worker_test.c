#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/socket.h"
#include "worker/worker.h"
#include "proxy/test_access_log.h"

enum { LISTENER_PORT = 9000 };

/* A worker with TCP listeners in front of a server, from the server thread's point of view. */
struct scene {
    struct worker *worker;
    struct snapshot *snapshots[8];
    size_t snapshot_count;
    uint32_t next_id;
    uint16_t gate;
    int server_listener;
    uint16_t server_port;
};

static uint16_t listen_loopback(int *ret_listener) {
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), 0, &address));
    assert_int_equal(socket_listen(&address, ret_listener), 0);
    return socket_local_address(*ret_listener).port;
}

static void wait_for(int descriptor, short events) {
    struct pollfd poll_descriptor = {.fd = descriptor, .events = events};
    assert_int_equal(poll(&poll_descriptor, 1, 5000), 1);
}

static int connect_loopback(uint16_t port) {
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), port, &address));
    int descriptor;
    int result = socket_connect(&address, &descriptor);
    assert_true(result == 0 || result == -EINPROGRESS);
    wait_for(descriptor, POLLOUT);
    return descriptor;
}

static int accept_one(int listener) {
    struct network_address peer;
    int descriptor;
    wait_for(listener, POLLIN);
    assert_int_equal(socket_accept(listener, &descriptor, &peer), 0);
    return descriptor;
}

static struct snapshot *publish(struct scene *scene, bool has_listener) {
    struct snapshot *snapshot = snapshot_create();
    struct arena *arena = &snapshot->arena;
    snapshot->generation = scene->snapshot_count + 1;
    snapshot->access_log = access_log_format_default(arena, false);
    if (has_listener) {
        struct cluster *cluster = arena_new(arena, struct cluster);
        cluster->name = SPAN_LITERAL("outbound|80||a");
        cluster->connect_timeout_ns = SECONDS(5);
        cluster->endpoints = arena_new_array(arena, struct endpoint, 1);
        cluster->endpoint_count = 1;
        assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), scene->server_port, &cluster->endpoints[0].address));
        cluster->endpoints[0].address_text = SPAN_LITERAL("server");
        struct filter_chain *chain = arena_new(arena, struct filter_chain);
        chain->kind = FILTER_CHAIN_TCP;
        chain->destinations.items = arena_new_array(arena, struct weighted_cluster, 1);
        chain->destinations.items[0] = (struct weighted_cluster){.cluster = cluster, .cluster_name = cluster->name, .weight = 1};
        chain->destinations.count = 1;
        struct listener *listener = arena_new(arena, struct listener);
        listener->port = LISTENER_PORT;
        listener->filter_chains = arena_new_array(arena, struct filter_chain *, 1);
        listener->filter_chains[0] = chain;
        listener->filter_chain_count = 1;
        snapshot->listeners = arena_new_array(arena, struct listener *, 1);
        snapshot->listeners[0] = listener;
        snapshot->listener_count = 1;
    }
    snapshot_seal(snapshot);
    atomic_store(&snapshot->holder_count, 1);
    scene->snapshots[scene->snapshot_count++] = snapshot;
    worker_publish(scene->worker, snapshot);
    return snapshot;
}

static uint32_t add_listener(struct scene *scene) {
    int listener;
    scene->gate = listen_loopback(&listener);
    worker_add_listener(scene->worker, ++scene->next_id, listener, SPAN_EMPTY, LISTENER_PORT);
    return scene->next_id;
}

static int scene_setup(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    scene->server_port = listen_loopback(&scene->server_listener);
    assert_int_equal(worker_create(0, &scene->worker), 0);
    *state = scene;
    return 0;
}

static int scene_teardown(void **state) {
    struct scene *scene = *state;
    worker_stop(scene->worker);
    assert_int_equal(worker_connections(scene->worker), 0);
    worker_destroy(scene->worker);
    for (size_t i = 0; i < scene->snapshot_count; i++) {
        assert_int_equal(atomic_load(&scene->snapshots[i]->holder_count), 0);
        snapshot_destroy(scene->snapshots[i]);
    }
    socket_close(scene->server_listener);
    free(scene);
    return 0;
}

static void expect_byte(int from, int to) {
    char byte = 0;
    assert_int_equal(socket_write(from, "x", 1), 1);
    wait_for(to, POLLIN);
    assert_int_equal(socket_read(to, &byte, 1), 1);
    assert_int_equal(byte, 'x');
}

static void expect_holders(const struct snapshot *snapshot, uint32_t count) {
    for (int i = 0; i < 5000 && atomic_load(&snapshot->holder_count) != count; i++)
        usleep(1000);
    assert_int_equal(atomic_load(&snapshot->holder_count), count);
}

static void test_nothing(void **state) {
    (void)state; /* created, stopped */
}

static void test_serves_and_lets_go(void **state) {
    struct scene *scene = *state;
    struct snapshot *first = publish(scene, true);
    (void)add_listener(scene);
    int client = connect_loopback(scene->gate);
    int server = accept_one(scene->server_listener);
    expect_byte(client, server);
    expect_byte(server, client);
    assert_int_equal(worker_connections(scene->worker), 1);
    /* A new snapshot: the old one is let go though the tunnel lives on. */
    struct snapshot *second = publish(scene, true);
    expect_holders(first, 0);
    assert_int_equal(atomic_load(&second->holder_count), 1);
    expect_byte(client, server);
    socket_close(client);
    socket_close(server);
    for (int i = 0; i < 5000 && worker_connections(scene->worker) != 0; i++)
        usleep(1000);
    static char log[2 * ACCESS_LOG_LINE_BYTES_MAX];
    size_t size = 0;
    for (int i = 0; i < 1000 && size == 0; i++, usleep(1000))
        size = access_log_ring_read(worker_access_log(scene->worker), log, sizeof(log));
    assert_true(size > 0);
    assert_int_equal(counter_read(&worker_counters(scene->worker)->connections_accepted), 1);
}

static void test_newest_wins(void **state) {
    struct scene *scene = *state;
    for (int i = 0; i < 7; i++)
        (void)publish(scene, true);
    for (size_t i = 0; i + 1 < scene->snapshot_count; i++)
        expect_holders(scene->snapshots[i], 0);
    expect_holders(scene->snapshots[6], 1);
}

/* Those who were in the queue when the listener went away are served; later ones are refused. */
static void test_removed_listener(void **state) {
    struct scene *scene = *state;
    (void)publish(scene, true);
    uint32_t id = add_listener(scene);
    /* A first one shows that the worker has taken the snapshot, which could else be overtaken unseen. */
    int earlier = connect_loopback(scene->gate);
    socket_close(accept_one(scene->server_listener));
    socket_close(earlier);
    int client = connect_loopback(scene->gate);
    worker_remove_listener(scene->worker, id);
    worker_remove_listener(scene->worker, id); /* harmless */
    (void)publish(scene, false);
    int server = accept_one(scene->server_listener);
    expect_byte(client, server);
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), scene->gate, &address));
    bool refused = false;
    for (int i = 0; i < 1000 && !refused; i++) {
        int late;
        int result = socket_connect(&address, &late);
        if (result == 0 || result == -EINPROGRESS) {
            wait_for(late, POLLOUT);
            refused = socket_error(late) == ECONNREFUSED;
            socket_close(late);
        }
    }
    assert_true(refused);
    socket_close(client);
    socket_close(server);
}

static void test_drain(void **state) {
    struct scene *scene = *state;
    (void)publish(scene, true);
    (void)add_listener(scene);
    int client = connect_loopback(scene->gate);
    int server = accept_one(scene->server_listener);
    worker_drain(scene->worker);
    expect_byte(client, server); /* a tunnel goes on */
    socket_close(client);
    socket_close(server);
}

/* Stopped with a tunnel open and mail unread: everything is closed and let go. */
static void test_stopped_in_the_middle(void **state) {
    struct scene *scene = *state;
    (void)publish(scene, true);
    (void)add_listener(scene);
    int client = connect_loopback(scene->gate);
    int server = accept_one(scene->server_listener);
    expect_byte(client, server);
    worker_stop(scene->worker);
    char byte;
    wait_for(client, POLLIN);
    assert_true(socket_read(client, &byte, 1) <= 0);
    socket_close(client);
    socket_close(server);
    worker_destroy(scene->worker);
    assert_int_equal(worker_create(1, &scene->worker), 0); /* for the teardown */
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, scene_setup, scene_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_nothing),          SCENE_TEST(test_serves_and_lets_go), SCENE_TEST(test_newest_wins),
        SCENE_TEST(test_removed_listener), SCENE_TEST(test_drain),              SCENE_TEST(test_stopped_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
