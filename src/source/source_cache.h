/* What files looked like when they were last read, so that those which nobody wrote since need not be read again. One thread. */
#ifndef FAIRLEAD_SOURCE_SOURCE_CACHE_H
#define FAIRLEAD_SOURCE_SOURCE_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/compiler.h"
#include "base/map.h"

struct source_cache {
    struct map entries; /* path -> struct source_cache_entry */
    struct map former;  /* those of the load before, while one is under way */
};

void source_cache_init(struct source_cache *cache);
void source_cache_deinit(struct source_cache *cache);

/* A load begins; what it neither finds nor notes until its end is forgotten. */
void source_cache_begin(struct source_cache *cache);
void source_cache_end(struct source_cache *cache);
/* True and the hash: the file at `path` is the one of the load before, not written since. Then it is noted again. */
MUST_USE bool source_cache_find(struct source_cache *cache, const char *path, const struct stat *status, uint64_t *ret_content_hash);
/* `status` was asked for before the reading. A file that was written a moment ago is not noted: it may be written again within one tick of the
 * file system's clock. */
void source_cache_note(struct source_cache *cache, const char *path, const struct stat *status, uint64_t content_hash);

#endif
