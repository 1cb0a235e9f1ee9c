/* Endpoints on their way into a cluster. Private to endpoints.c and entry_endpoints.c. */
#ifndef FAIRLEAD_COMPILE_ENDPOINT_LIST_H
#define FAIRLEAD_COMPILE_ENDPOINT_LIST_H

#include "compile/endpoints.h"
#include "compile/service_registry.h"
#include "snapshot/cluster.h"

struct compiler;

/* Labels of an endpoint: its workload's, and those that Istio adds from its place. */
struct endpoint_labels {
    const struct label_set *own; /* NULL: none are known */
    struct span zone;            /* topology.kubernetes.io/zone */
    struct span node_name;       /* kubernetes.io/hostname */
    struct span namespace;       /* of the workload, with its account */
    struct span service_account; /* empty: not known */
    bool is_entry;               /* of a WorkloadEntry or a ServiceEntry's endpoint, not of a Pod */
};

struct endpoint_list {
    struct endpoint *items;
    size_t count;
    size_t capacity;
    const struct endpoint_choice *choice;
    struct span_list accounts;      /* "ns/<namespace>/sa/<account>" of the seen ones, each once */
    size_t seen_count;              /* usable ones, whether wanted or not */
    size_t closed_count;            /* that take nothing but mutual TLS, which the gateway cannot do */
    size_t plain_count;             /* that would take mutual TLS, too */
    ARRAY_OF(struct absent_endpoint) absent;
};

struct endpoint_labels endpoint_labels_of_entry(struct span namespace, const struct service_entry_endpoint *endpoint);
struct endpoint_labels endpoint_labels_of_pod(const struct pod *pod);
/* Whether the subset wants it; counts it as seen and notes its service account. */
bool endpoint_list_wants(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels);
/* Where an endpoint was written, and what makes it one. */
struct endpoint_place {
    const struct object_meta *meta;
    const struct located *address;
    uint32_t port;
    uint32_t weight; /* 0 counts as 1 */
};
/* What is no IP address and port is left out with a diagnostic at its place; what may not be reached in plaintext, and cannot be otherwise, is left
 * out too. */
void endpoint_list_add(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels,
                       const struct endpoint_place *place);
/* Notes an endpoint that gets no requests, for those who ask why. */
void endpoint_list_note_absent(struct compiler *compiler, struct endpoint_list *list, const struct object_meta *meta,
                               const struct located *address, enum endpoint_absence reason);
/* Into the cluster: sorted, so that the order of objects and files does not show, and each address once. `meta` is the service's. */
void endpoint_list_finish(struct compiler *compiler, struct endpoint_list *list, const struct object_meta *meta, struct cluster *cluster);
/* The WorkloadEntries of `namespace` that have all the labels, and the ready Pods if `takes_pods`. `port_name` is the Service port's,
 * looked up in the entry's own ports; `target_port_name` likewise, or in a Pod's containers; else `port` counts. */
struct workload_choice {
    struct span namespace;
    const struct label_set *selector;
    bool takes_pods;
    struct span port_name;
    struct span target_port_name;
    uint32_t port;
};
void endpoint_list_add_workloads(struct compiler *compiler, struct endpoint_list *list, const struct workload_choice *choice);
/* A name for DNS; cluster->names has room for it. `labels` NULL: nothing is known of the workload behind it. */
void endpoint_list_add_name(struct compiler *compiler, struct endpoint_list *list, const struct endpoint_labels *labels,
                            const struct endpoint_place *place, struct cluster *cluster);
uint32_t workload_entry_port(const struct service_entry_endpoint *endpoint, struct span name, uint32_t otherwise);

/* entry_endpoints.c */
void compile_entry_endpoints(struct compiler *compiler, const struct service_entry *entry, const struct service_entry_port *port,
                             const struct endpoint_choice *choice, struct cluster *cluster);

#endif
