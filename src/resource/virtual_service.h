/* networking.istio.io VirtualService, as written. Conditions that are not decoded stand in the `unsupported` list of their match: a later floor
 * must say so, never ignore them. */
#ifndef FAIRLEAD_RESOURCE_VIRTUAL_SERVICE_H
#define FAIRLEAD_RESOURCE_VIRTUAL_SERVICE_H

#include "resource/http_match.h"
#include "resource/http_action.h"
#include "resource/http_cors.h"
#include "resource/http_fault.h"
#include "resource/object.h"

struct route_destination {
    struct position position;
    struct located host;
    struct located subset;
    struct located_number port;
    struct located_number weight;
    const struct http_headers *headers; /* of an HTTP route */
    bool mirrors; /* gets copies of requests, not requests */
};

struct http_mirror {
    bool is_set;
    struct route_destination destination;
    struct located_number share; /* in millionths (resource/percent.h); not set: of all requests */
};

/* At most one of the two kinds is used. */
struct http_mirrors {
    struct http_mirror single;              /* mirror, mirrorPercentage */
    struct located_number deprecated_share; /* mirrorPercent; beaten by single.share */
    struct http_mirror *items;              /* mirrors */
    size_t count;
};

/* Another VirtualService, without hosts, whose rules stand in for the one that names it. */
struct http_delegate {
    bool is_set;
    struct position position;
    struct located name;
    struct located namespace; /* absent: that of the VirtualService */
};

/* Most routes have few of the parts. Those that were not written point to one that is empty. */
struct http_route {
    struct position position;
    struct located name;
    struct http_match *matches;
    size_t match_count; /* 0: everything matches */
    struct route_destination *destinations;
    size_t destination_count;
    const struct http_redirect *redirect;
    const struct http_direct_response *direct_response;
    const struct http_rewrite *rewrite;
    const struct http_fault *fault;
    const struct http_cors *cors;
    const struct http_mirrors *mirrors;
    const struct http_headers *headers;
    bool has_headers; /* they were written, if only as an empty mapping */
    struct located_number timeout_ns;
    const struct mesh_retry_policy *retries; /* not set: the mesh's */
    const struct http_delegate *delegate;
    const struct node *node; /* NULL once the document is gone: resource_forget_document */
};

/* Of tls[] and tcp[]. */
struct l4_match {
    struct position position;
    struct located_list sni_hosts; /* tls only */
    struct located_number port;
    struct located_list gateways;
    struct label_set source_labels;
    struct located source_namespace;     /* tcp only */
    struct unsupported_list unsupported; /* destinationSubnets, sourceSubnet: they restrict */
};

struct l4_route {
    struct position position;
    struct l4_match *matches;
    size_t match_count;
    struct route_destination *destinations;
    size_t destination_count;
    const struct node *node;
};

struct virtual_service {
    struct object_meta meta;
    struct located_list hosts;    /* as written, not resolved; empty: a delegate */
    struct located_list gateways; /* as written, not resolved; empty: mesh only */
    struct located_list export_to;
    struct http_route *http;
    size_t http_count;
    struct l4_route *tls;
    size_t tls_count;
    struct l4_route *tcp;
    size_t tcp_count;
};

#endif
