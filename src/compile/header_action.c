/* headers of a route and of its destinations -> rules that the data plane applies. */
#include <stdarg.h>
#include <stdio.h>

#include "compile/route_action.h"
#include "wire/authority.h"
#include "wire/header.h"

struct header_draft {
    struct compiler *compiler;
    const struct object_meta *meta;
    bool request;
    bool usable;
    struct span authority_set;
};

static void PRINTF_LIKE(4, 5)
    report(struct header_draft *draft, enum diagnostic_severity severity, struct position position, const char *format, ...) {
    struct compiler *compiler = draft->compiler;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    enum diagnostic_code code = severity == DIAGNOSTIC_ERROR ? DIAGNOSTIC_ROUTE_ACTION : DIAGNOSTIC_ROUTE_HEADER;
    if (severity == DIAGNOSTIC_ERROR)
        draft->usable = false;
    if (compiler_first_report(compiler, code, position, draft->meta))
        compiler_report(compiler, severity, code, position, draft->meta, "", "%s", text);
}

/* What the framing of messages and the life of connections hang on belongs to the engine. */
static bool is_engine_header(struct span name) {
    enum header_token token = header_token_of(name);
    return (header_token_properties(token) & HEADER_PROPERTY_HOP_BY_HOP) != 0 || token == HEADER_CONTENT_LENGTH;
}

static bool name_is_authority(struct span name) {
    return span_equal(name, SPAN_LITERAL("host")) || span_equal(name, SPAN_LITERAL(":authority"));
}

/* False: this one is not a field to write. */
static bool check_name(struct header_draft *draft, struct span name, struct position position) {
    if (name.size == 0 || !header_name_is_valid(name)) {
        report(draft, DIAGNOSTIC_ERROR, position, "'%.*s' is no name of a header that can be written; requests are answered 503",
               SPAN_ARGUMENTS(span_excerpt(name, 80)));
        return false;
    }
    if (is_engine_header(name)) {
        report(draft, DIAGNOSTIC_WARNING, position, "the gateway itself decides about %.*s: it is ignored here", SPAN_ARGUMENTS(name));
        return false;
    }
    return true;
}

static void take_authority(struct header_draft *draft, const struct label *item, struct span *ret_authority) {
    struct authority parts;
    if (!draft->request)
        report(draft, DIAGNOSTIC_ERROR, item->position, "a response has no %.*s; requests are answered 503", SPAN_ARGUMENTS(item->key));
    else if (!authority_parse(item->value, &parts) || parts.host.size == 0)
        report(draft, DIAGNOSTIC_ERROR, item->position, "'%.*s' is no host; requests are answered 503",
               SPAN_ARGUMENTS(span_excerpt(item->value, 80)));
    else
        *ret_authority = arena_copy(draft->compiler->arena, item->value);
}

static void add_assignment(struct header_draft *draft, const struct label *item, struct span name, struct header_assignment *items,
                           size_t *count) {
    struct access_log_format_error error = {{0}};
    struct header_assignment *target = &items[*count];
    struct span value = span_trim(item->value);
    target->name = name;
    if (!header_value_is_valid(value))
        report(draft, DIAGNOSTIC_ERROR, item->position, "the value holds a control character; requests are answered 503");
    else if (!access_log_value_parse(draft->compiler->arena, value, &target->value, &error))
        report(draft, DIAGNOSTIC_ERROR, item->position, "%s; requests are answered 503", error.text);
    else
        (*count)++;
    if (access_log_value_names_upstream_tls(&target->value))
        draft->compiler->snapshot->settings.names_upstream_tls = true;
}

static int compare_labels(const void *left, const void *right) {
    const struct label *a = left;
    const struct label *b = right;
    return span_compare(a->key, b->key);
}

/* Appends, sorted by name within this set. */
static void add_set(struct header_draft *draft, const struct label_set *written, struct span *ret_authority, struct header_assignment *items,
                    size_t *count) {
    struct compiler *compiler = draft->compiler;
    if (written->count == 0)
        return;
    struct label *sorted = arena_new_array(&compiler->scratch, struct label, written->count);
    for (size_t i = 0; i < written->count; i++) {
        sorted[i] = written->items[i];
        sorted[i].key = arena_lower(compiler->arena, sorted[i].key);
    }
    array_sort(sorted, written->count, sizeof(*sorted), compare_labels);
    for (size_t i = 0; i < written->count; i++) {
        if (name_is_authority(sorted[i].key))
            take_authority(draft, &sorted[i], ret_authority);
        else if (check_name(draft, sorted[i].key, sorted[i].position))
            add_assignment(draft, &sorted[i], sorted[i].key, items, count);
    }
}

static void add_removals(struct header_draft *draft, const struct located_list *written, struct header_rules *rules) {
    for (size_t i = 0; i < written->count; i++) {
        const struct located *item = &written->items[i];
        struct span name = arena_lower(draft->compiler->arena, item->text);
        if (name_is_authority(name) || span_starts_with(name, SPAN_LITERAL(":")))
            report(draft, DIAGNOSTIC_WARNING, item->position, "%.*s cannot be removed: it is ignored here", SPAN_ARGUMENTS(span_excerpt(name, 80)));
        else if (check_name(draft, name, item->position))
            rules->remove[rules->remove_count++] = name;
    }
}

static const struct header_operations *operations_of(const struct header_draft *draft, const struct http_headers *headers) {
    return draft->request ? &headers->request : &headers->response;
}

static void compile_rules(struct header_draft *draft, const struct http_headers *const *written, size_t count, struct header_rules *rules) {
    struct arena *arena = draft->compiler->arena;
    size_t set = 0, add = 0, remove = 0;
    for (size_t i = 0; i < count; i++) {
        const struct header_operations *operations = operations_of(draft, written[i]);
        set += operations->set.count;
        add += operations->add.count;
        remove += operations->remove.count;
    }
    rules->set = arena_new_array(arena, struct header_assignment, set);
    rules->add = arena_new_array(arena, struct header_assignment, add);
    rules->remove = arena_new_array(arena, struct span, remove);
    for (size_t i = 0; i < count; i++) {
        const struct header_operations *operations = operations_of(draft, written[i]);
        struct span authority_set = SPAN_EMPTY;
        struct span authority_add = SPAN_EMPTY;
        add_set(draft, &operations->set, &authority_set, rules->set, &rules->set_count);
        add_set(draft, &operations->add, &authority_add, rules->add, &rules->add_count);
        add_removals(draft, &operations->remove, rules);
        /* The outer level, which comes first, beats the inner one. */
        if (draft->authority_set.size == 0)
            draft->authority_set = authority_set.size > 0 ? authority_set : authority_add;
    }
}

bool header_action_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_headers *const *written,
                           size_t count, const struct header_action **ret_action) {
    struct header_draft draft = {.compiler = compiler, .meta = meta, .request = true, .usable = true};
    struct header_action *action = arena_new(compiler->arena, struct header_action);
    compile_rules(&draft, written, count, &action->request);
    action->authority = draft.authority_set;
    draft.request = false;
    compile_rules(&draft, written, count, &action->response);
    const struct header_rules *request = &action->request;
    const struct header_rules *response = &action->response;
    bool is_empty = action->authority.size + request->set_count + request->add_count + request->remove_count + response->set_count +
                        response->add_count + response->remove_count == 0;
    *ret_action = is_empty ? NULL : action;
    return draft.usable;
}
