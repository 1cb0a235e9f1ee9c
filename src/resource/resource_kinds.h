/* Which kinds are read, and how. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_RESOURCE_KINDS_H
#define FAIRLEAD_RESOURCE_RESOURCE_KINDS_H

#include "resource/object_decode.h"

struct resource_kind_entry {
    const char *kind;
    const char *group; /* "" is the core group */
    const char *versions[4];
    enum resource_kind resource_kind;
    bool is_namespaced;
    struct object_meta *(*decode)(struct decoder *decoder, const struct object_meta *meta, const struct node *root);
};

enum resource_kind_match {
    RESOURCE_KIND_KNOWN,
    RESOURCE_KIND_UNKNOWN, /* of no concern */
    RESOURCE_KIND_VERSION, /* known, but in no version that is read; ret_entry is set */
    RESOURCE_KIND_MISSPELT /* of an Istio group, but no kind of it; ret_entry is the nearest, or NULL */
};

MUST_USE enum resource_kind_match resource_kind_find(struct span api_version, struct span kind,
                                                     const struct resource_kind_entry **ret_entry);

#endif
