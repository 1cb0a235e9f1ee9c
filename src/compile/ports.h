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

/* A Service port that counts for nothing because an earlier one of the Service has its target port and protocol. */
struct forgotten_port {
    const struct service *service;
    uint16_t service_port;
    uint16_t winner_port;
    uint16_t target_port;
};

struct service_target_list {
    struct service_target *items;
    size_t count;
    size_t capacity;
    ARRAY_OF(struct forgotten_port) forgotten;
};

/* Fills compiler->service_targets: ordered by Service age, then host name; of the ports of one Service with equal target port and
 * protocol only the first. Says which Service is assumed. */
void compile_ports(struct compiler *compiler);

/* The container port for a Gateway's port number: of the first Service port of that number, else the number itself. */
uint16_t service_targets_resolve(const struct service_target_list *targets, uint16_t number);
/* Why a number is bound as it is though a Service has it; NULL: no Service forgot it. */
const struct forgotten_port *service_targets_find_forgotten(const struct service_target_list *targets, uint16_t number);

#endif
