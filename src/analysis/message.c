#include "analysis/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/limits.h"

/* A message has room for two lists of names. */
#define MESSAGE_NAMES_BYTES_MAX 700

#define SUPPRESS_ANNOTATION SPAN_LITERAL("galley.istio.io/analyze-suppress")

enum diagnostic_severity message_code_level(enum message_code code) {
    switch (code) {
#define MESSAGE_CODE_CASE(name, number, level) \
    case name:                                 \
        return level;
        MESSAGE_CODES(MESSAGE_CODE_CASE)
#undef MESSAGE_CODE_CASE
    }
    UNREACHABLE();
}

static bool is_suppressed_by_object(const struct object_meta *meta, struct span code) {
    struct span rest, part;
    if (!label_set_get(&meta->annotations, SUPPRESS_ANNOTATION, &rest))
        return false;
    while (span_split(&rest, ',', &part)) {
        part = span_trim(part);
        if (span_equal(part, SPAN_LITERAL("*")) || span_equal(part, code))
            return true;
    }
    return false;
}

/* Kubernetes' own namespaces are not the mesh's business. */
static bool is_system(const struct object_meta *meta) {
    struct span namespace = meta->resource_kind == RESOURCE_NAMESPACE ? meta->name : meta->namespace;
    static const char *const namespaces[] = {"kube-system", "kube-public", "kube-node-lease", "local-path-storage"};
    for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
        if (span_equal(namespace, span_of(namespaces[i])))
            return true;
    return false;
}

static bool is_full(struct message_list *list, enum message_code code) {
    bool full = list->counts[code] == ANALYSIS_MESSAGES_MAX;
    list->counts[code] += !full;
    list->dropped_count += full;
    return full;
}

bool message_names_are_full(const struct message_names *names) {
    return names->text.size > MESSAGE_NAMES_BYTES_MAX;
}

void message_names_add(struct message_names *names, struct arena *arena, const char *separator, struct span name) {
    if (message_names_are_full(names))
        names->omitted++;
    else
        names->text = arena_print(arena, "%.*s%s%.*s", SPAN_ARGUMENTS(names->text), names->count == 0 ? "" : separator, SPAN_ARGUMENTS(name));
    names->count++;
}

struct span message_names_print(const struct message_names *names, struct arena *arena) {
    return names->omitted == 0 ? names->text : arena_print(arena, "%.*s and %zu more", SPAN_ARGUMENTS(names->text), names->omitted);
}

void message_add(struct message_list *list, enum message_code code, const struct object_meta *meta, struct position position,
                 const char *format, ...) {
    char text[2048];
    va_list arguments;
    struct span name = arena_print(list->arena, "IST%04d", (int)code);
    if (is_system(meta) || is_suppressed_by_object(meta, name) || is_full(list, code))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    struct message message = {
        .code = name,
        .level = message_code_level(code),
        .origin = meta->title,
        .namespace = meta->namespace,
        .position = position_is_known(position) ? position : meta->position,
        .text = arena_copy(list->arena, span_of(text)),
    };
    ARRAY_APPEND(list->arena, list, message);
}

void message_add_diagnostic(struct message_list *list, const struct diagnostic *diagnostic, const struct object_meta *meta) {
    struct span code = arena_print(list->arena, "FL%04d", (int)diagnostic->code);
    const char *open = diagnostic->hint.size > 0 ? " (" : "";
    const char *close = diagnostic->hint.size > 0 ? ")" : "";
    if (meta != NULL && (is_system(meta) || is_suppressed_by_object(meta, code)))
        return;
    struct message message = {
        .code = code,
        .level = diagnostic->severity,
        .origin = diagnostic->resource,
        .namespace = meta == NULL ? SPAN_EMPTY : meta->namespace,
        .position = diagnostic->position,
        .text = arena_print(list->arena, "%.*s%s%.*s%s", SPAN_ARGUMENTS(diagnostic->message), open, SPAN_ARGUMENTS(diagnostic->hint), close),
    };
    ARRAY_APPEND(list->arena, list, message);
}

/* --- What is not wanted --- */

