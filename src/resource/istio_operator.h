/* install.istio.io IstioOperator: the ingress gateways that it installs and the mesh configuration. */
#ifndef FAIRLEAD_RESOURCE_ISTIO_OPERATOR_H
#define FAIRLEAD_RESOURCE_ISTIO_OPERATOR_H

#include "resource/mesh_config.h"
#include "resource/object.h"
#include "resource/service.h"

/* One ingress gateway: what pods of it are called, labelled, and how its Service looks. */
struct ingress_gateway {
    struct span name;
    struct span namespace;
    struct label_set labels; /* of the pods, and the Service's selector */
    struct service *service; /* as the installer renders it, after k8s.service and k8s.overlays; never NULL */
    const struct node *proxy_config; /* of the pods' annotation proxy.istio.io/config, laid over meshConfig.defaultConfig; NULL: none */
    struct span title;               /* of the object that says so */
    struct position position; /* unknown for the default profile's */
    bool assumed;             /* not in the input: Istio's default profile */
};

struct ingress_gateway_list {
    struct ingress_gateway **items; /* by namespace, then name */
    size_t count;
};

struct istio_operator {
    struct object_meta meta;
    struct located profile; /* "default" when not written */
    bool has_ingress_gateways; /* components.ingressGateways was written: it replaces the profile's list */
    struct ingress_gateway **ingress_gateways; /* the enabled ones */
    size_t ingress_gateway_count;
    const struct node *mesh_config; /* NULL when not written: spec.meshConfig with values.meshConfig over it */
    struct span istio_namespace;    /* values.global.istioNamespace, else "istio-system" */
};

#endif
