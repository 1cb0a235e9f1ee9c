#include "os/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "os/system_call.h"

#define LOOP_NO_SLOT UINT32_MAX
#define LOOP_BOTH (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* The kernel's event carries place and generation: an event of a source that was removed, or of a place that was given away since, is known by
 * its generation. */
struct loop_place {
    struct loop_source *source; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

struct loop {
    int descriptor;
    struct loop_place *places;
    uint32_t place_count;
    uint32_t first_free;
    int event_count; /* waited for and not yet delivered */
    struct epoll_event events[LOOP_EVENTS_PER_TURN];
};

int loop_create(struct loop **ret_loop) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    struct loop *loop = memory_allocate_zeroed(1, sizeof(*loop));
    loop->descriptor = descriptor;
    loop->first_free = LOOP_NO_SLOT;
    *ret_loop = loop;
    return 0;
}

void loop_destroy(struct loop *loop) {
    if (loop == NULL)
        return;
    close(loop->descriptor);
    free(loop->places);
    free(loop);
}

static void loop_grow(struct loop *loop) {
    uint32_t count = loop->place_count == 0 ? 64 : loop->place_count * 2;
    ASSERT(count > loop->place_count);
    loop->places = memory_resize(loop->places, count * sizeof(*loop->places));
    for (uint32_t i = count; i-- > loop->place_count;) {
        loop->places[i] = (struct loop_place){.next_free = loop->first_free};
        loop->first_free = i;
    }
    loop->place_count = count;
}

static void loop_place_free(struct loop *loop, uint32_t slot) {
    struct loop_place *place = &loop->places[slot];
    place->source = NULL;
    place->generation++;
    place->next_free = loop->first_free;
    loop->first_free = slot;
}

static uint64_t loop_data(const struct loop *loop, uint32_t slot) {
    return (uint64_t)loop->places[slot].generation << 32 | slot;
}

static int loop_add_events(struct loop *loop, struct loop_source *source, int descriptor, uint32_t events,
                           void (*function)(struct loop_source *, unsigned)) {
    ASSERT(descriptor >= 0);
    if (loop->first_free == LOOP_NO_SLOT)
        loop_grow(loop);
    uint32_t slot = loop->first_free;
    struct loop_place *place = &loop->places[slot];
    struct epoll_event event = {.events = events, .data.u64 = loop_data(loop, slot)};
    if (epoll_ctl(loop->descriptor, EPOLL_CTL_ADD, descriptor, &event) != 0)
        return -errno;
    loop->first_free = place->next_free;
    place->source = source;
    source->descriptor = descriptor;
    source->slot = slot;
    source->function = function;
    return 0;
}

int loop_add(struct loop *loop, struct loop_source *source, int descriptor, void (*function)(struct loop_source *, unsigned)) {
    return loop_add_events(loop, source, descriptor, LOOP_BOTH, function);
}

int loop_add_input(struct loop *loop, struct loop_source *source, int descriptor, void (*function)(struct loop_source *, unsigned)) {
    return loop_add_events(loop, source, descriptor, LOOP_BOTH & ~EPOLLOUT, function);
}

int loop_watch_output(struct loop *loop, struct loop_source *source) {
    ASSERT(source->descriptor >= 0 && loop->places[source->slot].source == source);
    struct epoll_event event = {.events = LOOP_BOTH, .data.u64 = loop_data(loop, source->slot)};
    return epoll_ctl(loop->descriptor, EPOLL_CTL_MOD, source->descriptor, &event) == 0 ? 0 : -errno;
}

int loop_add_level(struct loop *loop, struct loop_source *source, int descriptor, void (*function)(struct loop_source *, unsigned)) {
    return loop_add_events(loop, source, descriptor, EPOLLIN, function);
}

void loop_forget(struct loop *loop, struct loop_source *source) {
    if (source->descriptor < 0)
        return;
    ASSERT(loop->places[source->slot].source == source);
    loop_place_free(loop, source->slot);
    source->descriptor = -1;
}

void loop_remove(struct loop *loop, struct loop_source *source) {
    if (source->descriptor < 0)
        return;
    int result = epoll_ctl(loop->descriptor, EPOLL_CTL_DEL, source->descriptor, NULL);
    ASSERT(result == 0);
    loop_forget(loop, source);
}

void loop_move(struct loop *loop, struct loop_source *from, struct loop_source *to, void (*function)(struct loop_source *, unsigned)) {
    struct loop_place *place = &loop->places[from->slot];
    ASSERT(from->descriptor >= 0 && place->source == from);
    *to = (struct loop_source){.descriptor = from->descriptor, .slot = from->slot, .function = function};
    place->source = to;
    from->descriptor = -1;
}

static unsigned loop_events_of(uint32_t events) {
    unsigned result = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        result |= LOOP_READABLE;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        result |= LOOP_WRITABLE;
    if (events & (EPOLLHUP | EPOLLERR))
        result |= LOOP_HANGUP | LOOP_ENDED;
    if (events & EPOLLRDHUP)
        result |= LOOP_ENDED;
    return result;
}

static int loop_wait_ms(uint64_t wait_ns) {
    if (wait_ns == UINT64_MAX)
        return -1;
    uint64_t wait_ms = wait_ns / NANOSECONDS_PER_MILLISECOND + (wait_ns % NANOSECONDS_PER_MILLISECOND != 0);
    return wait_ms > 3600 * 1000 ? 3600 * 1000 : (int)wait_ms;
}

int loop_wait(struct loop *loop, uint64_t wait_ns) {
    int count = system_wait(loop->descriptor, loop->events, LOOP_EVENTS_PER_TURN, loop_wait_ms(wait_ns));
    if (count < 0 && errno != EINTR)
        return -errno;
    loop->event_count = count < 0 ? 0 : count;
    return loop->event_count;
}

void loop_deliver(struct loop *loop) {
    for (int i = 0; i < loop->event_count; i++) {
        uint64_t data = loop->events[i].data.u64;
        const struct loop_place *place = &loop->places[(uint32_t)data];
        struct loop_source *source = place->source;
        if (source == NULL || place->generation != (uint32_t)(data >> 32))
            continue;
        source->function(source, loop_events_of(loop->events[i].events));
    }
    loop->event_count = 0;
}

int loop_turn(struct loop *loop, uint64_t wait_ns) {
    int count = loop_wait(loop, wait_ns);
    if (count > 0)
        loop_deliver(loop);
    return count;
}
