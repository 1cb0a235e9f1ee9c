#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/decimal.h"
#include "base/memory.h"
#include "base/poison.h"

#define PRINTED_BYTES_FEW 256

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    bool borrowed; /* the caller's memory: not freed */
    alignas(max_align_t) char bytes[];
};

struct arena_destructor {
    struct arena_destructor *next;
    void (*function)(void *object);
    void *object;
};

void arena_init(struct arena *arena, size_t block_size) {
    *arena = (struct arena){.block_size = block_size};
}

void arena_init_with(struct arena *arena, void *memory, size_t size, size_t block_size) {
    ASSERT(size >= ARENA_MEMORY_MIN && (uintptr_t)memory % alignof(max_align_t) == 0);
    struct arena_block *block = memory;
    block->next = NULL;
    block->size = size - sizeof(*block);
    block->used = 0;
    block->borrowed = true;
    memory_poison(block->bytes, block->size);
    *arena = (struct arena){.block_size = block_size, .blocks = block};
}

void arena_reset(struct arena *arena) {
    for (struct arena_destructor *each = arena->destructors; each != NULL; each = each->next)
        each->function(each->object);
    arena->destructors = NULL;
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        memory_unpoison(arena->blocks->bytes, arena->blocks->size);
        if (!arena->blocks->borrowed)
            free(arena->blocks);
        arena->blocks = next;
    }
    arena->allocated_bytes = 0;
}

void arena_deinit(struct arena *arena) {
    arena_reset(arena);
}

void arena_wipe(struct arena *arena) {
    for (struct arena_block *block = arena->blocks; block != NULL; block = block->next)
        memory_wipe(block->bytes, block->used);
}

static struct arena_block *arena_add_block(struct arena *arena, size_t wanted) {
    size_t size = wanted > arena->block_size / 4 ? wanted : arena->block_size;
    struct arena_block *block = memory_allocate(sizeof(*block) + size);
    block->size = size;
    block->used = 0;
    block->borrowed = false;
    memory_poison(block->bytes, size);
    arena->allocated_bytes += sizeof(*block) + size;
    /* A block made for one large object goes behind the current one, whose rest stays in use. */
    if (arena->blocks != NULL && size != arena->block_size) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *arena_allocate_aligned(struct arena *arena, size_t size, size_t alignment) {
    ASSERT(alignment != 0 && (alignment & (alignment - 1)) == 0 && alignment <= alignof(max_align_t));
    struct arena_block *block = arena->blocks;
    size_t start = block == NULL ? 0 : (block->used + alignment - 1) & ~(alignment - 1);
    if (block == NULL || start > block->size || block->size - start < size) {
        block = arena_add_block(arena, size);
        start = 0;
    }
    block->used = start + size;
    memory_unpoison(block->bytes + start, size);
    memset(block->bytes + start, 0, size);
    return block->bytes + start;
}

void *arena_allocate_array(struct arena *arena, size_t count, size_t size, size_t alignment) {
    size_t total;
    ASSERT(!__builtin_mul_overflow(count, size, &total));
    return arena_allocate_aligned(arena, total, alignment);
}

struct span arena_copy(struct arena *arena, struct span text) {
    char *copy = arena_allocate_aligned(arena, text.size + 1, 1);
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return span_make(copy, text.size);
}

struct span arena_lower(struct arena *arena, struct span text) {
    char *copy = arena_allocate_aligned(arena, text.size + 1, 1);
    for (size_t i = 0; i < text.size; i++)
        copy[i] = byte_to_lower(text.data[i]);
    return span_make(copy, text.size);
}

struct span arena_decimal(struct arena *arena, uint64_t value) {
    if (value < 10)
        return span_make(&"0123456789"[value], 1);
    char *text = arena_allocate_aligned(arena, DECIMAL_DIGITS_MAX, 1);
    return span_make(text, decimal_print(value, text));
}

struct span arena_print(struct arena *arena, const char *format, ...) {
    char few[PRINTED_BYTES_FEW];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(few, sizeof(few), format, arguments);
    va_end(arguments);
    ASSERT(size >= 0);
    /* What is longer is printed a second time. */
    if ((size_t)size < sizeof(few))
        return arena_copy(arena, span_make(few, (size_t)size));
    char *text = arena_allocate_aligned(arena, (size_t)size + 1, 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return span_make(text, (size_t)size);
}

void arena_on_destroy(struct arena *arena, void (*function)(void *object), void *object) {
    struct arena_destructor *destructor = arena_new(arena, struct arena_destructor);
    *destructor = (struct arena_destructor){arena->destructors, function, object};
    arena->destructors = destructor;
}
