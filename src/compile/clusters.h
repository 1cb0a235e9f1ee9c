/* Destinations of VirtualServices to clusters, which are made when they are first named. */
#ifndef FAIRLEAD_COMPILE_CLUSTERS_H
#define FAIRLEAD_COMPILE_CLUSTERS_H

#include "resource/virtual_service.h"
#include "snapshot/cluster.h"

struct compiler;

/* The destinations of a route of the VirtualService `meta`, reached through a server with the port number `server_number`. Of several
 * those of weight 0 are left out. A destination that leads nowhere keeps its place, without a cluster. The array of them comes out of `arena`. */
void compile_destinations(struct compiler *compiler, struct arena *arena, const struct object_meta *meta,
                          const struct route_destination *destinations, size_t count, uint16_t server_number,
                          struct destinations *ret_destinations);

/* --- For mode AUTO_PASSTHROUGH --- */
struct destination_subset;
struct registry_service;
struct passed_cluster {
    struct span host;
    const struct registry_service *service;
    size_t port_index;
    const struct destination_subset *subset; /* NULL: the whole port */
};
bool passed_port_exists(const struct passed_cluster *wanted);
/* Whether TLS can go there: not over UDP. */
bool passed_port_is_stream(const struct passed_cluster *wanted);
/* A cluster of those endpoints that take the mesh's mutual TLS, which passes through: none is added. Its name is that of the connections' server name. */
const struct cluster *compile_passed_cluster(struct compiler *compiler, const struct passed_cluster *wanted);

#endif
