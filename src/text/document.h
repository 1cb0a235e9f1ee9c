/* A parsed document: nodes with positions, whether it came from YAML or JSON. Immutable after parsing but through node_set and its like,
 * which the overlay code uses on copies. Aliases share nodes. Memory is the arena's. */
#ifndef FAIRLEAD_TEXT_DOCUMENT_H
#define FAIRLEAD_TEXT_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "text/position.h"

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_SEQUENCE, NODE_MAPPING };

/* What a scalar is once it is JSON, by the rules of YAML 1.1 that Kubernetes' sigs.k8s.io/yaml uses: a quoted scalar is a string; a plain
 * one is a bool for true/yes/on/y and their opposites, an integer in decimal, 0x, 0o or 0b, a float, else a string. (Plain null and ~
 * are NODE_NULL.) */
enum scalar_type { SCALAR_STRING, SCALAR_BOOL, SCALAR_INTEGER, SCALAR_FLOAT };

struct node;

struct node_field {
    struct span key;
    struct position key_position;
    struct node *value; /* never NULL */
};

/* Small: a configuration of many routes is a million of these, kept as long as it is served. */
struct node {
    uint8_t kind;     /* enum node_kind */
    bool plain;       /* scalar written without quotes */
    uint16_t height;  /* 0 for a scalar, else 1 + the highest child's */
    uint32_t count;   /* children */
    uint32_t weight;  /* nodes of this tree with aliases expanded; saturates */
    struct position position;
    union {
        struct span scalar;        /* NODE_SCALAR; empty for NODE_NULL */
        struct node **items;       /* NODE_SEQUENCE */
        struct node_field *fields; /* NODE_MAPPING, in the order written */
    };
};

struct document {
    struct node *root; /* never NULL; NODE_NULL for an empty document */
};

struct document_list {
    struct document *items;
    size_t count;
};

/* The value of `key`, NULL when absent or when `mapping` is NULL or no mapping. A null value is a node of kind NODE_NULL. */
const struct node *node_get(const struct node *mapping, struct span key);
/* As node_get with a C string; also NULL when the value is null, which Kubernetes treats as absent. */
const struct node *node_get_present(const struct node *mapping, const char *key);
/* Follows keys separated by '.'. */
const struct node *node_get_path(const struct node *mapping, const char *path);
const struct node_field *node_get_field(const struct node *mapping, struct span key);

static inline bool node_is_mapping(const struct node *node) {
    return node != NULL && node->kind == NODE_MAPPING;
}
static inline bool node_is_sequence(const struct node *node) {
    return node != NULL && node->kind == NODE_SEQUENCE;
}
static inline bool node_is_null(const struct node *node) {
    return node == NULL || node->kind == NODE_NULL;
}

/* For the author: "a mapping", "a list", "a string", "a number", "true or false", "null". */
const char *node_type_name(const struct node *node);
/* Only for NODE_SCALAR. */
enum scalar_type node_scalar_type(const struct node *node);

/* False (and nothing written) when the node is not of that JSON type. */
MUST_USE bool node_as_string(const struct node *node, struct span *ret_text);
MUST_USE bool node_as_bool(const struct node *node, bool *ret_value);
MUST_USE bool node_as_integer(const struct node *node, int64_t *ret_value);
MUST_USE bool node_as_double(const struct node *node, double *ret_value);

/* Building: new nodes in the arena. `text` is borrowed. */
struct node *node_new_mapping(struct arena *arena, struct position position);
struct node *node_new_sequence(struct arena *arena, struct position position);
struct node *node_new_string(struct arena *arena, struct span text, struct position position);
/* A plain scalar: a number or a bool. */
struct node *node_new_plain(struct arena *arena, struct span text, struct position position);
struct node *node_new_null(struct arena *arena, struct position position);
/* A deep copy whose nodes no other tree shares; scalars' bytes are shared. */
struct node *node_copy(struct arena *arena, const struct node *node);
/* Sets or replaces a field. `key` is borrowed. */
void node_set(struct arena *arena, struct node *mapping, struct span key, struct node *value);
/* As node_set for a key that is known not to be there; constant time. */
void node_append_field(struct arena *arena, struct node *mapping, struct span key, struct position key_position,
                       struct node *value);
void node_append(struct arena *arena, struct node *sequence, struct node *value);
/* All children of a mapping or sequence that has none yet, at once: what a reader collected, so that nothing is left over from growing. Of a
 * sequence only the values count. The keys must be different. */
void node_adopt(struct arena *arena, struct node *parent, const struct node_field *children, size_t count);
/* False when there is no such field / item. */
bool node_remove(struct node *mapping, struct span key);
bool node_remove_item(struct node *sequence, size_t index);
/* `over` merged over `under`: mappings merge key by key, everything else of `over` replaces; a copy, neither is changed. */
struct node *node_merge(struct arena *arena, const struct node *under, const struct node *over);

#endif
