#include "server/own_port.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "os/lock.h"
#include "os/socket.h"
#include "server/listener_sockets.h"

void own_port_init(struct own_port *port, const char *title, struct loop *loop, struct timer_wheel *timers,
                       local_service_function *function, void *argument) {
    *port = (struct own_port){.title = title, .lock = -1};
    local_service_init(&port->service, loop, timers, function, argument);
}

void own_port_set(struct own_port *port, const struct network_address *address) {
    port->address = (struct admin_address){.address = *address};
    port->wanted = address->port != 0;
}

void own_port_set_admin(struct own_port *port, const struct admin_address *address) {
    port->address = *address;
    port->wanted = address->path != NULL || address->address.size != 0;
}

/* The lock refuses a second instance, the probe a stranger that shares its port: SO_REUSEPORT would let us in beside both. */
static int port_open(struct own_port *port, int *ret_descriptor) {
    if (port->address.path != NULL)
        return socket_listen_path(port->address.path, ret_descriptor);
    int result = port->lock >= 0 ? 0 : listener_lock(&port->address.address, &port->lock);
    if (result == 0)
        result = socket_probe(&port->address.address);
    return result < 0 ? result : socket_listen(&port->address.address, ret_descriptor);
}

static void port_print(const struct own_port *port, char ret_text[NETWORK_ADDRESS_TEXT_MAX + 8]) {
    const struct network_address *address = &port->address.address;
    size_t size;
    if (port->address.path != NULL)
        (void)snprintf(ret_text, NETWORK_ADDRESS_TEXT_MAX + 8, "%s", port->address.path);
    else if (address->size == 0)
        (void)snprintf(ret_text, NETWORK_ADDRESS_TEXT_MAX + 8, "%u", address->port);
    else if ((size = network_address_print(address, ret_text)) < NETWORK_ADDRESS_TEXT_MAX)
        ret_text[size] = '\0';
}

void own_port_bind(struct own_port *port) {
    if (!own_port_is_missing(port))
        return;
    char text[NETWORK_ADDRESS_TEXT_MAX + 8];
    port_print(port, text);
    int descriptor;
    int result = port_open(port, &descriptor);
    if (result == 0) {
        result = local_service_listen(&port->service, descriptor);
        if (result < 0)
            socket_close(descriptor);
    }
    if (result == 0)
        log_info("%s %s", port->title, text);
    else if (!port->told)
        log_error("%s %s cannot be bound, it is tried again: %s", port->title, text, strerror(-result));
    port->told = result < 0;
}

void own_port_deinit(struct own_port *port) {
    if (port->title == NULL)
        return;
    bool listened = port->service.listening;
    local_service_deinit(&port->service);
    if (listened && port->address.path != NULL)
        (void)unlink(port->address.path);
    if (port->lock >= 0)
        lock_release(port->lock);
    port->lock = -1;
}
