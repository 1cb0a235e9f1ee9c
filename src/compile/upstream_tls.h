/* A DestinationRule's tls block to the TLS of a cluster. */
#ifndef FAIRLEAD_COMPILE_UPSTREAM_TLS_H
#define FAIRLEAD_COMPILE_UPSTREAM_TLS_H

#include "compile/destination_rules.h"
#include "compile/service_registry.h"
#include "snapshot/cluster.h"

struct compiler;

/* Whether nobody has written how the service is to be spoken to, so that the endpoints decide: mutual TLS for those that take it. Source: Istio's
 * buildUpstreamTLSSettings and BestEffortInferServiceMTLSMode. */
bool upstream_tls_is_automatic(struct compiler *compiler, const struct destination_policy *policy, const struct registry_service *service);
/* Sets cluster->tls for the modes SIMPLE, MUTUAL and ISTIO_MUTUAL, and where cluster->tls_by_endpoint some endpoint uses it; after the endpoints, whose
 * service accounts count for the mesh. What cannot be had as it is written makes the cluster refuse, with a diagnostic at its place. Source:
 * Istio's buildUpstreamClusterTLSContext. */
void compile_upstream_tls(struct compiler *compiler, const struct destination_policy *policy, const struct registry_service *service,
                          struct cluster *cluster);

#endif
