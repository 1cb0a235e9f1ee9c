#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "os/socket.h"
#include "proxy/access_log.h"
#include "proxy/connection.h"
#include "proxy/test_access_log.h"

/* One worker's context with a snapshot of three listeners, a client and the server behind the clusters. */
struct scene {
    struct proxy_context context;
    struct snapshot *snapshot;
    int client, server_listener, server;
    char log[2 * ACCESS_LOG_LINE_BYTES_MAX];
    size_t log_size;
    size_t unused_count;
};

enum { PORT_TLS = 8443, PORT_TCP = 9000, PORT_MIXED = 8444 };

static void turns(struct scene *scene, int count) {
    struct proxy_context *context = &scene->context;
    while (count-- > 0) {
        assert_true(loop_turn(context->loop, list_is_empty(&context->ready) ? 1 : 0) >= 0);
        context->now_ns += MILLISECONDS(1);
        timer_wheel_advance(&context->timers, context->now_ns);
        context_run_ready(context);
        newcomers_run(&context->newcomers, clock_monotonic_ns());
        context_free_buried(context);
    }
}

static void scene_snapshot_unused(struct proxy_context *context, struct pinned_snapshot *pinned) {
    struct scene *scene = CONTAINER_OF(context, struct scene, context);
    scene->unused_count++;
    snapshot_destroy((struct snapshot *)(uintptr_t)pinned->snapshot);
    free(pinned);
}

static struct cluster *cluster_make(struct arena *arena, struct span name, uint16_t port, bool has_endpoint) {
    struct cluster *cluster = arena_new(arena, struct cluster);
    cluster->name = name;
    cluster->connect_timeout_ns = SECONDS(10);
    cluster->endpoint_count = has_endpoint ? 1 : 0;
    cluster->endpoints = arena_new_array(arena, struct endpoint, 1);
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), port, &cluster->endpoints[0].address));
    cluster->endpoints[0].address_text = arena_print(arena, "127.0.0.1:%u", port);
    return cluster;
}

static struct filter_chain *chain_make(struct arena *arena, const char *server_name, enum filter_chain_kind kind, struct cluster *cluster,
                                       struct span cluster_name) {
    struct filter_chain *chain = arena_new(arena, struct filter_chain);
    chain->name = SPAN_LITERAL("test");
    chain->kind = kind;
    if (server_name != NULL) {
        chain->server_names = arena_new_array(arena, struct span, 1);
        chain->server_names[0] = span_of(server_name);
        chain->server_name_count = 1;
    }
    chain->destinations.items = arena_new_array(arena, struct weighted_cluster, 1);
    chain->destinations.items[0] = (struct weighted_cluster){.cluster = cluster, .cluster_name = cluster_name, .weight = 1};
    chain->destinations.count = 1;
    chain->destinations.weight_total = 1;
    return chain;
}

static struct listener *listener_make(struct arena *arena, uint16_t port, size_t chain_count, bool inspects_tls) {
    struct listener *listener = arena_new(arena, struct listener);
    listener->port = port;
    listener->filter_chains = arena_new_array(arena, struct filter_chain *, chain_count);
    listener->filter_chain_count = chain_count;
    listener->inspects_tls = inspects_tls;
    return listener;
}

static struct snapshot *snapshot_make(uint16_t server_port, uint16_t dead_port, uint64_t generation) {
    struct snapshot *snapshot = snapshot_create();
    struct arena *arena = &snapshot->arena;
    snapshot->generation = generation;
    snapshot->access_log = access_log_format_default(arena, true);
    struct cluster *alive = cluster_make(arena, SPAN_LITERAL("outbound|443||alive"), server_port, true);
    struct cluster *dead = cluster_make(arena, SPAN_LITERAL("outbound|443||dead"), dead_port, true);
    struct cluster *empty = cluster_make(arena, SPAN_LITERAL("outbound|443||empty"), server_port, false);
    struct cluster *refused = cluster_make(arena, SPAN_LITERAL("outbound|443||refused"), server_port, true);
    refused->refusal = SPAN_LITERAL("a policy");
    struct listener *tls = listener_make(arena, PORT_TLS, 6, true);
    tls->filter_chains[0] = chain_make(arena, "pass.example.com", FILTER_CHAIN_PASSTHROUGH, alive, alive->name);
    tls->filter_chains[1] = chain_make(arena, "*.dead.example.com", FILTER_CHAIN_PASSTHROUGH, dead, dead->name);
    tls->filter_chains[2] = chain_make(arena, "empty.example.com", FILTER_CHAIN_PASSTHROUGH, empty, empty->name);
    tls->filter_chains[3] = chain_make(arena, "none.example.com", FILTER_CHAIN_PASSTHROUGH, NULL, SPAN_LITERAL("outbound|443||none"));
    tls->filter_chains[4] = chain_make(arena, "nocert.example.com", FILTER_CHAIN_HTTPS, NULL, SPAN_EMPTY);
    tls->filter_chains[5] = chain_make(arena, "refused.example.com", FILTER_CHAIN_PASSTHROUGH, refused, refused->name);
    struct listener *mixed = listener_make(arena, PORT_MIXED, 2, true);
    mixed->filter_chains[0] = chain_make(arena, "pass.example.com", FILTER_CHAIN_PASSTHROUGH, alive, alive->name);
    mixed->filter_chains[1] = chain_make(arena, NULL, FILTER_CHAIN_TLS_TCP, alive, alive->name);
    struct listener *tcp = listener_make(arena, PORT_TCP, 1, false);
    tcp->filter_chains[0] = chain_make(arena, NULL, FILTER_CHAIN_TCP, alive, alive->name);
    snapshot->listeners = arena_new_array(arena, struct listener *, 3);
    snapshot->listeners[0] = tls;
    snapshot->listeners[1] = mixed;
    snapshot->listeners[2] = tcp;
    snapshot->listener_count = 3;
    snapshot_seal(snapshot);
    return snapshot;
}

