#include "http/http2_memory_functions.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/poison.h"

struct http2_memory_block {
    struct http2_memory_block *next; /* while it is kept */
    size_t size;                     /* of `bytes` */
    alignas(max_align_t) char bytes[];
};

#define KEPT_SIZE_MAX (HTTP2_MEMORY_STEP_BYTES * HTTP2_MEMORY_SIZES)

static struct http2_memory_block *block_of(void *bytes) {
    return (struct http2_memory_block *)(void *)((char *)bytes - offsetof(struct http2_memory_block, bytes));
}

static struct http2_memory_block **kept_of(struct http2_memory *memory, size_t size) {
    return &memory->kept[size / HTTP2_MEMORY_STEP_BYTES - 1];
}

void http2_memory_init(struct http2_memory *memory) {
    *memory = (struct http2_memory){.kept_bytes = 0};
}

void http2_memory_deinit(struct http2_memory *memory) {
    for (size_t i = 0; i < HTTP2_MEMORY_SIZES; i++) {
        for (struct http2_memory_block *block = memory->kept[i], *next; block != NULL; block = next) {
            next = block->next;
            free(block);
        }
        memory->kept[i] = NULL;
    }
    memory->kept_bytes = 0;
}

static void *library_allocate(size_t size, void *user_data) {
    struct http2_memory *memory = user_data;
    struct http2_memory_block *block = NULL;
    if (size <= KEPT_SIZE_MAX) {
        size = size == 0 ? HTTP2_MEMORY_STEP_BYTES : (size + HTTP2_MEMORY_STEP_BYTES - 1) / HTTP2_MEMORY_STEP_BYTES * HTTP2_MEMORY_STEP_BYTES;
        struct http2_memory_block **kept = kept_of(memory, size);
        block = *kept;
        if (block != NULL) {
            *kept = block->next;
            memory->kept_bytes -= size;
            memory_unpoison(block->bytes, size);
        }
    }
    if (block == NULL) {
        block = memory_allocate(sizeof(*block) + size);
        block->size = size;
    }
    return block->bytes;
}

static void library_free(void *bytes, void *user_data) {
    struct http2_memory *memory = user_data;
    if (bytes == NULL)
        return;
    struct http2_memory_block *block = block_of(bytes);
    if (block->size > KEPT_SIZE_MAX || memory->kept_bytes + block->size > HTTP2_MEMORY_KEPT_BYTES_MAX) {
        free(block);
        return;
    }
    struct http2_memory_block **kept = kept_of(memory, block->size);
    block->next = *kept;
    *kept = block;
    memory->kept_bytes += block->size;
    memory_poison(block->bytes, block->size);
}

/* The library's own products do not overflow; it is asked all the same. */
static void *library_allocate_zeroed(size_t count, size_t size, void *user_data) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *bytes = library_allocate(total, user_data);
    memset(bytes, 0, total);
    return bytes;
}

static void *library_resize(void *bytes, size_t size, void *user_data) {
    if (bytes == NULL)
        return library_allocate(size, user_data);
    size_t former = block_of(bytes)->size;
    if (size <= former && former <= KEPT_SIZE_MAX)
        return bytes;
    void *resized = library_allocate(size, user_data);
    memcpy(resized, bytes, size < former ? size : former);
    library_free(bytes, user_data);
    return resized;
}

nghttp2_mem http2_memory_functions(struct http2_memory *memory) {
    return (nghttp2_mem){memory, library_allocate, library_free, library_allocate_zeroed, library_resize};
}
