/* A text of any size that grows at its end, on the heap: for answers and reports, never on the request path. One thread. */
#ifndef FAIRLEAD_BASE_BUILDER_H
#define FAIRLEAD_BASE_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

/* A zeroed one is empty and holds no memory. */
struct builder {
    char *data;
    size_t size;
    size_t capacity;
};

void builder_deinit(struct builder *builder);
/* Room for `size` more bytes, to be written and then counted into builder->size. */
char *builder_reserve(struct builder *builder, size_t size);
void builder_put(struct builder *builder, struct span text);
void builder_put_byte(struct builder *builder, char byte);
void builder_put_number(struct builder *builder, uint64_t number);
void builder_print(struct builder *builder, const char *format, ...) PRINTF_LIKE(2, 3);
static inline struct span builder_span(const struct builder *builder) {
    return span_make(builder->data, builder->size);
}

#endif