static uint16_t listen_loopback(int *ret_listener) {
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), 0, &address));
    assert_int_equal(socket_listen(&address, ret_listener), 0);
    return socket_local_address(*ret_listener).port;
}

static int connect_loopback(uint16_t port) {
    struct network_address address;
    assert_true(network_address_parse(SPAN_LITERAL("127.0.0.1"), port, &address));
    int descriptor;
    int result = socket_connect(&address, &descriptor);
    assert_true(result == 0 || result == -EINPROGRESS);
    return descriptor;
}

static int accept_soon(int listener, struct network_address *ret_peer) {
    int descriptor = -1;
    for (int i = 0; i < 1000 && socket_accept(listener, &descriptor, ret_peer) < 0; i++)
        usleep(1000);
    assert_true(descriptor >= 0);
    return descriptor;
}

static int scene_setup(void **state) {
    struct scene *scene = calloc(1, sizeof(*scene));
    assert_int_equal(context_init(&scene->context), 0);
    scene->context.snapshot_unused = scene_snapshot_unused;
    scene->context.access_log = access_log_ring_create();
    exchange_context_init(&scene->context);
    uint16_t server_port = listen_loopback(&scene->server_listener);
    int dead;
    uint16_t dead_port = listen_loopback(&dead);
    socket_close(dead);
    scene->client = -1;
    scene->server = -1;
    context_set_current(&scene->context, snapshot_make(server_port, dead_port, 1));
    *state = scene;
    return 0;
}

static int scene_teardown(void **state) {
    struct scene *scene = *state;
    struct proxy_context *context = &scene->context;
    LIST_FOR_EACH_SAFE(link, &context->live_connections)
        connection_close(CONTAINER_OF(link, struct connection, live), CLOSE_REASON_SHUT_DOWN, false);
    context_free_buried(context);
    assert_int_equal(context->connections.live_count, 0);
    assert_int_equal(counter_read(&context->counters.connections_active), 0);
    exchange_context_deinit(context);
    context_set_current(context, NULL);
    assert_int_equal(context->timers.count, 0);
    access_log_ring_destroy(context->access_log);
    context_deinit(context);
    socket_close(scene->server_listener);
    if (scene->client >= 0)
        socket_close(scene->client);
    if (scene->server >= 0)
        socket_close(scene->server);
    free(scene);
    return 0;
}

static void call(struct scene *scene, uint16_t port, bool retiring) {
    int listener;
    uint16_t gate = listen_loopback(&listener);
    scene->client = connect_loopback(gate);
    struct network_address peer;
    int descriptor = accept_soon(listener, &peer);
    socket_close(listener);
    struct listener_key key;
    assert_true(listener_key_make(SPAN_EMPTY, port, &key));
    connection_accept(&scene->context, descriptor, &peer, &key, retiring);
}

static void send_all(struct scene *scene, struct span bytes) {
    while (bytes.size > 0) {
        ssize_t size = socket_write(scene->client, bytes.data, bytes.size);
        assert_true(size > 0 || size == -EAGAIN);
        bytes = span_from(bytes, size > 0 ? (size_t)size : 0);
        turns(scene, 1);
    }
}

