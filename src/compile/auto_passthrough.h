/* Mode AUTO_PASSTHROUGH: mutual TLS of the mesh, from another of its networks, goes untouched to the Service that its server name stands for. No
 * VirtualService has a say. Source: Istio's builtAutoPassthroughFilterChains. */
#ifndef FAIRLEAD_COMPILE_AUTO_PASSTHROUGH_H
#define FAIRLEAD_COMPILE_AUTO_PASSTHROUGH_H

#include "compile/array.h"
#include "snapshot/cluster.h"

struct compiler;

/* One port of a Service, as a whole or one of its subsets. */
struct passed_port {
    struct span server_name; /* "outbound_.<port>_.<subset>_.<host>" */
    struct destinations destinations;
};

struct passed_port_list {
    struct passed_port *items;
    size_t count;
    size_t capacity;
};

/* Those of the Services whose host one of `hosts` covers, in a stable order; of what is outside the mesh none. */
void compile_passed_ports(struct compiler *compiler, const struct span_list *hosts, struct passed_port_list *ret_ports);

#endif
