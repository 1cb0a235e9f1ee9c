/* Metadata of an object, and the decode functions of all kinds. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_OBJECT_DECODE_H
#define FAIRLEAD_RESOURCE_OBJECT_DECODE_H

#include "resource/decode.h"

struct service;

/* Fills meta.kind, api_version, namespace, name, title, labels, annotations, creation time and sets decoder->title. A missing or
 * malformed name is a mistake. `is_namespaced` false: meta.namespace stays empty. */
void object_meta_decode(struct decoder *decoder, const struct node *root, bool is_namespaced, struct object_meta *ret_meta);

/* Each allocates its object in the arena, decodes root's spec (or data) into it and returns its meta, the first member. `meta` is copied
 * in. The caller sets meta.invalid from decoder->failed. */
struct object_meta *gateway_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *virtual_service_decode(struct decoder *decoder, const struct object_meta *meta,
                                           const struct node *root);
struct object_meta *destination_rule_decode(struct decoder *decoder, const struct object_meta *meta,
                                            const struct node *root);
struct object_meta *service_entry_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *workload_entry_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *service_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *endpoint_slice_decode(struct decoder *decoder, const struct object_meta *meta,
                                          const struct node *root);
struct object_meta *endpoints_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *secret_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *config_map_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *istio_operator_decode(struct decoder *decoder, const struct object_meta *meta,
                                          const struct node *root);
struct object_meta *policy_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *pod_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *peer_authentication_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
struct object_meta *namespace_decode(struct decoder *decoder, const struct object_meta *meta, const struct node *root);

/* TLSV1_2 and its like, for FIELD_CALL_AT on an enum gateway_tls_version. */
void gateway_tls_version_decode(struct decoder *decoder, const struct node *node, void *target);

/* A DestinationRule's tls block, for FIELD_CALL_AT on a struct client_tls pointer. A mistake in it is diagnosed and noted in the block, not in
 * the object. */
void client_tls_decode(struct decoder *decoder, const struct node *node, void *target);

/* The spec mapping by the table; its absence is a mistake. Unknown fields beside spec are warned of; in a kind that Istio's webhook judges they are
 * mistakes. */
void object_decode_spec(struct decoder *decoder, const struct node *root, const struct field *fields, size_t field_count,
                        void *target);

#endif
