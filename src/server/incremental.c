#include "server/incremental.h"

#include <stdlib.h>

#include "analysis/route_report.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/configuration.h"
#include "snapshot/graft.h"

#define DOCUMENTS_BLOCK_BYTES (32 * 1024)

/* The one VirtualService that changed. */
struct change {
    size_t file;                       /* its number among the kept ones */
    const struct source_file *source;
    struct parsed_file *parsed;        /* its new version */
    struct document_list documents;    /* in that; the load's */
    struct node *root;                 /* of the new object */
};

void incremental_init(struct incremental *incremental) {
    *incremental = (struct incremental){.usable = false};
    source_cache_init(&incremental->cache);
    diagnostic_list_init(&incremental->diagnostics);
}

void incremental_forget(struct incremental *incremental) {
    for (size_t i = 0; i < incremental->file_count; i++)
        parsed_file_unpin(incremental->files[i]);
    free(incremental->files);
    snapshot_destroy(incremental->snapshot);
    diagnostic_list_deinit(&incremental->diagnostics);
    diagnostic_list_init(&incremental->diagnostics);
    incremental->files = NULL;
    incremental->file_count = 0;
    incremental->snapshot = NULL;
    incremental->usable = false;
    incremental->depth = 0;
}

void incremental_deinit(struct incremental *incremental) {
    incremental_forget(incremental);
    diagnostic_list_deinit(&incremental->diagnostics);
    source_cache_deinit(&incremental->cache);
}

/* --- Diagnostics --- */

enum diagnostic_choice { DIAGNOSTICS_ALL, DIAGNOSTICS_ABOUT, DIAGNOSTICS_NOT_ABOUT };

static void copy_diagnostics(const struct diagnostic_list *from, enum diagnostic_choice choice, struct span resource,
                             struct diagnostic_list *to) {
    for (size_t i = 0; i < from->count; i++) {
        const struct diagnostic *item = &from->items[i];
        if (choice != DIAGNOSTICS_ALL && span_equal(item->resource, resource) != (choice == DIAGNOSTICS_ABOUT))
            continue;
        struct position position = item->position;
        if (position.file != NULL)
            position.file = arena_copy(&to->arena, span_of(position.file)).data;
        to->excerpts_hidden = item->excerpt_hidden;
        diagnostic_add(to, item->severity, item->code, position, item->resource, item->hint, "%.*s", SPAN_ARGUMENTS(item->message));
        to->excerpts_hidden = false;
    }
}

static void keep_diagnostics(struct incremental *incremental, const struct diagnostic_list *diagnostics) {
    diagnostic_list_deinit(&incremental->diagnostics);
    diagnostic_list_init(&incremental->diagnostics);
    copy_diagnostics(diagnostics, DIAGNOSTICS_ALL, SPAN_EMPTY, &incremental->diagnostics);
}

/* For the excerpts: the files that were not read this time. */
static void read_excerpts(struct configuration_load *load) {
    struct map known;
    map_init(&known);
    for (size_t i = 0; i < load->sources.file_count; i++)
        if (!load->sources.files[i].unread)
            map_set(&known, span_of(load->sources.files[i].path), load);
    for (size_t i = 0; i < load->diagnostics.count; i++) {
        const char *path = load->diagnostics.items[i].position.file;
        struct source_set ignored;
        if (path == NULL || load->diagnostics.items[i].excerpt_hidden || map_set(&known, span_of(path), load) != NULL)
            continue;
        struct diagnostic_list unreadable;
        diagnostic_list_init(&unreadable);
        if (source_load(&path, 1, &load->arena, &unreadable, &ignored) && ignored.file_count == 1)
            diagnostic_list_add_source(&load->diagnostics, path, ignored.files[0].text);
        diagnostic_list_deinit(&unreadable);
    }
    map_deinit(&known);
}

/* --- What changed --- */

static bool same_position(struct position a, struct position b) {
    return a.line == b.line && a.column == b.column;
}

static bool same_tree(const struct node *a, const struct node *b, bool with_places) {
    if (a == NULL || b == NULL)
        return a == b;
    if (a->kind != b->kind || a->plain != b->plain || a->count != b->count || (with_places && !same_position(a->position, b->position)))
        return false;
    bool same = a->kind != NODE_SCALAR || span_equal(a->scalar, b->scalar);
    for (uint32_t i = 0; same && i < a->count; i++)
        same = a->kind == NODE_SEQUENCE
                   ? same_tree(a->items[i], b->items[i], with_places)
                   : span_equal(a->fields[i].key, b->fields[i].key) && same_tree(a->fields[i].value, b->fields[i].value, with_places);
    return same;
}

static bool is_virtual_service(const struct node *root) {
    struct span kind, version;
    return node_as_string(node_get_present(root, "kind"), &kind) && span_equal(kind, SPAN_LITERAL("VirtualService")) &&
           node_as_string(node_get_present(root, "apiVersion"), &version) && span_starts_with(version, SPAN_LITERAL("networking.istio.io/"));
}

