#include "os/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/memory.h"

#define WATCH_EVENTS                                                                                                       \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct watch {
    int descriptor;
    int *folders; /* the kernel's watch numbers */
    size_t folder_count;
};

int watch_create(struct watch **ret_watch) {
    int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    struct watch *watch = memory_allocate_zeroed(1, sizeof(*watch));
    watch->descriptor = descriptor;
    *ret_watch = watch;
    return 0;
}

void watch_destroy(struct watch *watch) {
    if (watch == NULL)
        return;
    close(watch->descriptor);
    free(watch->folders);
    free(watch);
}

int watch_descriptor(const struct watch *watch) {
    return watch->descriptor;
}

static bool watch_has(const int *folders, size_t count, int folder) {
    for (size_t i = 0; i < count; i++)
        if (folders[i] == folder)
            return true;
    return false;
}

size_t watch_set(struct watch *watch, const char *const *paths, size_t count, int *ret_error) {
    int *folders = memory_allocate_zeroed(count + 1, sizeof(*folders));
    size_t folder_count = 0;
    int error = 0;
    for (size_t i = 0; i < count; i++) {
        /* The kernel gives a folder that is watched already its present number. */
        int folder = inotify_add_watch(watch->descriptor, paths[i], WATCH_EVENTS);
        if (folder < 0)
            error = -errno;
        else if (!watch_has(folders, folder_count, folder))
            folders[folder_count++] = folder;
    }
    for (size_t i = 0; i < watch->folder_count; i++)
        if (!watch_has(folders, folder_count, watch->folders[i]))
            (void)inotify_rm_watch(watch->descriptor, watch->folders[i]); /* EINVAL: the folder went away by itself */
    free(watch->folders);
    watch->folders = folders;
    watch->folder_count = folder_count;
    *ret_error = error;
    return folder_count;
}

static bool watch_is_change(const struct inotify_event *event) {
    /* IN_IGNORED only echoes that a watch is gone. */
    return (event->mask & IN_IGNORED) == 0;
}

bool watch_read(struct watch *watch) {
    union {
        struct inotify_event event;
        char bytes[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
    } events;
    bool changed = false;
    for (;;) {
        ssize_t size = read(watch->descriptor, events.bytes, sizeof(events.bytes));
        if (size <= 0)
            return changed;
        for (size_t offset = 0; offset < (size_t)size;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)(events.bytes + offset);
            changed |= watch_is_change(event);
            offset += sizeof(*event) + event->len;
        }
    }
}
