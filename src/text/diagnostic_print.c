#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "text/diagnostic.h"

/* An excerpt is cut to this many bytes, around the place that is meant. */
#define EXCERPT_BYTES_MAX 120
/* A run this long of base64 characters may be key material. */
#define EXCERPT_SECRET_RUN 40

static void print_escaped(FILE *output, struct span text) {
    char escape[ESCAPE_BYTES_MAX + 1];
    while (text.size > 0)
        fwrite(escape, 1, escape_visible(&text, escape), output);
}

static bool find_source(const struct diagnostic_list *list, const char *file, struct span *ret_text) {
    for (size_t i = list->source_count; i > 0; i--) {
        const struct diagnostic_source *source = &list->sources[i - 1];
        if (source->file == file || strcmp(source->file, file) == 0) {
            *ret_text = source->text;
            return true;
        }
    }
    return false;
}

static bool find_line(struct span text, uint32_t line, struct span *ret_line) {
    struct span rest = text;
    struct span part;
    for (uint32_t number = 1; span_split(&rest, '\n', &part); number++) {
        if (number != line)
            continue;
        if (part.size > 0 && part.data[part.size - 1] == '\r')
            part.size--;
        *ret_line = part;
        return true;
    }
    return false;
}

static bool is_secret_byte(char byte) {
    return isalnum((unsigned char)byte) || byte == '+' || byte == '/' || byte == '=';
}

/* Replaces runs that may be key material, and bytes that would break the line, one byte by one byte: the caret stays right. */
static void mask(char *text, size_t size) {
    size_t run = 0;
    for (size_t i = 0; i <= size; i++) {
        if (i < size && is_secret_byte(text[i])) {
            run++;
            continue;
        }
        if (run >= EXCERPT_SECRET_RUN)
            memset(text + i - run, '*', run);
        run = 0;
        if (i < size && ((unsigned char)text[i] < 0x20 || text[i] == 0x7f))
            text[i] = ' ';
    }
}

static bool is_continuation(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Columns count characters, not bytes. */
static size_t column_offset(struct span line, uint32_t column) {
    size_t offset = 0;
    for (uint32_t at = 1; at < column && offset < line.size; at++) {
        offset++;
        while (offset < line.size && is_continuation(line.data[offset]))
            offset++;
    }
    return offset;
}

static void print_excerpt(const struct diagnostic_list *list, const struct diagnostic *diagnostic, FILE *output) {
    struct span text;
    struct span line;
    struct position position = diagnostic->position;
    if (diagnostic->excerpt_hidden || position.line == 0 || position.file == NULL)
        return;
    if (!find_source(list, position.file, &text) || !find_line(text, position.line, &line))
        return;
    size_t caret = column_offset(line, position.column);
    size_t start = caret > EXCERPT_BYTES_MAX / 2 && line.size > EXCERPT_BYTES_MAX ? caret - EXCERPT_BYTES_MAX / 2 : 0;
    while (start > 0 && is_continuation(line.data[start]))
        start--;
    /* Masking sees the whole line: a cut run would look short. */
    char *copy = malloc(line.size + 1);
    if (copy == NULL)
        return;
    memcpy(copy, line.data == NULL ? "" : line.data, line.size);
    mask(copy, line.size);
    size_t shown = line.size - start > EXCERPT_BYTES_MAX ? EXCERPT_BYTES_MAX : line.size - start;
    while (shown > 0 && start + shown < line.size && is_continuation(copy[start + shown]))
        shown--;
    fprintf(output, "  %5u | %.*s\n", position.line, (int)shown, copy + start);
    fprintf(output, "        | ");
    for (size_t i = start; i < caret; i++)
        if (!is_continuation(copy[i]))
            fputc(' ', output);
    fprintf(output, "^\n");
    free(copy);
}

static void print_place(const struct diagnostic *diagnostic, FILE *output) {
    struct position position = diagnostic->position;
    if (position.file == NULL)
        return;
    print_escaped(output, span_of(position.file));
    if (position.line != 0)
        fprintf(output, ":%u:%u", position.line, position.column);
    fprintf(output, ": ");
}

static void print_head(const struct diagnostic *diagnostic, FILE *output) {
    print_place(diagnostic, output);
    fprintf(output, "%s: ", diagnostic_severity_name(diagnostic->severity));
    if (diagnostic->resource.size > 0) {
        print_escaped(output, diagnostic->resource);
        fprintf(output, ": ");
    }
    print_escaped(output, diagnostic->message);
    fprintf(output, " [FL%04d]", (int)diagnostic->code);
}

static void print_counts(const struct diagnostic_list *list, FILE *output) {
    static const char *const plurals[DIAGNOSTIC_SEVERITIES] = {"infos", "warnings", "errors"};
    const char *separator = "";
    for (int severity = DIAGNOSTIC_SEVERITIES - 1; severity >= 0; severity--) {
        size_t count = list->counts[severity];
        if (count == 0)
            continue;
        const char *word = count == 1 ? diagnostic_severity_name((enum diagnostic_severity)severity) : plurals[severity];
        fprintf(output, "%s%zu %s", separator, count, word);
        separator = ", ";
    }
    if (list->dropped_count > 0)
        fprintf(output, " (%zu not shown: too many)", list->dropped_count);
    fputc('\n', output);
}

void diagnostic_list_print(struct diagnostic_list *list, enum diagnostic_severity severity_min, FILE *output) {
    diagnostic_list_sort(list);
    size_t shown = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *diagnostic = &list->items[i];
        if (diagnostic->severity < severity_min)
            continue;
        print_head(diagnostic, output);
        fputc('\n', output);
        print_excerpt(list, diagnostic, output);
        if (diagnostic->hint.size > 0) {
            fprintf(output, "    hint: ");
            print_escaped(output, diagnostic->hint);
            fputc('\n', output);
        }
        shown++;
    }
    if (shown > 0 || list->dropped_count > 0)
        print_counts(list, output);
}

struct span diagnostic_line(struct diagnostic_list *list, const struct diagnostic *diagnostic) {
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    if (output == NULL)
        return diagnostic->message;
    print_head(diagnostic, output);
    if (diagnostic->hint.size > 0) {
        fprintf(output, " (");
        print_escaped(output, diagnostic->hint);
        fputc(')', output);
    }
    fclose(output);
    struct span line = arena_copy(&list->arena, span_make(text, size));
    free(text);
    return line;
}
