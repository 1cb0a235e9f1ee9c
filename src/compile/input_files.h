/* Files that the configuration names by path (certificates, keys, authorities): what a compile read of them stays known until the next one, so
 * that its caller can tell whether one has changed since, and watch where they lie. One thread at a time. */
#ifndef FAIRLEAD_COMPILE_INPUT_FILES_H
#define FAIRLEAD_COMPILE_INPUT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct input_file {
    struct span path; /* with a NUL behind it */
    bool readable;
    uint64_t content_hash;
};

struct input_files {
    struct arena arena;
    struct input_file *items; /* each path once */
    size_t count;
    size_t capacity;
};

void input_files_init(struct input_files *files);
void input_files_deinit(struct input_files *files);
/* Forgets all: a compile begins. */
void input_files_reset(struct input_files *files);
/* The text of a regular file, in `arena`, and a note of it in `files` (which may be NULL). False: it cannot be read, or is larger than
 * TLS_FILE_BYTES_MAX; that is noted too. Relative paths count from the working directory. */
MUST_USE bool input_files_read(struct input_files *files, struct arena *arena, struct span path, struct span *ret_text);
/* Where it lies, or of that path the nearest folder that is there now; with a NUL behind it. */
struct span input_file_folder(const struct input_file *file, struct arena *arena);
/* Whether a file reads otherwise now than it did then. */
bool input_files_changed(const struct input_files *files);

#endif
