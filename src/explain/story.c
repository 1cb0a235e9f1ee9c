#include "explain/story.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/escape.h"

void story_init(struct story *story, struct arena *arena, const struct snapshot *snapshot) {
    *story = (struct story){.arena = arena, .snapshot = snapshot};
}

void story_put(struct builder *output, struct span text) {
    char escape[ESCAPE_BYTES_MAX + 1];
    while (text.size > 0) {
        size_t size = escape_visible(&text, escape);
        builder_put(output, span_make(escape, size));
    }
}

static struct span printed(struct arena *arena, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
static struct span printed(struct arena *arena, const char *format, va_list arguments) {
    va_list copy;
    va_copy(copy, arguments);
    int size = vsnprintf(NULL, 0, format, copy);
    va_end(copy);
    if (size <= 0)
        return SPAN_EMPTY;
    char *text = arena_allocate_aligned(arena, (size_t)size + 1, 1);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    return span_make(text, (size_t)size);
}

static void append(struct story_fact **first, struct story_fact **last, struct story_fact *fact) {
    if (*last == NULL)
        *first = fact;
    else
        (*last)->next = fact;
    *last = fact;
}

void story_add(struct story *story, enum story_section section, enum story_mark mark, uint32_t id, const char *format, ...) {
    struct story_fact *fact = arena_new(story->arena, struct story_fact);
    va_list arguments;
    va_start(arguments, format);
    *fact = (struct story_fact){.section = section, .mark = mark, .id = id, .text = printed(story->arena, format, arguments)};
    va_end(arguments);
    append(&story->first, &story->last, fact);
}

void story_note(struct story *story, uint32_t id, const char *format, ...) {
    struct story_fact *fact = arena_new(story->arena, struct story_fact);
    va_list arguments;
    va_start(arguments, format);
    *fact = (struct story_fact){.mark = STORY_CONCERN, .id = id, .text = printed(story->arena, format, arguments)};
    va_end(arguments);
    append(&story->first_note, &story->last_note, fact);
}

void story_set_cause(struct story *story, uint32_t id, const char *format, ...) {
    if (story->cause.size > 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    story->cause = printed(story->arena, format, arguments);
    story->cause_id = id;
    va_end(arguments);
}

void story_set_way_out(struct story *story, uint32_t id, const char *format, ...) {
    if (story->way_out.size > 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    story->way_out = printed(story->arena, format, arguments);
    story->way_out_id = id;
    va_end(arguments);
}

void story_disagree(struct story *story, const char *format, ...) {
    if (story->disagreement.size > 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    story->disagreement = printed(story->arena, format, arguments);
    va_end(arguments);
}

struct span story_place(const struct story *story, uint32_t id) {
    struct origin origin = snapshot_origin(story->snapshot, id);
    if (origin.file.size == 0)
        return origin.object.size == 0 ? SPAN_EMPTY : SPAN_LITERAL("assumed:");
    if (origin.line == 0)
        return origin.file;
    return arena_print(story->arena, "%.*s:%u", SPAN_ARGUMENTS(origin.file), origin.line);
}

void story_print_place(const struct story *story, uint32_t id, struct builder *output) {
    struct origin origin = snapshot_origin(story->snapshot, id);
    struct span place = story_place(story, id);
    if (place.size == 0)
        return;
    builder_put(output, SPAN_LITERAL(" ["));
    story_put(output, place);
    builder_put(output, origin.object.size > 0 ? SPAN_LITERAL(" ") : SPAN_EMPTY);
    story_put(output, origin.object);
    builder_put_byte(output, ']');
}
