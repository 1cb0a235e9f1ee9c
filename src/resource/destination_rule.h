/* networking.istio.io DestinationRule: what a gateway must know of it to serve, or to fail closed. */
#ifndef FAIRLEAD_RESOURCE_DESTINATION_RULE_H
#define FAIRLEAD_RESOURCE_DESTINATION_RULE_H

#include "resource/client_tls.h"

enum load_balancer_simple {
    LOAD_BALANCER_UNSET,
    LOAD_BALANCER_UNSPECIFIED,
    LOAD_BALANCER_LEAST_CONN, /* deprecated name of LEAST_REQUEST */
    LOAD_BALANCER_LEAST_REQUEST,
    LOAD_BALANCER_RANDOM,
    LOAD_BALANCER_ROUND_ROBIN,
    LOAD_BALANCER_PASSTHROUGH
};

enum http2_upgrade {
    HTTP2_UPGRADE_DEFAULT,
    HTTP2_UPGRADE_NEVER,
    HTTP2_UPGRADE_ALWAYS
};

/* What of connectionPool.http is served. */
struct connection_pool {
    enum http2_upgrade http2_upgrade;        /* h2UpgradePolicy */
    struct located_flag use_client_protocol; /* useClientProtocol */
};

struct traffic_policy {
    struct position position;
    struct located_number port; /* set for an entry of portLevelSettings */
    struct client_tls *tls; /* NULL when not written */
    struct connection_pool *connection_pool; /* likewise */
    enum load_balancer_simple load_balancer;
    struct position load_balancer_position;
    /* Everything else that was written; restricts_or_encrypts for tunnels and PROXY protocol, connection limits not. */
    struct unsupported_list unsupported;
    struct traffic_policy *port_level; /* NULL for an entry of portLevelSettings */
    size_t port_level_count;
};

struct destination_subset {
    struct position position;
    struct located name;
    struct label_set labels;
    struct traffic_policy *traffic_policy; /* NULL when not written */
};

struct destination_rule {
    struct object_meta meta;
    struct located host; /* as written, not resolved */
    struct located_list export_to;
    bool has_workload_selector;
    struct label_set workload_selector; /* matchLabels */
    struct position workload_selector_position;
    struct traffic_policy *traffic_policy; /* NULL when not written */
    struct destination_subset *subsets;
    size_t subset_count;
};

#endif
