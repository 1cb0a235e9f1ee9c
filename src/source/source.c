#include "source/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/memory.h"
#include "source/source_cache.h"

#define READ_BYTES_MIN 4096

struct source_loader {
    struct arena *arena;
    struct source_cache *cache; /* NULL: everything is read */
    struct diagnostic_list *diagnostics;
    struct source_set set;
    size_t file_capacity;
    size_t watch_capacity;
    struct map folders; /* device and inode of each folder walked: links may lead in circles */
    struct map watched;
};

static void report(struct source_loader *loader, enum diagnostic_code code, const char *path, const char *hint,
                   const char *message, const char *reason) {
    loader->set.complete = false;
    diagnostic_add(loader->diagnostics, DIAGNOSTIC_ERROR, code, (struct position){path, 0, 0}, SPAN_EMPTY, span_of(hint),
                   "%s%s%s", message, reason[0] == '\0' ? "" : ": ", reason);
}

static void report_errno(struct source_loader *loader, const char *path, const char *message, int error) {
    const char *hint = error == ENOENT ? "check the path" : error == EACCES ? "check the permissions" : "";
    report(loader, DIAGNOSTIC_SOURCE_UNREADABLE, path, hint, message, strerror(error));
}

/* --- What to watch --- */

static void watch(struct source_loader *loader, struct span folder) {
    if (map_get(&loader->watched, folder) != NULL)
        return;
    struct span copy = arena_copy(loader->arena, folder);
    map_set(&loader->watched, copy, loader);
    struct source_set *set = &loader->set;
    if (set->watch_directory_count == loader->watch_capacity) {
        loader->watch_capacity = loader->watch_capacity == 0 ? 8 : loader->watch_capacity * 2;
        const char **grown = arena_new_array(loader->arena, const char *, loader->watch_capacity);
        for (size_t i = 0; i < set->watch_directory_count; i++)
            grown[i] = set->watch_directories[i];
        set->watch_directories = grown;
    }
    set->watch_directories[set->watch_directory_count++] = copy.data;
}

/* The folder whose entry `path` is. */
static void watch_parent(struct source_loader *loader, const char *path) {
    struct span text = span_of(path);
    while (text.size > 1 && text.data[text.size - 1] == '/')
        text.size--;
    size_t slash;
    if (!span_find_last_byte(text, '/', &slash))
        watch(loader, SPAN_LITERAL("."));
    else
        watch(loader, span_first(text, slash == 0 ? 1 : slash));
}

/* A link: also the folder where its target lies, for the target may be changed in place. */
static void watch_target(struct source_loader *loader, const char *path) {
    char *target CLEANUP(memory_free_pointer) = realpath(path, NULL);
    if (target != NULL)
        watch_parent(loader, target);
}

/* Of what a path leads to, as stat, and whether it is a link. */
static int follow(const char *path, struct stat *ret_status, bool *ret_is_link) {
    int result = lstat(path, ret_status);
    *ret_is_link = result == 0 && S_ISLNK(ret_status->st_mode);
    return *ret_is_link ? stat(path, ret_status) : result;
}

/* --- Files --- */

static void unpin_text(void *text) {
    source_text_unpin(text);
}

static void append_file(struct source_loader *loader, struct source_file file) {
    struct source_set *set = &loader->set;
    if (set->file_count == loader->file_capacity) {
        loader->file_capacity = loader->file_capacity == 0 ? 16 : loader->file_capacity * 2;
        struct source_file *grown = arena_new_array(loader->arena, struct source_file, loader->file_capacity);
        for (size_t i = 0; i < set->file_count; i++)
            grown[i] = set->files[i];
        set->files = grown;
    }
    set->files[set->file_count++] = file;
}

/* Takes the reference. */
static uint64_t add_file(struct source_loader *loader, const char *path, struct source_text *bytes) {
    struct span text = source_text_span(bytes);
    uint64_t hash = span_hash(text);
    arena_on_destroy(loader->arena, unpin_text, bytes);
    append_file(loader, (struct source_file){.path = path, .text = text, .shared = bytes, .content_hash = hash});
    loader->set.total_bytes += text.size;
    diagnostic_list_add_source(loader->diagnostics, path, text);
    return hash;
}

/* True: it is what it was, and the ceilings leave room for it. */
static bool find_cached(struct source_loader *loader, const char *path, const struct stat *status) {
    uint64_t hash;
    size_t size = (size_t)status->st_size;
    if (loader->cache == NULL || !S_ISREG(status->st_mode) || loader->set.file_count >= CONFIGURATION_FILES_MAX ||
        loader->set.total_bytes + size > CONFIGURATION_TOTAL_BYTES_MAX || !source_cache_find(loader->cache, path, status, &hash))
        return false;
    append_file(loader, (struct source_file){.path = path, .content_hash = hash, .unread = true});
    loader->set.total_bytes += size;
    return true;
}

