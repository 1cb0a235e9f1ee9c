/* networking.istio.io ServiceEntry, and WorkloadEntry: an endpoint with an object of its own. */
#ifndef FAIRLEAD_RESOURCE_SERVICE_ENTRY_H
#define FAIRLEAD_RESOURCE_SERVICE_ENTRY_H

#include "resource/object.h"

enum service_entry_location { SERVICE_ENTRY_MESH_EXTERNAL, SERVICE_ENTRY_MESH_INTERNAL };

enum service_entry_resolution {
    SERVICE_ENTRY_NONE,
    SERVICE_ENTRY_STATIC,
    SERVICE_ENTRY_DNS,
    SERVICE_ENTRY_DNS_ROUND_ROBIN,
    SERVICE_ENTRY_DYNAMIC_DNS
};

struct service_entry_port {
    struct position position;
    struct located_number number;
    struct located name;
    struct located protocol; /* as written; compared ignoring case; may be empty */
    struct located_number target_port;
};

struct service_entry_endpoint_port {
    struct located name; /* of the service entry's port */
    uint32_t number;
};

struct service_entry_endpoint {
    struct position position;
    struct located address;
    struct service_entry_endpoint_port *ports;
    size_t port_count;
    struct label_set labels;
    struct located_number weight;
    struct located network;
    struct located locality;
    struct located service_account;
};

struct service_entry {
    struct object_meta meta;
    struct located_list hosts;
    struct located_list addresses;
    struct service_entry_port *ports;
    size_t port_count;
    enum service_entry_location location;
    enum service_entry_resolution resolution;
    struct position resolution_position;
    struct service_entry_endpoint *endpoints;
    size_t endpoint_count;
    bool has_workload_selector;
    struct label_set workload_selector;
    struct position workload_selector_position;
    struct located_list export_to;
    struct located_list subject_alt_names;
};

struct workload_entry {
    struct object_meta meta;
    struct service_entry_endpoint endpoint;
};

#endif
