/* An arena hands out memory that is freed whole. One belongs to a snapshot, one to an exchange. Not thread-safe. */
#ifndef FAIRLEAD_BASE_ARENA_H
#define FAIRLEAD_BASE_ARENA_H

#include <stdalign.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

struct arena_block;
struct arena_destructor;

struct arena {
    struct arena_block *blocks;           /* newest first */
    struct arena_destructor *destructors; /* newest first: run in reverse order of registration */
    size_t block_size;                    /* size of the next ordinary block in bytes */
    size_t allocated_bytes;               /* sum of the blocks, for reports */
};

/* `block_size` bytes are asked of the system at a time; nothing is asked before the first allocation. */
void arena_init(struct arena *arena, size_t block_size);
/* As arena_init, with a first block in the caller's memory (aligned as malloc aligns, ARENA_MEMORY_MIN bytes or more): small users never ask
 * the system. The memory must outlive the use of the arena; reset forgets it. */
#define ARENA_MEMORY_MIN 256
void arena_init_with(struct arena *arena, void *memory, size_t size, size_t block_size);
/* Runs the destructors, frees everything. The arena may be used again as after init. */
void arena_reset(struct arena *arena);
void arena_deinit(struct arena *arena);
/* Overwrites all that was allocated, before a reset: it may hold keys. */
void arena_wipe(struct arena *arena);

/* Never NULL (memory exhaustion ends the process); zeroed; aligned to `alignment` (a power of two). */
void *arena_allocate_aligned(struct arena *arena, size_t size, size_t alignment);
#define arena_new(arena, type) ((type *)arena_allocate_aligned((arena), sizeof(type), alignof(type)))
#define arena_new_array(arena, type, count) ((type *)arena_allocate_array((arena), (count), sizeof(type), alignof(type)))
void *arena_allocate_array(struct arena *arena, size_t count, size_t size, size_t alignment);

/* A copy of the bytes with a NUL after them (not counted in size). */
struct span arena_copy(struct arena *arena, struct span text);
/* In decimal. */
struct span arena_decimal(struct arena *arena, uint64_t value);
struct span arena_print(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct span arena_lower(struct arena *arena, struct span text);

/* `function(object)` runs at reset or deinit, latest registered first. For library objects that arena memory refers to. */
void arena_on_destroy(struct arena *arena, void (*function)(void *object), void *object);

#endif
