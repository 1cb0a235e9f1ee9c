/* The usable endpoints of a Service port. */
#ifndef FAIRLEAD_COMPILE_ENDPOINTS_H
#define FAIRLEAD_COMPILE_ENDPOINTS_H

#include "compile/service_registry.h"
#include "snapshot/cluster.h"

struct compiler;

/* Fills cluster->endpoints, sorted by address and each once, for the port at `port_index` of the service: those that have all the `wanted`
 * labels of a subset (NULL: every one). What a ServiceEntry asks for and
 * is not served makes the cluster refuse. */
void compile_endpoints(struct compiler *compiler, const struct registry_service *service, size_t port_index,
                       const struct label_set *wanted, struct cluster *cluster);

#endif
