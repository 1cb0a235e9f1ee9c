#include "server/reload.h"

#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

static void reload_due(struct timer *timer) {
    struct reload *reload = CONTAINER_OF(timer, struct reload, timer);
    reload->first_change_ns = 0;
    reload->function(reload->argument);
}

/* Each sign of change moves the reload back to the end of the quiet time, but never past the longest delay. */
static void reload_changed(struct loop_source *source, unsigned events) {
    (void)events;
    struct reload *reload = CONTAINER_OF(source, struct reload, source);
    if (!watch_read(reload->watch, &reload->changes))
        return;
    uint64_t now_ns = clock_monotonic_ns();
    if (reload->first_change_ns == 0)
        reload->first_change_ns = now_ns;
    uint64_t latest_ns = reload->first_change_ns + RELOAD_DELAY_NS_MAX;
    uint64_t left_ns = latest_ns > now_ns ? latest_ns - now_ns : 0;
    uint64_t delay_ns = left_ns < RELOAD_QUIET_NS ? left_ns : RELOAD_QUIET_NS;
    reload->due_ns = now_ns + delay_ns;
    timer_set(reload->timers, &reload->timer, now_ns, delay_ns);
}

int reload_init(struct reload *reload, struct loop *loop, struct timer_wheel *timers, void (*function)(void *argument),
                void *argument) {
    *reload = (struct reload){.loop = loop, .timers = timers, .function = function, .argument = argument};
    reload->source.descriptor = -1;
    timer_init(&reload->timer, reload_due);
    int result = watch_create(&reload->watch);
    if (result < 0)
        return result;
    return loop_add_level(loop, &reload->source, watch_descriptor(reload->watch), reload_changed);
}

void reload_deinit(struct reload *reload) {
    if (reload->watch == NULL)
        return;
    timer_cancel(reload->timers, &reload->timer);
    loop_remove(reload->loop, &reload->source);
    watch_changes_reset(&reload->changes);
    watch_destroy(reload->watch);
    reload->watch = NULL;
}

void reload_watch(struct reload *reload, const char *const *directories, size_t count) {
    int error = 0;
    bool is_new = false;
    size_t watched = watch_set(reload->watch, directories, count, &error, &is_new);
    if (error != 0 && watched < count)
        log_warning("%zu of %zu configuration folders cannot be watched for changes: %s", count - watched, count, strerror(-error));
    if (is_new)
        reload_later(reload, RELOAD_QUIET_NS);
}

void reload_later(struct reload *reload, uint64_t delay_ns) {
    uint64_t now_ns = clock_monotonic_ns();
    if (timer_is_set(&reload->timer) && reload->due_ns <= now_ns + delay_ns)
        return;
    reload->due_ns = now_ns + delay_ns;
    timer_set(reload->timers, &reload->timer, now_ns, delay_ns);
}
