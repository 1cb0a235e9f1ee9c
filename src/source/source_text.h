/* The bytes of one version of a file: counted, for they are kept as long as that version may be wanted again; wiped with the last reference, for they may
 * hold keys. One thread. */
#ifndef FAIRLEAD_SOURCE_SOURCE_TEXT_H
#define FAIRLEAD_SOURCE_SOURCE_TEXT_H

#include <stddef.h>

#include "base/span.h"

struct source_text {
    size_t reference_count;
    size_t capacity;
    size_t size;
    char bytes[];
};

/* With one reference and no bytes yet. */
struct source_text *source_text_create(size_t capacity);
/* The same bytes in one of another capacity, not below the size; the only reference moves there. */
struct source_text *source_text_resize(struct source_text *text, size_t capacity);
struct source_text *source_text_pin(struct source_text *text);
/* NULL is harmless. */
void source_text_unpin(struct source_text *text);

static inline struct span source_text_span(const struct source_text *text) {
    return span_make(text->bytes, text->size);
}

#endif
