#include "analysis/rule_overlap.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/map.h"
#include "text/document.h"

/* What the three protocols have in common. */
struct rule {
    struct span title;
    struct position position;
    const struct node *matches;     /* the list as written; NULL: none */
    const struct http_match *http;  /* as many; NULL: another protocol */
};

/* A match that is no repetition, by its encoding or by its prefix. */
struct seen_match {
    size_t order;
    struct span rule, match;
    const struct http_match *http;
    struct seen_match *next; /* an earlier one of the same prefix */
};

struct search {
    struct arena *arena;
    rule_overlap_function *function;
    void *argument;
    struct map by_text;   /* encoding of a match -> struct seen_match */
    struct map by_prefix; /* uri prefix -> struct seen_match, the latest first */
    size_t prefix_size_max;
    struct span default_rule; /* empty: none yet */
};

/* --- The encoding of a match: equal for what is equal as JSON, names and order aside --- */

/* Measures first (data is NULL), then writes. */
struct writer {
    struct arena *arena;
    char *data;
    size_t size;
};

static void write_bytes(struct writer *writer, struct span text) {
    if (writer->data != NULL && text.size > 0)
        memcpy(writer->data + writer->size, text.data, text.size);
    writer->size += text.size;
}

static void write_counted(struct writer *writer, char kind, struct span text) {
    uint64_t size = text.size;
    write_bytes(writer, span_make(&kind, 1));
    write_bytes(writer, span_make(&size, sizeof(size)));
    write_bytes(writer, text);
}

/* Written or left out, it means the same. */
static bool is_default(const struct node *node) {
    bool flag;
    return node_is_null(node) || (node_as_bool(node, &flag) && !flag) || (node->kind == NODE_SCALAR && node->scalar.size == 0);
}

static int compare_fields(const void *left, const void *right) {
    return span_compare(((const struct node_field *)left)->key, ((const struct node_field *)right)->key);
}

static void write_node(struct writer *writer, const struct node *node, struct span left_out);

static void write_mapping(struct writer *writer, const struct node *node, struct span left_out) {
    struct node_field *fields = arena_new_array(writer->arena, struct node_field, node->count + 1);
    size_t count = 0;
    for (uint32_t i = 0; i < node->count; i++)
        if (!span_equal(node->fields[i].key, left_out) && !is_default(node->fields[i].value))
            fields[count++] = node->fields[i];
    qsort(fields, count, sizeof(fields[0]), compare_fields);
    write_counted(writer, '{', SPAN_EMPTY);
    for (size_t i = 0; i < count; i++) {
        write_counted(writer, 'k', fields[i].key);
        write_node(writer, fields[i].value, SPAN_EMPTY);
    }
    write_counted(writer, '}', SPAN_EMPTY);
}

/* The depth is bounded by the parser's ceiling. */
static void write_node(struct writer *writer, const struct node *node, struct span left_out) {
    switch (node->kind) {
    case NODE_NULL: write_counted(writer, 'n', SPAN_EMPTY); break;
    case NODE_SCALAR: write_counted(writer, 's', node->scalar); break;
    case NODE_MAPPING: write_mapping(writer, node, left_out); break;
    case NODE_SEQUENCE:
        write_counted(writer, '[', SPAN_EMPTY);
        for (uint32_t i = 0; i < node->count; i++)
            write_node(writer, node->items[i], SPAN_EMPTY);
        write_counted(writer, ']', SPAN_EMPTY);
        break;
    }
}

static struct span encode(struct arena *arena, const struct node *node) {
    struct writer writer = {.arena = arena};
    write_node(&writer, node, SPAN_LITERAL("name"));
    writer = (struct writer){.arena = arena, .data = arena_allocate_aligned(arena, writer.size + 1, 1)};
    write_node(&writer, node, SPAN_LITERAL("name"));
    return span_make(writer.data, writer.size);
}

/* --- Prefixes within prefixes --- */

/* Istio's text of a condition: a regular expression and an absent condition are empty. */
static struct span condition_text(struct arena *arena, const struct string_match *match) {
    switch (match->kind) {
    case STRING_MATCH_EXACT: return arena_print(arena, "exact:%.*s", SPAN_ARGUMENTS(match->value));
    case STRING_MATCH_PREFIX: return arena_print(arena, "prefix:%.*s", SPAN_ARGUMENTS(match->value));
    case STRING_MATCH_NONE:
    case STRING_MATCH_REGEX: break;
    }
    return SPAN_EMPTY;
}

static bool condition_covers(struct arena *arena, const struct string_match *earlier, const struct string_match *later) {
    return span_starts_with(condition_text(arena, earlier), condition_text(arena, later));
}

static bool method_covers(struct arena *arena, const struct string_match *earlier, const struct string_match *later) {
    static const struct string_match get = {.kind = STRING_MATCH_EXACT, .value = {"GET", 3}};
    return condition_covers(arena, earlier->kind == STRING_MATCH_NONE ? &get : earlier, later->kind == STRING_MATCH_NONE ? &get : later);
}