/* What the client sees: -EAGAIN (nothing), 0 (end), -ECONNRESET. */
static ssize_t client_sees(struct scene *scene) {
    char byte;
    turns(scene, 8);
    return socket_read(scene->client, &byte, 1);
}

static const char *log_text(struct scene *scene) {
    scene->log_size += access_log_ring_read(scene->context.access_log, scene->log + scene->log_size, sizeof(scene->log) - scene->log_size - 1);
    scene->log[scene->log_size] = '\0';
    return scene->log;
}

static void expect_log(struct scene *scene, const char *part) {
    if (strstr(log_text(scene), part) == NULL)
        fail_msg("no %s in: %s", part, scene->log);
}

static size_t put16(char *bytes, size_t at, size_t value) {
    bytes[at] = (char)(value >> 8);
    bytes[at + 1] = (char)value;
    return at + 2;
}

/* A ClientHello of TLS 1.2 with this name, padded to at least `size` bytes (RFC 7685), in records of `record_size` payload bytes. */
static size_t hello_make(char *ret_bytes, const char *name, size_t size, size_t record_size) {
    static char message[70000];
    memset(message, 0, sizeof(message));
    size_t at = 4;
    at = put16(message, at, 0x0303) + 32;
    message[at++] = 0;
    at = put16(message, at, 2);
    at = put16(message, at, 0xc02b);
    message[at++] = 1;
    message[at++] = 0;
    size_t extensions = at;
    at += 2;
    if (name != NULL) {
        size_t name_size = strlen(name);
        at = put16(message, at, 0);
        at = put16(message, at, name_size + 5);
        at = put16(message, at, name_size + 3);
        message[at++] = 0;
        at = put16(message, at, name_size);
        memcpy(message + at, name, name_size);
        at += name_size;
    }
    if (at + 4 < size) {
        at = put16(message, at, 21);
        size_t padding = size - at - 2;
        at = put16(message, at, padding) + padding;
    }
    put16(message, extensions, at - extensions - 2);
    message[0] = 1;
    message[1] = (char)((at - 4) >> 16);
    put16(message, 2, (at - 4) & 0xffff);
    size_t out = 0;
    for (size_t done = 0; done < at;) {
        size_t part = at - done < record_size ? at - done : record_size;
        ret_bytes[out++] = 22;
        out = put16(ret_bytes, out, 0x0301);
        out = put16(ret_bytes, out, part);
        memcpy(ret_bytes + out, message + done, part);
        out += part;
        done += part;
    }
    return out;
}

static char hello[80000];

/* The server gets exactly these bytes, and its answer comes back. */
static void expect_tunnel(struct scene *scene, struct span bytes) {
    static char received[90000];
    turns(scene, 5);
    struct network_address peer;
    if (scene->server < 0)
        scene->server = accept_soon(scene->server_listener, &peer);
    size_t size = 0;
    for (int i = 0; i < 300 && size < bytes.size; i++) {
        turns(scene, 1);
        ssize_t part = socket_read(scene->server, received + size, sizeof(received) - size);
        assert_true(part > 0 || part == -EAGAIN);
        size += part > 0 ? (size_t)part : 0;
    }
    assert_int_equal(size, bytes.size);
    assert_memory_equal(received, bytes.data, size);
    assert_int_equal(socket_write(scene->server, "k", 1), 1);
    assert_int_equal(client_sees(scene), 1);
}

static void end_tunnel(struct scene *scene) {
    socket_end(scene->client);
    turns(scene, 5);
    socket_end(scene->server);
    turns(scene, 5);
    assert_int_equal(scene->context.connections.live_count, 0);
}

static void test_passthrough(void **state) {
    struct scene *scene = *state;
    size_t size = hello_make(hello, "Pass.Example.COM", 0, 16384);
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, size));
    expect_tunnel(scene, span_make(hello, size));
    assert_string_equal(log_text(scene), "");
    end_tunnel(scene);
    expect_log(scene, "\"requested_server_name\":\"pass.example.com\"");
    expect_log(scene, "\"upstream_cluster\":\"outbound|443||alive\"");
    expect_log(scene, "\"bytes_sent\":1,");
    expect_log(scene, "\"response_flags\":\"-\"");
    expect_log(scene, "\"upstream_local_address\":\"127.0.0.1:");
    assert_null(strchr(strchr(scene->log, '\n') + 1, '\n')); /* one line */
}

static void test_hello_in_pieces(void **state) {
    struct scene *scene = *state;
    /* Twenty records and more, a byte at a time. */
    size_t size = hello_make(hello, "pass.example.com", 0, 3);
    call(scene, PORT_TLS, false);
    for (size_t i = 0; i < size; i++)
        send_all(scene, span_make(hello + i, 1));
    expect_tunnel(scene, span_make(hello, size));
    end_tunnel(scene);
}

