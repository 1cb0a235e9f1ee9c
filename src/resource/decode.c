#include "resource/decode.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

static void add_diagnostic(struct decoder *decoder, enum diagnostic_severity severity, enum diagnostic_code code,
                           struct position position, const char *hint, const char *format, va_list arguments)
    PRINTF_LIKE(6, 0);

static void add_diagnostic(struct decoder *decoder, enum diagnostic_severity severity, enum diagnostic_code code,
                           struct position position, const char *hint, const char *format, va_list arguments) {
    char message[1024];
    vsnprintf(message, sizeof(message), format, arguments);
    struct span path = decode_path_print(decoder);
    diagnostic_add(decoder->diagnostics, severity, code, position, decoder->title, span_of(hint), "%.*s%s%s",
                   SPAN_ARGUMENTS(path), path.size > 0 ? ": " : "", message);
}

void decode_error(struct decoder *decoder, enum diagnostic_code code, struct position position, const char *hint,
                  const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add_diagnostic(decoder, DIAGNOSTIC_ERROR, code, position, hint, format, arguments);
    va_end(arguments);
    decoder->failed = true;
}

void decode_warning(struct decoder *decoder, enum diagnostic_code code, struct position position, const char *hint,
                    const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add_diagnostic(decoder, DIAGNOSTIC_WARNING, code, position, hint, format, arguments);
    va_end(arguments);
}

struct span decode_path_print(struct decoder *decoder) {
    struct span text = SPAN_EMPTY;
    for (const struct decode_path *at = decoder->path; at != NULL; at = at->parent) {
        const char *separator = text.size > 0 && text.data[0] != '[' ? "." : "";
        if (at->key.size > 0)
            text = arena_print(decoder->arena, "%.*s%s%.*s", SPAN_ARGUMENTS(at->key), separator, SPAN_ARGUMENTS(text));
        else
            text = arena_print(decoder->arena, "[%zu]%s%.*s", at->index, separator, SPAN_ARGUMENTS(text));
    }
    return text;
}

void decode_unsupported(struct decoder *decoder, struct position position, bool restricts_or_encrypts) {
    ASSERT(decoder->unsupported != NULL);
    struct unsupported *item = arena_new(decoder->arena, struct unsupported);
    item->path = decode_path_print(decoder);
    item->position = position;
    item->restricts_or_encrypts = restricts_or_encrypts;
    struct unsupported_list *list = decoder->unsupported;
    if (list->last == NULL)
        list->first = item;
    else
        list->last->next = item;
    list->last = item;
    list->count++;
}

/* Several fields may share a part. */
static void *find_part(struct decoder *decoder, const struct field *field, void *place) {
    void *part;
    memcpy(&part, place, sizeof(part));
    if (part == NULL)
        part = arena_allocate_aligned(decoder->arena, field->size, alignof(max_align_t));
    memcpy(place, &part, sizeof(part));
    return part;
}

static void decode_field(struct decoder *decoder, const struct field *field, const struct node *node,
                         struct position key_position, void *target) {
    void *place = (char *)target + field->offset;
    switch (field->type) {
    case FIELD_STRING:
        decode_string(decoder, node, place);
        break;
    case FIELD_FLAG:
        decode_flag(decoder, node, place);
        break;
    case FIELD_NUMBER:
        decode_number(decoder, node, field->minimum, field->maximum, place);
        break;
    case FIELD_DURATION:
        decode_duration(decoder, node, field->minimum, place);
        break;
    case FIELD_STRINGS:
        decode_strings(decoder, node, place);
        break;
    case FIELD_LABELS:
        decode_labels(decoder, node, place);
        break;
    case FIELD_CALL:
        field->call(decoder, node, place);
        break;
    case FIELD_PART:
        field->call(decoder, node, find_part(decoder, field, place));
        break;
    case FIELD_IGNORED:
        break;
    case FIELD_UNSUPPORTED:
    case FIELD_RESTRICTION:
        if (field->call != NULL)
            field->call(decoder, node, place);
        decode_unsupported(decoder, key_position, field->type == FIELD_RESTRICTION);
        break;
    }
}

