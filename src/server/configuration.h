/* From paths to a snapshot: read, parse, decode, compile. Between loads it keeps what was last good, so that a running gateway rides out a
 * broken file. One thread. */
#ifndef FAIRLEAD_SERVER_CONFIGURATION_H
#define FAIRLEAD_SERVER_CONFIGURATION_H

#include <stdbool.h>
#include <stdio.h>

#include "compile/compile.h"
#include "compile/input_files.h"
#include "os/watch.h"
#include "server/incremental.h"
#include "server/last_good.h"
#include "server/ticket_keys.h"
#include "source/source.h"
#include "text/diagnostic.h"

struct configuration {
    const char *const *paths;
    size_t path_count;
    struct compile_options options; /* of every load */
    struct last_good last_good;
    bool loaded; /* there was a load before: files and objects have a last good version */
    uint64_t fingerprint; /* of the bytes of the former load */
    struct input_files files; /* that its objects name */
    struct incremental incremental;
    struct ticket_keys ticket_keys;
    struct parsed_file *standard_input; /* read once, kept for ever; NULL: not among the paths or not read yet */
};

/* One load and all that its diagnostics borrow. */
struct configuration_load {
    struct arena arena;
    struct arena texts; /* of values that do not stand in the files as they are meant; wiped */
    struct source_set sources;
    struct diagnostic_list diagnostics;
    struct snapshot *snapshot; /* NULL: there is none (nothing can be read, or the gateway is not clear); else the caller's once taken (set it to NULL) */
    uint64_t ticket_keys_left_ns; /* after which the present ticket key is stale; 0: it is, or there is none */
    size_t stale_count;        /* files and objects that are served in an older version */
    struct map faulty;         /* titles of the objects that are not what their author meant: invalid, or with an error in a field */
    struct map substituted;    /* titles of those among them that are served in an older version */
    bool unchanged;            /* not one byte changed since the former load: nothing was compiled */
    bool same_folders;         /* what to watch is as it was; `sources` has only what was read */
    bool grafted;              /* the snapshot shares all but the changed virtual hosts with the former one */
};

/* `paths` and the spans of `options` must outlive it. */
void configuration_init(struct configuration *configuration, const char *const *paths, size_t path_count,
                        const struct compile_options *options);
void configuration_deinit(struct configuration *configuration);

/* Loads; whatever is wrong is in ret_load->diagnostics. Files that nobody wrote since are not read again unless they must be, and a change of one
 * VirtualService is compiled alone (server/incremental.h). The first load takes what is valid; a later one replaces what does not parse any
 * more or turned invalid by its last good version and says so. Unless `force` is set, input of the same bytes is not compiled again. `changes` says what was written since the load before; NULL, or
 * none at all: all files are looked at. */
void configuration_load(struct configuration *configuration, bool force, const struct watch_changes *changes,
                        struct configuration_load *ret_load);
/* Destroys the snapshot unless it was taken. */
void configuration_load_deinit(struct configuration_load *load);

#endif
