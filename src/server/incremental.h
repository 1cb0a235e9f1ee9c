/* A load after which one VirtualService among many is another one costs what that one costs: only its file is parsed, only its virtual hosts are
 * compiled, and grafted on the snapshot before (snapshot/graft.h). Whatever is not surely of that kind is left to a load of everything. */
#ifndef FAIRLEAD_SERVER_INCREMENTAL_H
#define FAIRLEAD_SERVER_INCREMENTAL_H

#include <stdbool.h>

#include "compile/compile.h"
#include "os/watch.h"
#include "server/last_good.h"
#include "source/source_cache.h"
#include "text/diagnostic.h"

struct configuration_load;

/* The load before, as far as the next one may build on it. */
struct incremental {
    bool usable; /* everything was read, nothing in it was stale, and every diagnostic was kept */
    struct source_cache cache;
    struct parsed_file **files; /* in the order in which their objects count */
    size_t file_count;
    struct snapshot *snapshot;
    struct diagnostic_list diagnostics; /* their files' names are copies, their texts are not there */
    size_t depth; /* grafts since everything was loaded */
};

void incremental_init(struct incremental *incremental);
void incremental_deinit(struct incremental *incremental);

/* Whether there are objects other than VirtualServices among them. */
bool incremental_holds_others(const struct document_list *documents);

/* After a load of everything: takes references to its files and its snapshot, and copies its diagnostics. */
void incremental_keep(struct incremental *incremental, const struct configuration_load *load, struct parsed_file *const *files, size_t file_count);
void incremental_forget(struct incremental *incremental);

/* `load` has its sources, read through the cache. True: it is complete, its snapshot included, or `unchanged`; last_good knows the new file.
 * False: nothing was done but to add to load->arena and load->diagnostics. */
MUST_USE bool incremental_load(struct incremental *incremental, const struct compile_options *options, struct last_good *last_good,
                               struct configuration_load *load);

/* The same without sources: reads only what the changes name. False also when these may be more than files that are known. */
MUST_USE bool incremental_load_named(struct incremental *incremental, const struct compile_options *options, struct last_good *last_good,
                                     const struct watch_changes *changes, struct configuration_load *load);

#endif