static void test_large_hello(void **state) {
    struct scene *scene = *state;
    size_t size = hello_make(hello, "pass.example.com", 60 * 1024, 16384);
    /* With bytes right behind it. */
    memset(hello + size, 'z', 3000);
    size += 3000;
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, size));
    expect_tunnel(scene, span_make(hello, size));
    end_tunnel(scene);
}

static void test_too_large_hello(void **state) {
    struct scene *scene = *state;
    size_t size = hello_make(hello, "pass.example.com", 65500, 1000);
    call(scene, PORT_TLS, false);
    (void)!write(scene->client, hello, size);
    turns(scene, 5);
    assert_int_equal(client_sees(scene), -ECONNRESET);
    expect_log(scene, "\"connection_termination_details\":\"client_hello_too_large\"");
}

static void expect_refusal(struct scene *scene, const char *name) {
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, hello_make(hello, name, 0, 16384)));
    assert_int_equal(client_sees(scene), -ECONNRESET);
    expect_log(scene, "\"response_flags\":\"NR\"");
    expect_log(scene, "\"response_code_details\":\"filter_chain_not_found\"");
    expect_log(scene, "\"upstream_host\":null");
}

static void test_unknown_name(void **state) {
    expect_refusal(*state, "other.example.com");
    expect_log(*state, "\"requested_server_name\":\"other.example.com\"");
}

static void test_no_name(void **state) {
    expect_refusal(*state, NULL);
    expect_log(*state, "\"requested_server_name\":null");
}

static void test_garbage(void **state) {
    struct scene *scene = *state;
    call(scene, PORT_TLS, false);
    send_all(scene, SPAN_LITERAL("GET / HTTP/1.1\r\n\r\n"));
    assert_int_equal(client_sees(scene), -ECONNRESET);
    expect_log(scene, "\"response_flags\":\"NR\"");
}

/* A catch-all chain takes it, but is to terminate TLS: closed without an answer, without a line. */
static void test_garbage_for_tls_chain(void **state) {
    struct scene *scene = *state;
    call(scene, PORT_MIXED, false);
    send_all(scene, SPAN_LITERAL("G"));
    assert_int_equal(client_sees(scene), 0);
    expect_log(scene, "\"connection_termination_details\":\"not_tls\"");
}

static void test_silence(void **state) {
    struct scene *scene = *state;
    call(scene, PORT_TLS, false);
    turns(scene, 5);
    scene->context.now_ns += DEADLINE_CLIENT_HELLO_NS;
    assert_int_equal(client_sees(scene), 0);
    assert_string_equal(log_text(scene), "");
}

static void test_truncated_hello(void **state) {
    struct scene *scene = *state;
    size_t size = hello_make(hello, "pass.example.com", 0, 16384);
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, size - 1));
    assert_int_equal(client_sees(scene), -EAGAIN);
    scene->context.now_ns += DEADLINE_CLIENT_HELLO_NS;
    assert_true(client_sees(scene) <= 0);
    assert_int_equal(scene->context.connections.live_count, 0);
}

static void test_gone_before_the_hello(void **state) {
    struct scene *scene = *state;
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, hello_make(hello, "pass.example.com", 0, 16384) - 5));
    socket_end(scene->client);
    turns(scene, 3);
    assert_int_equal(scene->context.connections.live_count, 0);
}

static void test_no_certificate(void **state) {
    struct scene *scene = *state;
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, hello_make(hello, "nocert.example.com", 0, 16384)));
    assert_int_equal(client_sees(scene), -ECONNRESET);
    expect_log(scene, "\"connection_termination_details\":\"no_certificate\"");
}

static void expect_flags(struct scene *scene, const char *name, const char *flags, const char *cluster) {
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, hello_make(hello, name, 0, 16384)));
    assert_int_equal(client_sees(scene), 0);
    expect_log(scene, flags);
    expect_log(scene, cluster);
}

static void test_upstream_refuses(void **state) {
    expect_flags(*state, "a.dead.example.com", "\"response_flags\":\"UF,URX\"", "\"upstream_cluster\":\"outbound|443||dead\"");
    expect_log(*state, "\"upstream_transport_failure_reason\":\"delayed_connect_error:_Connection_refused\"");
    expect_log(*state, "\"upstream_host\":\"127.0.0.1:");
}

static void test_no_endpoint(void **state) {
    expect_flags(*state, "empty.example.com", "\"response_flags\":\"UH\"", "\"upstream_cluster\":\"outbound|443||empty\"");
}

