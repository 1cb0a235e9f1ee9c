/* The compiled world. Built by compile in one arena, sealed, then only read: by any thread, without locks, until it is destroyed. */
#ifndef FAIRLEAD_SNAPSHOT_SNAPSHOT_H
#define FAIRLEAD_SNAPSHOT_SNAPSHOT_H

#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "snapshot/access_log_format.h"
#include "snapshot/background.h"
#include "snapshot/cluster.h"
#include "snapshot/listener.h"
#include "snapshot/route.h"

enum path_normalization {
    PATH_NORMALIZATION_BASE, /* RFC 3986 dot segments; Istio's DEFAULT */
    PATH_NORMALIZATION_NONE,
    PATH_NORMALIZATION_MERGE_SLASHES,
    PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES,
};

/* What becomes of x-forwarded-client-cert (gatewayTopology.forwardClientCertDetails). Where the client showed no certificate, all but the last drop
 * what came. */
enum client_certificate_forwarding {
    CLIENT_CERTIFICATE_SANITIZE_SET, /* the gateway's own element alone */
    CLIENT_CERTIFICATE_SANITIZE,     /* dropped */
    CLIENT_CERTIFICATE_FORWARD_ONLY, /* kept as it came */
    CLIENT_CERTIFICATE_APPEND_FORWARD, /* kept, the gateway's own element behind it */
    CLIENT_CERTIFICATE_ALWAYS_FORWARD_ONLY, /* kept even without a certificate */
};

/* From meshConfig and the gateway's proxyConfig. */
struct gateway_settings {
    struct span gateway_name;
    struct span gateway_namespace;
    uint32_t trusted_proxy_count;         /* gatewayTopology.numTrustedProxies */
    bool server_header_passes;            /* proxyHeaders.server.disabled: the upstream's own passes */
    struct span server_header;            /* "istio-envoy" */
    bool request_id_disabled;             /* proxyHeaders.requestId.disabled */
    bool attempt_count_disabled;          /* proxyHeaders.attemptCount.disabled */
    bool envoy_debug_headers_disabled;    /* proxyHeaders.envoyDebugHeaders.disabled: no x-envoy-* additions */
    bool strict_sni;                      /* Istio's 404 for a name of another server: no coalescing, no 421 */
    bool x_forwarded_host_enabled;
    bool x_forwarded_port_enabled;
    struct span app, version, canonical_name, canonical_revision; /* of the gateway's labels; may be empty */
    enum path_normalization path_normalization;
    enum client_certificate_forwarding client_certificate_forwarding;
    bool names_upstream_tls; /* the access log or a header asks about the TLS of upstream connections */
    uint64_t termination_drain_duration_ns; /* 5 s */
    struct span access_log_path;            /* empty: none; "/dev/stdout", "/dev/stderr" or a file */
};

struct snapshot {
    struct arena arena;
    struct gateway_settings settings;
    const struct access_log_format *access_log; /* NULL: no access log */
    struct listener **listeners;                /* sorted by port, then bind */
    size_t listener_count;
    struct route_table **route_tables;
    size_t route_table_count;
    struct cluster **clusters; /* sorted by name */
    size_t cluster_count;
    struct map clusters_by_name;
    struct origin_object *origin_objects;
    struct origin_place *origins; /* of the ids from origin_first on; those before are the base's: snapshot_origin */
    size_t origin_first;
    size_t origin_count; /* of all ids */
    struct snapshot *base; /* holds what this one shares with it (snapshot/graft.h); NULL: nothing is shared */
    uint32_t reference_count;
    const struct background *background; /* NULL: this snapshot was not compiled from an input */
    /* Filled by whoever publishes: counts up with each snapshot of this process. */
    uint64_t generation;
    struct destination_counters *unrouted; /* of requests that no cluster was chosen for; likewise */
    /* Workers that hold it; the publisher's business. */
    _Atomic uint32_t holder_count;
};

/* An empty snapshot whose arena the compiler fills. Library objects in it (identities, policies) are let go through arena_on_destroy. */
struct snapshot *snapshot_create(void);
/* Each pin keeps it from one destroy. On one thread, as all calls of destroy. */
struct snapshot *snapshot_pin(struct snapshot *snapshot);
void snapshot_destroy(struct snapshot *snapshot);
/* The place of an id; empty for 0, the id of what came from nowhere, and for one that is not known. */
struct origin snapshot_origin(const struct snapshot *snapshot, uint32_t id);
/* Builds the indexes (server names, hosts, clusters by name) from the arrays. Call once. Of duplicate names the first in the array wins. */
void snapshot_seal(struct snapshot *snapshot);
const struct cluster *snapshot_find_cluster(const struct snapshot *snapshot, struct span name);
/* Stable text: the same snapshot, the same bytes; no keys, no places, no times of reading. */
void snapshot_dump(const struct snapshot *snapshot, FILE *output);
/* The lines of it that say what a route does, and those of one cluster, its name first. */
void snapshot_dump_action(const struct route *route, FILE *output);
/* Of these lines those that do not depend on the request: neither destinations nor locations nor rewrites. */
void snapshot_dump_treatment(const struct route *route, FILE *output);
void snapshot_dump_cluster(const struct cluster *cluster, FILE *output);

#endif