static void unpin_text_pointer(struct source_text **text) {
    source_text_unpin(*text);
}

/* 0, or a positive errno; EFBIG past the ceiling. A regular file gives less than it is asked for only at its end. */
static int read_all(int descriptor, bool is_regular, struct source_text **text, size_t size_max) {
    for (;;) {
        if ((*text)->size == (*text)->capacity)
            *text = source_text_resize(*text, 2 * (*text)->capacity);
        size_t room = (*text)->capacity - (*text)->size;
        ssize_t count = read(descriptor, (*text)->bytes + (*text)->size, room);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        if (count == 0)
            return 0;
        (*text)->size += (size_t)count;
        if ((*text)->size > size_max)
            return EFBIG;
        if (is_regular && (size_t)count < room)
            return 0;
    }
}

static void close_descriptor(int *descriptor) {
    if (*descriptor > STDIN_FILENO)
        close(*descriptor);
}

/* `status` was asked for before it was opened; NULL: it is not known. */
static void read_descriptor(struct source_loader *loader, const char *path, int descriptor, const struct stat *status) {
    if (loader->set.file_count >= CONFIGURATION_FILES_MAX) {
        report(loader, DIAGNOSTIC_SOURCE_TOO_LARGE, path, "give fewer files", "there are too many files", "");
        return;
    }
    bool is_regular = status != NULL && S_ISREG(status->st_mode);
    size_t size = is_regular && status->st_size > 0 ? (size_t)status->st_size + 1 : READ_BYTES_MIN;
    if (size > CONFIGURATION_FILE_BYTES_MAX)
        size = CONFIGURATION_FILE_BYTES_MAX;
    struct source_text *text CLEANUP(unpin_text_pointer) = source_text_create(size);
    int error = read_all(descriptor, is_regular, &text, CONFIGURATION_FILE_BYTES_MAX);
    if (error == EFBIG)
        report(loader, DIAGNOSTIC_SOURCE_TOO_LARGE, path, "split the file", "the file is larger than 64 MiB", "");
    else if (error != 0)
        report_errno(loader, path, "the file cannot be read", error);
    else if (loader->set.total_bytes + text->size > CONFIGURATION_TOTAL_BYTES_MAX)
        report(loader, DIAGNOSTIC_SOURCE_TOO_LARGE, path, "give fewer files", "all files together are larger than 512 MiB",
               "");
    else {
        /* The end of the file was seen, so there is room for one byte more. */
        if (text->capacity > text->size + 1)
            text = source_text_resize(text, text->size + 1);
        text->bytes[text->size] = '\0';
        uint64_t hash = add_file(loader, path, source_text_pin(text));
        if (loader->cache != NULL && is_regular)
            source_cache_note(loader->cache, path, status, hash);
    }
}

static void read_file(struct source_loader *loader, const char *path, const struct stat *status) {
    if (find_cached(loader, path, status))
        return;
    int descriptor CLEANUP(close_descriptor) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0)
        report_errno(loader, path, "the file cannot be opened", errno);
    else
        read_descriptor(loader, path, descriptor, status);
}

/* --- Folders --- */

struct name_list {
    char **names;
    size_t count;
    size_t capacity;
};

static void name_list_deinit(struct name_list *list) {
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
}

static void name_list_add(struct name_list *list, const char *name) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->names = memory_resize(list->names, list->capacity * sizeof(char *));
    }
    size_t size = strlen(name) + 1;
    list->names[list->count] = memory_allocate(size);
    memcpy(list->names[list->count], name, size);
    list->count++;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void close_folder(DIR **folder) {
    if (*folder != NULL)
        closedir(*folder);
}

