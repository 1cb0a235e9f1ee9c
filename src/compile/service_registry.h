/* Host names to Services and ServiceEntries, and Services to their endpoint objects. Only what the gateway's namespace may see. */
#ifndef FAIRLEAD_COMPILE_SERVICE_REGISTRY_H
#define FAIRLEAD_COMPILE_SERVICE_REGISTRY_H

#include "base/map.h"
#include "compile/array.h"
#include "resource/endpoint_slice.h"
#include "resource/pod.h"
#include "resource/service.h"
#include "resource/service_entry.h"

struct compiler;

/* Exactly one of the two is set. */
struct registry_service {
    const struct object_meta *meta;
    const struct service *service;
    const struct service_entry *entry;
};

struct endpoint_slice_list {
    const struct endpoint_slice **items;
    size_t count;
    size_t capacity;
};

struct service_registry {
    struct map hosts;     /* host -> list of struct registry_service: Services before ServiceEntries, each by age */
    struct map slices;    /* "namespace/service" -> struct endpoint_slice_list of EndpointSlices */
    struct map endpoints; /* the same of Endpoints */
    struct map pods;      /* status.podIP -> struct pod; filled when first asked */
    bool has_pods;
};

void service_registry_init(struct compiler *compiler, struct service_registry *registry);
void service_registry_deinit(struct service_registry *registry);
/* The one of `namespace` if it has one for the host, else the first. NULL: none. Source: Istio's GetDestinationCluster. */
const struct registry_service *service_registry_find(const struct service_registry *registry, struct span host,
                                                     struct span namespace);
/* EndpointSlices, or where the Service has none, its Endpoints. NULL: neither. */
const struct endpoint_slice_list *service_registry_endpoints(const struct service_registry *registry, struct arena *arena,
                                                             const struct service *service);
/* The Pod of an address; NULL: none. */
const struct pod *service_registry_find_pod(struct compiler *compiler, struct service_registry *registry, struct span address);

#endif
