#include "server/configuration.h"

#include <malloc.h>
#include <stdlib.h>

#include "analysis/route_report.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "text/yaml.h"

#define LOAD_ARENA_BLOCK_BYTES (256 * 1024)
#define LOAD_KEPT_BYTES_MAX (8 * 1024 * 1024)
#define STANDARD_INPUT_PATH "<stdin>"

/* The files of one load, parsed, in the order in which their objects count. */
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

/* One file: from the cache when its bytes are the same, parsed anew, or its last good version when it is broken. */
static struct parsed_file *parse_file(struct configuration *configuration, const struct source_file *source,
                                      struct configuration_load *load) {
    struct parsed_file *former = last_good_file(&configuration->last_good, span_of(source->path));
    if (former != NULL && former->content_hash == source->content_hash) {
        parsed_file_set_stale(former, false);
        former->seen = true;
        return parsed_file_pin(former);
    }
    struct parsed_file *file = parsed_file_create(span_of(source->path), source->content_hash);
    size_t before = diagnostics_added(&load->diagnostics);
    bool whole = yaml_parse(&file->arena, file->path, source->text, &load->diagnostics, &file->documents);
    if (!whole && former != NULL) {
        /* Its diagnostics borrow the broken version's path: the load keeps the bytes of both. */
        for (size_t i = 0; i < load->diagnostics.count; i++)
            if (load->diagnostics.items[i].position.file == file->path)
                load->diagnostics.items[i].position.file = source->path;
        parsed_file_unpin(file);
        parsed_file_set_stale(former, true);
        former->seen = true;
        report_stale_file(load, source->path, "the file does not parse");
        return parsed_file_pin(former);
    }
    if (whole && diagnostics_added(&load->diagnostics) == before) {
        file->seen = true;
        last_good_set_file(&configuration->last_good, file);
    }
    return file;
}

