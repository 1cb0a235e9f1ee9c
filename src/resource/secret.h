/* Kubernetes Secret. The values are wiped when the arena that holds them is reset. */
#ifndef FAIRLEAD_RESOURCE_SECRET_H
#define FAIRLEAD_RESOURCE_SECRET_H

#include "resource/object.h"

struct secret_entry {
    struct span key;
    struct span value; /* decoded bytes, a NUL after them */
    struct position position;
    bool invalid; /* the value is no base64: diagnosed, and as good as missing */
};

struct secret {
    struct object_meta meta;
    struct located type;
    struct secret_entry *entries; /* data overlaid by stringData */
    size_t entry_count;
};

/* NULL when there is no such key; look at `invalid`. */
const struct secret_entry *secret_get(const struct secret *secret, struct span key);

#endif
