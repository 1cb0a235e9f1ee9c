#include "http/http2_memory_functions.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/poison.h"

/* While it is kept. */
struct http2_memory_block {
    struct http2_memory_block *next;
};

/* What malloc puts before a block, and what the sizes of its blocks are multiples of. */
#define HEAD_BYTES 8
#define STEP_BYTES 16

/* The step whose blocks hold `size` bytes; that of a block, rounded down. With another malloc than glibc's the steps fit less well, and still hold. */
static size_t step_for(size_t size) {
    if (size >= STEP_BYTES * HTTP2_MEMORY_SIZES)
        return HTTP2_MEMORY_SIZES;
    size_t step = (size + HEAD_BYTES + STEP_BYTES - 1) / STEP_BYTES;
    return step < 2 ? 2 : step;
}

static size_t step_of(void *bytes) {
    return (malloc_usable_size(bytes) + HEAD_BYTES) / STEP_BYTES;
}

void http2_memory_init(struct http2_memory *memory) {
    *memory = (struct http2_memory){.kept_bytes = 0};
}

void http2_memory_deinit(struct http2_memory *memory) {
    for (size_t i = 0; i < HTTP2_MEMORY_SIZES; i++) {
        while (memory->kept[i] != NULL) {
            struct http2_memory_block *block = memory->kept[i];
            memory_unpoison(block, malloc_usable_size(block));
            memory->kept[i] = block->next;
            free(block);
        }
    }
    memory->kept_bytes = 0;
}

static void *library_allocate(size_t size, void *user_data) {
    struct http2_memory *memory = user_data;
    size_t step = step_for(size);
    if (step >= HTTP2_MEMORY_SIZES || memory->kept[step] == NULL)
        return memory_allocate(size < sizeof(struct http2_memory_block) ? sizeof(struct http2_memory_block) : size);
    struct http2_memory_block *block = memory->kept[step];
    size_t usable = malloc_usable_size(block);
    memory_unpoison(block, usable);
    memory->kept[step] = block->next;
    memory->kept_bytes -= usable;
    return block;
}

static void library_free(void *bytes, void *user_data) {
    struct http2_memory *memory = user_data;
    if (bytes == NULL)
        return;
    size_t step = step_of(bytes), usable = malloc_usable_size(bytes);
    if (step >= HTTP2_MEMORY_SIZES || memory->kept_bytes + usable > HTTP2_MEMORY_KEPT_BYTES_MAX) {
        free(bytes);
        return;
    }
    struct http2_memory_block *block = bytes;
    block->next = memory->kept[step];
    memory->kept[step] = block;
    memory->kept_bytes += usable;
    memory_poison(block, usable);
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
    size_t former = malloc_usable_size(bytes);
    if (size <= former && step_of(bytes) < HTTP2_MEMORY_SIZES)
        return bytes;
    void *resized = library_allocate(size, user_data);
    memcpy(resized, bytes, size < former ? size : former);
    library_free(bytes, user_data);
    return resized;
}

nghttp2_mem http2_memory_functions(struct http2_memory *memory) {
    return (nghttp2_mem){memory, library_allocate, library_free, library_allocate_zeroed, library_resize};
}
