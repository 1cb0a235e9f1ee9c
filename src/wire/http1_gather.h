/* Bytes of an unfinished head or trailer section, gathered on the heap until it is whole. Empty, it holds no memory. */
#ifndef FAIRLEAD_WIRE_HTTP1_GATHER_H
#define FAIRLEAD_WIRE_HTTP1_GATHER_H

#include <stdint.h>

#include "base/span.h"

struct http1_gather {
    char *data;
    uint32_t size, capacity;
};

/* The caller bounds the total by its limits. */
void http1_gather_append(struct http1_gather *gather, struct span bytes);
/* Frees the memory. Harmless twice. */
void http1_gather_reset(struct http1_gather *gather);

static inline struct span http1_gather_span(const struct http1_gather *gather) {
    return span_make(gather->data, gather->size);
}

#endif
