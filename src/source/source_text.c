#include "source/source_text.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"

struct source_text *source_text_create(size_t capacity) {
    struct source_text *text = memory_allocate(sizeof(*text) + capacity);
    text->reference_count = 1;
    text->capacity = capacity;
    text->size = 0;
    return text;
}

/* Not realloc: it would leave a copy of a key behind. */
struct source_text *source_text_resize(struct source_text *text, size_t capacity) {
    ASSERT(text->reference_count == 1 && capacity >= text->size);
    struct source_text *resized = source_text_create(capacity);
    memcpy(resized->bytes, text->bytes, text->size);
    resized->size = text->size;
    source_text_unpin(text);
    return resized;
}

struct source_text *source_text_pin(struct source_text *text) {
    text->reference_count++;
    return text;
}

void source_text_unpin(struct source_text *text) {
    if (text == NULL)
        return;
    ASSERT(text->reference_count > 0);
    if (--text->reference_count > 0)
        return;
    memory_wipe(text->bytes, text->size);
    free(text);
}
