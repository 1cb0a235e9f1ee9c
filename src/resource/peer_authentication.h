/* security.istio.io PeerAuthentication: whether the ports of workloads want mutual TLS. A gateway is a client of them. */
#ifndef FAIRLEAD_RESOURCE_PEER_AUTHENTICATION_H
#define FAIRLEAD_RESOURCE_PEER_AUTHENTICATION_H

#include "resource/object.h"

enum mutual_tls_mode {
    MUTUAL_TLS_UNSET, /* as the next wider scope says */
    MUTUAL_TLS_DISABLE,
    MUTUAL_TLS_PERMISSIVE, /* both plaintext and mutual TLS are taken */
    MUTUAL_TLS_STRICT,
};

struct port_mutual_tls {
    uint16_t port; /* of the workload, not of a Service */
    enum mutual_tls_mode mode;
};

/* An invalid one (meta.invalid) may have asked for STRICT. */
struct peer_authentication {
    struct object_meta meta;
    struct label_set selector; /* empty: all workloads of its namespace, of the whole mesh in the root namespace */
    enum mutual_tls_mode mode;
    struct port_mutual_tls *ports;
    size_t port_count;
};

#endif
