#include "server/configuration.h"

#include <malloc.h>
#include <stdlib.h>

#include "analysis/route_report.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"

#define LOAD_ARENA_BLOCK_BYTES (256 * 1024)
#define LOAD_TEXTS_BLOCK_BYTES (16 * 1024)
#define DOCUMENTS_BLOCK_BYTES (32 * 1024)
#define LOAD_KEPT_BYTES_MAX (8 * 1024 * 1024)
#define STANDARD_INPUT_PATH "<stdin>"

/* The files of one load, in the order in which their objects count. */
struct file_list {
    struct parsed_file **items;
    size_t count;
    size_t capacity;
};

static void file_list_add(struct file_list *list, struct parsed_file *file) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity * sizeof(struct parsed_file *));
    }
    list->items[list->count++] = file;
}

static void file_list_deinit(struct file_list *list) {
    for (size_t i = 0; i < list->count; i++)
        parsed_file_unpin(list->items[i]);
    free(list->items);
}

void configuration_init(struct configuration *configuration, const char *const *paths, size_t path_count,
                        const struct compile_options *options) {
    *configuration = (struct configuration){.paths = paths, .path_count = path_count, .options = *options};
    configuration->ticket_keys.place = options->ticket_keys;
    last_good_init(&configuration->last_good);
    input_files_init(&configuration->files);
    incremental_init(&configuration->incremental);
    configuration->options.files = &configuration->files;
}

void configuration_deinit(struct configuration *configuration) {
    parsed_file_unpin(configuration->standard_input);
    incremental_deinit(&configuration->incremental);
    input_files_deinit(&configuration->files);
    last_good_deinit(&configuration->last_good);
}

static void report_stale_file(struct configuration_load *load, const char *path, const char *reason) {
    struct position position = {.file = path, .line = 0, .column = 0};
    load->stale_count++;
    diagnostic_add(&load->diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_STALE, position, SPAN_EMPTY,
                   SPAN_LITERAL("mend or remove the file"), "stale: %s, so its last good version stays in use", reason);
}

static size_t diagnostics_added(const struct diagnostic_list *list) {
    return list->counts[DIAGNOSTIC_INFO] + list->counts[DIAGNOSTIC_WARNING] + list->counts[DIAGNOSTIC_ERROR];
}

/* A load of everything. The tree of a file lives only until its objects are decoded: all trees at once would take ten times the files' size. */
struct decoding {
    struct configuration *configuration;
    struct configuration_load *load;
    struct file_list files;
    struct resource_set *set;
    struct diagnostic_list diagnostics; /* of objects */
    struct arena documents;             /* of the file at hand */
};

/* An object was decoded: what is looked for in its document is looked for now. */
static void leave_document(void *argument, struct object_meta *meta) {
    struct decoding *decoding = argument;
    if (meta->resource_kind == RESOURCE_VIRTUAL_SERVICE)
        route_report_service(CONTAINER_OF(meta, struct virtual_service, meta), &decoding->diagnostics);
    resource_forget_document(meta);
}

static void add_documents(struct decoding *decoding, const struct document_list *documents) {
    resource_set_add_documents(decoding->set, documents, &decoding->diagnostics);
    arena_reset(&decoding->documents);
}

/* A file that was parsed before without a mistake. */
static void add_former(struct decoding *decoding, struct parsed_file *file) {
    struct document_list documents;
    parsed_file_parse_again(file, &decoding->documents, &decoding->load->texts, &documents);
    file->holds_others = incremental_holds_others(&documents);
    add_documents(decoding, &documents);
    file_list_add(&decoding->files, parsed_file_pin(file));
}

/* The broken version's diagnostics borrow its path, which goes with it. */
static void move_positions(struct diagnostic_list *diagnostics, const char *from, const char *to) {
    for (size_t i = 0; i < diagnostics->count; i++)
        if (diagnostics->items[i].position.file == from)
            diagnostics->items[i].position.file = to;
}

