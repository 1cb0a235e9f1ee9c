/* What a running gateway falls back to: the last version of each file that could be read whole, and of each object that was valid. A file
 * that breaks or an object that turns invalid keeps it until it is mended or removed. One thread. */
#ifndef FAIRLEAD_SERVER_LAST_GOOD_H
#define FAIRLEAD_SERVER_LAST_GOOD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "resource/object.h"
#include "resource/resource_set.h"
#include "source/source.h"
#include "text/document.h"

/* One version of a file that was parsed: its text, a tenth of the size of its tree, which is made anew when it is wanted. Counted: objects may outlive
 * the file's version. */
struct parsed_file {
    uint32_t reference_count;
    bool seen;      /* in this load */
    bool holds_others; /* than VirtualServices; of files that incremental loads know */
    char *path;     /* what positions carry; says so while the version is not the current one */
    size_t path_size;
    uint64_t content_hash;
    struct source_text *text;
};

/* Pins the text. */
struct parsed_file *parsed_file_create(const struct source_file *source);
struct parsed_file *parsed_file_pin(struct parsed_file *file);
/* NULL is harmless. */
void parsed_file_unpin(struct parsed_file *file);
/* As yaml_parse; the documents borrow the file's path and text. */
bool parsed_file_parse(const struct parsed_file *file, struct arena *nodes, struct arena *texts, struct diagnostic_list *diagnostics,
                       struct document_list *ret_documents);
/* The same once more, when what there is to say was said. */
void parsed_file_parse_again(const struct parsed_file *file, struct arena *nodes, struct arena *texts, struct document_list *ret_documents);
/* Positions into a version that is not the current one must not be looked up in the current text: the path says which it is. */
void parsed_file_set_stale(struct parsed_file *file, bool stale);

struct last_good {
    struct map files;   /* path -> struct parsed_file */
    struct map objects; /* title -> struct good_object */
};

struct good_object {
    struct parsed_file *file; /* that holds it */
    uint32_t line, column;    /* where its root starts there */
    size_t title_size;
    char title[];
};

void last_good_init(struct last_good *last_good);
void last_good_deinit(struct last_good *last_good);
/* The last good version of the file, or NULL. */
struct parsed_file *last_good_file(const struct last_good *last_good, struct span path);
void last_good_set_file(struct last_good *last_good, struct parsed_file *file);
/* Forgets the files whose `seen` is false, and clears it on the others. */
void last_good_forget_unseen(struct last_good *last_good);
/* A new version of an object that is known. */
void last_good_set_object(struct last_good *last_good, struct span title, uint32_t line, uint32_t column, struct parsed_file *file);
/* Pins the file. */
struct good_object *good_object_create(struct span title, uint32_t line, uint32_t column, struct parsed_file *file);
const struct good_object *last_good_object(const struct last_good *last_good, struct span title);

/* Calls for every object of the set, valid or not. */
void resource_set_visit(const struct resource_set *set, void (*function)(void *argument, const struct object_meta *meta), void *argument);

#endif
