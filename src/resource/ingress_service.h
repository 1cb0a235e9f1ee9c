/* The Service that Istio's installer renders for one ingress gateway. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_INGRESS_SERVICE_H
#define FAIRLEAD_RESOURCE_INGRESS_SERVICE_H

#include "resource/decode.h"
#include "resource/istio_operator.h"

/* What an entry of components.ingressGateways says, and what the operator says for all of them. */
struct ingress_service_input {
    struct span name;
    struct span namespace;
    struct label_set labels;        /* the final ones, with the chart's defaults */
    const struct node *values;      /* values.gateways.istio-ingressgateway; may be NULL */
    const struct node *service;     /* k8s.service; may be NULL */
    const struct node *annotations; /* k8s.serviceAnnotations; may be NULL */
    const struct node *overlays;    /* k8s.overlays; may be NULL */
    bool has_demo_ports;            /* profile demo: tcp 31400 and tls 15443 beside the others */
    struct position position;
};

/* Chart defaults, then values, then k8s.service (its ports replace), then overlays. Never NULL; mistakes are the decoder's. */
struct service *ingress_service_render(struct decoder *decoder, const struct ingress_service_input *input);
/* {app: istio-ingressgateway, istio: ingressgateway} with `over` over it; `over` may be NULL. */
struct label_set ingress_service_labels(struct decoder *decoder, const struct node *over);

#endif