bool message_code_is_known(struct span code) {
    static const int own[] = {
#define DIAGNOSTIC_CODE_NUMBER(name, number, summary) number,
        DIAGNOSTIC_CODES(DIAGNOSTIC_CODE_NUMBER)
#undef DIAGNOSTIC_CODE_NUMBER
    };
    static const int istios[] = {
#define MESSAGE_CODE_NUMBER(name, number, level) number,
        MESSAGE_CODES(MESSAGE_CODE_NUMBER)
#undef MESSAGE_CODE_NUMBER
    };
    bool is_own = span_starts_with(code, SPAN_LITERAL("FL")), is_istios = span_starts_with(code, SPAN_LITERAL("IST"));
    uint64_t number;
    if ((!is_own && !is_istios) || code.size != (is_own ? 6 : 7) || !span_to_u64(span_from(code, code.size - 4), &number))
        return false;
    for (size_t i = 0; i < (is_own ? ARRAY_SIZE(own) : ARRAY_SIZE(istios)); i++)
        if (number == (uint64_t)(is_own ? own : istios)[i])
            return true;
    return false;
}

bool message_suppression_parse(struct span text, struct message_suppression *ret_suppression) {
    size_t equal;
    if (!span_find_byte(text, '=', &equal))
        return false;
    *ret_suppression = (struct message_suppression){span_first(text, equal), span_from(text, equal + 1)};
    return true;
}

static bool glob_matches(struct span glob, struct span text) {
    struct span rest = glob, part;
    size_t at = 0;
    bool is_first = true;
    while (span_split(&rest, '*', &part)) {
        bool is_last = rest.data == NULL;
        struct span left = span_from(text, at);
        if (is_first && is_last)
            return span_equal(part, text);
        if (is_last)
            return left.size >= part.size && span_ends_with(left, part);
        for (; !span_starts_with(left, part); left = span_from(text, at))
            if (is_first || ++at > text.size)
                return false;
        at += part.size;
        is_first = false;
    }
    return text.size == 0;
}

static bool is_suppressed(const struct message *message, const struct message_suppression *suppressions, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (span_equal(suppressions[i].code, message->code) && glob_matches(suppressions[i].glob, message->origin))
            return true;
    return false;
}

void message_list_filter(struct message_list *list, const struct message_suppression *suppressions, size_t suppression_count,
                         struct span namespace) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct message *message = &list->items[i];
        bool is_elsewhere = namespace.size > 0 && message->namespace.size > 0 && !span_equal(namespace, message->namespace);
        if (!is_elsewhere && !is_suppressed(message, suppressions, suppression_count))
            list->items[kept++] = *message;
    }
    list->count = kept;
}

/* --- Order --- */

static int compare_positions(struct position a, struct position b) {
    if ((a.file == NULL) != (b.file == NULL))
        return a.file == NULL ? -1 : 1;
    int order = a.file == NULL ? 0 : strcmp(a.file, b.file);
    return order != 0 ? order : (a.line > b.line) - (a.line < b.line);
}

/* "Kind namespace/name" by kind, name, then namespace. */
static int compare_origins(struct span a, struct span b) {
    struct span names[2][3];
    const struct span origins[2] = {a, b};
    for (size_t i = 0; i < 2; i++) {
        size_t space = 0, slash;
        struct span kind = span_find_byte(origins[i], ' ', &space) ? span_first(origins[i], space) : origins[i];
        struct span name = span_from(origins[i], kind.size);
        bool has_namespace = span_find_byte(name, '/', &slash);
        names[i][0] = kind;
        names[i][1] = has_namespace ? span_from(name, slash + 1) : name;
        names[i][2] = has_namespace ? span_first(name, slash) : SPAN_EMPTY;
    }
    for (size_t i = 0; i < 3; i++) {
        int order = span_compare(names[0][i], names[1][i]);
        if (order != 0)
            return order;
    }
    return 0;
}

static int compare(const void *left, const void *right) {
    const struct message *a = left;
    const struct message *b = right;
    if (a->level != b->level)
        return a->level > b->level ? -1 : 1;
    int order = span_compare(a->code, b->code);
    if (order == 0)
        order = compare_origins(a->origin, b->origin);
    if (order == 0)
        order = compare_positions(a->position, b->position);
    return order != 0 ? order : span_compare(a->text, b->text);
}

void message_list_sort(struct message_list *list) {
    size_t kept = 0;
    array_sort(list->items, list->count, sizeof(*list->items), compare);
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || compare(&list->items[kept - 1], &list->items[i]) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}
