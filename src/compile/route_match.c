#include "compile/route_match.h"

#include "base/limits.h"

/* Up to so many are drafted without a place of their own. */
#define CONDITIONS_FEW 8

static void destroy_regex(void *regex) {
    regex_destroy(regex);
}

static void report_regex(struct compiler *compiler, const struct object_meta *meta, struct position position, const char *hint,
                         const char *reason, const char *consequence) {
    if (compiler_first_report(compiler, DIAGNOSTIC_ROUTE_REGEX, position, meta))
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_ROUTE_REGEX, position, meta, hint,
                        "the regular expression is not usable (%s): %s", reason, consequence);
}

const struct regex *regex_compile(struct compiler *compiler, const struct object_meta *meta, struct span pattern,
                                  struct position position, const char *consequence) {
    struct regex *regex = map_get(&compiler->regexes, pattern);
    if (regex != NULL)
        return regex;
    if (pattern.size > ROUTE_REGEX_BYTES_MAX) {
        report_regex(compiler, meta, position, "Istio allows 1024 bytes", "it is too long", consequence);
        return NULL;
    }
    char reason[REGEX_ERROR_BYTES_MAX];
    regex = regex_create(pattern, reason);
    if (regex == NULL) {
        report_regex(compiler, meta, position, "write it in RE2 syntax", reason, consequence);
        return NULL;
    }
    arena_on_destroy(compiler->arena, destroy_regex, regex);
    map_set(&compiler->regexes, pattern, regex);
    return regex;
}

/* What the parts of one match have in common. */
struct match_draft {
    struct compiler *compiler;
    const struct object_meta *meta;
    struct route_match match;
    bool failed;
};

static void compile_uri(struct match_draft *draft, const struct string_match *uri) {
    struct compiler *compiler = draft->compiler;
    struct route_match *match = &draft->match;
    switch (uri->kind) {
    case STRING_MATCH_NONE:
        /* Written, but empty: most likely a misspelt exact or prefix, which must not become a match of everything. */
        if (!position_is_known(uri->position))
            return;
        if (compiler_first_report(compiler, DIAGNOSTIC_ROUTE_MATCH, uri->position, draft->meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_ROUTE_MATCH, uri->position, draft->meta,
                            "write exact, prefix or regex, or leave uri out", "uri matches nothing: %s", ROUTE_IS_LEFT_OUT);
        draft->failed = true;
        return;
    case STRING_MATCH_EXACT:
        match->path_match = PATH_MATCH_EXACT;
        break;
    case STRING_MATCH_PREFIX:
        break;
    case STRING_MATCH_REGEX:
        match->path_match = span_equal(uri->value, SPAN_LITERAL(".*")) ? PATH_MATCH_ANY : PATH_MATCH_REGEX;
        if (match->path_match == PATH_MATCH_REGEX)
            match->regex = regex_compile(compiler, draft->meta, uri->value, uri->position, ROUTE_IS_LEFT_OUT);
        draft->failed |= match->path_match == PATH_MATCH_REGEX && match->regex == NULL;
        break;
    }
    match->path = match->path_match == PATH_MATCH_ANY ? SPAN_EMPTY : arena_copy(compiler->arena, uri->value);
}

bool text_match_compile(struct compiler *compiler, const struct object_meta *meta, const struct string_match *written,
                        const char *consequence, struct text_match *ret_text) {
    struct text_match text = {.kind = TEXT_MATCH_PRESENT, .value = arena_copy(compiler->arena, written->value)};
    switch (written->kind) {
    case STRING_MATCH_NONE:
        break;
    case STRING_MATCH_EXACT:
        text.kind = TEXT_MATCH_EXACT;
        break;
    case STRING_MATCH_PREFIX:
        text.kind = TEXT_MATCH_PREFIX;
        break;
    case STRING_MATCH_REGEX:
        /* No RE2, but what Istio takes for "it is there". */
        if (span_equal(written->value, SPAN_LITERAL("*")))
            break;
        text.kind = TEXT_MATCH_REGEX;
        text.regex = regex_compile(compiler, meta, written->value, written->position, consequence);
        if (text.regex == NULL)
            return false;
        break;
    }
    *ret_text = text;
    return true;
}

static void add_condition(struct match_draft *draft, struct match_condition condition, const struct string_match *written) {
    if (!position_is_known(written->position))
        return;
    if (text_match_compile(draft->compiler, draft->meta, written, ROUTE_IS_LEFT_OUT, &condition.text))
        draft->match.conditions[draft->match.condition_count++] = condition;
    else
        draft->failed = true;
}

static void add_named(struct match_draft *draft, enum match_subject subject, bool inverted, const struct named_match_list *list) {
    struct arena *arena = draft->compiler->arena;
    for (size_t i = 0; i < list->count; i++) {
        struct span name = list->items[i].name;
        name = subject == MATCH_HEADER ? arena_lower(arena, name) : arena_copy(arena, name);
        add_condition(draft, (struct match_condition){.subject = subject, .name = name, .inverted = inverted}, &list->items[i].match);
    }
}

bool route_match_compile(struct compiler *compiler, const struct object_meta *meta, const struct http_match *match,
                         struct route_match *ret_match) {
    struct match_draft draft = {.compiler = compiler, .meta = meta, .match = ROUTE_MATCH_EVERYTHING};
    for (const struct unsupported *item = match->unsupported.first; item != NULL; item = item->next) {
        if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_FIELD, item->position, meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_UNSUPPORTED_FIELD, item->position, meta, "",
                            "%.*s is not supported yet: %s", SPAN_ARGUMENTS(item->path), ROUTE_IS_LEFT_OUT);
        draft.failed = true;
    }
    /* Of a regular expression it says nothing. */
    draft.match.ignore_case = match->ignore_uri_case.value && (match->uri.kind == STRING_MATCH_EXACT || match->uri.kind == STRING_MATCH_PREFIX);
    compile_uri(&draft, &match->uri);
    size_t count_max = 3 + match->headers.count + match->without_headers.count + match->query_params.count;
    struct match_condition few[CONDITIONS_FEW];
    draft.match.conditions = count_max <= CONDITIONS_FEW ? few : arena_new_array(&compiler->scratch, struct match_condition, count_max);
    add_condition(&draft, (struct match_condition){.subject = MATCH_METHOD}, &match->method);
    add_condition(&draft, (struct match_condition){.subject = MATCH_SCHEME}, &match->scheme);
    add_condition(&draft, (struct match_condition){.subject = MATCH_AUTHORITY}, &match->authority);
    add_named(&draft, MATCH_HEADER, false, &match->headers);
    add_named(&draft, MATCH_HEADER, true, &match->without_headers);
    add_named(&draft, MATCH_QUERY_PARAMETER, false, &match->query_params);
    if (draft.failed)
        return false;
    *ret_match = draft.match;
    ret_match->conditions = arena_new_array(compiler->arena, struct match_condition, draft.match.condition_count);
    if (draft.match.condition_count > 0)
        memcpy(ret_match->conditions, draft.match.conditions, draft.match.condition_count * sizeof(draft.match.conditions[0]));
    return true;
}
