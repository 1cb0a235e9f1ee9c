/* The children read so far of all nodes that are not at their end yet, innermost last. For the readers of text. */
#ifndef FAIRLEAD_TEXT_NODE_STACK_H
#define FAIRLEAD_TEXT_NODE_STACK_H

#include "base/map.h"
#include "text/document.h"

struct node_stack {
    struct node_field *items;
    size_t count;
    size_t capacity;
};

/* One mapping's keys, to find the second of two equal ones. */
struct node_keys {
    size_t first;    /* of its fields on the stack */
    struct map many; /* filled once they are many */
};

void node_stack_deinit(struct node_stack *stack);
void node_stack_push(struct node_stack *stack, struct node_field child);
/* The children from `first` on become those of `node` and leave the stack. */
void node_stack_adopt(struct node_stack *stack, struct arena *arena, struct node *node, size_t first);

/* For a mapping whose first field is the next to be pushed. */
void node_keys_init(struct node_keys *keys, const struct node_stack *stack);
void node_keys_deinit(struct node_keys *keys);
bool node_keys_has(struct node_keys *keys, const struct node_stack *stack, struct span key);
/* Pushes a field whose key is not there yet. */
void node_keys_push(struct node_keys *keys, struct node_stack *stack, struct node_field field);

#endif
