#include "server/listener_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "os/lock.h"
#include "os/socket.h"

/* "*:8443" for every address. */
static size_t address_print(const struct network_address *address, char ret_text[NETWORK_ADDRESS_TEXT_MAX]) {
    if (address->size != 0)
        return network_address_print(address, ret_text);
    return (size_t)snprintf(ret_text, NETWORK_ADDRESS_TEXT_MAX, "*:%u", address->port);
}

int listener_lock(const struct network_address *address, int *ret_descriptor) {
    char text[NETWORK_ADDRESS_TEXT_MAX];
    size_t size = address_print(address, text);
    return lock_take(span_make(text, size), ret_descriptor);
}

void listener_sockets_init(struct listener_sockets *sockets, struct worker **workers, size_t worker_count,
                           const struct network_address *default_address) {
    *sockets = (struct listener_sockets){
        .workers = workers,
        .worker_count = worker_count,
        .default_address = *default_address,
        .next_id = 1,
    };
}

void listener_sockets_reserve(struct listener_sockets *sockets, uint16_t port) {
    if (port == 0)
        return;
    ASSERT(sockets->reserved_port_count < LISTENER_RESERVED_PORTS_MAX);
    sockets->reserved_ports[sockets->reserved_port_count++] = port;
}

static bool is_reserved(const struct listener_sockets *sockets, uint16_t port) {
    for (size_t i = 0; i < sockets->reserved_port_count; i++)
        if (sockets->reserved_ports[i] == port)
            return true;
    return false;
}

static void socket_close_all(struct listener_socket *socket, size_t worker_count) {
    for (size_t i = 0; i < worker_count; i++)
        if (socket->descriptors[i] >= 0)
            socket_close(socket->descriptors[i]);
    for (size_t i = 0; i < worker_count; i++)
        socket->descriptors[i] = -1;
}

static void socket_free(struct listener_sockets *sockets, struct listener_socket *socket) {
    socket_close_all(socket, sockets->worker_count);
    if (socket->open)
        lock_release(socket->lock);
    free(socket->descriptors);
    free(socket->bind);
    free(socket);
}

void listener_sockets_deinit(struct listener_sockets *sockets) {
    for (size_t i = 0; i < sockets->count; i++)
        socket_free(sockets, sockets->items[i]);
    free(sockets->items);
}

/* A server that shares its port (SO_REUSEPORT) would let us in and take half of the connections, so the port is probed without sharing. Not
 * where we listen on that port ourselves, on another address: the probe would see us. */
static bool listens_on_port(const struct listener_sockets *sockets, uint16_t port) {
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->items[i]->open && sockets->items[i]->address.port == port)
            return true;
    return false;
}

static int open_descriptors(struct listener_sockets *sockets, struct listener_socket *socket) {
    if (!listens_on_port(sockets, socket->address.port)) {
        int probed = socket_probe(&socket->address);
        if (probed < 0)
            return probed;
    }
    for (size_t i = 0; i < sockets->worker_count; i++) {
        int result = socket_listen(&socket->address, &socket->descriptors[i]);
        if (result < 0) {
            socket->descriptors[i] = -1;
            socket_close_all(socket, sockets->worker_count);
            return result;
        }
    }
    return 0;
}

static int open_socket(struct listener_sockets *sockets, struct listener_socket *socket, bool *ret_locked) {
    if (is_reserved(sockets, socket->address.port))
        return -EADDRINUSE;
    int result = listener_lock(&socket->address, &socket->lock);
    *ret_locked = result == -EADDRINUSE;
    if (result < 0)
        return result;
    result = open_descriptors(sockets, socket);
    if (result < 0)
        lock_release(socket->lock);
    return result;
}

/* Says what failed once, and again when the reason changes. */
static void try_open(struct listener_sockets *sockets, struct listener_socket *socket) {
    char text[NETWORK_ADDRESS_TEXT_MAX];
    address_print(&socket->address, text);
    bool locked = false;
    int result = open_socket(sockets, socket, &locked);
    bool told = result == socket->error && locked == socket->locked;
    socket->error = result;
    socket->locked = locked;
    socket->open = result == 0;
    if (result == 0)
        log_info("listening on %s", text);
    else if (told)
        return;
    else if (is_reserved(sockets, socket->address.port))
        log_error("%s cannot be served: the port is one of the gateway's own (see --status-port, --metrics-port, --admin); other ports are not affected",
                  text);
    else if (locked)
        log_error("%s cannot be bound: another instance of this program serves it", text);
    else
        log_error("%s cannot be bound: %s; other ports are not affected, it will be tried again", text, strerror(-result));
}

/* The same address by another name ("" and the address of --bind): the first one has it. */
static bool address_is_taken(const struct listener_sockets *sockets, const struct network_address *address) {
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->items[i]->wanted && network_address_equal(&sockets->items[i]->address, address))
            return true;
    return false;
}

