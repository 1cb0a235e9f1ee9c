/* The ConfigMap `istio`, where Helm users' mesh configuration lies. Others are not kept. */
#ifndef FAIRLEAD_RESOURCE_CONFIG_MAP_H
#define FAIRLEAD_RESOURCE_CONFIG_MAP_H

#include "resource/object.h"

struct config_map {
    struct object_meta meta;
    struct located mesh;    /* data.mesh: YAML text */
    const struct node *mesh_node; /* parsed; NULL when absent or broken */
};

#endif