/* Only its http rules may differ: what decides where it binds, and before or behind which others, must not. */
static bool is_same_but_for_rules(const struct node *a, const struct node *b) {
    static const char *const paths[] = {"metadata.name",  "metadata.namespace", "metadata.creationTimestamp", "spec.hosts",
                                        "spec.gateways", "spec.exportTo",      "spec.tls",                   "spec.tcp"};
    bool same = is_virtual_service(a) && is_virtual_service(b) && node_get_path(b, "spec.hosts") != NULL;
    for (size_t i = 0; same && i < ARRAY_SIZE(paths); i++)
        same = same_tree(node_get_path(a, paths[i]), node_get_path(b, paths[i]), false);
    return same;
}

static bool find_changed_object(const struct document_list *before, struct change *change) {
    const struct document_list *after = &change->documents;
    if (before->count != after->count)
        return false;
    for (size_t i = 0; i < before->count; i++) {
        if (same_tree(before->items[i].root, after->items[i].root, true))
            continue;
        if (change->root != NULL || !is_same_but_for_rules(before->items[i].root, after->items[i].root))
            return false;
        change->root = after->items[i].root;
    }
    return change->root != NULL;
}

/* False: not just one file that was there before. None at all leaves change->source NULL. */
static bool find_changed_file(const struct incremental *incremental, const struct configuration_load *load, struct change *change) {
    if (load->sources.file_count != incremental->file_count)
        return false;
    for (size_t i = 0; i < incremental->file_count; i++) {
        const struct source_file *source = &load->sources.files[i];
        const struct parsed_file *file = incremental->files[i];
        if (!span_equal(span_of(source->path), span_make(file->path, file->path_size)))
            return false;
        if (source->content_hash == file->content_hash)
            continue;
        if (change->source != NULL || source->unread)
            return false;
        change->source = source;
        change->file = i;
    }
    return true;
}

static bool parse_change(const struct incremental *incremental, struct configuration_load *load, struct change *change) {
    struct document_list former;
    struct diagnostic_list mistakes;
    diagnostic_list_init(&mistakes);
    change->parsed = parsed_file_create(change->source);
    bool whole = parsed_file_parse(change->parsed, &load->arena, &load->texts, &mistakes, &change->documents) && mistakes.count == 0;
    diagnostic_list_deinit(&mistakes);
    parsed_file_parse_again(incremental->files[change->file], &load->arena, &load->texts, &former);
    return whole && find_changed_object(&former, change);
}

/* --- Compiling it among the others --- */

static void forget_document(void *argument UNUSED, struct object_meta *meta) {
    resource_forget_document(meta);
}

static void decode_others(const struct parsed_file *file, struct configuration_load *load, struct resource_set *set, struct diagnostic_list *diagnostics) {
    struct document_list documents;
    struct arena nodes;
    arena_init(&nodes, DOCUMENTS_BLOCK_BYTES);
    parsed_file_parse_again(file, &nodes, &load->texts, &documents);
    for (size_t i = 0; i < documents.count; i++)
        if (!is_virtual_service(documents.items[i].root))
            resource_set_add_documents(set, &(struct document_list){&documents.items[i], 1}, diagnostics);
    arena_deinit(&nodes);
}

/* All objects but VirtualServices; of these only the changed one. */
static void decode_rest(const struct incremental *incremental, const struct change *change, struct configuration_load *load, struct resource_set *set,
                        struct diagnostic_list *diagnostics) {
    struct document changed = {.root = change->root};
    set->added = forget_document;
    for (size_t i = 0; i < incremental->file_count; i++)
        if (incremental->files[i]->holds_others)
            decode_others(incremental->files[i], load, set, diagnostics);
    set->added = NULL;
    resource_set_add_documents(set, &(struct document_list){&changed, 1}, diagnostics);
}

bool incremental_holds_others(const struct document_list *documents) {
    bool holds = false;
    for (size_t i = 0; i < documents->count; i++)
        holds |= !is_virtual_service(documents->items[i].root);
    return holds;
}

static bool has_errors(const struct diagnostic_list *diagnostics, struct span resource) {
    for (size_t i = 0; i < diagnostics->count; i++)
        if (diagnostics->items[i].severity == DIAGNOSTIC_ERROR && diagnostics->items[i].code < DIAGNOSTIC_UNSUPPORTED_FIELD &&
            span_equal(diagnostics->items[i].resource, resource))
            return true;
    return false;
}

/* The snapshot, and the diagnostics about the object, whose title is the load's then. */
static struct snapshot *compile_change(struct incremental *incremental, const struct compile_options *options, const struct change *change,
                                       struct diagnostic_list *diagnostics, struct configuration_load *load, struct span *ret_title) {
    struct compile_options part_options = *options;
    struct resource_set set;
    struct snapshot *part = NULL;
    part_options.is_part = true;
    resource_set_init(&set, &load->arena);
    decode_rest(incremental, change, load, &set, diagnostics);
    bool decoded = set.virtual_services.count == 1 && !set.virtual_services.items[0]->meta.invalid;
    if (decoded) {
        *ret_title = set.virtual_services.items[0]->meta.title;
        route_report(&set, diagnostics);
        decoded = !has_errors(diagnostics, *ret_title) && compile(&set, &part_options, diagnostics, &part);
    }
    if (decoded && (diagnostics->dropped_count > 0 || !snapshot_graft(part, incremental->snapshot, *ret_title))) {
        snapshot_destroy(part);
        part = NULL;
    }
    resource_set_deinit(&set);
    return decoded ? part : NULL;
}

