/* The ports of the ingress gateway's Services, and what a Gateway's port number listens on because of them. Source: Istio's
 * GetProxyServiceTargets and resolvePorts. */
#ifndef FAIRLEAD_COMPILE_PORTS_H
#define FAIRLEAD_COMPILE_PORTS_H

#include "compile/array.h"
#include "compile/protocol.h"

struct compiler;

/* One Service port that leads to the gateway's pods. */
struct service_target {
    const struct service *service;
    uint16_t service_port;
    uint16_t target_port;
    enum protocol protocol;
    bool translates; /* false: the Service opted out of port translation */
};

struct service_target_list {
    struct service_target *items;
    size_t count;
    size_t capacity;
};

/* Fills compiler->service_targets: ordered by Service age, then host name; of the ports of one Service with equal target port and
 * protocol only the first. Says which Service is assumed, and which ports are forgotten. */
void compile_ports(struct compiler *compiler);

/* The container port for a Gateway's port number: of the first Service port of that number, else the number itself. */
uint16_t service_targets_resolve(const struct service_target_list *targets, uint16_t number);

#endif