/* Files that a path named before and that cannot be read now: gone from a folder that can be read means removed; else they stay. */
static void keep_unreadable_files(struct configuration *configuration, struct configuration_load *load, struct file_list *files) {
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&configuration->last_good.files, &cursor, &entry);) {
        struct parsed_file *file = entry.value;
        if (file->seen)
            continue;
        file->seen = true;
        parsed_file_set_stale(file, true);
        file_list_add(files, parsed_file_pin(file));
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

static void parse_all(struct configuration *configuration, struct configuration_load *load, struct file_list *files) {
    for (size_t i = 0; i < load->sources.file_count; i++) {
        const struct source_file *source = &load->sources.files[i];
        struct parsed_file *file = parse_file(configuration, source, load);
        if (strcmp(source->path, STANDARD_INPUT_PATH) == 0 && configuration->standard_input == NULL)
            configuration->standard_input = parsed_file_pin(file);
        file_list_add(files, file);
    }
    if (configuration->standard_input != NULL && !load->sources.reads_stdin) {
        configuration->standard_input->seen = true;
        file_list_add(files, parsed_file_pin(configuration->standard_input));
    }
    if (!load->sources.complete && configuration->loaded)
        keep_unreadable_files(configuration, load, files);
    last_good_forget_unseen(&configuration->last_good);
}

/* --- Objects that turned invalid --- */

struct substitution {
    const struct configuration *configuration;
    struct map roots; /* bytes of the pointer to the invalid root -> good_object */
    struct arena *arena;
    struct configuration_load *load;
};

static struct span pointer_key(struct arena *arena, const void *pointer) {
    return arena_copy(arena, span_make(&pointer, sizeof(pointer)));
}

/* A field that is not supported is no fault: what it restricts fails closed, and an older version without it would be open. */
static void collect_faulty(struct configuration_load *load, size_t first) {
    for (size_t i = first; i < load->diagnostics.count; i++) {
        const struct diagnostic *diagnostic = &load->diagnostics.items[i];
        bool unsupported = diagnostic->code >= DIAGNOSTIC_UNSUPPORTED_FIELD;
        if (diagnostic->severity == DIAGNOSTIC_ERROR && diagnostic->resource.size != 0 && !unsupported)
            map_set(&load->faulty, diagnostic->resource, load);
    }
}

static bool is_faulty(const struct configuration_load *load, const struct object_meta *meta) {
    return meta->invalid || map_get(&load->faulty, meta->title) != NULL;
}

static void collect_invalid(void *argument, const struct object_meta *meta) {
    struct substitution *substitution = argument;
    if (meta->root == NULL || !is_faulty(substitution->load, meta))
        return;
    const struct good_object *good = last_good_object(&substitution->configuration->last_good, meta->title);
    if (good == NULL || good->root == meta->root)
        return;
    struct good_object *copy = arena_new(substitution->arena, struct good_object);
    *copy = *good;
    map_set(&substitution->roots, pointer_key(substitution->arena, meta->root), copy);
    map_set(&substitution->load->substituted, arena_copy(substitution->arena, meta->title), copy);
    struct span path = span_make(good->file->path, good->file->path_size);
    if (last_good_file(&substitution->configuration->last_good, path) != good->file)
        parsed_file_set_stale(good->file, true);
    substitution->load->stale_count++;
    diagnostic_add(&substitution->load->diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_STALE, meta->position, meta->title,
                   SPAN_LITERAL("mend or remove the object"), "stale: the object is not valid, so its last good version stays in use");
}

static struct node *substitute_root(struct substitution *substitution, struct node *root) {
    const struct good_object *good = map_get(&substitution->roots, span_make(&root, sizeof(root)));
    return good == NULL ? root : node_copy(substitution->arena, good->root);
}

/* A `kind: List` holds its objects one level down. Cached trees are shared with later loads, so what changes is copied. */
static struct node *substitute_document(struct substitution *substitution, struct node *root) {
    struct node *replaced = substitute_root(substitution, root);
    const struct node *items = node_get(root, SPAN_LITERAL("items"));
    if (replaced != root || !node_is_sequence(items))
        return replaced;
    struct node *sequence = node_new_sequence(substitution->arena, items->position);
    bool changed = false;
    for (uint32_t i = 0; i < items->count; i++) {
        struct node *item = substitute_root(substitution, items->items[i]);
        changed = changed || item != items->items[i];
        node_append(substitution->arena, sequence, item);
    }
    if (!changed)
        return root;
    struct node *mapping = node_new_mapping(substitution->arena, root->position);
    for (uint32_t i = 0; i < root->count; i++)
        node_set(substitution->arena, mapping, root->fields[i].key, root->fields[i].value);
    node_set(substitution->arena, mapping, SPAN_LITERAL("items"), sequence);
    return mapping;
}

/* The second decoding says again what the first one said, but for the objects that it does not see. */
static void restart_diagnostics(struct diagnostic_list *list, const struct diagnostic_list *before, const struct map *titles) {
    size_t count = list->count - before->count;
    struct diagnostic *added = memory_allocate((count + 1) * sizeof(*added));
    if (count != 0)
        memcpy(added, list->items + before->count, count * sizeof(*added));
    list->count = before->count;
    list->dropped_count = before->dropped_count;
    memcpy(list->counts, before->counts, sizeof(list->counts));
    for (size_t i = 0; i < count; i++) {
        if (map_get(titles, added[i].resource) == NULL)
            continue;
        list->excerpts_hidden = added[i].excerpt_hidden;
        diagnostic_add(list, added[i].severity, added[i].code, added[i].position, added[i].resource, added[i].hint, "%.*s",
                       SPAN_ARGUMENTS(added[i].message));
    }
    list->excerpts_hidden = before->excerpts_hidden;
    free(added);
}

static void decode_all(struct resource_set *set, const struct file_list *files, struct substitution *substitution,
                       struct configuration_load *load) {
    resource_set_init(set, &load->arena);
    for (size_t i = 0; i < files->count; i++) {
        struct document_list documents = files->items[i]->documents;
        if (substitution != NULL && documents.count != 0) {
            struct document *items = arena_new_array(&load->arena, struct document, documents.count);
            for (size_t j = 0; j < documents.count; j++)
                items[j].root = substitute_document(substitution, documents.items[j].root);
            documents.items = items;
        }
        resource_set_add_documents(set, &documents, &load->diagnostics);
    }
}

static void decode(struct configuration *configuration, const struct file_list *files, struct configuration_load *load,
                   struct resource_set *ret_set) {
    struct diagnostic_list before = load->diagnostics;
    decode_all(ret_set, files, NULL, load);
    collect_faulty(load, before.count);
    if (!configuration->loaded)
        return;
    struct substitution substitution = {.configuration = configuration, .arena = &load->arena, .load = load};
    map_init(&substitution.roots);
    resource_set_visit(ret_set, collect_invalid, &substitution);
    if (substitution.roots.count != 0) {
        restart_diagnostics(&load->diagnostics, &before, &load->substituted);
        resource_set_deinit(ret_set);
        decode_all(ret_set, files, &substitution, load);
    }
    map_deinit(&substitution.roots);
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
    if (meta->root == NULL || map_get(&remembering->objects, meta->title) != NULL)
        return;
    struct parsed_file *file = map_get(&remembering->files, span_make(&path, sizeof(path)));
    const struct good_object *former = last_good_object(&remembering->configuration->last_good, meta->title);
    const struct node *root = meta->root;
    if (file == NULL || is_faulty(remembering->load, meta)) {
        /* A substitute (its root is a copy that dies with this load), or an object that was never good. */
        if (former == NULL)
            return;
        file = former->file;
        root = former->root;
    }
    struct good_object *object = memory_allocate_zeroed(1, sizeof(*object));
    object->title = memory_allocate_zeroed(1, meta->title.size + 1);
    memcpy(object->title, meta->title.data, meta->title.size);
    object->root = root;
    object->file = parsed_file_pin(file);
    map_set(&remembering->objects, span_make(object->title, meta->title.size), object);
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

static void compile_files(struct configuration *configuration, struct configuration_load *load, const struct file_list *files) {
    struct resource_set set;
    decode(configuration, files, load, &set);
    route_report(&set, &load->diagnostics);
    struct snapshot *snapshot = NULL;
    if (compile(&set, &configuration->options, &load->diagnostics, &snapshot))
        load->snapshot = snapshot;
    if (snapshot != NULL)
        load->ticket_keys_left_ns = ticket_keys_load(&configuration->ticket_keys, configuration->options.tickets, &set,
                                                     snapshot->settings.gateway_namespace, &configuration->files, &load->diagnostics);
    remember(configuration, files, &set, load);
    resource_set_deinit(&set);
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
    struct file_list files = {NULL, 0, 0};
    parse_all(configuration, load, &files);
    /* Nothing can be read is not the same as nothing is asked for. */
    if (files.count != 0 || load->sources.complete)
        compile_files(configuration, load, &files);
    /* Positions carry the paths of these files: they must live as long as the diagnostics. */
    for (size_t i = 0; i < load->diagnostics.count; i++) {
        struct position *position = &load->diagnostics.items[i].position;
        if (position->file != NULL)
            position->file = arena_copy(&load->diagnostics.arena, span_of(position->file)).data;
    }
    file_list_deinit(&files);
}

void configuration_load(struct configuration *configuration, bool force, const struct watch_changes *changes,
                        struct configuration_load *ret_load) {
    struct configuration_load *load = ret_load;
    *load = (struct configuration_load){.snapshot = NULL};
    arena_init(&load->arena, LOAD_ARENA_BLOCK_BYTES);
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
    give_back_memory(freed_bytes);
}
