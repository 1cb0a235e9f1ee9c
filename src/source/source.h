/* Reads the configuration's files: the bytes, and what to watch for changes. Nothing is parsed here. */
#ifndef FAIRLEAD_SOURCE_SOURCE_H
#define FAIRLEAD_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "source/source_text.h"
#include "text/diagnostic.h"

struct source_cache; /* source/source_cache.h */

struct source_file {
    const char *path; /* as found, NUL-terminated; "<stdin>" for "-": the file of positions */
    struct span text; /* as long as the arena, or whoever pins `shared`; a NUL after it */
    struct source_text *shared; /* NULL when unread */
    uint64_t content_hash; /* of the text alone; not stable between versions of the program */
    bool unread;           /* the cache knows that it is what it was: the text is empty, the hash is right */
};

struct source_set {
    struct source_file *files; /* in the order of the paths given, inside a folder sorted by the bytes of the names */
    size_t file_count;
    size_t total_bytes;
    const char **watch_directories; /* every folder whose entries decide what is read; each once */
    size_t watch_directory_count;
    bool reads_stdin; /* cannot be read a second time */
    bool complete;    /* false: a path could not be read, diagnosed */
};

/* Each path is a file (of any name), a folder (recursive; *.yaml, *.yml, *.json; names that start with '.' are left out, but links that
 * lead through them, such as Kubernetes' ..data, are followed) or "-" for standard input. Ceilings: CONFIGURATION_FILE_BYTES_MAX,
 * CONFIGURATION_FILES_MAX, CONFIGURATION_TOTAL_BYTES_MAX, CONFIGURATION_DEPTH_MAX folders. What cannot be read is an error diagnostic and
 * the rest is read all the same. Each text is made known to `diagnostics` for excerpts. ret_set is always written. Returns `complete`. */
MUST_USE bool source_load(const char *const *paths, size_t path_count, struct arena *arena,
                          struct diagnostic_list *diagnostics, struct source_set *ret_set);
/* Neither a link nor anything else. */
bool source_is_plain_file(const char *path);
/* Also as a link that leads nowhere. */
bool source_exists(const char *path);

/* As source_load, but files that the cache knows and that were not written since are not read. The cache then knows what was found. */
MUST_USE bool source_load_changes(const char *const *paths, size_t path_count, struct source_cache *cache, struct arena *arena,
                                  struct diagnostic_list *diagnostics, struct source_set *ret_set);

#endif