/* One file: as it was when its bytes are the same, anew, or its last good version when it is broken. */
static struct parsed_file *add_file(struct decoding *decoding, const struct source_file *source) {
    struct configuration_load *load = decoding->load;
    struct last_good *last_good = &decoding->configuration->last_good;
    struct parsed_file *former = last_good_file(last_good, span_of(source->path));
    if (former != NULL && former->content_hash == source->content_hash) {
        parsed_file_set_stale(former, false);
        former->seen = true;
        add_former(decoding, former);
        return former;
    }
    struct parsed_file *file = parsed_file_create(source);
    struct document_list documents;
    size_t before = diagnostics_added(&load->diagnostics);
    bool whole = parsed_file_parse(file, &decoding->documents, &load->texts, &load->diagnostics, &documents);
    if (!whole && former != NULL) {
        move_positions(&load->diagnostics, file->path, source->path);
        parsed_file_unpin(file);
        arena_reset(&decoding->documents);
        parsed_file_set_stale(former, true);
        former->seen = true;
        report_stale_file(load, source->path, "the file does not parse");
        add_former(decoding, former);
        return former;
    }
    if (whole && diagnostics_added(&load->diagnostics) == before) {
        file->seen = true;
        last_good_set_file(last_good, file);
    }
    file->holds_others = incremental_holds_others(&documents);
    add_documents(decoding, &documents);
    file_list_add(&decoding->files, file);
    return file;
}

/* Files that a path named before and that cannot be read now: gone from a folder that can be read means removed; else they stay. */
static void keep_unreadable_files(struct decoding *decoding) {
    const struct configuration *configuration = decoding->configuration;
    struct configuration_load *load = decoding->load;
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&configuration->last_good.files, &cursor, &entry);) {
        struct parsed_file *file = entry.value;
        if (file->seen)
            continue;
        file->seen = true;
        parsed_file_set_stale(file, true);
        add_former(decoding, file);
        char *path = arena_new_array(&load->arena, char, file->path_size + 1);
        memcpy(path, file->path, file->path_size);
        report_stale_file(load, path, "not all of the input can be read");
    }
}

/* Standard input has only one life: later loads leave "-" out and use what it gave. */
static void load_sources(struct configuration *configuration, struct configuration_load *load) {
    const char **paths = arena_new_array(&load->arena, const char *, configuration->path_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < configuration->path_count; i++)
        if (configuration->standard_input == NULL || strcmp(configuration->paths[i], "-") != 0)
            paths[count++] = configuration->paths[i];
    bool complete = source_load_changes(paths, count, &configuration->incremental.cache, &load->arena, &load->diagnostics, &load->sources);
    ASSERT(complete == load->sources.complete);
}

static void add_all(struct decoding *decoding) {
    struct configuration *configuration = decoding->configuration;
    struct configuration_load *load = decoding->load;
    for (size_t i = 0; i < load->sources.file_count; i++) {
        const struct source_file *source = &load->sources.files[i];
        struct parsed_file *file = add_file(decoding, source);
        if (strcmp(source->path, STANDARD_INPUT_PATH) == 0 && configuration->standard_input == NULL)
            configuration->standard_input = parsed_file_pin(file);
    }
    if (configuration->standard_input != NULL && !load->sources.reads_stdin) {
        configuration->standard_input->seen = true;
        add_former(decoding, configuration->standard_input);
    }
    if (!load->sources.complete && configuration->loaded)
        keep_unreadable_files(decoding);
    last_good_forget_unseen(&configuration->last_good);
}

/* --- Objects that turned invalid --- */

struct substitution {
    const struct configuration *configuration;
    struct map roots; /* bytes of the invalid root's position -> good_object */
    struct map files; /* pointers of the files that hold good ones -> struct document_list */
    struct arena *arena;
    struct configuration_load *load;
};

static struct span pointer_key(struct arena *arena, const void *pointer) {
    return arena_copy(arena, span_make(&pointer, sizeof(pointer)));
}

/* No two roots of one load share it. */
static struct span position_key(const struct position *position) {
    return span_make(position, sizeof(*position));
}

/* A field that is not supported is no fault: what it restricts fails closed, and an older version without it would be open. */
static void collect_faulty(struct configuration_load *load, const struct diagnostic_list *diagnostics) {
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *diagnostic = &diagnostics->items[i];
        bool unsupported = diagnostic->code >= DIAGNOSTIC_UNSUPPORTED_FIELD;
        if (diagnostic->severity == DIAGNOSTIC_ERROR && diagnostic->resource.size != 0 && !unsupported)
            map_set(&load->faulty, arena_copy(&load->arena, diagnostic->resource), load);
    }
}

static bool is_faulty(const struct configuration_load *load, const struct object_meta *meta) {
    return meta->invalid || map_get(&load->faulty, meta->title) != NULL;
}

static bool is_at(const struct good_object *good, const struct object_meta *meta) {
    return good->file->path == meta->position.file && good->line == meta->position.line && good->column == meta->position.column;
}

