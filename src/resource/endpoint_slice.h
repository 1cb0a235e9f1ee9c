/* discovery.k8s.io EndpointSlice, and the older v1 Endpoints in the same shape. */
#ifndef FAIRLEAD_RESOURCE_ENDPOINT_SLICE_H
#define FAIRLEAD_RESOURCE_ENDPOINT_SLICE_H

#include "resource/object.h"

enum endpoint_address_type { ENDPOINT_ADDRESS_IPV4, ENDPOINT_ADDRESS_IPV6, ENDPOINT_ADDRESS_FQDN };

struct endpoint_port {
    struct position position;
    struct located name;     /* "" matches the only, unnamed Service port */
    uint32_t number;         /* 0: not written, every port (unusable here) */
    struct located protocol; /* "TCP" when not written */
    struct located app_protocol;
};

/* Not "endpoint": that is the data plane's, in snapshot/cluster.h. */
struct slice_endpoint {
    struct position position;
    struct located_list addresses;
    bool ready;       /* true when not written */
    bool serving;     /* as ready when not written */
    bool terminating; /* false when not written */
    bool has_target_ref;
    struct span target_ref_kind;
    struct span target_ref_namespace;
    struct span target_ref_name;
    struct span node_name;
    struct span zone;
    struct span hostname;
};

/* Ports and endpoints that belong together: a slice is one group, an Endpoints object one a subset. */
struct endpoint_group {
    struct endpoint_port *ports;
    size_t port_count;
    struct slice_endpoint *endpoints;
    size_t endpoint_count;
};

struct endpoint_slice {
    struct object_meta meta; /* resource_kind RESOURCE_ENDPOINT_SLICE or RESOURCE_ENDPOINTS */
    struct span service_name; /* label kubernetes.io/service-name; an Endpoints object's own name; empty: of no Service */
    enum endpoint_address_type address_type; /* of Endpoints: IPV4, whatever the addresses are */
    struct endpoint_group *groups;
    size_t group_count;
};

#endif
