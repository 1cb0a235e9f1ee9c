#include "text/node_stack.h"

#include <stdlib.h>

#include "base/memory.h"

/* From this many keys on, equal ones are looked for with a hash map. */
#define KEYS_LINEAR_MAX 16

void node_stack_deinit(struct node_stack *stack) {
    free(stack->items);
    *stack = (struct node_stack){NULL, 0, 0};
}

/* With nothing on the stack yet there is no array to point into. */
static struct node_field *items_from(const struct node_stack *stack, size_t first) {
    return stack->items == NULL ? NULL : stack->items + first;
}

void node_stack_push(struct node_stack *stack, struct node_field child) {
    if (stack->count == stack->capacity) {
        stack->capacity = stack->capacity == 0 ? 64 : 2 * stack->capacity;
        stack->items = memory_resize(stack->items, stack->capacity * sizeof(stack->items[0]));
    }
    stack->items[stack->count++] = child;
}

void node_stack_adopt(struct node_stack *stack, struct arena *arena, struct node *node, size_t first) {
    node_adopt(arena, node, items_from(stack, first), stack->count - first);
    stack->count = first;
}

void node_keys_init(struct node_keys *keys, const struct node_stack *stack) {
    keys->first = stack->count;
    map_init(&keys->many);
}

void node_keys_deinit(struct node_keys *keys) {
    map_deinit(&keys->many);
}

bool node_keys_has(struct node_keys *keys, const struct node_stack *stack, struct span key) {
    size_t count = stack->count - keys->first;
    const struct node_field *fields = items_from(stack, keys->first);
    for (size_t i = 0; count < KEYS_LINEAR_MAX && i < count; i++)
        if (span_equal(fields[i].key, key))
            return true;
    if (count < KEYS_LINEAR_MAX)
        return false;
    for (size_t i = 0; keys->many.count == 0 && i < count; i++)
        map_set(&keys->many, fields[i].key, keys);
    return map_get(&keys->many, key) != NULL;
}

void node_keys_push(struct node_keys *keys, struct node_stack *stack, struct node_field field) {
    node_stack_push(stack, field);
    if (keys->many.count > 0)
        map_set(&keys->many, field.key, keys);
}
