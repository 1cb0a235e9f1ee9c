/* A cluster: one Service port (and subset) as the data plane sees it. Immutable after the snapshot is sealed. */
#ifndef FAIRLEAD_SNAPSHOT_CLUSTER_H
#define FAIRLEAD_SNAPSHOT_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/network_address.h"
#include "base/span.h"

enum cluster_protocol {
    CLUSTER_HTTP1,
    CLUSTER_HTTP2,
    CLUSTER_PROTOCOL_OF_CLIENT /* that by which the request came */
};

struct endpoint {
    struct network_address address;
    struct span address_text; /* "10.0.0.1:80", for the access log */
    uint32_t weight;          /* at least 1 where cluster.weight_total is not 0 */
    bool uses_tls;            /* counts where cluster.tls_by_endpoint */
};

/* A name that DNS resolves to endpoints. */
struct cluster_name {
    struct span host;
    uint16_t port;
    uint32_t weight; /* of each of its addresses */
    bool uses_tls;   /* likewise */
};

struct tls_client_policy; /* tls/client_policy.h */

/* TLS towards the endpoints. */
struct cluster_tls {
    struct tls_client_policy *policy; /* lives as long as the snapshot */
    struct span server_name;          /* empty: the request's host */
    struct span description;          /* for the dump */
};

struct destination_counters; /* proxy/destination_counters.h */

/* An endpoint of the input that takes no requests; cold. */
enum endpoint_absence {
    ENDPOINT_NOT_READY,
    ENDPOINT_POD_GONE,     /* its Pod is not in the input, though Pods are */
    ENDPOINT_NOT_IN_SUBSET, /* other labels */
    ENDPOINT_WANTS_MUTUAL_TLS /* and the gateway has no identity in the mesh */
};
struct absent_endpoint {
    struct span address;
    enum endpoint_absence reason;
    uint32_t id; /* of the table of origins */
};

struct cluster {
    struct span name; /* "outbound|<port>|<subset>|<host>" */
    struct span host;
    uint16_t port; /* of the Service, never the target port */
    enum cluster_protocol protocol;
    bool protocol_is_assumed; /* the port says none, neither by its name nor by appProtocol */
    struct span port_name;
    const struct cluster_tls *tls; /* NULL: plaintext */
    bool tls_by_endpoint;          /* the endpoints decide whether it is for them (automatic mutual TLS of the mesh); else it is for all */
    uint64_t connect_timeout_ns;
    struct endpoint *endpoints; /* usable ones only */
    size_t endpoint_count;
    struct cluster_name *names; /* with these the endpoints are not here but in the endpoint table (snapshot/endpoint_table.h) */
    size_t name_count;
    bool takes_first_address; /* of each name only the first (DNS_ROUND_ROBIN) */
    uint64_t weight_total; /* of the endpoints; 0: all weigh the same */
    uint32_t index; /* dense within the snapshot */
    struct span service_name; /* of the Service; of a ServiceEntry its host */
    struct span service_namespace;
    struct span destination_rule; /* "namespace/name" of the one that says something of it; empty: none does */
    struct destination_counters *counters; /* filled by whoever publishes, who owns them; NULL: nothing is counted */
    uint32_t id;        /* key of the table of origins: the port of the Service or ServiceEntry */
    uint32_t policy_id; /* of the DestinationRule that applies; 0: none does */
    const struct absent_endpoint *absent; /* ENDPOINTS_ABSENT_MAX at most */
    size_t absent_count;
    /* Set when a policy for this cluster restricts or encrypts in a way that is not supported: requests answer 503 instead of going out
     * without it. Empty otherwise. */
    struct span refusal;
};

/* A request for it can be sent on: no policy forbids it, and there may be an endpoint. NULL: there is no cluster. */
static inline bool cluster_takes_requests(const struct cluster *cluster) {
    return cluster != NULL && cluster->refusal.size == 0 && (cluster->endpoint_count > 0 || cluster->name_count > 0);
}

/* How that endpoint of it, or one that its names resolved to, is spoken to; NULL: in plaintext. */
static inline const struct cluster_tls *cluster_tls_of(const struct cluster *cluster, const struct endpoint *endpoint) {
    return cluster->tls_by_endpoint && !endpoint->uses_tls ? NULL : cluster->tls;
}

/* `client_does`: the request came by HTTP/2, and not for a WebSocket, which upstreams get over HTTP/1.1. */
static inline bool cluster_speaks_http2(const struct cluster *cluster, bool client_does) {
    return cluster->protocol == CLUSTER_HTTP2 || (cluster->protocol == CLUSTER_PROTOCOL_OF_CLIENT && client_does);
}

struct header_action; /* snapshot/route_action.h */

/* One destination of a route or of a TCP chain. */
struct weighted_cluster {
    const struct cluster *cluster; /* NULL: no such cluster, 503 NC */
    struct span cluster_name;      /* as the log prints it, also when there is no such cluster */
    uint32_t weight;
    uint32_t id; /* key of the table of origins: the destination, or what of it is wrong */
    const struct header_action *headers; /* of this destination alone; NULL: none */
};

struct destinations {
    struct weighted_cluster *items;
    size_t count;
    uint64_t weight_total; /* ignored when count is 1 */
};

/* For the dumps. */
struct span cluster_protocol_name(enum cluster_protocol protocol);

/* Picks by weight with a number drawn uniformly from the whole 64-bit range; NULL when there is none. */
const struct weighted_cluster *destinations_pick(const struct destinations *destinations, uint64_t draw);

#endif
