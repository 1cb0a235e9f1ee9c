/* The gateway as a process: loads the configuration, binds, starts the workers, keeps them supplied with snapshots, and ends in order. */
#ifndef FAIRLEAD_SERVER_SERVER_H
#define FAIRLEAD_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/network_address.h"
#include "compile/compile.h"
#include "server/admin_address.h"

/* Istio has two: Envoy's own and that of its agent. */
#define METRICS_PORTS_MAX 2

struct server_options {
    const char *const *paths; /* of the configuration */
    size_t path_count;
    struct compile_options compile; /* tickets, identities and upstreams are the server's business: leave them NULL */
    unsigned concurrency;           /* workers; 0: what affinity and the CPU quota leave */
    struct network_address bind;    /* of listeners that name no address, and of the status port; size 0: every address */
    uint16_t status_port;           /* 0: none */
    struct admin_address admin;
    uint16_t metrics_ports[METRICS_PORTS_MAX]; /* 0: none */
    const char *dns_servers;        /* as in dns_resolver_create */
};

/* Serves until SIGTERM or SIGINT has drained it, a second one ended it at once, or it could not start. The process's exit code: 0, or 1 when
 * there is nothing to serve (no readable input, an ambiguous gateway, the ports' lock held by another instance, no worker). Reloads on
 * SIGHUP and when a file changes; reopens the access log on SIGUSR1. To be called once, on a thread that has started no other. */
MUST_USE int server_run(const struct server_options *options);

#endif
