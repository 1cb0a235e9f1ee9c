/* An edge-triggered epoll loop. One thread. Events carry a generation, so that an event of a source removed earlier in the same turn is
 * never delivered. */
#ifndef FAIRLEAD_OS_LOOP_H
#define FAIRLEAD_OS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct loop;

enum loop_event {
    LOOP_READABLE = 1,
    LOOP_WRITABLE = 2,
    LOOP_HANGUP = 4, /* error or both sides closed; comes with READABLE and WRITABLE */
    LOOP_ENDED = 8,  /* the peer ended its side, possibly behind bytes that are still to be read; comes with READABLE */
};

/* Embedded in whatever owns a descriptor. The loop does not own the descriptor. Set descriptor to -1 before first use. */
struct loop_source {
    int descriptor; /* -1: in no loop */
    uint32_t slot;  /* place in the loop's table, with generation */
    void (*function)(struct loop_source *source, unsigned events);
};

/* Negative errno on failure. */
MUST_USE int loop_create(struct loop **ret_loop);
void loop_destroy(struct loop *loop);
/* Edge-triggered for input, output and hang-up, once and for all. Negative errno. */
MUST_USE int loop_add(struct loop *loop, struct loop_source *source, int descriptor, void (*function)(struct loop_source *, unsigned));
/* Edge-triggered for input and hang-up: a socket that has just been accepted takes output, and need not say so. Negative errno. */
MUST_USE int loop_add_input(struct loop *loop, struct loop_source *source, int descriptor, void (*function)(struct loop_source *, unsigned));
/* From now on for output, too: told at once when there is room already. Negative errno. */
MUST_USE int loop_watch_output(struct loop *loop, struct loop_source *source);
/* Level-triggered input only: for listeners and eventfds. */
MUST_USE int loop_add_level(struct loop *loop, struct loop_source *source, int descriptor, void (*function)(struct loop_source *, unsigned));
/* Harmless when it is in no loop. Closes nothing. */
void loop_remove(struct loop *loop, struct loop_source *source);
/* As loop_remove, for a descriptor that the caller closes at once: saves the system call, as closing takes it out of the kernel's set. */
void loop_forget(struct loop *loop, struct loop_source *source);
/* `to` takes the place of `from`, which is in the loop, with a function of its own. The kernel goes on watching as before, so an edge that was told
 * already is not told again. Saves two system calls. */
void loop_move(struct loop *loop, struct loop_source *from, struct loop_source *to, void (*function)(struct loop_source *, unsigned));
/* Waits at most `wait_ns` (UINT64_MAX: for ever; rounded up to milliseconds) and delivers events. Returns the count or negative errno. */
int loop_turn(struct loop *loop, uint64_t wait_ns);
/* The two halves of loop_turn, for who must look at the clock in between. */
int loop_wait(struct loop *loop, uint64_t wait_ns);
void loop_deliver(struct loop *loop);

#endif
