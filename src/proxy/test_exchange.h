/* A gateway's half for tests of exchanges: clients on socket pairs, the gateway's own loop, upstreams on loopback. Included by one test program
 * each, after cmocka. */
#ifndef FAIRLEAD_PROXY_TEST_EXCHANGE_H
#define FAIRLEAD_PROXY_TEST_EXCHANGE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "os/socket.h"
#include "proxy/access_log.h"
#include "proxy/exchange.h"
#include "proxy/test_access_log.h"
#include "proxy/upstream.h"

#define BYTES_MAX (4 * 1024 * 1024)

static struct {
    struct proxy_context context;
    struct snapshot *snapshot;
    struct filter_chain *chain;
    int listener;
    uint16_t port;
    bool snapshot_gone;
    bool chain_gone;
    uint64_t skipped_ns; /* how far the tests have turned the clock forward */
} world;

struct client {
    struct transport transport;
    struct downstream_facts facts;
    struct http_connection *http;
    int descriptor; /* the test's end */
    bool closed;
    char *bytes; /* all that came */
    size_t size;
    bool ended, reset;
};

struct peer {
    int descriptor;
    char *bytes;
    size_t size;
    bool ended;
};

/* --- The world --- */

static UNUSED void snapshot_unused(struct proxy_context *context, struct pinned_snapshot *pinned) {
    (void)context;
    free(pinned);
    world.snapshot_gone = true;
}

static UNUSED struct cluster *add_cluster(const char *name, uint16_t port, size_t endpoint_count) {
    struct arena *arena = &world.snapshot->arena;
    struct cluster *cluster = arena_new(arena, struct cluster);
    cluster->name = span_of(name);
    cluster->connect_timeout_ns = SECONDS(5);
    cluster->endpoints = arena_new_array(arena, struct endpoint, endpoint_count + 1);
    cluster->endpoint_count = endpoint_count;
    for (size_t i = 0; i < endpoint_count; i++)
        cluster->endpoints[i] = (struct endpoint){.address = {.bytes = {127, 0, 0, 1}, .size = 4, .port = port},
                                                  .address_text = SPAN_LITERAL("the-endpoint")};
    return cluster;
}

static UNUSED struct virtual_host *add_host(struct route_table *table, const char *domain, const char *cluster_name, struct cluster *cluster) {
    struct arena *arena = &world.snapshot->arena;
    struct virtual_host *host = arena_new(arena, struct virtual_host);
    host->domain = span_of(domain);
    host->routes = arena_new(arena, struct route);
    host->route_count = 1;
    struct route *route = host->routes;
    route->name = SPAN_LITERAL("the-route");
    route->match = (struct route_match){.path_match = PATH_MATCH_PREFIX, .path = SPAN_LITERAL("/")};
    route->destinations.items = arena_new(arena, struct weighted_cluster);
    route->destinations.items[0] = (struct weighted_cluster){cluster, span_of(cluster_name), 1, 0, NULL};
    route->destinations.count = 1;
    route->retry = (struct retry_policy){.attempts = 2,
                                         .retry_on = RETRY_ON_CONNECT_FAILURE | RETRY_ON_REFUSED_STREAM | RETRY_ON_UNAVAILABLE |
                                                     RETRY_ON_CANCELLED | RETRY_ON_RETRIABLE_STATUS_CODES,
                                         .backoff_base_ns = MILLISECONDS(2),
                                         .backoff_max_ns = MILLISECONDS(4)};
    table->virtual_hosts[table->virtual_host_count++] = host;
    return host;
}

static UNUSED uint16_t dead_port(void) {
    int listener;
    struct network_address any = {.bytes = {127, 0, 0, 1}, .size = 4};
    assert_int_equal(socket_listen(&any, &listener), 0);
    uint16_t port = socket_local_address(listener).port;
    socket_close(listener);
    return port;
}

