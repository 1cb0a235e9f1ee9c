#include <string.h>

#include "base/assert.h"
#include "text/document.h"

static struct node *node_new(struct arena *arena, enum node_kind kind, struct position position) {
    struct node *node = arena_new(arena, struct node);
    node->kind = (uint8_t)kind;
    node->position = position;
    node->weight = 1;
    node->height = kind == NODE_SEQUENCE || kind == NODE_MAPPING ? 1 : 0;
    return node;
}

struct node *node_new_mapping(struct arena *arena, struct position position) {
    return node_new(arena, NODE_MAPPING, position);
}

struct node *node_new_sequence(struct arena *arena, struct position position) {
    return node_new(arena, NODE_SEQUENCE, position);
}

struct node *node_new_null(struct arena *arena, struct position position) {
    return node_new(arena, NODE_NULL, position);
}

struct node *node_new_string(struct arena *arena, struct span text, struct position position) {
    struct node *node = node_new(arena, NODE_SCALAR, position);
    node->scalar = text;
    return node;
}

struct node *node_new_plain(struct arena *arena, struct span text, struct position position) {
    struct node *node = node_new_string(arena, text, position);
    node->plain = true;
    return node;
}

/* Weight and height of a parent stay upper bounds of the truth: removing does not lower them. */
static void account(struct node *parent, const struct node *child) {
    if (__builtin_add_overflow(parent->weight, child->weight, &parent->weight))
        parent->weight = UINT32_MAX;
    if (child->height >= parent->height)
        parent->height = (uint16_t)(child->height + 1);
}

/* Room for one more child; children grow at powers of two, so that no capacity need be stored. */
static bool is_full(uint32_t count) {
    return (count & (count - 1)) == 0;
}

static uint32_t next_capacity(uint32_t count) {
    return count == 0 ? 1 : count * 2;
}

void node_append(struct arena *arena, struct node *sequence, struct node *value) {
    ASSERT(sequence->kind == NODE_SEQUENCE);
    if (is_full(sequence->count)) {
        struct node **items = arena_new_array(arena, struct node *, next_capacity(sequence->count));
        if (sequence->count > 0)
            memcpy(items, sequence->items, sequence->count * sizeof(struct node *));
        sequence->items = items;
    }
    sequence->items[sequence->count++] = value;
    account(sequence, value);
}

void node_append_field(struct arena *arena, struct node *mapping, struct span key, struct position key_position,
                       struct node *value) {
    ASSERT(mapping->kind == NODE_MAPPING);
    if (is_full(mapping->count)) {
        struct node_field *fields = arena_new_array(arena, struct node_field, next_capacity(mapping->count));
        if (mapping->count > 0)
            memcpy(fields, mapping->fields, mapping->count * sizeof(struct node_field));
        mapping->fields = fields;
    }
    mapping->fields[mapping->count++] = (struct node_field){key, key_position, value};
    account(mapping, value);
}

void node_adopt(struct arena *arena, struct node *parent, const struct node_field *children, size_t count) {
    ASSERT(parent->count == 0 && count <= UINT32_MAX / 2);
    size_t capacity = count == 0 ? 0 : 1;
    while (capacity < count)
        capacity *= 2;
    if (parent->kind == NODE_MAPPING)
        parent->fields = arena_new_array(arena, struct node_field, capacity);
    else
        parent->items = arena_new_array(arena, struct node *, capacity);
    for (size_t i = 0; i < count; i++) {
        if (parent->kind == NODE_MAPPING)
            parent->fields[i] = children[i];
        else
            parent->items[i] = children[i].value;
        account(parent, children[i].value);
    }
    parent->count = (uint32_t)count;
}

void node_set(struct arena *arena, struct node *mapping, struct span key, struct node *value) {
    ASSERT(mapping->kind == NODE_MAPPING);
    for (uint32_t i = 0; i < mapping->count; i++) {
        if (span_equal(mapping->fields[i].key, key)) {
            mapping->fields[i].value = value;
            account(mapping, value);
            return;
        }
    }
    node_append_field(arena, mapping, key, value->position, value);
}

/* After a removal the array may be fuller than its count says: growing at the next power of two copies once too often, never too late,
 * because a capacity is never below the power of two that the count last crossed. */
bool node_remove(struct node *mapping, struct span key) {
    ASSERT(mapping->kind == NODE_MAPPING);
    for (uint32_t i = 0; i < mapping->count; i++) {
        if (!span_equal(mapping->fields[i].key, key))
            continue;
        memmove(&mapping->fields[i], &mapping->fields[i + 1],
                (mapping->count - i - 1) * sizeof(struct node_field));
        mapping->count--;
        return true;
    }
    return false;
}

bool node_remove_item(struct node *sequence, size_t index) {
    ASSERT(sequence->kind == NODE_SEQUENCE);
    if (index >= sequence->count)
        return false;
    memmove(&sequence->items[index], &sequence->items[index + 1],
            (sequence->count - index - 1) * sizeof(struct node *));
    sequence->count--;
    return true;
}

struct node *node_copy(struct arena *arena, const struct node *node) {
    struct node *copy = node_new(arena, (enum node_kind)node->kind, node->position);
    copy->plain = node->plain;
    if (node->kind == NODE_SCALAR)
        copy->scalar = node->scalar;
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->kind == NODE_SEQUENCE) {
            node_append(arena, copy, node_copy(arena, node->items[i]));
            continue;
        }
        const struct node_field *field = &node->fields[i];
        node_append_field(arena, copy, field->key, field->key_position, node_copy(arena, field->value));
    }
    return copy;
}

struct node *node_merge(struct arena *arena, const struct node *under, const struct node *over) {
    if (!node_is_mapping(under) || !node_is_mapping(over))
        return node_copy(arena, over);
    struct node *merged = node_copy(arena, under);
    for (uint32_t i = 0; i < over->count; i++) {
        const struct node_field *field = &over->fields[i];
        const struct node *former = node_get(under, field->key);
        struct node *value = former == NULL ? node_copy(arena, field->value) : node_merge(arena, former, field->value);
        node_set(arena, merged, field->key, value);
    }
    return merged;
}
