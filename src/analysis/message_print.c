#include "analysis/message_print.h"

#include "base/assert.h"
#include "base/escape.h"

/* Where Istio explains its codes; the program's own are in its documents. */
#define ISTIO_ANALYSIS_URL "https://istio.io/latest/docs/reference/config/analysis/"
#define OWN_ANALYSIS_URL "docs/diagnostics.md#"

const char *message_level_name(enum diagnostic_severity level) {
    switch (level) {
    case DIAGNOSTIC_ERROR:
        return "Error";
    case DIAGNOSTIC_WARNING:
        return "Warning";
    case DIAGNOSTIC_INFO:
        return "Info";
    }
    UNREACHABLE();
}

static const char *color_of(enum diagnostic_severity level) {
    return level == DIAGNOSTIC_ERROR ? "\033[1;31m" : level == DIAGNOSTIC_WARNING ? "\033[33m" : "";
}

/* A line for a terminal: what the configuration holds must not steer it. */
static void print_plain(struct span text, FILE *output) {
    char escape[ESCAPE_BYTES_MAX + 1];
    while (text.size > 0)
        fwrite(escape, 1, escape_visible(&text, escape), output);
}

static void print_reference(const struct message *message, FILE *output) {
    print_plain(span_of(message->position.file), output);
    if (message->position.line > 0)
        fprintf(output, ":%u", message->position.line);
}

static void print_line(const struct message *message, bool color, FILE *output) {
    bool has_file = message->position.file != NULL;
    fprintf(output, "%s%s%s [%.*s]", color ? color_of(message->level) : "", message_level_name(message->level), color ? "\033[0m" : "",
            SPAN_ARGUMENTS(message->code));
    if (message->origin.size > 0 || has_file) {
        fprintf(output, " (");
        print_plain(message->origin, output);
        if (message->origin.size > 0 && has_file)
            fputc(' ', output);
        if (has_file)
            print_reference(message, output);
        fputc(')', output);
    }
    fputc(' ', output);
    print_plain(message->text, output);
    fputc('\n', output);
}

void message_print_log(const struct message_list *list, bool color, FILE *output) {
    for (size_t i = 0; i < list->count; i++)
        print_line(&list->items[i], color, output);
    if (list->count == 0)
        fputc('\n', output);
}

/* --- JSON and YAML --- */

/* As Go's encoder writes it: '<', '>' and '&' are escaped, too. */
static void print_json_text(struct span text, FILE *output) {
    char escape[ESCAPE_BYTES_MAX + 1];
    while (text.size > 0) {
        unsigned char byte = (unsigned char)text.data[0];
        bool is_markup = byte == '<' || byte == '>' || byte == '&', is_plain = !is_markup && escape_plain_size(span_first(text, 1)) == 1;
        if (!is_markup && !is_plain) {
            fwrite(escape, 1, escape_character(&text, true, escape), output);
            continue;
        }
        fprintf(output, is_plain ? "%c" : "\\u%04x", byte);
        text = span_from(text, 1);
    }
}

struct printed_field {
    const char *key;
    struct span value;
};

#define PRINTED_FIELDS_MAX 6

/* The fields that the message has, in alphabetical order. */
static size_t fields_of(struct arena *arena, const struct message *message, struct printed_field *fields) {
    bool is_own = span_starts_with(message->code, SPAN_LITERAL("FL"));
    struct span code = arena_lower(arena, message->code);
    size_t count = 0;
    fields[count++] = (struct printed_field){"code", message->code};
    fields[count++] = (struct printed_field){"documentationUrl", is_own ? arena_print(arena, OWN_ANALYSIS_URL "%.*s", SPAN_ARGUMENTS(code))
                                                                        : arena_print(arena, ISTIO_ANALYSIS_URL "%.*s/", SPAN_ARGUMENTS(code))};
    fields[count++] = (struct printed_field){"level", span_of(message_level_name(message->level))};
    fields[count++] = (struct printed_field){"message", message->text};
    if (message->origin.size > 0)
        fields[count++] = (struct printed_field){"origin", message->origin};
    if (message->position.file != NULL)
        fields[count++] = (struct printed_field){"reference", message->position.line > 0
                                                                  ? arena_print(arena, "%s:%u", message->position.file, message->position.line)
                                                                  : span_of(message->position.file)};
    return count;
}

void message_print_json(const struct message_list *list, FILE *output) {
    for (size_t i = 0; i < list->count; i++) {
        struct printed_field fields[PRINTED_FIELDS_MAX];
        size_t count = fields_of(list->arena, &list->items[i], fields);
        fprintf(output, "%s\t{\n", i == 0 ? "[\n" : ",\n");
        for (size_t field = 0; field < count; field++) {
            fprintf(output, "\t\t\"%s\": \"", fields[field].key);
            print_json_text(fields[field].value, output);
            fprintf(output, "\"%s\n", field + 1 < count ? "," : "");
        }
        fprintf(output, "\t}");
    }
    fprintf(output, list->count == 0 ? "[]\n" : "\n]\n");
}

/* Double quotes take the same escapes as JSON. */
void message_print_yaml(const struct message_list *list, FILE *output) {
    for (size_t i = 0; i < list->count; i++) {
        struct printed_field fields[PRINTED_FIELDS_MAX];
        size_t count = fields_of(list->arena, &list->items[i], fields);
        for (size_t field = 0; field < count; field++) {
            fprintf(output, "%s%s: \"", field == 0 ? "- " : "  ", fields[field].key);
            print_json_text(fields[field].value, output);
            fprintf(output, "\"\n");
        }
    }
    if (list->count == 0)
        fprintf(output, "[]\n");
}
