/* Values as resources hold them: with the place they were written, so that a later floor can point there. */
#ifndef FAIRLEAD_RESOURCE_LOCATED_H
#define FAIRLEAD_RESOURCE_LOCATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "text/position.h"

/* A string. Absent: empty text and an unknown position with file NULL; an empty string that was written has its position. */
struct located {
    struct span text;
    struct position position;
};

struct located_list {
    struct located *items;
    size_t count;
    struct position position; /* of the list; unknown when it is absent */
};

/* A number, or a duration in nanoseconds where the field's name ends in _ns. */
struct located_number {
    int64_t value; /* 0, or the field's documented default, when not set */
    bool is_set;
    struct position position;
};

struct located_flag {
    bool value;
    bool is_set;
    struct position position;
};

/* A key and its value: labels, annotations, endpoint ports. */
struct label {
    struct span key;
    struct span value;
    struct position position; /* of the value */
};

struct label_set {
    struct label *items; /* in the order written */
    size_t count;
};

/* True and the value when `key` is there. */
bool label_set_get(const struct label_set *labels, struct span key, struct span *ret_value);
/* Whether every pair of `subset` is in `labels`. An empty subset is in every set. */
bool label_set_contains(const struct label_set *labels, const struct label_set *subset);

#endif
