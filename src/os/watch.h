/* Tells when something in a set of folders changed (inotify): a file written and closed, created, removed or renamed into place, a symbolic
 * link swapped (Kubernetes mounts: `..data`). Says that something did, and where it is known which names; the caller waits for quiet and looks.
 * One thread. */
#ifndef FAIRLEAD_OS_WATCH_H
#define FAIRLEAD_OS_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

struct watch;

#define WATCH_CHANGES_MAX 64

/* What changed since it was reset. A zeroed one is empty. */
struct watch_changes {
    char *paths[WATCH_CHANGES_MAX]; /* the folder as it was given to watch_set, a slash unless it ends with one, the name; each once */
    size_t count;
    bool incomplete; /* there may be others: too many, or the kernel did not say */
};

void watch_changes_reset(struct watch_changes *changes);

/* Negative errno. */
MUST_USE int watch_create(struct watch **ret_watch);
void watch_destroy(struct watch *watch);
/* Readable when there is something for watch_read; belongs to the watch. */
int watch_descriptor(const struct watch *watch);
/* From now on exactly these folders, NUL-terminated paths; those that were watched stay without a gap. To be called again after each change,
 * since a folder may have been replaced by another of its name. Folders that cannot be watched (not there, say) are skipped: returns how many
 * are watched, the last such error as a negative errno in ret_error, 0 for none, and in ret_is_new whether one of them was not watched before: it may have
 * changed unseen. */
size_t watch_set(struct watch *watch, const char *const *paths, size_t count, int *ret_error, bool *ret_is_new);
/* Takes all that waits; true when there was a change. Adds to `changes` unless it is NULL. */
bool watch_read(struct watch *watch, struct watch_changes *changes);

#endif
