#include "os/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/memory.h"

#define WATCH_EVENTS                                                                                                       \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct watch_folder {
    int number; /* the kernel's */
    char *path; /* NULL: it has several */
};

struct watch {
    int descriptor;
    struct watch_folder *folders;
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

static void watch_free_folders(struct watch *watch) {
    for (size_t i = 0; i < watch->folder_count; i++)
        free(watch->folders[i].path);
    free(watch->folders);
}

void watch_destroy(struct watch *watch) {
    if (watch == NULL)
        return;
    close(watch->descriptor);
    watch_free_folders(watch);
    free(watch);
}

int watch_descriptor(const struct watch *watch) {
    return watch->descriptor;
}

static struct watch_folder *watch_find(struct watch_folder *folders, size_t count, int number) {
    for (size_t i = 0; i < count; i++)
        if (folders[i].number == number)
            return &folders[i];
    return NULL;
}

static char *copy_text(const char *text, size_t size) {
    char *copy = memory_allocate(size + 1);
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

/* Returns whether it is another folder than those before. */
static bool watch_note(struct watch_folder *folders, size_t count, int number, const char *path) {
    struct watch_folder *known = watch_find(folders, count, number);
    if (known == NULL) {
        folders[count] = (struct watch_folder){number, copy_text(path, strlen(path))};
        return true;
    }
    if (known->path != NULL && strcmp(known->path, path) != 0) {
        free(known->path);
        known->path = NULL;
    }
    return false;
}

size_t watch_set(struct watch *watch, const char *const *paths, size_t count, int *ret_error, bool *ret_is_new) {
    struct watch_folder *folders = memory_allocate_zeroed(count + 1, sizeof(*folders));
    size_t folder_count = 0;
    int error = 0;
    bool is_new = false;
    for (size_t i = 0; i < count; i++) {
        /* The kernel gives a folder that is watched already its present number. */
        int folder = inotify_add_watch(watch->descriptor, paths[i], WATCH_EVENTS);
        if (folder < 0)
            error = -errno;
        else if (watch_note(folders, folder_count, folder, paths[i]))
            folder_count++;
        is_new = is_new || (folder >= 0 && watch_find(watch->folders, watch->folder_count, folder) == NULL);
    }
    for (size_t i = 0; i < watch->folder_count; i++)
        if (watch_find(folders, folder_count, watch->folders[i].number) == NULL)
            (void)inotify_rm_watch(watch->descriptor, watch->folders[i].number); /* EINVAL: the folder went away by itself */
    watch_free_folders(watch);
    watch->folders = folders;
    watch->folder_count = folder_count;
    *ret_error = error;
    *ret_is_new = is_new;
    return folder_count;
}

static bool watch_is_change(const struct inotify_event *event) {
    /* IN_IGNORED only echoes that a watch is gone. */
    return (event->mask & IN_IGNORED) == 0;
}

void watch_changes_reset(struct watch_changes *changes) {
    for (size_t i = 0; i < changes->count; i++)
        free(changes->paths[i]);
    *changes = (struct watch_changes){.count = 0};
}

static void add_change(struct watch_changes *changes, const char *folder, const char *name) {
    size_t folder_size = strlen(folder), name_size = strlen(name);
    bool has_slash = folder_size > 0 && folder[folder_size - 1] == '/';
    char *path = memory_allocate(folder_size + name_size + 2);
    memcpy(path, folder, folder_size);
    path[folder_size] = '/';
    memcpy(path + folder_size + (has_slash ? 0 : 1), name, name_size + 1);
    for (size_t i = 0; i < changes->count; i++) {
        if (strcmp(changes->paths[i], path) != 0)
            continue;
        free(path);
        return;
    }
    changes->incomplete |= changes->count == WATCH_CHANGES_MAX;
    if (changes->incomplete)
        free(path);
    else
        changes->paths[changes->count++] = path;
}

static void note_change(struct watch *watch, const struct inotify_event *event, struct watch_changes *changes) {
    if (changes == NULL || !watch_is_change(event))
        return;
    const struct watch_folder *folder = watch_find(watch->folders, watch->folder_count, event->wd);
    bool names_file = event->len > 0 && (event->mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) == 0;
    if (folder == NULL || folder->path == NULL || !names_file)
        changes->incomplete = true;
    else
        add_change(changes, folder->path, event->name);
}

bool watch_read(struct watch *watch, struct watch_changes *changes) {
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
            note_change(watch, event, changes);
            offset += sizeof(*event) + event->len;
        }
    }
}
