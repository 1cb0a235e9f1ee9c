#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *memory_check(void *memory, size_t size) {
    if (memory == NULL && size != 0) {
        fprintf(stderr, "fairlead: out of memory (asked for %zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *memory_allocate(size_t size) {
    return memory_check(malloc(size), size);
}

void *memory_allocate_zeroed(size_t count, size_t size) {
    return memory_check(calloc(count, size), size);
}

void *memory_resize(void *memory, size_t size) {
    return memory_check(realloc(memory, size), size);
}

void memory_free_pointer(void *pointer_to_pointer) {
    void *memory;
    memcpy(&memory, pointer_to_pointer, sizeof(memory));
    free(memory);
}

void memory_wipe(void *memory, size_t size) {
    explicit_bzero(memory, size);
}
