/* What the input holds and no request needs: for telling a person where a thing came from, and why another is not there. Cold; outside the
 * dump; immutable after the snapshot is sealed. */
#ifndef FAIRLEAD_SNAPSHOT_BACKGROUND_H
#define FAIRLEAD_SNAPSHOT_BACKGROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* A place in the input. */
struct origin {
    struct span object; /* "VirtualService shop/web" */
    struct span file;
    uint32_t line;
};

/* The same as it is kept, eight bytes a place. */
struct origin_object {
    struct span title, file;
};
struct origin_place {
    uint32_t object; /* index of its origin_object */
    uint32_t line;
};

/* A port of a Service that leads to the gateway. */
struct background_port {
    uint16_t service_port;
    uint16_t target_port;
    bool translates; /* Gateways that name service_port listen on target_port */
    uint32_t id;
};

enum background_server_state {
    BACKGROUND_SERVER_SERVED,
    BACKGROUND_SERVER_DROPPED,      /* as a whole, for another server's sake: a remark at its place says why */
    BACKGROUND_SERVER_UNUSABLE,     /* a mistake in it */
    BACKGROUND_SERVER_NOT_SELECTED, /* its Gateway is for other pods */
};

struct background_server {
    struct span title;    /* "namespace/name servers[1]" */
    struct span protocol; /* as written */
    struct span *hosts;   /* as written */
    size_t host_count;
    uint16_t number;      /* as written */
    uint16_t port;        /* what it listens on, or would */
    bool has_tls; /* more than httpsRedirect */
    enum background_server_state state;
    uint32_t id;
};

struct background_gateway {
    struct span name;     /* "namespace/name" */
    struct span selector; /* "istio=ingress,app=x"; empty: every gateway */
    bool selected;
    struct background_server *servers;
    size_t server_count;
    uint32_t id;
};

struct background_virtual_service {
    struct span title;     /* "VirtualService namespace/name" */
    struct span namespace;
    struct span *hosts;    /* lower-case, resolved */
    size_t host_count;
    struct span *gateways; /* resolved: "namespace/name", "mesh" */
    size_t gateway_count;
    bool invalid;
    bool hidden;           /* exportTo keeps it from the gateway's namespace */
    bool served;
    uint32_t hosts_id;
    uint32_t gateways_id;
};

/* What was said of the input. */
struct background_remark {
    int severity; /* enum diagnostic_severity */
    int code;     /* FLnnnn */
    uint32_t id;
    struct span message, hint;
};

struct background {
    struct span gateway_labels; /* "app=istio-ingressgateway,istio=ingressgateway" */
    struct background_port *ports;
    size_t port_count;
    struct background_gateway *gateways;
    size_t gateway_count;
    struct background_virtual_service *virtual_services; /* in Istio's order of precedence */
    size_t virtual_service_count;
    bool lacks_secrets, lacks_services; /* the input holds none at all (of the latter no ServiceEntry either): they are kept elsewhere */
    struct background_remark *remarks; /* in order of their making */
    size_t remark_count;
};

#endif