static bool list_folder(struct source_loader *loader, const char *path, struct name_list *ret_names) {
    DIR *folder CLEANUP(close_folder) = opendir(path);
    if (folder == NULL) {
        report_errno(loader, path, "the folder cannot be read", errno);
        return false;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        if (entry->d_name[0] != '.')
            name_list_add(ret_names, entry->d_name);
    if (ret_names->count > 1)
        qsort(ret_names->names, ret_names->count, sizeof(char *), compare_names);
    return true;
}

static bool is_configuration(const char *name) {
    struct span text = span_of(name);
    return span_ends_with(text, SPAN_LITERAL(".yaml")) || span_ends_with(text, SPAN_LITERAL(".yml")) ||
           span_ends_with(text, SPAN_LITERAL(".json"));
}

/* True the first time. */
static bool enter_folder(struct source_loader *loader, const struct stat *status) {
    struct span key = arena_print(loader->arena, "%ju:%ju", (uintmax_t)status->st_dev, (uintmax_t)status->st_ino);
    return map_set(&loader->folders, key, loader) == NULL;
}

static void walk_folder(struct source_loader *loader, const char *path, const struct stat *status, int depth);

static void walk_entry(struct source_loader *loader, const char *folder, const char *name, int depth) {
    struct span path = arena_print(loader->arena, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/", name);
    struct stat status;
    bool is_link;
    if (follow(path.data, &status, &is_link) != 0) {
        /* It may have gone since the folder was listed; a link without a target is of no concern unless it looks like ours. */
        if (is_configuration(name))
            report_errno(loader, path.data, "the file cannot be read", errno);
        return;
    }
    bool is_folder = S_ISDIR(status.st_mode), is_file = S_ISREG(status.st_mode) && is_configuration(name);
    if (is_file)
        watch_parent(loader, path.data);
    if (is_link && (is_folder || is_file))
        watch_target(loader, path.data);
    if (is_folder)
        walk_folder(loader, path.data, &status, depth + 1);
    else if (is_file)
        read_file(loader, path.data, &status);
}

static void walk_folder(struct source_loader *loader, const char *path, const struct stat *status, int depth) {
    if (depth > CONFIGURATION_DEPTH_MAX) {
        report(loader, DIAGNOSTIC_SOURCE_TOO_LARGE, path, "give fewer levels of folders", "the folder lies too deep", "");
        return;
    }
    if (!enter_folder(loader, status))
        return;
    watch(loader, span_of(path));
    struct name_list names CLEANUP(name_list_deinit) = {NULL, 0, 0};
    if (!list_folder(loader, path, &names))
        return;
    for (size_t i = 0; i < names.count; i++)
        walk_entry(loader, path, names.names[i], depth);
}

static void load_folder(struct source_loader *loader, const char *path, const struct stat *status) {
    size_t former_count = loader->set.file_count;
    walk_folder(loader, path, status, 1);
    if (loader->set.file_count == former_count && loader->set.complete)
        diagnostic_add(loader->diagnostics, DIAGNOSTIC_WARNING, DIAGNOSTIC_SOURCE_EMPTY, (struct position){path, 0, 0},
                       SPAN_EMPTY, SPAN_LITERAL("files must be named *.yaml, *.yml or *.json, and not start with '.'"),
                       "the folder holds no configuration file");
}

static void load_path(struct source_loader *loader, const char *given) {
    const char *path = arena_copy(loader->arena, span_of(given)).data;
    struct stat status;
    bool is_link;
    if (strcmp(path, "-") == 0) {
        loader->set.reads_stdin = true;
        read_descriptor(loader, "<stdin>", STDIN_FILENO, NULL);
        return;
    }
    if (follow(path, &status, &is_link) != 0) {
        report_errno(loader, path, "the path cannot be read", errno);
        watch_parent(loader, path);
        return;
    }
    bool is_folder = S_ISDIR(status.st_mode);
    if (is_link || !is_folder)
        watch_parent(loader, path);
    if (is_link && !is_folder)
        watch_target(loader, path);
    if (is_folder)
        load_folder(loader, path, &status);
    else
        read_file(loader, path, &status);
}

bool source_is_plain_file(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool source_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static bool load(struct source_loader *loader, const char *const *paths, size_t path_count, struct source_set *ret_set) {
    map_init(&loader->folders);
    map_init(&loader->watched);
    for (size_t i = 0; i < path_count; i++)
        load_path(loader, paths[i]);
    map_deinit(&loader->folders);
    map_deinit(&loader->watched);
    *ret_set = loader->set;
    return loader->set.complete;
}

bool source_load(const char *const *paths, size_t path_count, struct arena *arena, struct diagnostic_list *diagnostics,
                 struct source_set *ret_set) {
    struct source_loader loader = {.arena = arena, .diagnostics = diagnostics, .set = {.complete = true}};
    return load(&loader, paths, path_count, ret_set);
}

bool source_load_changes(const char *const *paths, size_t path_count, struct source_cache *cache, struct arena *arena,
                         struct diagnostic_list *diagnostics, struct source_set *ret_set) {
    struct source_loader loader = {.arena = arena, .cache = cache, .diagnostics = diagnostics, .set = {.complete = true}};
    source_cache_begin(cache);
    bool complete = load(&loader, paths, path_count, ret_set);
    source_cache_end(cache);
    return complete;
}