static bool named_covers(struct arena *arena, const struct named_match_list *earlier, const struct named_match_list *later) {
    bool covers = earlier->count == later->count;
    for (size_t i = 0; covers && i < later->count; i++) {
        const struct named_match *other = NULL;
        for (size_t j = 0; other == NULL && j < earlier->count; j++)
            if (span_equal(earlier->items[j].name, later->items[i].name))
                other = &earlier->items[j];
        covers = other != NULL && condition_covers(arena, &other->match, &later->items[i].match);
    }
    return covers;
}

static bool match_covers(struct arena *arena, const struct http_match *earlier, const struct http_match *later) {
    return earlier->port.value == later->port.value && method_covers(arena, &earlier->method, &later->method) &&
           condition_covers(arena, &earlier->authority, &later->authority) && named_covers(arena, &earlier->headers, &later->headers) &&
           named_covers(arena, &earlier->query_params, &later->query_params) &&
           named_covers(arena, &earlier->without_headers, &later->without_headers);
}

static void report_prefixes(struct search *search, const struct seen_match *later) {
    struct span prefix = later->http->uri.value;
    for (size_t size = 0; size < prefix.size && size <= search->prefix_size_max; size++) {
        const struct seen_match *earlier = map_get(&search->by_prefix, span_first(prefix, size));
        for (; earlier != NULL; earlier = earlier->next) {
            if (earlier->order > later->order || !match_covers(search->arena, earlier->http, later->http))
                continue;
            struct rule_overlap overlap = {.kind = RULE_OVERLAP_PREFIX, .position = later->http->position, .rule = later->rule,
                                           .match = later->match, .earlier_rule = earlier->rule, .earlier_match = earlier->match,
                                           .prefix = prefix, .earlier_prefix = earlier->http->uri.value};
            search->function(search->argument, &overlap);
        }
    }
}

static void add_prefix(struct search *search, struct seen_match *match) {
    struct span prefix = match->http->uri.value;
    match->next = map_get(&search->by_prefix, prefix);
    map_set(&search->by_prefix, prefix, match);
    search->prefix_size_max = prefix.size > search->prefix_size_max ? prefix.size : search->prefix_size_max;
}

/* --- Rules --- */

static struct span title_of(struct arena *arena, struct span name, size_t index) {
    return name.size == 0 ? arena_print(arena, "#%zu", index) : arena_print(arena, "\"%.*s\"", SPAN_ARGUMENTS(name));
}

static void report(const struct search *search, enum rule_overlap_kind kind, struct position position, const struct rule *rule,
                   struct span match, struct span earlier_rule, struct span earlier_match) {
    struct rule_overlap overlap = {.kind = kind, .position = position, .rule = rule->title, .match = match,
                                   .earlier_rule = earlier_rule, .earlier_match = earlier_match};
    search->function(search->argument, &overlap);
}

/* NULL: it repeats an earlier one, and that is said. */
static struct seen_match *see_match(struct search *search, const struct rule *rule, size_t index) {
    const struct node *node = rule->matches->items[index];
    struct span name = SPAN_EMPTY;
    const struct node *written_name = rule->http == NULL ? NULL : node_get_present(node, "name");
    if (written_name != NULL && written_name->kind == NODE_SCALAR)
        name = written_name->scalar;
    struct span title = title_of(search->arena, name, index), text = encode(search->arena, node);
    const struct seen_match *earlier = map_get(&search->by_text, text);
    if (earlier != NULL) {
        report(search, RULE_OVERLAP_REPEATED, node->position, rule, title, earlier->rule, earlier->match);
        return NULL;
    }
    struct seen_match *match = arena_new(search->arena, struct seen_match);
    *match = (struct seen_match){.order = search->by_text.count, .rule = rule->title, .match = title,
                                 .http = rule->http == NULL ? NULL : &rule->http[index]};
    map_set(&search->by_text, text, match);
    return match;
}

static void search_rule(struct search *search, const struct rule *rule) {
    size_t count = rule->matches == NULL ? 0 : rule->matches->count, repeated = 0;
    if (count == 0 && search->default_rule.size > 0)
        report(search, RULE_OVERLAP_SECOND_DEFAULT, rule->position, rule, SPAN_EMPTY, search->default_rule, SPAN_EMPTY);
    for (size_t i = 0; i < count; i++) {
        if (search->default_rule.size > 0)
            report(search, RULE_OVERLAP_BEHIND_DEFAULT, rule->matches->items[i]->position, rule, SPAN_EMPTY, search->default_rule,
                   SPAN_EMPTY);
        struct seen_match *match = see_match(search, rule, i);
        repeated += match == NULL;
        if (match != NULL && match->http != NULL && match->http->uri.kind == STRING_MATCH_PREFIX)
            add_prefix(search, match);
    }
    if (count > 0 && repeated == count)
        report(search, RULE_OVERLAP_ALL_REPEATED, rule->position, rule, SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY);
    if (count == 0)
        search->default_rule = rule->title;
}

