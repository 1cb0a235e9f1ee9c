/* Kubernetes Service. */
#ifndef FAIRLEAD_RESOURCE_SERVICE_H
#define FAIRLEAD_RESOURCE_SERVICE_H

#include "resource/object.h"

enum service_type { SERVICE_CLUSTER_IP, SERVICE_NODE_PORT, SERVICE_LOAD_BALANCER, SERVICE_EXTERNAL_NAME };

struct service_port {
    struct position position;
    struct located name;
    uint32_t number;
    struct position number_position;
    struct located protocol;           /* "TCP" when not written; UDP and SCTP ports are kept, too */
    uint32_t target_port;              /* 0 when target_port_name is set; `number` when not written */
    struct located target_port_name;   /* a container port's name */
    struct located app_protocol;
    uint32_t node_port; /* 0: none */
};

struct service {
    struct object_meta meta;
    enum service_type type;
    struct located external_name;
    struct located cluster_ip; /* "None": headless */
    bool has_selector;         /* a Service without selector selects nothing */
    struct label_set selector;
    struct service_port *ports;
    size_t port_count;
    struct located_list export_to; /* annotation networking.istio.io/exportTo, split at ','; empty: the mesh's default */
};

#endif
