#include "os/event.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"

int event_open(int *ret_descriptor) {
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    *ret_descriptor = descriptor;
    return 0;
}

void event_close(int descriptor) {
    (void)close(descriptor);
}

void event_signal(int descriptor) {
    uint64_t one = 1;
    ssize_t written = write(descriptor, &one, sizeof(one));
    /* A full counter is a signal that nobody has seen yet. */
    ASSERT(written == (ssize_t)sizeof(one) || errno == EAGAIN);
}

void event_clear(int descriptor) {
    uint64_t count;
    ssize_t taken = read(descriptor, &count, sizeof(count));
    ASSERT(taken == (ssize_t)sizeof(count) || errno == EAGAIN);
}
