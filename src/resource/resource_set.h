/* All objects of one load, by kind. Filled once, read by the compiler. */
#ifndef FAIRLEAD_RESOURCE_RESOURCE_SET_H
#define FAIRLEAD_RESOURCE_RESOURCE_SET_H

#include "base/arena.h"
#include "base/map.h"
#include "resource/config_map.h"
#include "resource/destination_rule.h"
#include "resource/endpoint_slice.h"
#include "resource/gateway.h"
#include "resource/istio_operator.h"
#include "resource/mesh_config.h"
#include "resource/object.h"
#include "resource/peer_authentication.h"
#include "resource/pod.h"
#include "resource/policy.h"
#include "resource/secret.h"
#include "resource/service.h"
#include "resource/service_entry.h"
#include "resource/virtual_service.h"
#include "text/diagnostic.h"
#include "text/document.h"

#define RESOURCE_ARRAY(type)  \
    struct {                  \
        struct type **items;  \
        size_t count;         \
        size_t capacity;      \
    }

/* Arrays hold invalid objects, too (meta.invalid): they exist, but must not be used. Order: of the input. */
struct resource_set {
    struct arena *arena;
    RESOURCE_ARRAY(gateway) gateways;
    RESOURCE_ARRAY(virtual_service) virtual_services;
    RESOURCE_ARRAY(destination_rule) destination_rules;
    RESOURCE_ARRAY(service_entry) service_entries;
    RESOURCE_ARRAY(service) services;
    RESOURCE_ARRAY(endpoint_slice) endpoint_slices;
    RESOURCE_ARRAY(endpoint_slice) endpoints;
    RESOURCE_ARRAY(secret) secrets;
    RESOURCE_ARRAY(config_map) config_maps;
    RESOURCE_ARRAY(istio_operator) istio_operators;
    RESOURCE_ARRAY(policy) policies;
    RESOURCE_ARRAY(pod) pods;
    RESOURCE_ARRAY(workload_entry) workload_entries;
    RESOURCE_ARRAY(namespace_object) namespaces;
    RESOURCE_ARRAY(peer_authentication) peer_authentications;
    bool any[RESOURCE_KIND_COUNT]; /* the input holds an object of the kind, valid or not */
    struct map index;              /* "group/kind/namespace/name" -> struct resource_index_entry */
    struct map skipped_kinds;      /* said once each */
    struct map regexes;            /* each is tried once: see decode.h */
    void (*added)(void *argument, struct object_meta *meta); /* called for each object once it is in the set, while its document is there; NULL: no one */
    void *added_argument;
};

/* Objects and their strings live in `arena`, which must outlive the set and everything compiled from it that borrows. */
void resource_set_init(struct resource_set *set, struct arena *arena);
void resource_set_deinit(struct resource_set *set);

/* Before the document goes that the object was decoded from: nothing in it points there any more. */
void resource_forget_document(struct object_meta *meta);

/* Decodes every object of the documents (also those inside `kind: List`). Unknown kinds are skipped with one info line a kind; of two
 * objects of one kind, namespace and name the later wins with a warning. */
void resource_set_add_documents(struct resource_set *set, const struct document_list *documents,
                                struct diagnostic_list *diagnostics);

/* NULL when there is none; look at meta.invalid. For RESOURCE_POLICY use the array. */
struct object_meta *resource_set_find(const struct resource_set *set, enum resource_kind kind, struct span namespace,
                                      struct span name);
struct gateway *resource_set_find_gateway(const struct resource_set *set, struct span namespace, struct span name);
struct service *resource_set_find_service(const struct resource_set *set, struct span namespace, struct span name);
struct secret *resource_set_find_secret(const struct resource_set *set, struct span namespace, struct span name);
struct config_map *resource_set_find_config_map(const struct resource_set *set, struct span namespace, struct span name);

/* The enabled ingress gateways of all IstioOperators; with none in the input, the one of Istio's default profile (assumed = true). Never
 * empty. */
void resource_ingress_gateways(const struct resource_set *set, struct ingress_gateway_list *ret_gateways);

/* The mesh configuration: the IstioOperator's if it holds one, else ConfigMap `istio` of the root namespace (or the only one), else
 * Istio's defaults. A configuration that loses is a warning. */
void resource_mesh_config(const struct resource_set *set, struct diagnostic_list *diagnostics,
                          struct mesh_config *ret_mesh);

#endif