static void test_no_cluster(void **state) {
    expect_flags(*state, "none.example.com", "\"response_flags\":\"NC\"", "\"upstream_cluster\":\"outbound|443||none\"");
}

static void test_refused_cluster(void **state) {
    expect_flags(*state, "refused.example.com", "\"response_flags\":\"UH\"", "\"connection_termination_details\":\"unsupported_policy\"");
}

static void test_tcp(void **state) {
    struct scene *scene = *state;
    call(scene, PORT_TCP, false);
    turns(scene, 5);
    /* A protocol in which the server speaks first. */
    struct network_address peer;
    scene->server = accept_soon(scene->server_listener, &peer);
    assert_int_equal(socket_write(scene->server, "2", 1), 1);
    assert_int_equal(client_sees(scene), 1);
    send_all(scene, SPAN_LITERAL("hello"));
    expect_tunnel(scene, SPAN_LITERAL("hello"));
    end_tunnel(scene);
    expect_log(scene, "\"bytes_received\":5,");
    expect_log(scene, "\"requested_server_name\":null");
}

static void test_no_listener(void **state) {
    struct scene *scene = *state;
    call(scene, 1, false);
    assert_int_equal(client_sees(scene), -ECONNRESET);
    assert_string_equal(log_text(scene), "");
}

static void publish_without_listeners(struct scene *scene) {
    struct snapshot *next = snapshot_create();
    next->generation = 2;
    next->access_log = access_log_format_default(&next->arena, true);
    snapshot_seal(next);
    context_set_current(&scene->context, next);
}

/* No tunnel keeps a snapshot; the line is complete all the same. */
static void test_snapshot_goes_under_tunnel(void **state) {
    struct scene *scene = *state;
    size_t size = hello_make(hello, "pass.example.com", 0, 16384);
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, size));
    expect_tunnel(scene, span_make(hello, size));
    publish_without_listeners(scene);
    assert_int_equal(scene->unused_count, 1);
    expect_tunnel(scene, SPAN_EMPTY);
    end_tunnel(scene);
    expect_log(scene, "\"upstream_cluster\":\"outbound|443||alive\"");
}

static void test_listener_goes_under_hello(void **state) {
    struct scene *scene = *state;
    size_t size = hello_make(hello, "pass.example.com", 0, 16384);
    call(scene, PORT_TLS, false);
    send_all(scene, span_make(hello, size / 2));
    publish_without_listeners(scene);
    assert_int_equal(scene->unused_count, 1);
    send_all(scene, span_make(hello + size / 2, size - size / 2));
    assert_int_equal(client_sees(scene), -ECONNRESET);
    expect_log(scene, "\"response_flags\":\"NR\"");
}

/* One that came in by the queue of a listener on its way out is still served. */
static void test_retiring_listener(void **state) {
    struct scene *scene = *state;
    size_t size = hello_make(hello, "pass.example.com", 0, 16384);
    call(scene, PORT_TLS, true);
    publish_without_listeners(scene);
    assert_int_equal(scene->unused_count, 0);
    send_all(scene, span_make(hello, size));
    expect_tunnel(scene, span_make(hello, size));
    assert_int_equal(scene->unused_count, 1);
    end_tunnel(scene);
}

static void test_size(void **state) {
    (void)state;
    assert_true(sizeof(struct connection) < 1024);
    struct listener_key key;
    char name[64] = {0};
    assert_false(listener_key_make(span_make(name, CONNECTION_BIND_MAX + 1), 1, &key));
}

#define SCENE_TEST(function) cmocka_unit_test_setup_teardown(function, scene_setup, scene_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_passthrough),
        SCENE_TEST(test_hello_in_pieces),
        SCENE_TEST(test_large_hello),
        SCENE_TEST(test_too_large_hello),
        SCENE_TEST(test_unknown_name),
        SCENE_TEST(test_no_name),
        SCENE_TEST(test_garbage),
        SCENE_TEST(test_garbage_for_tls_chain),
        SCENE_TEST(test_silence),
        SCENE_TEST(test_truncated_hello),
        SCENE_TEST(test_gone_before_the_hello),
        SCENE_TEST(test_no_certificate),
        SCENE_TEST(test_upstream_refuses),
        SCENE_TEST(test_no_endpoint),
        SCENE_TEST(test_no_cluster),
        SCENE_TEST(test_refused_cluster),
        SCENE_TEST(test_tcp),
        SCENE_TEST(test_no_listener),
        SCENE_TEST(test_snapshot_goes_under_tunnel),
        SCENE_TEST(test_listener_goes_under_hello),
        SCENE_TEST(test_retiring_listener),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
