/* Destinations of VirtualServices to clusters, which are made when they are first named. */
#ifndef FAIRLEAD_COMPILE_CLUSTERS_H
#define FAIRLEAD_COMPILE_CLUSTERS_H

#include "resource/virtual_service.h"
#include "snapshot/cluster.h"

struct compiler;

/* The destinations of a route of the VirtualService `meta`, reached through a server with the port number `server_number`. Of several
 * those of weight 0 are left out. A destination that leads nowhere keeps its place, without a cluster. */
void compile_destinations(struct compiler *compiler, const struct object_meta *meta,
                          const struct route_destination *destinations, size_t count, uint16_t server_number,
                          struct destinations *ret_destinations);

#endif
