/* What Prometheus scrapes: Istio's standard metrics of each destination, the gateway's own counters, its configuration and certificates. On the
 * server's thread; reads the workers' counters while they go on. docs/metrics.md names every family. */
#ifndef FAIRLEAD_SERVER_EXPOSITION_H
#define FAIRLEAD_SERVER_EXPOSITION_H

#include "base/builder.h"
#include "compile/identity_cache.h"
#include "server/destination_registry.h"
#include "server/local_service.h"
#include "server/publish.h"
#include "server/reload_report.h"

struct exposition {
    const struct publisher *publisher;
    struct destination_registry *registry;
    const struct reload_report *report;
    const struct identity_cache *identities;
    const bool *ready;
    uint64_t start_wall_ns;
};

void exposition_write(const struct exposition *exposition, struct builder *output);

/* A local_service_function for the metrics ports; `argument` is a struct exposition. /stats/prometheus and /metrics, and /healthz/ready for who
 * probes Istio's 15020. */
void exposition_answer(void *argument, const struct local_request *request, struct local_answer *ret_answer);

/* exposition_traffic.c: the istio_ families. */
void exposition_write_traffic(const struct exposition *exposition, struct builder *output);

#endif