static void collect_invalid(void *argument, const struct object_meta *meta) {
    struct substitution *substitution = argument;
    if (meta->position.file == NULL || !is_faulty(substitution->load, meta))
        return;
    const struct good_object *good = last_good_object(&substitution->configuration->last_good, meta->title);
    if (good == NULL || is_at(good, meta))
        return;
    map_set(&substitution->roots, position_key(&meta->position), (void *)(uintptr_t)good);
    map_set(&substitution->load->substituted, arena_copy(substitution->arena, meta->title), substitution->load);
    struct span path = span_make(good->file->path, good->file->path_size);
    if (last_good_file(&substitution->configuration->last_good, path) != good->file)
        parsed_file_set_stale(good->file, true);
    substitution->load->stale_count++;
    diagnostic_add(&substitution->load->diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_STALE, meta->position, meta->title,
                   SPAN_LITERAL("mend or remove the object"), "stale: the object is not valid, so its last good version stays in use");
}

/* A `kind: List` holds its objects one level down. */
static struct node *find_root(struct node *root, const struct good_object *good) {
    if (root->position.line == good->line && root->position.column == good->column)
        return root;
    const struct node *items = node_get(root, SPAN_LITERAL("items"));
    struct node *found = NULL;
    for (uint32_t i = 0; node_is_sequence(items) && i < items->count && found == NULL; i++)
        found = find_root(items->items[i], good);
    return found;
}

/* Each file once, however many of its objects are wanted. */
static const struct document_list *parse_good_file(struct substitution *substitution, const struct parsed_file *file) {
    struct document_list *documents = map_get(&substitution->files, span_make(&file, sizeof(file)));
    if (documents != NULL)
        return documents;
    documents = arena_new(substitution->arena, struct document_list);
    parsed_file_parse_again(file, substitution->arena, &substitution->load->texts, documents);
    map_set(&substitution->files, pointer_key(substitution->arena, file), documents);
    return documents;
}

static struct node *parse_good(struct substitution *substitution, const struct good_object *good) {
    const struct document_list *documents = parse_good_file(substitution, good->file);
    struct node *found = NULL;
    for (size_t i = 0; i < documents->count && found == NULL; i++)
        found = find_root(documents->items[i].root, good);
    ASSERT(found != NULL);
    return found;
}

static struct node *substitute_root(struct substitution *substitution, struct node *root) {
    const struct good_object *good = map_get(&substitution->roots, position_key(&root->position));
    return good == NULL ? root : parse_good(substitution, good);
}

/* The tree is this load's alone. */
static struct node *substitute_document(struct substitution *substitution, struct node *root) {
    struct node *replaced = substitute_root(substitution, root);
    const struct node *items = node_get(root, SPAN_LITERAL("items"));
    for (uint32_t i = 0; replaced == root && node_is_sequence(items) && i < items->count; i++)
        items->items[i] = substitute_root(substitution, items->items[i]);
    return replaced;
}

/* What the first decoding said of objects that the second one does not see, but for what only concerns those that are served. */
static void restart_diagnostics(struct diagnostic_list *list, const struct map *titles) {
    struct diagnostic_list first = *list;
    diagnostic_list_init(list);
    for (size_t i = 0; i < first.source_count; i++)
        diagnostic_list_add_source(list, first.sources[i].file, first.sources[i].text);
    for (size_t i = 0; i < first.count; i++) {
        const struct diagnostic *item = &first.items[i];
        bool is_overlap = item->code == DIAGNOSTIC_ROUTE_UNREACHABLE || item->code == DIAGNOSTIC_ROUTE_INEFFECTIVE;
        if (is_overlap || map_get(titles, item->resource) == NULL)
            continue;
        list->excerpts_hidden = item->excerpt_hidden;
        diagnostic_add(list, item->severity, item->code, item->position, item->resource, item->hint, "%.*s", SPAN_ARGUMENTS(item->message));
    }
    list->excerpts_hidden = false;
    diagnostic_list_deinit(&first);
}

static void set_init(struct decoding *decoding) {
    resource_set_init(decoding->set, &decoding->load->arena);
    decoding->set->added = leave_document;
    decoding->set->added_argument = decoding;
}

/* All files once more, with the last good versions of what turned invalid. */
static void decode_again(struct decoding *decoding, struct substitution *substitution) {
    resource_set_deinit(decoding->set);
    set_init(decoding);
    for (size_t i = 0; i < decoding->files.count; i++) {
        struct document_list documents;
        parsed_file_parse_again(decoding->files.items[i], &decoding->documents, &decoding->load->texts, &documents);
        for (size_t j = 0; j < documents.count; j++)
            documents.items[j].root = substitute_document(substitution, documents.items[j].root);
        add_documents(decoding, &documents);
    }
}