static UNUSED void build_snapshot(void) {
    world.snapshot = snapshot_create();
    struct arena *arena = &world.snapshot->arena;
    struct gateway_settings *settings = &world.snapshot->settings;
    settings->server_header = SPAN_LITERAL("istio-envoy");
    struct access_log_format_error error;
    assert_true(access_log_format_parse_text(arena,
                                             SPAN_LITERAL("%PROTOCOL% %REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS% "
                                                          "%RESPONSE_CODE_DETAILS% %BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER%"),
                                             &world.snapshot->access_log, &error));
    struct route_table *table = arena_new(arena, struct route_table);
    table->virtual_hosts = arena_new_array(arena, struct virtual_host *, 8);
    struct cluster *live = add_cluster("live", world.port, 1);
    add_host(table, "a.com", "live", live);
    add_host(table, "dead.com", "dead", add_cluster("dead", dead_port(), 1));
    add_host(table, "empty.com", "empty", add_cluster("empty", 0, 0));
    add_host(table, "missing.com", "missing", NULL);
    add_host(table, "secure.com", "live", live)->require_tls = true;
    struct virtual_host *timed = add_host(table, "timed.com", "live", live);
    timed->routes->timeout_ns = MILLISECONDS(30);
    struct virtual_host *strict = add_host(table, "refused.com", "live", live);
    strict->routes->action = ROUTE_REFUSE;
    strict->routes->refusal = SPAN_LITERAL("AuthorizationPolicy ns/name");
    struct virtual_host *codes = add_host(table, "codes.com", "live", live);
    codes->routes->retry.status_codes = arena_new(arena, uint16_t);
    codes->routes->retry.status_codes[0] = 503;
    codes->routes->retry.status_code_count = 1;
    world.snapshot->route_tables = arena_new(arena, struct route_table *);
    world.snapshot->route_tables[0] = table;
    world.snapshot->route_table_count = 1;
    snapshot_seal(world.snapshot);
    world.chain = arena_new(arena, struct filter_chain);
    world.chain->kind = FILTER_CHAIN_HTTP;
    world.chain->routes = table;
}

static UNUSED int setup(void **state) {
    (void)state;
    memset(&world, 0, sizeof(world));
    assert_int_equal(context_init(&world.context), 0);
    exchange_context_init(&world.context);
    world.context.snapshot_unused = snapshot_unused;
    world.context.access_log = access_log_ring_create();
    struct network_address any = {.bytes = {127, 0, 0, 1}, .size = 4};
    assert_int_equal(socket_listen(&any, &world.listener), 0);
    world.port = socket_local_address(world.listener).port;
    build_snapshot();
    context_set_current(&world.context, world.snapshot);
    return 0;
}

static UNUSED void turn(void) {
    struct proxy_context *context = &world.context;
    bool ready = !list_is_empty(&context->ready);
    assert_true(loop_turn(context->loop, ready ? 0 : MILLISECONDS(1)) >= 0);
    context->now_ns = clock_monotonic_ns() + world.skipped_ns;
    context_run_ready(context);
    timer_wheel_advance(&context->timers, context->now_ns);
    context_free_buried(context);
}

static UNUSED void turns(int count) {
    for (int i = 0; i < count; i++)
        turn();
}

static UNUSED void skip_time(uint64_t duration_ns) {
    world.skipped_ns += duration_ns;
    turns(2);
}

static UNUSED int teardown(void **state) {
    (void)state;
    turns(3);
    exchange_context_deinit(&world.context);
    context_set_current(&world.context, NULL);
    assert_true(world.snapshot_gone);
    access_log_ring_destroy(world.context.access_log);
    socket_close(world.listener);
    context_deinit(&world.context);
    snapshot_destroy(world.snapshot);
    return 0;
}

/* --- The client --- */

static UNUSED void client_closed(void *owner) {
    struct client *client = owner;
    assert_false(client->closed);
    client->closed = true;
    http_connection_destroy(client->http);
    transport_deinit(&client->transport);
}

static UNUSED struct pinned_snapshot *client_begin(void *owner, const struct filter_chain **ret_chain) {
    (void)owner;
    *ret_chain = world.chain_gone ? NULL : world.chain;
    return context_pin_current(&world.context);
}

static UNUSED void client_readable(struct transport *transport) {
    struct client *client = transport->owner;
    if (!client->closed)
        http_connection_readable(client->http);
}

static UNUSED void client_drained(struct transport *transport) {
    struct client *client = transport->owner;
    if (!client->closed)
        http_connection_drained(client->http);
}

static UNUSED void client_failed(struct transport *transport) {
    struct client *client = transport->owner;
    if (!client->closed)
        http_connection_failed(client->http);
}

