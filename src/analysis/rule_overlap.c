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

/* A match that is no repetition. */
struct seen_match {
    size_t order;
    uint64_t hash;
    const struct node *node;
    struct seen_match *next_of_hash;
    struct span rule, match;
    const struct http_match *http;
    struct seen_match *next_of_prefix; /* an earlier one of the same prefix */
};

struct search {
    struct arena *arena;
    rule_overlap_function *function;
    void *argument;
    struct map by_hash;   /* -> struct seen_match */
    size_t seen_count;
    struct map by_prefix; /* uri prefix -> struct seen_match, the latest first */
    size_t prefix_size_max;
    struct span default_rule; /* empty: none yet */
};

/* --- Equal matches: equal as JSON, names and order aside --- */

/* Written or left out, it means the same. */
static bool is_default(const struct node *node) {
    bool flag;
    return node_is_null(node) || (node->kind == NODE_SCALAR && node->scalar.size == 0) || (node_as_bool(node, &flag) && !flag);
}

/* A name is no condition of the match. */
static bool counts(const struct node_field *field, bool is_match) {
    return !(is_match && span_equal(field->key, SPAN_LITERAL("name"))) && !is_default(field->value);
}

static uint64_t hash_pair(uint64_t first, uint64_t second) {
    uint64_t parts[] = {first, second};
    return span_hash(span_make(parts, sizeof(parts)));
}

/* Equal for equal nodes, whatever the order of their fields. The depth is bounded by the parser's ceiling. */
static uint64_t hash_node(const struct node *node, bool is_match) {
    uint64_t hash = node->kind;
    if (node->kind == NODE_SCALAR)
        return span_hash(node->scalar);
    for (uint32_t i = 0; node->kind == NODE_SEQUENCE && i < node->count; i++)
        hash = hash_pair(hash, hash_node(node->items[i], false));
    for (uint32_t i = 0; node->kind == NODE_MAPPING && i < node->count; i++)
        if (counts(&node->fields[i], is_match))
            hash += hash_pair(span_hash(node->fields[i].key), hash_node(node->fields[i].value, false));
    return hash;
}

static bool equal_nodes(const struct node *a, const struct node *b, bool are_matches);

/* Every field of `a` is in `b`. */
static bool holds_fields(const struct node *a, const struct node *b, bool are_matches) {
    for (uint32_t i = 0; i < a->count; i++) {
        const struct node *other = node_get(b, a->fields[i].key);
        if (counts(&a->fields[i], are_matches) && (other == NULL || !equal_nodes(a->fields[i].value, other, false)))
            return false;
    }
    return true;
}

static bool equal_nodes(const struct node *a, const struct node *b, bool are_matches) {
    if (a->kind != b->kind)
        return false;
    if (a->kind == NODE_MAPPING)
        return holds_fields(a, b, are_matches) && holds_fields(b, a, are_matches);
    if (a->kind == NODE_SCALAR)
        return span_equal(a->scalar, b->scalar);
    bool equal = a->count == b->count;
    for (uint32_t i = 0; equal && a->kind == NODE_SEQUENCE && i < a->count; i++)
        equal = equal_nodes(a->items[i], b->items[i], false);
    return equal;
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
        for (; earlier != NULL; earlier = earlier->next_of_prefix) {
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
    match->next_of_prefix = map_get(&search->by_prefix, prefix);
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
    struct span title = title_of(search->arena, name, index);
    uint64_t hash = hash_node(node, true);
    struct seen_match *same_hash = map_get(&search->by_hash, span_make(&hash, sizeof(hash)));
    for (const struct seen_match *earlier = same_hash; earlier != NULL; earlier = earlier->next_of_hash) {
        if (!equal_nodes(earlier->node, node, true))
            continue;
        report(search, RULE_OVERLAP_REPEATED, node->position, rule, title, earlier->rule, earlier->match);
        return NULL;
    }
    struct seen_match *match = arena_new(search->arena, struct seen_match);
    *match = (struct seen_match){.order = search->seen_count++, .hash = hash, .node = node, .next_of_hash = same_hash, .rule = rule->title,
                                 .match = title, .http = rule->http == NULL ? NULL : &rule->http[index]};
    map_set(&search->by_hash, span_make(&match->hash, sizeof(match->hash)), match);
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
    struct seen_match **matches = arena_new_array(search->arena, struct seen_match *, search->seen_count + 1);
    size_t count = 0;
    struct map_entry entry;
    for (size_t cursor = 0; map_next(&search->by_prefix, &cursor, &entry);)
        for (struct seen_match *match = entry.value; match != NULL; match = match->next_of_prefix)
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
    map_deinit(&search->by_hash);
    map_deinit(&search->by_prefix);
    map_init(&search->by_hash);
    map_init(&search->by_prefix);
    search->seen_count = 0;
    search->default_rule = SPAN_EMPTY;
}

void rule_overlap_find(const struct virtual_service *service, struct arena *arena, rule_overlap_function *function, void *argument) {
    struct search search = {.arena = arena, .function = function, .argument = argument};
    map_init(&search.by_hash);
    map_init(&search.by_prefix);
    search_http(&search, service);
    search_restart(&search);
    search_l4(&search, service->tls, service->tls_count);
    search_restart(&search);
    search_l4(&search, service->tcp, service->tcp_count);
    map_deinit(&search.by_hash);
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
