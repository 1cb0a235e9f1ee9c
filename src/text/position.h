/* A place in a configuration text: what a diagnostic points at. */
#ifndef FAIRLEAD_TEXT_POSITION_H
#define FAIRLEAD_TEXT_POSITION_H

#include <stdbool.h>
#include <stdint.h>

struct position {
    const char *file; /* borrowed from the arena of the load; NULL when unknown */
    uint32_t line;    /* from 1; 0 when the line is unknown (assumed objects, answers of an API) */
    uint32_t column;  /* from 1, in characters */
};

#define POSITION_NONE ((struct position){NULL, 0, 0})

static inline bool position_is_known(struct position position) {
    return position.line != 0;
}

#endif