static void substitute_invalid(struct decoding *decoding) {
    struct configuration_load *load = decoding->load;
    struct substitution substitution = {.configuration = decoding->configuration, .arena = &load->arena, .load = load};
    map_init(&substitution.roots);
    map_init(&substitution.files);
    resource_set_visit(decoding->set, collect_invalid, &substitution);
    if (substitution.roots.count != 0) {
        restart_diagnostics(&decoding->diagnostics, &load->substituted);
        decode_again(decoding, &substitution);
    }
    map_deinit(&substitution.files);
    map_deinit(&substitution.roots);
}

static void decode_all(struct decoding *decoding) {
    set_init(decoding);
    add_all(decoding);
    collect_faulty(decoding->load, &decoding->diagnostics);
    if (decoding->configuration->loaded)
        substitute_invalid(decoding);
    diagnostic_list_append(&decoding->load->diagnostics, &decoding->diagnostics);
}

/* --- Remembering what was good --- */

struct remembering {
    struct configuration *configuration;
    struct map objects; /* the new table */
    struct map files;   /* path pointers of this load's files -> struct parsed_file */
    const struct configuration_load *load;
};

static void remember_object(void *argument, const struct object_meta *meta) {
    struct remembering *remembering = argument;
    const char *path = meta->position.file;
    if (path == NULL || map_get(&remembering->objects, meta->title) != NULL)
        return;
    struct parsed_file *file = map_get(&remembering->files, span_make(&path, sizeof(path)));
    const struct good_object *former = last_good_object(&remembering->configuration->last_good, meta->title);
    uint32_t line = meta->position.line, column = meta->position.column;
    if (file == NULL || is_faulty(remembering->load, meta)) {
        /* A substitute, or an object that was never good. */
        if (former == NULL)
            return;
        file = former->file;
        line = former->line;
        column = former->column;
    }
    struct good_object *object = good_object_create(meta->title, line, column, file);
    map_set(&remembering->objects, span_make(object->title, object->title_size), object);
}

static void remember(struct configuration *configuration, const struct file_list *files, const struct resource_set *set,
                     struct configuration_load *load) {
    struct remembering remembering = {.configuration = configuration, .load = load};
    map_init(&remembering.objects);
    map_init(&remembering.files);
    for (size_t i = 0; i < files->count; i++)
        map_set(&remembering.files, pointer_key(&load->arena, files->items[i]->path), files->items[i]);
    resource_set_visit(set, remember_object, &remembering);
    struct last_good former = {.objects = configuration->last_good.objects};
    map_init(&former.files);
    configuration->last_good.objects = remembering.objects;
    last_good_deinit(&former);
    map_deinit(&remembering.files);
    configuration->loaded = true;
}

static uint64_t fingerprint_add(uint64_t fingerprint, struct span path, uint64_t content_hash) {
    uint64_t parts[] = {fingerprint, span_hash(path), content_hash};
    return span_hash(span_make(parts, sizeof(parts)));
}

static uint64_t fingerprint_of(const struct source_set *sources) {
    uint64_t fingerprint = sources->complete ? 1 : 2;
    for (size_t i = 0; i < sources->file_count; i++)
        fingerprint = fingerprint_add(fingerprint, span_of(sources->files[i].path), sources->files[i].content_hash);
    return fingerprint;
}

/* As that of the complete set of these files. */
static uint64_t fingerprint_of_files(struct parsed_file *const *files, size_t count) {
    uint64_t fingerprint = 1;
    for (size_t i = 0; i < count; i++)
        fingerprint = fingerprint_add(fingerprint, span_make(files[i]->path, files[i]->path_size), files[i]->content_hash);
    return fingerprint;
}

/* Beside the folders of the objects' own files those of the files that they name. */
static void watch_files(const struct configuration *configuration, struct configuration_load *load) {
    struct source_set *sources = &load->sources;
    const struct input_files *files = &configuration->files;
    const char **folders = arena_new_array(&load->arena, const char *, sources->watch_directory_count + files->count);
    for (size_t i = 0; i < sources->watch_directory_count; i++)
        folders[i] = sources->watch_directories[i];
    for (size_t i = 0; i < files->count; i++) {
        struct span folder = input_file_folder(&files->items[i], &load->arena);
        bool known = false;
        for (size_t j = sources->watch_directory_count; j > 0 && !known; j--)
            known = span_equal(span_of(folders[j - 1]), folder);
        if (!known)
            folders[sources->watch_directory_count++] = folder.data;
    }
    sources->watch_directories = folders;
}

