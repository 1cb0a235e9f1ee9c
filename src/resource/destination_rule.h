/* networking.istio.io DestinationRule: what a gateway must know of it to serve, or to fail closed. */
#ifndef FAIRLEAD_RESOURCE_DESTINATION_RULE_H
#define FAIRLEAD_RESOURCE_DESTINATION_RULE_H

#include "resource/object.h"

enum load_balancer_simple {
    LOAD_BALANCER_UNSET,
    LOAD_BALANCER_UNSPECIFIED,
    LOAD_BALANCER_LEAST_CONN, /* deprecated name of LEAST_REQUEST */
    LOAD_BALANCER_LEAST_REQUEST,
    LOAD_BALANCER_RANDOM,
    LOAD_BALANCER_ROUND_ROBIN,
    LOAD_BALANCER_PASSTHROUGH
};

/* DISABLE is 0 in Istio's API, so a tls block without mode asks for no TLS. */
enum client_tls_mode {
    CLIENT_TLS_DISABLE,
    CLIENT_TLS_SIMPLE,
    CLIENT_TLS_MUTUAL,
    CLIENT_TLS_ISTIO_MUTUAL
};

struct traffic_policy {
    struct position position;
    struct located_number port; /* set for an entry of portLevelSettings */
    bool has_tls;
    enum client_tls_mode tls_mode;
    struct position tls_position;
    enum load_balancer_simple load_balancer;
    struct position load_balancer_position;
    /* Everything else that was written; restricts_or_encrypts for tls of a mode other than DISABLE, connection limits not. */
    struct unsupported_list unsupported;
    struct traffic_policy *port_level; /* NULL for an entry of portLevelSettings */
    size_t port_level_count;
    const struct node *node;
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
    struct traffic_policy *traffic_policy; /* NULL when not written */
    struct destination_subset *subsets;
    size_t subset_count;
};

#endif
