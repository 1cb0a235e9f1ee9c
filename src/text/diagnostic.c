#include "text/diagnostic.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"

#define DIAGNOSTIC_ARENA_BLOCK_BYTES 8192

const char *diagnostic_code_summary(enum diagnostic_code code) {
    switch (code) {
#define DIAGNOSTIC_CODE_CASE(name, number, summary) \
    case name:                                      \
        return summary;
        DIAGNOSTIC_CODES(DIAGNOSTIC_CODE_CASE)
#undef DIAGNOSTIC_CODE_CASE
    }
    UNREACHABLE();
}

const char *diagnostic_severity_name(enum diagnostic_severity severity) {
    switch (severity) {
    case DIAGNOSTIC_INFO:
        return "info";
    case DIAGNOSTIC_WARNING:
        return "warning";
    case DIAGNOSTIC_ERROR:
        return "error";
    }
    UNREACHABLE();
}

void diagnostic_list_init(struct diagnostic_list *list) {
    *list = (struct diagnostic_list){.items = NULL};
    arena_init(&list->arena, DIAGNOSTIC_ARENA_BLOCK_BYTES);
}

void diagnostic_list_deinit(struct diagnostic_list *list) {
    arena_deinit(&list->arena);
    free(list->items);
    free(list->sources);
    *list = (struct diagnostic_list){.items = NULL};
}

void diagnostic_list_add_source(struct diagnostic_list *list, const char *file, struct span text) {
    if (list->source_count == list->source_capacity) {
        list->source_capacity = list->source_capacity == 0 ? 16 : list->source_capacity * 2;
        list->sources = memory_resize(list->sources, list->source_capacity * sizeof(*list->sources));
    }
    list->sources[list->source_count++] = (struct diagnostic_source){file, text};
}

static struct span print_arguments(struct arena *arena, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static struct span print_arguments(struct arena *arena, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    ASSERT(size >= 0);
    char *text = arena_new_array(arena, char, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    return span_make(text, (size_t)size);
}

void diagnostic_add(struct diagnostic_list *list, enum diagnostic_severity severity, enum diagnostic_code code,
                    struct position position, struct span resource, struct span hint, const char *format, ...) {
    list->counts[severity]++;
    if (list->count >= CONFIGURATION_DIAGNOSTICS_MAX) {
        list->dropped_count++;
        return;
    }
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 32 : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity * sizeof(*list->items));
    }
    va_list arguments;
    va_start(arguments, format);
    struct span message = print_arguments(&list->arena, format, arguments);
    va_end(arguments);
    list->items[list->count] = (struct diagnostic){
        .severity = severity,
        .code = code,
        .position = position,
        .resource = arena_copy(&list->arena, resource),
        .message = message,
        .hint = arena_copy(&list->arena, hint),
        .order = list->count,
        .excerpt_hidden = list->excerpts_hidden,
    };
    list->count++;
}

void diagnostic_list_append(struct diagnostic_list *list, const struct diagnostic_list *from) {
    bool hidden_before = list->excerpts_hidden;
    size_t counts[DIAGNOSTIC_SEVERITIES];
    memcpy(counts, list->counts, sizeof(counts));
    for (size_t i = 0; i < from->count; i++) {
        const struct diagnostic *item = &from->items[i];
        list->excerpts_hidden = item->excerpt_hidden;
        diagnostic_add(list, item->severity, item->code, item->position, item->resource, item->hint, "%.*s", SPAN_ARGUMENTS(item->message));
    }
    list->excerpts_hidden = hidden_before;
    for (size_t i = 0; i < from->source_count; i++)
        diagnostic_list_add_source(list, from->sources[i].file, from->sources[i].text);
    list->dropped_count += from->dropped_count;
    for (size_t i = 0; i < DIAGNOSTIC_SEVERITIES; i++)
        list->counts[i] = counts[i] + from->counts[i];
}

static int compare_numbers(uint64_t a, uint64_t b) {
    return (a > b) - (a < b);
}

static int compare_diagnostics(const void *left, const void *right) {
    const struct diagnostic *a = left;
    const struct diagnostic *b = right;
    if ((a->position.file == NULL) != (b->position.file == NULL))
        return a->position.file == NULL ? 1 : -1;
    int order = a->position.file == NULL ? 0 : strcmp(a->position.file, b->position.file);
    if (order == 0)
        order = compare_numbers(a->position.line, b->position.line);
    if (order == 0)
        order = compare_numbers(a->position.column, b->position.column);
    return order != 0 ? order : compare_numbers(a->order, b->order);
}

void diagnostic_list_sort(struct diagnostic_list *list) {
    if (list->count > 1)
        qsort(list->items, list->count, sizeof(*list->items), compare_diagnostics);
}
