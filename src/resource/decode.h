/* From document nodes to typed fields: tables of fields, one a mapping. Private to the resource floor. A mistake is diagnosed at its
 * place, sets `failed` and leaves the field as it was; the rest is decoded all the same. */
#ifndef FAIRLEAD_RESOURCE_DECODE_H
#define FAIRLEAD_RESOURCE_DECODE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/map.h"
#include "resource/located.h"
#include "resource/object.h"
#include "text/diagnostic.h"
#include "text/document.h"

/* Where the decoder is, innermost first: "spec.http[0].redirect". */
struct decode_path {
    const struct decode_path *parent;
    struct span key; /* empty for an item of a list */
    size_t index;
};

struct decoder {
    struct arena *arena;
    struct diagnostic_list *diagnostics;
    struct span title; /* the object, for diagnostics */
    struct span namespace; /* the object's */
    struct unsupported_list *unsupported; /* where FIELD_UNSUPPORTED goes */
    const struct decode_path *path;
    struct map *regexes;  /* pattern -> what is wrong with it, or "": each is tried once a load; NULL: none is tried */
    bool failed;          /* a mistake was found since it was last cleared */
    bool refuses_unknown; /* unknown fields are mistakes */
    bool accepts_unknown; /* unknown fields are silent unless they are nearly a known one */
};

typedef void (*decode_function)(struct decoder *decoder, const struct node *node, void *target);

enum field_type {
    FIELD_STRING,      /* struct located */
    FIELD_FLAG,        /* struct located_flag */
    FIELD_NUMBER,      /* struct located_number, from minimum to maximum */
    FIELD_DURATION,    /* struct located_number, nanoseconds, from minimum */
    FIELD_STRINGS,     /* struct located_list */
    FIELD_LABELS,      /* struct label_set */
    FIELD_CALL,        /* call(decoder, node, target + offset) */
    FIELD_PART,        /* call(decoder, node, a zeroed structure of `size` bytes, to which the pointer at target + offset then points) */
    FIELD_IGNORED,     /* known, of no concern */
    FIELD_UNSUPPORTED, /* known, not served yet: recorded; call(decoder, node, target) may check it before */
    FIELD_RESTRICTION  /* as unsupported, and it restricts or encrypts */
};

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    int64_t minimum;
    int64_t maximum;
    decode_function call;
    size_t size;
};

#define FIELD_AT(name, type, structure, member) {name, type, offsetof(structure, member), 0, 0, NULL, 0}
#define FIELD_NUMBER_AT(name, structure, member, minimum, maximum) \
    {name, FIELD_NUMBER, offsetof(structure, member), minimum, maximum, NULL, 0}
#define FIELD_DURATION_AT(name, structure, member, minimum_ns) \
    {name, FIELD_DURATION, offsetof(structure, member), minimum_ns, INT64_MAX, NULL, 0}
#define FIELD_CALL_AT(name, function, structure, member) {name, FIELD_CALL, offsetof(structure, member), 0, 0, function, 0}
#define FIELD_PART_AT(name, function, structure, member) \
    {name, FIELD_PART, offsetof(structure, member), 0, 0, function, sizeof(*((structure *)NULL)->member)}
#define FIELD_CALL_WHOLE(name, function) {name, FIELD_CALL, 0, 0, 0, function, 0}
#define FIELD_OF_TYPE(name, type) {name, type, 0, 0, 0, NULL, 0}
#define FIELD_CHECKED(name, type, function) {name, type, 0, 0, 0, function, 0}

/* Every field of the mapping `node` by the table; null fields are absent. Unknown ones are warned of with the nearest known name. */
void decode_mapping(struct decoder *decoder, const struct node *node, const struct field *fields, size_t field_count,
                    void *target);
#define DECODE_MAPPING(decoder, node, fields, target) decode_mapping(decoder, node, fields, ARRAY_SIZE(fields), target)

/* A list of anything: the items, zeroed and then decoded one by one. Count 0 and NULL when it is no list. */
void *decode_items(struct decoder *decoder, const struct node *node, size_t item_size, decode_function item,
                   size_t *ret_count);
/* Whether decoding this part met a mistake. Inside of it decoder->failed speaks of the part alone. */
bool decode_part(struct decoder *decoder, const struct node *node, void *target, decode_function function);

bool decode_string(struct decoder *decoder, const struct node *node, struct located *ret_text);
void decode_strings(struct decoder *decoder, const struct node *node, struct located_list *ret_list);
/* As decode_strings, then `check` for each item, with the path of the item. */
void decode_strings_checked(struct decoder *decoder, const struct node *node, void (*check)(struct decoder *decoder, const struct located *item),
                            struct located_list *ret_list);
void decode_labels(struct decoder *decoder, const struct node *node, struct label_set *ret_labels);
void decode_number(struct decoder *decoder, const struct node *node, int64_t minimum, int64_t maximum,
                   struct located_number *ret_number);
void decode_flag(struct decoder *decoder, const struct node *node, struct located_flag *ret_flag);
void decode_duration(struct decoder *decoder, const struct node *node, int64_t minimum_ns,
                     struct located_number *ret_number);

struct enum_name {
    const char *name;
    int value;
};
/* False: diagnosed with all allowed names. */
bool decode_enum(struct decoder *decoder, const struct node *node, const struct enum_name *names, size_t name_count,
                 int *ret_value);
#define DECODE_ENUM(decoder, node, names, ret_value) decode_enum(decoder, node, names, ARRAY_SIZE(names), ret_value)

void decode_error(struct decoder *decoder, enum diagnostic_code code, struct position position, const char *hint,
                  const char *format, ...) PRINTF_LIKE(5, 6);
void decode_warning(struct decoder *decoder, enum diagnostic_code code, struct position position, const char *hint,
                    const char *format, ...) PRINTF_LIKE(5, 6);
/* Remembers the current path as not served. */
void decode_unsupported(struct decoder *decoder, struct position position, bool restricts_or_encrypts);
/* "spec.servers[0].port", in the arena. */
struct span decode_path_print(struct decoder *decoder);
/* Of the `count` names one at most may be written: a "oneof" of Istio's. The second is the mistake. */
void decode_one_of(struct decoder *decoder, const struct node *node, const char *const *names, size_t count);
#define DECODE_ONE_OF(decoder, node, names) decode_one_of(decoder, node, names, ARRAY_SIZE(names))
/* For code that descends by hand: a field of `node` that must be a mapping; NULL when absent or (diagnosed) another type. */
const struct node *decode_get_mapping(struct decoder *decoder, const struct node *node, const char *key);

/* The name nearest to `text` among count C strings at `stride` bytes from each other; NULL when none is near. */
const char *decode_nearest(struct span text, const char *const *names, size_t stride, size_t count);

#endif