static const struct field *find_field(const struct field *fields, size_t count, struct span name) {
    for (size_t i = 0; i < count; i++)
        if (span_equal(span_of(fields[i].name), name))
            return &fields[i];
    return NULL;
}

static void warn_unknown(struct decoder *decoder, const struct node_field *written, const struct field *fields,
                         size_t count) {
    const char *near = decode_nearest(written->key, &fields[0].name, sizeof(struct field), count);
    if (near == NULL && decoder->accepts_unknown)
        return;
    struct span hint = near == NULL ? SPAN_LITERAL("check its name and indentation")
                                    : arena_print(decoder->arena, "do you mean '%s'?", near);
    if (decoder->refuses_unknown)
        decode_error(decoder, DIAGNOSTIC_FIELD_UNKNOWN, written->key_position, hint.data, "the field '%.*s' is not known",
                     SPAN_ARGUMENTS(written->key));
    else
        decode_warning(decoder, DIAGNOSTIC_FIELD_UNKNOWN, written->key_position, hint.data,
                       "the field '%.*s' is not known and has no effect", SPAN_ARGUMENTS(written->key));
}

void decode_mapping(struct decoder *decoder, const struct node *node, const struct field *fields, size_t field_count,
                    void *target) {
    if (!node_is_mapping(node)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "write its fields as 'name: value' lines",
                     "a mapping is expected here, not %s", node_type_name(node));
        return;
    }
    const struct decode_path *parent = decoder->path;
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_field *written = &node->fields[i];
        const struct field *field = find_field(fields, field_count, written->key);
        if (field == NULL) {
            warn_unknown(decoder, written, fields, field_count);
            continue;
        }
        struct decode_path path = {parent, written->key, 0};
        decoder->path = &path;
        if (!node_is_null(written->value))
            decode_field(decoder, field, written->value, written->key_position, target);
        decoder->path = parent;
    }
}

void *decode_items(struct decoder *decoder, const struct node *node, size_t item_size, decode_function item,
                   size_t *ret_count) {
    *ret_count = 0;
    if (!node_is_sequence(node)) {
        decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, node->position, "start each item with '- '",
                     "a list is expected here, not %s", node_type_name(node));
        return NULL;
    }
    char *items = arena_allocate_array(decoder->arena, node->count, item_size, alignof(max_align_t));
    const struct decode_path *parent = decoder->path;
    for (uint32_t i = 0; i < node->count; i++) {
        struct decode_path path = {parent, SPAN_EMPTY, i};
        decoder->path = &path;
        item(decoder, node->items[i], items + i * item_size);
        decoder->path = parent;
    }
    *ret_count = node->count;
    return items;
}

bool decode_part(struct decoder *decoder, const struct node *node, void *target, decode_function function) {
    bool failed_before = decoder->failed;
    decoder->failed = false;
    function(decoder, node, target);
    bool failed = decoder->failed;
    decoder->failed = failed_before || failed;
    return failed;
}

const struct node *decode_get_mapping(struct decoder *decoder, const struct node *node, const char *key) {
    const struct node *value = node_get_present(node, key);
    if (value == NULL || value->kind == NODE_MAPPING)
        return value;
    decode_error(decoder, DIAGNOSTIC_FIELD_TYPE, value->position, "write its fields as 'name: value' lines",
                 "'%s' must be a mapping, not %s", key, node_type_name(value));
    return NULL;
}

void decode_one_of(struct decoder *decoder, const struct node *node, const char *const *names, size_t count) {
    const struct node *second = NULL;
    struct span list = SPAN_EMPTY;
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        const struct node *value = node_get_present(node, names[i]);
        if (value != NULL && ++written == 2)
            second = value;
        list = arena_print(decoder->arena, "%.*s%s%s", SPAN_ARGUMENTS(list), i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
    }
    if (second != NULL)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, second->position, "keep one of them", "only one of %.*s may be set", SPAN_ARGUMENTS(list));
}