/* --- The whole --- */

void incremental_keep(struct incremental *incremental, const struct configuration_load *load, struct parsed_file *const *files, size_t file_count) {
    incremental_forget(incremental);
    if (load->snapshot == NULL || !load->sources.complete || load->sources.reads_stdin || load->sources.file_count != file_count ||
        load->stale_count + load->faulty.count + load->diagnostics.dropped_count > 0)
        return;
    incremental->files = memory_allocate_zeroed(file_count + 1, sizeof(incremental->files[0]));
    incremental->file_count = file_count;
    for (size_t i = 0; i < file_count; i++)
        incremental->files[i] = parsed_file_pin(files[i]);
    incremental->snapshot = snapshot_pin(load->snapshot);
    keep_diagnostics(incremental, &load->diagnostics);
    incremental->usable = true;
}

static void take_change(struct incremental *incremental, struct last_good *last_good, const struct change *change, struct span title) {
    struct parsed_file *former = incremental->files[change->file];
    last_good_set_object(last_good, title, change->root->position.line, change->root->position.column, change->parsed);
    last_good_set_file(last_good, change->parsed);
    change->parsed->holds_others = former->holds_others;
    incremental->files[change->file] = parsed_file_pin(change->parsed);
    parsed_file_unpin(former);
}

/* True: the load is complete. */
static bool load_change(struct incremental *incremental, const struct compile_options *options, struct last_good *last_good, struct change *change,
                        struct configuration_load *load) {
    struct diagnostic_list diagnostics;
    struct span title = SPAN_EMPTY;
    diagnostic_list_init(&diagnostics);
    if (parse_change(incremental, load, change))
        load->snapshot = compile_change(incremental, options, change, &diagnostics, load, &title);
    if (load->snapshot != NULL) {
        take_change(incremental, last_good, change, title);
        copy_diagnostics(&incremental->diagnostics, DIAGNOSTICS_NOT_ABOUT, title, &load->diagnostics);
        copy_diagnostics(&diagnostics, DIAGNOSTICS_ABOUT, title, &load->diagnostics);
        keep_diagnostics(incremental, &load->diagnostics);
        read_excerpts(load);
        load->grafted = true;
        snapshot_destroy(incremental->snapshot);
        incremental->snapshot = snapshot_pin(load->snapshot);
        incremental->depth++;
    }
    parsed_file_unpin(change->parsed);
    diagnostic_list_deinit(&diagnostics);
    return load->snapshot != NULL;
}

static bool is_usable(const struct incremental *incremental, const struct compile_options *options) {
    return incremental->usable && incremental->depth < RELOAD_GRAFTS_MAX && !input_files_changed(options->files);
}

bool incremental_load(struct incremental *incremental, const struct compile_options *options, struct last_good *last_good,
                      struct configuration_load *load) {
    struct change change = {.source = NULL};
    if (!load->sources.complete || load->sources.reads_stdin || load->diagnostics.count > 0 || !is_usable(incremental, options) ||
        !find_changed_file(incremental, load, &change))
        return false;
    load->unchanged = change.source == NULL;
    return load->unchanged || load_change(incremental, options, last_good, &change, load);
}

static bool find_file(const struct incremental *incremental, struct span path, size_t *ret_file) {
    for (size_t i = 0; i < incremental->file_count; i++) {
        if (!span_equal(span_make(incremental->files[i]->path, incremental->files[i]->path_size), path))
            continue;
        *ret_file = i;
        return true;
    }
    return false;
}

/* False: it is no longer a plain file that can be read, so everything must be looked at. */
static bool read_named(const struct incremental *incremental, const char *path, size_t file, struct configuration_load *load,
                       struct change *change) {
    struct source_set set;
    if (!source_is_plain_file(path) || !source_load(&path, 1, &load->arena, &load->diagnostics, &set) || set.file_count != 1)
        return false;
    if (set.files[0].content_hash == incremental->files[file]->content_hash)
        return true;
    bool first = change->source == NULL;
    change->source = &set.files[0];
    change->file = file;
    load->sources = set;
    return first;
}

bool incremental_load_named(struct incremental *incremental, const struct compile_options *options, struct last_good *last_good,
                            const struct watch_changes *changes, struct configuration_load *load) {
    struct change change = {.source = NULL};
    if (changes == NULL || changes->incomplete || changes->count == 0 || !is_usable(incremental, options))
        return false;
    for (size_t i = 0; i < changes->count; i++) {
        const char *path = changes->paths[i];
        size_t file;
        bool known = find_file(incremental, span_of(path), &file);
        if (known ? !read_named(incremental, path, file, load, &change) : source_exists(path))
            return false;
    }
    load->same_folders = true;
    load->sources.complete = true;
    load->unchanged = change.source == NULL;
    if (load->unchanged || load_change(incremental, options, last_good, &change, load))
        return true;
    load->same_folders = false;
    return false;
}
