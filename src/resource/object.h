/* What all objects share: kind, name, labels, age, and the mistakes that were found in them. */
#ifndef FAIRLEAD_RESOURCE_OBJECT_H
#define FAIRLEAD_RESOURCE_OBJECT_H

#include "resource/located.h"
#include "text/document.h"

enum resource_kind {
    RESOURCE_GATEWAY,
    RESOURCE_VIRTUAL_SERVICE,
    RESOURCE_DESTINATION_RULE,
    RESOURCE_SERVICE_ENTRY,
    RESOURCE_SERVICE,
    RESOURCE_ENDPOINT_SLICE,
    RESOURCE_ENDPOINTS,
    RESOURCE_SECRET,
    RESOURCE_CONFIG_MAP, /* only the one named istio (mesh configuration) is kept */
    RESOURCE_ISTIO_OPERATOR,
    RESOURCE_POLICY, /* see resource/policy.h */
    RESOURCE_POD,
    RESOURCE_WORKLOAD_ENTRY,
    RESOURCE_NAMESPACE,
    RESOURCE_PEER_AUTHENTICATION,
    RESOURCE_KIND_COUNT
};

/* A field or a part of an object that is read but not served. */
struct unsupported {
    struct unsupported *next;
    struct span path; /* "spec.http[0].redirect" */
    struct position position;
    bool restricts_or_encrypts; /* must fail closed (rule 17) */
};

struct unsupported_list {
    struct unsupported *first; /* in the order written */
    struct unsupported *last;
    size_t count;
};

/* The first member of every object. */
struct object_meta {
    enum resource_kind resource_kind;
    struct span kind; /* as written, "Gateway" */
    struct span api_version;
    struct span namespace; /* "default" when none was written; empty for cluster-wide kinds */
    struct span name;
    struct span title; /* "Gateway istio-config/azst-aks-gateway", the `resource` of diagnostics */
    struct label_set labels;
    struct label_set annotations;
    int64_t creation_time_s; /* Unix time; 0 when none was written: all such are equally old, and older than the others */
    bool has_creation_time;
    bool invalid; /* a mistake was diagnosed that disables the whole object: it exists, but must not be used */
    bool assumed; /* not in the input: what Istio's installer would create */
    struct position position; /* of the document, or of the list's item */
    struct position name_position;
    struct unsupported_list unsupported; /* of the object as a whole, and of its parts unless these have their own list */
    const struct node *root;
};

/* Istio's order of precedence (configCompareByCreationTime): creation time, name, namespace. <0, 0, >0. */
int object_meta_compare_age(const struct object_meta *a, const struct object_meta *b);

#endif
