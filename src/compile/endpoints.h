/* The usable endpoints of a Service port. */
#ifndef FAIRLEAD_COMPILE_ENDPOINTS_H
#define FAIRLEAD_COMPILE_ENDPOINTS_H

#include "compile/service_registry.h"
#include "snapshot/cluster.h"

struct compiler;

/* Which ones, and how they are spoken to. */
struct endpoint_choice {
    const struct label_set *wanted; /* all labels of a subset; NULL: every endpoint */
    bool automatic_tls;             /* mutual TLS of the mesh for those whose workload takes it */
    bool only_mutual_tls;           /* none but those, for TLS that passes through; that there is none is nothing to report */
};

/* Fills cluster->endpoints, sorted by address and each once, or cluster->names, for the port at `port_index` of the service; leaves the service accounts of all of the service's
 * endpoints in the compiler. What a ServiceEntry asks for and is not served makes the cluster refuse. */
void compile_endpoints(struct compiler *compiler, const struct registry_service *service, size_t port_index,
                       const struct endpoint_choice *choice, struct cluster *cluster);

#endif