static UNUSED struct client *client_connect(void) {
    struct client *client = memory_allocate_zeroed(1, sizeof(*client));
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    client->descriptor = ends[1];
    client->bytes = memory_allocate(BYTES_MAX);
    assert_int_equal(transport_init(&client->transport, &world.context, ends[0]), 0);
    client->transport.owner = client;
    client->transport.readable = client_readable;
    client->transport.drained = client_drained;
    client->transport.failed = client_failed;
    client->facts = (struct downstream_facts){.local = {.bytes = {10, 0, 0, 9}, .size = 4, .port = 8080},
                                              .remote = {.bytes = {10, 0, 0, 7}, .size = 4, .port = 555}};
    client->http =
        http_connection_create(&world.context, &client->transport, &client->facts, client, client_closed, client_begin);
    return client;
}

static UNUSED void client_send(struct client *client, const char *text) {
    assert_int_equal(write(client->descriptor, text, strlen(text)), strlen(text));
}

static UNUSED void client_read(struct client *client) {
    for (;;) {
        ssize_t size = read(client->descriptor, client->bytes + client->size, BYTES_MAX - 1 - client->size);
        client->ended |= size == 0;
        client->reset |= size < 0 && errno == ECONNRESET;
        if (size <= 0)
            break;
        client->size += (size_t)size;
    }
    client->bytes[client->size] = '\0';
}

/* Runs the gateway until the client has seen `text`. */
static UNUSED void client_expect(struct client *client, const char *text) {
    for (int i = 0; i < 2000; i++) {
        client_read(client);
        if (strstr(client->bytes, text) != NULL)
            return;
        turn();
    }
    fail_msg("client never saw \"%s\", but \"%s\"", text, client->bytes);
}

static UNUSED void client_expect_end(struct client *client) {
    for (int i = 0; i < 3000 && !client->ended && !client->reset; i++) {
        turn();
        client_read(client);
    }
    assert_true(client->ended || client->reset);
}

static UNUSED void client_forget(struct client *client) {
    client->size = 0;
    client->bytes[0] = '\0';
}

static UNUSED void client_free(struct client *client) {
    close(client->descriptor);
    for (int i = 0; i < 3000 && !client->closed; i++)
        turn();
    assert_true(client->closed);
    turn();
    free(client->bytes);
    free(client);
}

/* --- The upstream --- */

static UNUSED struct peer *peer_accept(void) {
    struct peer *peer = memory_allocate_zeroed(1, sizeof(*peer));
    struct network_address from;
    for (int i = 0; i < 2000; i++) {
        if (socket_accept(world.listener, &peer->descriptor, &from) == 0) {
            peer->bytes = memory_allocate(BYTES_MAX);
            peer->bytes[0] = '\0';
            return peer;
        }
        turn();
    }
    fail_msg("the gateway never connected");
    return NULL;
}

static UNUSED void peer_read(struct peer *peer) {
    for (;;) {
        ssize_t size = socket_read(peer->descriptor, peer->bytes + peer->size, BYTES_MAX - 1 - peer->size);
        peer->ended |= size == 0 || size == -ECONNRESET;
        if (size <= 0)
            break;
        peer->size += (size_t)size;
    }
    peer->bytes[peer->size] = '\0';
}

static UNUSED void peer_expect(struct peer *peer, const char *text) {
    for (int i = 0; i < 2000; i++) {
        peer_read(peer);
        if (strstr(peer->bytes, text) != NULL)
            return;
        turn();
    }
    fail_msg("upstream never saw \"%s\", but \"%s\"", text, peer->bytes);
}

static UNUSED void peer_expect_end(struct peer *peer) {
    for (int i = 0; i < 2000 && !peer->ended; i++) {
        turn();
        peer_read(peer);
    }
    assert_true(peer->ended);
}

static UNUSED void peer_send(struct peer *peer, const char *text) {
    assert_int_equal(socket_write(peer->descriptor, text, strlen(text)), strlen(text));
}

static UNUSED void peer_forget(struct peer *peer) {
    peer->size = 0;
    peer->bytes[0] = '\0';
}

static UNUSED void peer_free(struct peer *peer) {
    socket_close(peer->descriptor);
    free(peer->bytes);
    free(peer);
}

static UNUSED void expect_no_connection(void) {
    int descriptor;
    struct network_address from;
    turns(5);
    assert_true(socket_accept(world.listener, &descriptor, &from) < 0);
}

static UNUSED void expect_log(const char *line) {
    static char text[2 * ACCESS_LOG_LINE_BYTES_MAX];
    size_t size = 0;
    for (int i = 0; i < 2000 && size == 0; i++) {
        turn();
        size = access_log_ring_read(world.context.access_log, text, sizeof(text) - 1);
    }
    text[size] = '\0';
    assert_string_equal(text, line);
}

#endif
