/* Objects of kinds that the gateway does not serve, but that the analysis looks at: as they are written. */
#ifndef FAIRLEAD_ANALYSIS_OTHER_OBJECTS_H
#define FAIRLEAD_ANALYSIS_OTHER_OBJECTS_H

#include "base/arena.h"
#include "resource/object.h"
#include "text/document.h"

enum other_kind {
    OTHER_NODE,
    OTHER_DEPLOYMENT,
    OTHER_CRD,
    OTHER_API_GATEWAY, /* gateway.networking.k8s.io */
    OTHER_HTTP_ROUTE,
    OTHER_GRPC_ROUTE,
};

struct other_object {
    enum other_kind other_kind;
    struct object_meta meta; /* kind, namespace, name, title, labels, annotations, position, root */
};

struct other_object_list {
    struct other_object **items;
    size_t count;
    size_t capacity;
};

/* Adds those of the document that are of these kinds, also inside of a `kind: List`. */
void other_objects_add(struct other_object_list *list, struct arena *arena, const struct node *root);
/* NULL: there is none. */
const struct other_object *other_objects_find(const struct other_object_list *list, enum other_kind kind, struct span namespace, struct span name);

#endif
