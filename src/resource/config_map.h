/* The ConfigMap `istio`, where Helm users' mesh configuration lies, and those that hold certificates of authorities. Others are not kept. */
#ifndef FAIRLEAD_RESOURCE_CONFIG_MAP_H
#define FAIRLEAD_RESOURCE_CONFIG_MAP_H

#include "resource/object.h"

struct config_map {
    struct object_meta meta;
    struct located mesh;    /* data.mesh of `istio`: YAML text */
    const struct node *mesh_node; /* parsed; NULL when absent or broken */
    struct located cacert, crl, ca_crt, ca_crl; /* PEM texts of data; empty: none */
};

/* Whether the gateway may have a use for it. */
bool config_map_is_wanted(const struct object_meta *meta, const struct node *root);

#endif
