/* Pod, and other objects of which only name and labels count (Namespace). */
#ifndef FAIRLEAD_RESOURCE_POD_H
#define FAIRLEAD_RESOURCE_POD_H

#include "resource/object.h"

struct container_port {
    struct span name;
    struct span protocol; /* "TCP" when not written */
    uint32_t number;
};

struct pod {
    struct object_meta meta;
    struct span service_account; /* "default" when not written */
    struct container_port *ports; /* named ones, of containers and of init containers that restart always (native sidecars) */
    size_t port_count;
    struct located address; /* status.podIP; empty: it has none yet */
    bool ready;             /* its phase is not an end, and its condition Ready is not False */
};

struct namespace_object {
    struct object_meta meta;
};

/* The number of the container port of that name and protocol; 0: there is none. */
uint32_t pod_find_port(const struct pod *pod, struct span name, struct span protocol);

#endif
