/* VirtualServices with their names resolved, those that the ingress gateway may see, in Istio's order. */
#ifndef FAIRLEAD_COMPILE_VIRTUAL_SERVICES_H
#define FAIRLEAD_COMPILE_VIRTUAL_SERVICES_H

#include "compile/array.h"
#include "compile/delegates.h"
#include "resource/virtual_service.h"

struct built_routes;
struct compiler;
struct merged_server;

struct bound_virtual_service {
    const struct virtual_service *object;
    struct span_list hosts;    /* dot-less names resolved */
    struct span_list gateways; /* "namespace/name", "mesh" */
    struct bound_rule_list rules; /* of http; filled when they are asked for */
    bool rules_bound;
    struct built_routes *built; /* its routes through each Gateway of the route table that is being made */
    bool served;               /* some server of some Gateway takes one of its hosts */
};

struct virtual_service_list {
    struct bound_virtual_service **items;
    size_t count;
    size_t capacity;
};

/* With its names resolved; nothing is said of it. */
struct bound_virtual_service virtual_service_bind(struct compiler *compiler, const struct virtual_service *object);
/* Fills compiler->virtual_services: private ones of the gateway's namespace, those exported to it by name, public ones; each part by
 * age. Says which name a Gateway that is not there. Source: initVirtualServices, VirtualServicesForGateway. */
void compile_virtual_services(struct compiler *compiler);
/* After everything else: says which have no host in common with the servers of their Gateways. */
void report_unserved_virtual_services(struct compiler *compiler);

/* Those of compiler->virtual_services that name the Gateway, in their order. */
const struct virtual_service_list *virtual_services_of(const struct compiler *compiler, struct span gateway_title);

/* "gw" -> "namespace/gw", "./gw" the same, "ns/gw" and "mesh" stay, "gw.ns.svc.x" -> "ns/gw". */
struct span gateway_name_resolve(struct arena *arena, struct span name, struct span namespace);
bool virtual_service_binds(const struct bound_virtual_service *service, struct span gateway_title);
/* The hosts that server and VirtualService have in common, namespaces obeyed; none when it does not bind to the server's Gateway. Notes
 * that the VirtualService is served. */
void virtual_service_server_hosts(struct compiler *compiler, struct bound_virtual_service *service,
                                  const struct merged_server *server, struct span_list *ret_hosts);
/* An empty list of gateways holds for every Gateway. */
bool match_names_gateway(struct arena *arena, const struct located_list *gateways, struct span namespace,
                         struct span gateway_title);

#endif
