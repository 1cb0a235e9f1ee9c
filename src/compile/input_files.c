#include "compile/input_files.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "compile/array.h"

#define FILES_ARENA_BLOCK_BYTES 1024

void input_files_init(struct input_files *files) {
    *files = (struct input_files){.items = NULL};
    arena_init(&files->arena, FILES_ARENA_BLOCK_BYTES);
}

void input_files_deinit(struct input_files *files) {
    arena_deinit(&files->arena);
}

void input_files_reset(struct input_files *files) {
    arena_reset(&files->arena);
    files->items = NULL;
    files->count = files->capacity = 0;
}

static void close_file(FILE **file) {
    if (*file != NULL)
        fclose(*file);
}

/* Only regular files: a pipe would make the reader wait. */
static bool read_text(struct arena *arena, struct span path, struct span *ret_text) {
    struct span name = arena_copy(arena, path);
    struct stat status;
    if (path.size == 0 || stat(name.data, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > TLS_FILE_BYTES_MAX)
        return false;
    FILE *file CLEANUP(close_file) = fopen(name.data, "re");
    if (file == NULL)
        return false;
    char *text = arena_new_array(arena, char, (size_t)status.st_size + 1);
    size_t size = fread(text, 1, (size_t)status.st_size, file);
    if (ferror(file))
        return false;
    *ret_text = span_make(text, size);
    return true;
}

/* "." and "/" have none above them. */
static struct span parent_of(struct span path) {
    size_t end = path.size;
    while (end > 0 && path.data[end - 1] != '/')
        end--;
    if (end == 0)
        return SPAN_LITERAL(".");
    return span_first(path, end > 1 ? end - 1 : 1);
}

struct span input_file_folder(const struct input_file *file, struct arena *arena) {
    struct span path = file->path;
    struct stat status;
    for (;;) {
        struct span parent = parent_of(path);
        struct span folder = arena_copy(arena, parent);
        if (span_equal(parent, path) || (stat(folder.data, &status) == 0 && S_ISDIR(status.st_mode)))
            return folder;
        path = parent;
    }
}

static void note(struct input_files *files, struct span path, bool readable, struct span text) {
    for (size_t i = 0; i < files->count; i++)
        if (span_equal(files->items[i].path, path))
            return;
    struct input_file file = {.path = arena_copy(&files->arena, path),
                              .readable = readable,
                              .content_hash = span_hash(text)};
    ARRAY_APPEND(&files->arena, files, file);
}

bool input_files_read(struct input_files *files, struct arena *arena, struct span path, struct span *ret_text) {
    struct span text = SPAN_EMPTY;
    bool readable = read_text(arena, path, &text);
    if (files != NULL)
        note(files, path, readable, text);
    if (readable)
        *ret_text = text;
    return readable;
}

bool input_files_changed(const struct input_files *files) {
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, FILES_ARENA_BLOCK_BYTES);
    for (size_t i = 0; i < files->count; i++) {
        const struct input_file *file = &files->items[i];
        struct span text = SPAN_EMPTY;
        bool readable = read_text(&arena, file->path, &text);
        if (readable != file->readable || span_hash(text) != file->content_hash)
            return true;
        arena_reset(&arena);
    }
    return false;
}
