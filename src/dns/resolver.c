#include "dns/resolver.h"

#include <ares.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/memory.h"

/* How long one server is waited for, before the next try. */
#define QUERY_TIMEOUT_MS 1000
#define QUERY_TRIES 3
/* While a socket wants to write (TCP, after a truncated answer): the loop tells of input only. */
#define WRITE_TICK_NS MILLISECONDS(10)

struct dns_resolver {
    struct loop *loop;
    struct timer_wheel *timers;
    ares_channel channel;
    struct timer timer;
    struct list sockets; /* struct dns_socket */
};

struct dns_socket {
    struct dns_resolver *resolver;
    struct loop_source source;
    struct list link;
    bool wants_output;
};

struct dns_query {
    dns_function function;
    void *argument;
};

static void resolver_schedule(struct dns_resolver *resolver) {
    struct timeval wait;
    if (ares_timeout(resolver->channel, NULL, &wait) == NULL) {
        timer_cancel(resolver->timers, &resolver->timer);
        return;
    }
    uint64_t wait_ns = SECONDS((uint64_t)wait.tv_sec) + (uint64_t)wait.tv_usec * 1000;
    LIST_FOR_EACH(link, &resolver->sockets)
        if (CONTAINER_OF(link, struct dns_socket, link)->wants_output && wait_ns > WRITE_TICK_NS)
            wait_ns = WRITE_TICK_NS;
    timer_set(resolver->timers, &resolver->timer, clock_monotonic_ns(), wait_ns);
}

static void resolver_due(struct timer *timer) {
    struct dns_resolver *resolver = CONTAINER_OF(timer, struct dns_resolver, timer);
    int writers[DNS_SOCKETS_MAX];
    size_t count = 0;
    LIST_FOR_EACH(link, &resolver->sockets) {
        struct dns_socket *socket = CONTAINER_OF(link, struct dns_socket, link);
        if (socket->wants_output && count < DNS_SOCKETS_MAX)
            writers[count++] = socket->source.descriptor;
    }
    /* Sockets may go meanwhile; a descriptor that is unknown to the library is ignored by it. */
    for (size_t i = 0; i < count; i++)
        ares_process_fd(resolver->channel, ARES_SOCKET_BAD, writers[i]);
    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolver_schedule(resolver);
}

static void socket_readable(struct loop_source *source, unsigned events) {
    (void)events;
    struct dns_resolver *resolver = CONTAINER_OF(source, struct dns_socket, source)->resolver;
    ares_process_fd(resolver->channel, source->descriptor, ARES_SOCKET_BAD);
    resolver_schedule(resolver);
}

static struct dns_socket *socket_find(const struct dns_resolver *resolver, int descriptor) {
    LIST_FOR_EACH(link, &resolver->sockets) {
        struct dns_socket *socket = CONTAINER_OF(link, struct dns_socket, link);
        if (socket->source.descriptor == descriptor)
            return socket;
    }
    return NULL;
}

/* Called by the library; before it closes a socket, with neither wish. */
static void socket_changed(void *argument, ares_socket_t descriptor, int readable, int writable) {
    struct dns_resolver *resolver = argument;
    struct dns_socket *socket = socket_find(resolver, descriptor);
    if (!readable && !writable) {
        if (socket == NULL)
            return;
        loop_remove(resolver->loop, &socket->source);
        list_remove(&socket->link);
        free(socket);
        return;
    }
    if (socket == NULL) {
        socket = memory_allocate_zeroed(1, sizeof(*socket));
        socket->resolver = resolver;
        socket->source.descriptor = -1;
        if (loop_add_level(resolver->loop, &socket->source, descriptor, socket_readable) < 0) {
            /* The query runs into its timeout. */
            free(socket);
            return;
        }
        list_init(&socket->link);
        list_push_back(&resolver->sockets, &socket->link);
    }
    socket->wants_output = writable;
}

/* --- Answers --- */

static bool address_of(const struct sockaddr *from, struct network_address *ret_address) {
    struct network_address address = {0};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in inet;
        memcpy(&inet, from, sizeof(inet));
        address.size = sizeof(inet.sin_addr);
        memcpy(address.bytes, &inet.sin_addr, sizeof(inet.sin_addr));
    } else if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 inet;
        memcpy(&inet, from, sizeof(inet));
        address.size = sizeof(inet.sin6_addr);
        memcpy(address.bytes, &inet.sin6_addr, sizeof(inet.sin6_addr));
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}

static void add_address(const struct network_address *address, struct network_address *addresses, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        if (network_address_equal(&addresses[i], address))
            return;
    if (*count < DNS_ADDRESSES_MAX)
        addresses[(*count)++] = *address;
}

static void query_done(void *argument, int status, int timeouts, struct ares_addrinfo *result) {
    (void)timeouts;
    struct dns_query *query = argument;
    struct network_address addresses[DNS_ADDRESSES_MAX];
    struct dns_answer answer = {.addresses = addresses};
    uint64_t lifetime_s = UINT64_MAX;
    for (const struct ares_addrinfo_node *node = result == NULL ? NULL : result->nodes; node != NULL; node = node->ai_next) {
        struct network_address address;
        if (!address_of(node->ai_addr, &address))
            continue;
        add_address(&address, addresses, &answer.count);
        uint64_t node_s = node->ai_ttl > 0 ? (uint64_t)node->ai_ttl : 0;
        lifetime_s = node_s < lifetime_s ? node_s : lifetime_s;
    }
    if (answer.count == 0)
        answer.error = status == ARES_SUCCESS ? "it has no address" : ares_strerror(status);
    answer.lifetime_ns = answer.count == 0 ? 0 : SECONDS(lifetime_s);
    if (result != NULL)
        ares_freeaddrinfo(result);
    query->function(query->argument, &answer);
    free(query);
}

void dns_resolver_ask(struct dns_resolver *resolver, const char *host, dns_function function, void *argument) {
    struct ares_addrinfo_hints hints = {.ai_flags = ARES_AI_NOSORT, .ai_family = AF_UNSPEC};
    struct dns_query *query = memory_allocate(sizeof(*query));
    *query = (struct dns_query){function, argument};
    ares_getaddrinfo(resolver->channel, host, NULL, &hints, query_done, query);
    resolver_schedule(resolver);
}

/* --- Life --- */

int dns_resolver_create(struct loop *loop, struct timer_wheel *timers, const char *servers, struct dns_resolver **ret_resolver) {
    struct dns_resolver *resolver = memory_allocate_zeroed(1, sizeof(*resolver));
    resolver->loop = loop;
    resolver->timers = timers;
    list_init(&resolver->sockets);
    timer_init(&resolver->timer, resolver_due);
    struct ares_options options = {
        .timeout = QUERY_TIMEOUT_MS, .tries = QUERY_TRIES, .sock_state_cb = socket_changed, .sock_state_cb_data = resolver};
    int flags = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS || ares_init_options(&resolver->channel, &options, flags) != ARES_SUCCESS) {
        free(resolver);
        return -ENOMEM;
    }
    if (servers != NULL && ares_set_servers_ports_csv(resolver->channel, servers) != ARES_SUCCESS) {
        dns_resolver_destroy(resolver);
        return -EINVAL;
    }
    *ret_resolver = resolver;
    return 0;
}

void dns_resolver_destroy(struct dns_resolver *resolver) {
    if (resolver == NULL)
        return;
    ares_destroy(resolver->channel);
    ares_library_cleanup();
    ASSERT(list_is_empty(&resolver->sockets));
    timer_cancel(resolver->timers, &resolver->timer);
    free(resolver);
}
