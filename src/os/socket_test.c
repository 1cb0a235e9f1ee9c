#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "os/lock.h"
#include "os/socket.h"

static struct network_address address_make(const char *text, uint16_t port) {
    struct network_address address = {.size = 0, .port = port};
    if (text != NULL)
        assert_true(network_address_parse(span_of(text), port, &address));
    return address;
}

static void wait_for(int descriptor, short events) {
    struct pollfd poll_descriptor = {.fd = descriptor, .events = events};
    assert_int_equal(poll(&poll_descriptor, 1, 2000), 1);
}

/* A connection through `bind` from `from`; returns both ends. */
static void connect_through(const char *bind, const char *to, int ret_ends[2], struct network_address *ret_peer) {
    struct network_address address = address_make(bind, 0);
    int listener;
    assert_int_equal(socket_listen(&address, &listener), 0);
    struct network_address target = address_make(to, socket_local_address(listener).port);
    int result = socket_connect(&target, &ret_ends[0]);
    assert_true(result == 0 || result == -EINPROGRESS);
    wait_for(listener, POLLIN);
    assert_int_equal(socket_accept(listener, &ret_ends[1], ret_peer), 0);
    int none;
    struct network_address nobody;
    assert_int_equal(socket_accept(listener, &none, &nobody), -EAGAIN);
    wait_for(ret_ends[0], POLLOUT);
    assert_int_equal(socket_error(ret_ends[0]), 0);
    socket_close(listener);
}

static void test_stream(void **state) {
    (void)state;
    int ends[2];
    struct network_address peer;
    connect_through("127.0.0.1", "127.0.0.1", ends, &peer);
    struct network_address local = socket_local_address(ends[0]);
    assert_true(network_address_equal(&local, &peer));
    char bytes[16];
    assert_int_equal(socket_read(ends[1], bytes, sizeof(bytes)), -EAGAIN);
    assert_int_equal(socket_write(ends[0], "hello", 5), 5);
    char first[] = "wor", second[] = "ld";
    struct iovec vectors[2] = {{first, 3}, {second, 2}};
    assert_int_equal(socket_write_vectors(ends[0], vectors, 2), 5);
    wait_for(ends[1], POLLIN);
    assert_int_equal(socket_read(ends[1], bytes, sizeof(bytes)), 10);
    assert_memory_equal(bytes, "helloworld", 10);
    socket_end(ends[0]);
    wait_for(ends[1], POLLIN);
    assert_int_equal(socket_read(ends[1], bytes, sizeof(bytes)), 0);
    /* The other direction is still open, and a reset ends it. */
    assert_int_equal(socket_write(ends[1], "x", 1), 1);
    socket_set_reset(ends[1]);
    socket_close(ends[1]);
    wait_for(ends[0], POLLERR);
    ssize_t size;
    while ((size = socket_read(ends[0], bytes, 1)) > 0)
        ;
    assert_int_equal(size, -ECONNRESET);
    assert_true(socket_write(ends[0], "x", 1) < 0);
    socket_close(ends[0]);
}

static void test_dual_stack(void **state) {
    (void)state;
    int ends[2];
    struct network_address peer;
    connect_through(NULL, "127.0.0.1", ends, &peer);
    assert_int_equal(peer.size, 4); /* not ::ffff:127.0.0.1 */
    assert_int_equal(socket_local_address(ends[1]).size, 4);
    assert_int_equal(socket_peer_address(ends[1]).port, peer.port);
    socket_close(ends[0]), socket_close(ends[1]);
    struct network_address loopback = address_make("::1", 0);
    int listener;
    if (socket_listen(&loopback, &listener) < 0)
        skip();
    socket_close(listener);
    connect_through(NULL, "::1", ends, &peer);
    assert_int_equal(peer.size, 16);
    socket_close(ends[0]), socket_close(ends[1]);
    connect_through("::1", "::1", ends, &peer);
    socket_close(ends[0]), socket_close(ends[1]);
}

static void test_refused(void **state) {
    (void)state;
    struct network_address address = address_make("127.0.0.1", 0);
    int descriptor;
    assert_int_equal(socket_listen(&address, &descriptor), 0);
    address.port = socket_local_address(descriptor).port;
    socket_close(descriptor);
    int result = socket_connect(&address, &descriptor);
    if (result == -EINPROGRESS) {
        wait_for(descriptor, POLLOUT);
        assert_int_equal(socket_error(descriptor), ECONNREFUSED);
        socket_close(descriptor);
    } else {
        assert_int_equal(result, -ECONNREFUSED);
    }
    struct network_address none = {.size = 0};
    assert_true(socket_connect(&none, &descriptor) < 0);
}

static void test_sharing(void **state) {
    (void)state;
    struct network_address address = address_make("127.0.0.1", 0);
    int one, two;
    assert_int_equal(socket_probe(&address), 0);
    assert_int_equal(socket_listen(&address, &one), 0);
    address.port = socket_local_address(one).port;
    assert_int_equal(socket_listen(&address, &two), 0);
    assert_int_equal(socket_probe(&address), -EADDRINUSE);
    socket_close(one), socket_close(two);
    struct network_address foreign = address_make("192.0.2.1", 1);
    assert_int_equal(socket_listen(&foreign, &one), -EADDRNOTAVAIL);
}

static void test_lock(void **state) {
    (void)state;
    char name[LOCK_NAME_MAX];
    int size = snprintf(name, sizeof(name), "test:%d", (int)getpid());
    struct span span = span_make(name, (size_t)size);
    int one, two;
    assert_int_equal(lock_take(span, &one), 0);
    assert_int_equal(lock_take(span, &two), -EADDRINUSE);
    assert_int_equal(lock_take(span_first(span, 6), &two), 0);
    lock_release(two);
    lock_release(one);
    assert_int_equal(lock_take(span, &one), 0);
    lock_release(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream),  cmocka_unit_test(test_dual_stack), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sharing), cmocka_unit_test(test_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
