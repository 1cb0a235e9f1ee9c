/* When to load again: after a change of a watched folder and RELOAD_QUIET_NS of quiet, RELOAD_DELAY_NS_MAX after its first sign at the latest;
 * at once when asked. On the server's thread and loop. */
#ifndef FAIRLEAD_SERVER_RELOAD_H
#define FAIRLEAD_SERVER_RELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/timer.h"
#include "os/loop.h"
#include "os/watch.h"

struct reload {
    struct loop *loop;
    struct timer_wheel *timers;
    struct watch *watch;
    struct loop_source source;
    struct timer timer;
    uint64_t first_change_ns; /* 0: none is waiting */
    uint64_t due_ns;          /* of the timer, while it is set */
    struct watch_changes changes; /* of the folders, for the function to take and reset; none: it does not know why it is called */
    void (*function)(void *argument);
    void *argument;
};

/* Negative errno; then deinit is harmless. `function` is called from a timer. */
MUST_USE int reload_init(struct reload *reload, struct loop *loop, struct timer_wheel *timers, void (*function)(void *argument),
                         void *argument);
void reload_deinit(struct reload *reload);
/* From now on these folders. A folder that was not watched before may have changed since it was read: then a reload is due. */
void reload_watch(struct reload *reload, const char *const *directories, size_t count);
/* After `delay_ns`, unless one is due before. */
void reload_later(struct reload *reload, uint64_t delay_ns);

#endif
