/* One of the gateway's own addresses (status, administration, metrics): a local service with its socket and its lock. An address that cannot be
 * bound is said once and may be tried again. On the server's thread. */
#ifndef FAIRLEAD_SERVER_OWN_PORT_H
#define FAIRLEAD_SERVER_OWN_PORT_H

#include "server/admin_address.h"
#include "server/local_service.h"

struct own_port {
    struct local_service service;
    const char *title;           /* "status port" */
    struct admin_address address;
    bool wanted; /* else there is no address */
    bool told;   /* that it cannot be bound */
    int lock;    /* -1: none */
};

/* `title` is static, the address's path borrowed. */
void own_port_init(struct own_port *port, const char *title, struct loop *loop, struct timer_wheel *timers,
                       local_service_function *function, void *argument);
/* On that address of the machine; size 0: on all. Port 0: none. */
void own_port_set(struct own_port *port, const struct network_address *address);
void own_port_set_admin(struct own_port *port, const struct admin_address *address);
/* Tries, unless it listens already. */
void own_port_bind(struct own_port *port);
static inline bool own_port_is_missing(const struct own_port *port) {
    return port->wanted && !port->service.listening;
}
/* Harmless on a zeroed one. */
void own_port_deinit(struct own_port *port);

#endif
