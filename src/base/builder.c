#include "base/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"

#define BUILDER_BYTES_MIN 1024

void builder_deinit(struct builder *builder) {
    free(builder->data);
    *builder = (struct builder){.data = NULL};
}

char *builder_reserve(struct builder *builder, size_t size) {
    if (builder->capacity - builder->size < size) {
        size_t capacity = builder->capacity == 0 ? BUILDER_BYTES_MIN : builder->capacity * 2;
        while (capacity - builder->size < size)
            capacity *= 2;
        builder->data = memory_resize(builder->data, capacity);
        builder->capacity = capacity;
    }
    return builder->data + builder->size;
}

void builder_put(struct builder *builder, struct span text) {
    if (text.size == 0)
        return;
    memcpy(builder_reserve(builder, text.size), text.data, text.size);
    builder->size += text.size;
}

void builder_put_byte(struct builder *builder, char byte) {
    *builder_reserve(builder, 1) = byte;
    builder->size++;
}

void builder_put_number(struct builder *builder, uint64_t number) {
    char digits[20];
    size_t start = sizeof(digits);
    do {
        digits[--start] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    builder_put(builder, span_make(digits + start, sizeof(digits) - start));
}

void builder_print(struct builder *builder, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    ASSERT(size >= 0);
    /* With the NUL that vsnprintf writes and nobody counts. */
    char *room = builder_reserve(builder, (size_t)size + 1);
    (void)vsnprintf(room, (size_t)size + 1, format, arguments);
    va_end(arguments);
    builder->size += (size_t)size;
}
