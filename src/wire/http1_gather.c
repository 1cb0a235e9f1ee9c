#include "wire/http1_gather.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/memory.h"

#define GATHER_BYTES_MIN 512

void http1_gather_append(struct http1_gather *gather, struct span bytes) {
    if (bytes.size == 0)
        return;
    ASSERT(bytes.size <= UINT32_MAX / 4 - gather->size);
    uint32_t wanted = gather->size + (uint32_t)bytes.size;
    if (wanted > gather->capacity) {
        uint32_t capacity = gather->capacity == 0 ? GATHER_BYTES_MIN : gather->capacity;
        while (capacity < wanted)
            capacity *= 2;
        gather->data = memory_resize(gather->data, capacity);
        gather->capacity = capacity;
    }
    memcpy(gather->data + gather->size, bytes.data, bytes.size);
    gather->size = wanted;
}

void http1_gather_reset(struct http1_gather *gather) {
    free(gather->data);
    *gather = (struct http1_gather){0};
}