static void compile_files(struct decoding *decoding) {
    struct configuration *configuration = decoding->configuration;
    struct configuration_load *load = decoding->load;
    const struct file_list *files = &decoding->files;
    struct snapshot *snapshot = NULL;
    if (compile(decoding->set, &configuration->options, &load->diagnostics, &snapshot))
        load->snapshot = snapshot;
    if (snapshot != NULL)
        load->ticket_keys_left_ns = ticket_keys_load(&configuration->ticket_keys, configuration->options.tickets, decoding->set,
                                                     snapshot->settings.gateway_namespace, &configuration->files, &load->diagnostics);
    remember(configuration, files, decoding->set, load);
    incremental_keep(&configuration->incremental, load, files->items, configuration->standard_input == NULL ? files->count : SIZE_MAX);
}

/* Whatever the cache knows. */
static void read_everything(struct configuration *configuration, struct configuration_load *load) {
    source_cache_deinit(&configuration->incremental.cache);
    source_cache_init(&configuration->incremental.cache);
    diagnostic_list_deinit(&load->diagnostics);
    diagnostic_list_init(&load->diagnostics);
    load_sources(configuration, load);
    configuration->fingerprint = fingerprint_of(&load->sources);
}

/* True: there is nothing more to do. Else all files were read. */
static bool load_changes(struct configuration *configuration, const struct watch_changes *changes, struct configuration_load *load) {
    struct incremental *incremental = &configuration->incremental;
    if (incremental_load_named(incremental, &configuration->options, &configuration->last_good, changes, load)) {
        configuration->fingerprint = fingerprint_of_files(incremental->files, incremental->file_count);
        return true;
    }
    diagnostic_list_deinit(&load->diagnostics);
    diagnostic_list_init(&load->diagnostics);
    load_sources(configuration, load);
    uint64_t fingerprint = fingerprint_of(&load->sources);
    load->unchanged = configuration->loaded && fingerprint == configuration->fingerprint && !input_files_changed(&configuration->files);
    configuration->fingerprint = fingerprint;
    bool done = load->unchanged || incremental_load(incremental, &configuration->options, &configuration->last_good, load);
    for (size_t i = 0; !done && i < load->sources.file_count; i++) {
        if (!load->sources.files[i].unread)
            continue;
        read_everything(configuration, load);
        break;
    }
    return done;
}

static void load_all(struct configuration *configuration, struct configuration_load *load) {
    struct resource_set set;
    struct decoding decoding = {.configuration = configuration, .load = load, .set = &set};
    diagnostic_list_init(&decoding.diagnostics);
    arena_init(&decoding.documents, DOCUMENTS_BLOCK_BYTES);
    decode_all(&decoding);
    /* Nothing can be read is not the same as nothing is asked for. */
    if (decoding.files.count != 0 || load->sources.complete)
        compile_files(&decoding);
    resource_set_deinit(&set);
    arena_deinit(&decoding.documents);
    diagnostic_list_deinit(&decoding.diagnostics);
    /* Positions carry the paths of these files: they must live as long as the diagnostics. */
    for (size_t i = 0; i < load->diagnostics.count; i++) {
        struct position *position = &load->diagnostics.items[i].position;
        if (position->file != NULL)
            position->file = arena_copy(&load->diagnostics.arena, span_of(position->file)).data;
    }
    file_list_deinit(&decoding.files);
}

void configuration_load(struct configuration *configuration, bool force, const struct watch_changes *changes,
                        struct configuration_load *ret_load) {
    struct configuration_load *load = ret_load;
    *load = (struct configuration_load){.snapshot = NULL};
    arena_init(&load->arena, LOAD_ARENA_BLOCK_BYTES);
    arena_init(&load->texts, LOAD_TEXTS_BLOCK_BYTES);
    diagnostic_list_init(&load->diagnostics);
    map_init(&load->faulty);
    map_init(&load->substituted);
    if (force)
        read_everything(configuration, load);
    if (force || !load_changes(configuration, changes, load))
        load_all(configuration, load);
    if (!load->same_folders)
        watch_files(configuration, load);
}

/* What a load needs for a moment is several times what stays: it is given back, not kept for the next one. */
static void give_back_memory(size_t freed_bytes) {
    if (freed_bytes > LOAD_KEPT_BYTES_MAX)
        malloc_trim(0);
}

void configuration_load_deinit(struct configuration_load *load) {
    size_t freed_bytes = load->arena.allocated_bytes;
    if (load->snapshot != NULL)
        snapshot_destroy(load->snapshot);
    diagnostic_list_deinit(&load->diagnostics);
    map_deinit(&load->faulty);
    map_deinit(&load->substituted);
    arena_deinit(&load->arena);
    arena_wipe(&load->texts);
    arena_deinit(&load->texts);
    give_back_memory(freed_bytes);
}
