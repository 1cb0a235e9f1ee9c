/* What PeerAuthentications say of a workload's port: mesh, namespace, workload, port, the narrower before the wider. */
#ifndef FAIRLEAD_COMPILE_PEER_AUTHENTICATIONS_H
#define FAIRLEAD_COMPILE_PEER_AUTHENTICATIONS_H

#include "resource/peer_authentication.h"

struct compiler;

/* The mode of one port of the workload with these labels (NULL: none are known), never UNSET; PERMISSIVE where nothing is said. Of several of one
 * scope the oldest counts. One that cannot be read counts as STRICT. Source: Istio's ComposePeerAuthentication. */
enum mutual_tls_mode peer_authentication_of_port(struct compiler *compiler, struct span namespace, const struct label_set *labels, uint16_t port);
/* What mesh and namespace say; Istio infers a Service's mode of these alone. Source: GetNamespaceMutualTLSMode. */
enum mutual_tls_mode peer_authentication_of_namespace(struct compiler *compiler, struct span namespace);

#endif