static int compare_seen(const void *left, const void *right) {
    size_t a = (*(struct seen_match *const *)left)->order, b = (*(struct seen_match *const *)right)->order;
    return a < b ? -1 : a > b;
}

/* By the order written, whatever the map's is. */
static void search_prefixes(struct search *search) {
    struct seen_match **matches = arena_new_array(search->arena, struct seen_match *, search->by_text.count + 1);
    size_t count = 0;
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&search->by_prefix, &cursor, &entry);)
        for (struct seen_match *match = entry.value; match != NULL; match = match->next)
            matches[count++] = match;
    qsort(matches, count, sizeof(matches[0]), compare_seen);
    for (size_t i = 0; i < count; i++)
        report_prefixes(search, matches[i]);
}

/* A rule that was broken beyond reading has no node. */
static struct rule rule_make(struct arena *arena, struct span name, size_t index, const struct node *node, struct position position) {
    const struct node *matches = node_get_present(node, "match");
    return (struct rule){.title = title_of(arena, name, index), .position = position, .matches = node_is_sequence(matches) ? matches : NULL};
}

static void search_http(struct search *search, const struct virtual_service *service) {
    for (size_t i = 0; i < service->http_count; i++) {
        const struct http_route *route = &service->http[i];
        struct rule rule = rule_make(search->arena, route->name.text, i, route->node, route->position);
        rule.http = route->matches;
        if (route->node != NULL)
            search_rule(search, &rule);
    }
    search_prefixes(search);
}

static void search_l4(struct search *search, const struct l4_route *routes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct rule rule = rule_make(search->arena, SPAN_EMPTY, i, routes[i].node, routes[i].position);
        if (routes[i].node != NULL)
            search_rule(search, &rule);
    }
}

static void search_restart(struct search *search) {
    map_deinit(&search->by_text);
    map_deinit(&search->by_prefix);
    map_init(&search->by_text);
    map_init(&search->by_prefix);
    search->default_rule = SPAN_EMPTY;
}

void rule_overlap_find(const struct virtual_service *service, struct arena *arena, rule_overlap_function *function, void *argument) {
    struct search search = {.arena = arena, .function = function, .argument = argument};
    map_init(&search.by_text);
    map_init(&search.by_prefix);
    search_http(&search, service);
    search_restart(&search);
    search_l4(&search, service->tls, service->tls_count);
    search_restart(&search);
    search_l4(&search, service->tcp, service->tcp_count);
    map_deinit(&search.by_text);
    map_deinit(&search.by_prefix);
}

bool rule_overlap_is_unreachable(const struct rule_overlap *overlap) {
    return overlap->kind == RULE_OVERLAP_SECOND_DEFAULT || overlap->kind == RULE_OVERLAP_BEHIND_DEFAULT ||
           overlap->kind == RULE_OVERLAP_ALL_REPEATED;
}

struct span rule_overlap_print(struct arena *arena, const struct rule_overlap *overlap) {
    switch (overlap->kind) {
    case RULE_OVERLAP_SECOND_DEFAULT:
        return arena_print(arena, "rule %.*s is never used: only the last rule can have no matches", SPAN_ARGUMENTS(overlap->rule));
    case RULE_OVERLAP_BEHIND_DEFAULT:
        return arena_print(arena, "rule %.*s is never used: rule %.*s before it takes everything, for it has no matches",
                           SPAN_ARGUMENTS(overlap->rule), SPAN_ARGUMENTS(overlap->earlier_rule));
    case RULE_OVERLAP_ALL_REPEATED:
        return arena_print(arena, "rule %.*s is never used: earlier rules have all of its matches", SPAN_ARGUMENTS(overlap->rule));
    case RULE_OVERLAP_REPEATED:
        return arena_print(arena, "match %.*s of rule %.*s is never used: rule %.*s has it as match %.*s", SPAN_ARGUMENTS(overlap->match),
                           SPAN_ARGUMENTS(overlap->rule), SPAN_ARGUMENTS(overlap->earlier_rule), SPAN_ARGUMENTS(overlap->earlier_match));
    case RULE_OVERLAP_PREFIX:
        return arena_print(arena, "match %.*s of rule %.*s is never used: its prefix %.*s starts with prefix %.*s of match %.*s of rule %.*s",
                           SPAN_ARGUMENTS(overlap->match), SPAN_ARGUMENTS(overlap->rule), SPAN_ARGUMENTS(overlap->prefix),
                           SPAN_ARGUMENTS(overlap->earlier_prefix), SPAN_ARGUMENTS(overlap->earlier_match),
                           SPAN_ARGUMENTS(overlap->earlier_rule));
    }
    UNREACHABLE();
}
