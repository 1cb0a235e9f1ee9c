/* What is told of a request: facts in the order in which the gateway comes upon them, each with the place it came from. */
#ifndef FAIRLEAD_EXPLAIN_STORY_H
#define FAIRLEAD_EXPLAIN_STORY_H

#include "base/arena.h"
#include "base/builder.h"
#include "base/compiler.h"
#include "snapshot/snapshot.h"

enum story_section {
    STORY_LISTENER,
    STORY_CHAIN,
    STORY_CERTIFICATE,
    STORY_HOST,
    STORY_ROUTE,
    STORY_ACTION,
    STORY_UPSTREAM,
    STORY_SECTION_COUNT
};

enum story_mark { STORY_PLAIN, STORY_CHOSEN, STORY_REJECTED, STORY_CONCERN };

struct story_fact {
    struct story_fact *next;
    enum story_section section;
    enum story_mark mark;
    struct span text;
    uint32_t id; /* of the table of origins; 0: of no object */
};

struct story {
    struct arena *arena;
    const struct snapshot *snapshot;
    struct story_fact *first, *last;
    /* What comes first: one sentence each, any may be empty. */
    struct span headline;
    struct span cause;
    uint32_t cause_id;
    struct span way_out;
    uint32_t way_out_id;
    struct story_fact *first_note, *last_note; /* what is worth a word though it changes nothing */
    struct span disagreement; /* the narration came to another end than the data plane: a fault of the program */
};

void story_init(struct story *story, struct arena *arena, const struct snapshot *snapshot);
void story_add(struct story *story, enum story_section section, enum story_mark mark, uint32_t id, const char *format, ...) PRINTF_LIKE(5, 6);
void story_note(struct story *story, uint32_t id, const char *format, ...) PRINTF_LIKE(3, 4);
/* The first one counts. */
void story_set_cause(struct story *story, uint32_t id, const char *format, ...) PRINTF_LIKE(3, 4);
void story_set_way_out(struct story *story, uint32_t id, const char *format, ...) PRINTF_LIKE(3, 4);
void story_disagree(struct story *story, const char *format, ...) PRINTF_LIKE(2, 3);

/* " [file:line VirtualService shop/web]", or nothing. */
void story_print_place(const struct story *story, uint32_t id, struct builder *output);
/* Names come from the input: control bytes, which would move the reader's cursor, are written as "?". */
void story_put(struct builder *output, struct span text);
/* "file:line", "assumed:" for an object that is not in the input, or nothing. */
struct span story_place(const struct story *story, uint32_t id);

#endif
