/* The heap, with the house's one answer to exhaustion: say so and end. Everything a peer can make us allocate is bounded first. */
#ifndef FAIRLEAD_BASE_MEMORY_H
#define FAIRLEAD_BASE_MEMORY_H

#include <stddef.h>

/* Never NULL; free() releases. allocate is not zeroed, allocate_zeroed is. */
void *memory_allocate(size_t size);
void *memory_allocate_zeroed(size_t count, size_t size);
/* As realloc(3); never NULL for a size above 0. */
void *memory_resize(void *memory, size_t size);
/* free() on the pointer that the argument points to, for CLEANUP. */
void memory_free_pointer(void *pointer_to_pointer);
/* Overwrites bytes in a way that the compiler does not remove. For keys. */
void memory_wipe(void *memory, size_t size);

#endif
