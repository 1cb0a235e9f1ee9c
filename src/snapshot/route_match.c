#include "snapshot/route_match.h"

#include "base/assert.h"
#include "wire/path.h"

struct request_view request_view_of(const struct message_head *head) {
    struct span path = path_without_query(head->path);
    return (struct request_view){head, path, span_from(head->path, path.size + 1), span_equal(path, SPAN_LITERAL("*"))};
}

static bool path_holds(const struct route_match *match, const struct request_view *request) {
    struct span path = request->path;
    switch (match->path_match) {
    case PATH_MATCH_ANY:
        return true;
    case PATH_MATCH_EXACT:
        return match->ignore_case ? span_equal_ignore_case(path, match->path) : span_equal(path, match->path);
    case PATH_MATCH_PREFIX:
        if (request->is_asterisk)
            return span_equal(match->path, SPAN_LITERAL("/"));
        return match->ignore_case ? span_starts_with_ignore_case(path, match->path)
                                  : span_starts_with(path, match->path);
    case PATH_MATCH_REGEX:
        return regex_full_match(match->regex, path);
    }
    UNREACHABLE();
}

bool text_match_holds(const struct text_match *match, struct span text) {
    switch (match->kind) {
    case TEXT_MATCH_PRESENT:
        return true;
    case TEXT_MATCH_EXACT:
        return span_equal(text, match->value);
    case TEXT_MATCH_PREFIX:
        return span_starts_with(text, match->value);
    case TEXT_MATCH_REGEX:
        return regex_full_match(match->regex, text);
    }
    UNREACHABLE();
}

static bool find_header(const struct message_head *head, struct span name, struct span *ret_value) {
    const struct {
        struct span name;
        struct span value;
    } parts[] = {
        {SPAN_LITERAL("host"), head->authority},   {SPAN_LITERAL(":authority"), head->authority},
        {SPAN_LITERAL(":method"), head->method},   {SPAN_LITERAL(":path"), head->path},
        {SPAN_LITERAL(":scheme"), head->scheme},
    };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (!span_equal(name, parts[i].name))
            continue;
        *ret_value = parts[i].value;
        return parts[i].value.size > 0;
    }
    return message_head_join(head, head->arena, name, ret_value);
}

static bool find_query_parameter(struct span query, struct span name, struct span *ret_value) {
    struct span rest = query, part;
    while (span_split(&rest, '&', &part)) {
        size_t equals = part.size;
        bool has_value = span_find_byte(part, '=', &equals);
        if (!span_equal(has_value ? span_first(part, equals) : part, name))
            continue;
        *ret_value = has_value ? span_from(part, equals + 1) : SPAN_EMPTY;
        return true;
    }
    return false;
}

static bool find_subject(const struct match_condition *condition, const struct request_view *request, struct span *ret_text) {
    switch (condition->subject) {
    case MATCH_SCHEME:
        *ret_text = request->head->scheme;
        return true;
    case MATCH_METHOD:
        *ret_text = request->head->method;
        return true;
    case MATCH_AUTHORITY:
        *ret_text = request->head->authority;
        return true;
    case MATCH_HEADER:
        return find_header(request->head, condition->name, ret_text);
    case MATCH_QUERY_PARAMETER:
        return find_query_parameter(request->query, condition->name, ret_text);
    }
    UNREACHABLE();
}

static bool condition_holds(const struct match_condition *condition, const struct request_view *request, struct match_trace *ret_trace) {
    struct span text = SPAN_EMPTY;
    bool found = find_subject(condition, request, &text), holds;
    if (condition->text.kind == TEXT_MATCH_PRESENT)
        holds = found != condition->inverted;
    else if (!found && !condition->inverted)
        holds = false;
    else
        holds = text_match_holds(&condition->text, text) != condition->inverted;
    if (!holds && ret_trace != NULL)
        *ret_trace = (struct match_trace){condition, text, found};
    return holds;
}

bool match_conditions_hold(const struct match_condition *conditions, size_t count, const struct request_view *request,
                           struct match_trace *ret_trace) {
    for (size_t i = 0; i < count; i++)
        if (!condition_holds(&conditions[i], request, ret_trace))
            return false;
    return true;
}

bool route_match_holds(const struct route_match *match, const struct request_view *request, struct match_trace *ret_trace) {
    if (path_holds(match, request))
        return match_conditions_hold(match->conditions, match->condition_count, request, ret_trace);
    if (ret_trace != NULL)
        *ret_trace = (struct match_trace){NULL, request->path, true};
    return false;
}

bool route_match_is_catch_all(const struct route_match *match) {
    if (match->condition_count > 0)
        return false;
    switch (match->path_match) {
    case PATH_MATCH_ANY:
        return true;
    case PATH_MATCH_PREFIX:
        return span_equal(match->path, SPAN_LITERAL("/"));
    case PATH_MATCH_EXACT:
    case PATH_MATCH_REGEX:
        return false;
    }
    UNREACHABLE();
}