static struct listener_socket *find_socket(const struct listener_sockets *sockets, const struct network_address *address, struct span bind) {
    for (size_t i = 0; i < sockets->count; i++)
        if (network_address_equal(&sockets->items[i]->address, address) && span_equal(span_of(sockets->items[i]->bind), bind))
            return sockets->items[i];
    return NULL;
}

bool listener_sockets_serve(const struct listener_sockets *sockets, const struct listener *listener) {
    for (size_t i = 0; i < sockets->count; i++) {
        const struct listener_socket *socket = sockets->items[i];
        if (socket->wanted && socket->open && socket->address.port == listener->port && span_equal(span_of(socket->bind), listener->bind))
            return true;
    }
    return false;
}

static struct listener_socket *add_socket(struct listener_sockets *sockets, const struct network_address *address, struct span bind) {
    struct listener_socket *socket = memory_allocate_zeroed(1, sizeof(*socket));
    socket->address = *address;
    socket->id = sockets->next_id++;
    socket->bind = memory_allocate_zeroed(1, bind.size + 1);
    if (bind.size != 0)
        memcpy(socket->bind, bind.data, bind.size);
    socket->descriptors = memory_allocate(sockets->worker_count * sizeof(int));
    for (size_t i = 0; i < sockets->worker_count; i++)
        socket->descriptors[i] = -1;
    sockets->items = memory_resize(sockets->items, (sockets->count + 1) * sizeof(struct listener_socket *));
    sockets->items[sockets->count++] = socket;
    return socket;
}

static void want_listener(struct listener_sockets *sockets, const struct listener *listener) {
    struct network_address address = sockets->default_address;
    address.port = listener->port;
    if (listener->bind.size != 0 && !network_address_parse(listener->bind, listener->port, &address)) {
        log_error("port %u cannot be bound: %.*s is no IP address", listener->port, SPAN_ARGUMENTS(listener->bind));
        return;
    }
    if (address_is_taken(sockets, &address))
        return;
    struct listener_socket *socket = find_socket(sockets, &address, listener->bind);
    if (socket == NULL && sockets->count == SERVER_LISTENERS_MAX) {
        log_error("port %u cannot be bound: more than %d addresses", listener->port, SERVER_LISTENERS_MAX);
        return;
    }
    if (socket == NULL)
        socket = add_socket(sockets, &address, listener->bind);
    socket->wanted = true;
}

static void remove_unwanted(struct listener_sockets *sockets) {
    size_t kept = 0;
    for (size_t i = 0; i < sockets->count; i++) {
        struct listener_socket *socket = sockets->items[i];
        if (socket->wanted) {
            sockets->items[kept++] = socket;
            continue;
        }
        if (socket->open && socket->handed_over) {
            char text[NETWORK_ADDRESS_TEXT_MAX];
            address_print(&socket->address, text);
            log_info("no longer listening on %s", text);
            for (size_t j = 0; j < sockets->worker_count; j++)
                worker_remove_listener(sockets->workers[j], socket->id);
        }
        socket_free(sockets, socket);
    }
    sockets->count = kept;
}

void listener_sockets_prepare(struct listener_sockets *sockets, const struct snapshot *snapshot) {
    for (size_t i = 0; i < sockets->count; i++)
        sockets->items[i]->wanted = false;
    for (size_t i = 0; i < snapshot->listener_count; i++)
        want_listener(sockets, snapshot->listeners[i]);
    remove_unwanted(sockets);
    (void)listener_sockets_retry(sockets);
}

bool listener_sockets_retry(struct listener_sockets *sockets) {
    bool opened = false;
    for (size_t i = 0; i < sockets->count; i++) {
        if (sockets->items[i]->open)
            continue;
        try_open(sockets, sockets->items[i]);
        opened = opened || sockets->items[i]->open;
    }
    return opened;
}

void listener_sockets_hand_over(struct listener_sockets *sockets) {
    for (size_t i = 0; i < sockets->count; i++) {
        struct listener_socket *socket = sockets->items[i];
        if (!socket->open || socket->handed_over)
            continue;
        socket->handed_over = true;
        for (size_t j = 0; j < sockets->worker_count; j++) {
            worker_add_listener(sockets->workers[j], socket->id, socket->descriptors[j], span_of(socket->bind), socket->address.port);
            socket->descriptors[j] = -1;
        }
    }
}

size_t listener_sockets_failed(const struct listener_sockets *sockets, size_t *ret_locked) {
    size_t failed = 0;
    *ret_locked = 0;
    for (size_t i = 0; i < sockets->count; i++) {
        failed += sockets->items[i]->open ? 0 : 1;
        *ret_locked += sockets->items[i]->locked ? 1 : 0;
    }
    return failed;
}
