/* The http routes of a VirtualService as one server of a Gateway sees them. */
#ifndef FAIRLEAD_COMPILE_ROUTES_H
#define FAIRLEAD_COMPILE_ROUTES_H

#include "compile/array.h"
#include "compile/gateways.h"
#include "compile/virtual_services.h"
#include "snapshot/route.h"

struct compiler;

struct route_list {
    struct route *items;
    size_t count;
    size_t capacity;
};

/* One route for each match that holds on the server, in the order written, up to and with the first that takes every request. A route
 * that asks for what is not supported refuses; one whose match cannot be evaluated is left out; both are reported. Source: Istio's
 * BuildHTTPRoutesForVirtualService. */
void compile_routes(struct compiler *compiler, struct bound_virtual_service *service,
                    const struct merged_server *server, struct route_list *ret_routes);

/* Takes every request: such routes go behind those of all other VirtualServices of a host. */
bool route_is_catch_all(const struct route *route);

#endif
