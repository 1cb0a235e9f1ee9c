/* The matches of a delegate's rule within those of the rule that delegates to it. */
#include "compile/delegates.h"

static bool is_written(const struct string_match *match) {
    return position_is_known(match->position);
}

static bool says(const struct string_match *match, enum string_match_kind kind) {
    return match->kind == kind && match->value.size > 0;
}

/* Istio's stringMatchConflict: the delegate's condition must be one that implies the root's. */
static bool strings_conflict(const struct string_match *root, const struct string_match *delegate) {
    if (!is_written(root) || !is_written(delegate))
        return false;
    if (says(root, STRING_MATCH_EXACT))
        return delegate->kind != STRING_MATCH_EXACT || !span_equal(root->value, delegate->value);
    if (says(root, STRING_MATCH_PREFIX) && (says(delegate, STRING_MATCH_PREFIX) || says(delegate, STRING_MATCH_EXACT)))
        return !span_starts_with(delegate->value, root->value);
    return true;
}

static const struct named_match *find_named(const struct named_match_list *list, struct span name) {
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(list->items[i].name, name))
            return &list->items[i];
    return NULL;
}

static bool named_conflict(const struct named_match_list *root, const struct named_match_list *delegate) {
    for (size_t i = 0; i < delegate->count; i++) {
        const struct named_match *other = find_named(root, delegate->items[i].name);
        if (other != NULL && strings_conflict(&other->match, &delegate->items[i].match))
            return true;
    }
    return false;
}

static bool labels_conflict(const struct label_set *root, const struct label_set *delegate) {
    struct span value;
    for (size_t i = 0; i < delegate->count; i++)
        if (label_set_get(root, delegate->items[i].key, &value) && !span_equal(value, delegate->items[i].value))
            return true;
    return false;
}

static bool gateways_conflict(const struct located_list *root, const struct located_list *delegate) {
    if (root->count == 0 || delegate->count == 0)
        return false;
    for (size_t i = 0; i < delegate->count; i++) {
        bool found = false;
        for (size_t j = 0; j < root->count && !found; j++)
            found = span_equal(root->items[j].text, delegate->items[i].text);
        if (!found)
            return true;
    }
    return root->count < delegate->count;
}

static bool matches_conflict(const struct http_match *root, const struct http_match *delegate) {
    return strings_conflict(&root->uri, &delegate->uri) || strings_conflict(&root->scheme, &delegate->scheme) ||
           strings_conflict(&root->method, &delegate->method) || strings_conflict(&root->authority, &delegate->authority) ||
           named_conflict(&root->headers, &delegate->headers) || named_conflict(&root->without_headers, &delegate->without_headers) ||
           named_conflict(&root->query_params, &delegate->query_params) ||
           root->ignore_uri_case.value != delegate->ignore_uri_case.value ||
           (root->port.value > 0 && delegate->port.value > 0 && root->port.value != delegate->port.value) ||
           (root->source_namespace.text.size > 0 && !span_equal(root->source_namespace.text, delegate->source_namespace.text)) ||
           labels_conflict(&root->source_labels, &delegate->source_labels) || gateways_conflict(&root->gateways, &delegate->gateways);
}

/* What both name is as the delegate has it. */
static struct named_match_list named_merge(struct arena *arena, const struct named_match_list *root, const struct named_match_list *delegate) {
    struct named_match_list merged = {.items = arena_new_array(arena, struct named_match, root->count + delegate->count)};
    for (size_t i = 0; i < root->count; i++)
        if (find_named(delegate, root->items[i].name) == NULL)
            merged.items[merged.count++] = root->items[i];
    for (size_t i = 0; i < delegate->count; i++)
        merged.items[merged.count++] = delegate->items[i];
    return merged;
}

static struct label_set labels_merge(struct arena *arena, const struct label_set *root, const struct label_set *delegate) {
    struct label_set merged = {.items = arena_new_array(arena, struct label, root->count + delegate->count)};
    struct span value;
    for (size_t i = 0; i < root->count; i++)
        if (!label_set_get(delegate, root->items[i].key, &value))
            merged.items[merged.count++] = root->items[i];
    for (size_t i = 0; i < delegate->count; i++)
        merged.items[merged.count++] = delegate->items[i];
    return merged;
}

static void append_unsupported(struct arena *arena, struct unsupported_list *list, const struct unsupported_list *added) {
    for (const struct unsupported *item = added->first; item != NULL; item = item->next) {
        struct unsupported *copy = arena_new(arena, struct unsupported);
        *copy = *item;
        copy->next = NULL;
        if (list->last == NULL)
            list->first = copy;
        else
            list->last->next = copy;
        list->last = copy;
        list->count++;
    }
}

static struct unsupported_list join_unsupported(struct arena *arena, const struct unsupported_list *first,
                                                const struct unsupported_list *second) {
    struct unsupported_list joined = {0};
    append_unsupported(arena, &joined, first);
    append_unsupported(arena, &joined, second);
    return joined;
}

static struct string_match written_or(const struct string_match *delegate, const struct string_match *root) {
    return is_written(delegate) ? *delegate : *root;
}

static struct http_match match_merge(struct arena *arena, const struct http_match *root, const struct http_match *delegate) {
    struct http_match merged = *delegate;
    merged.name = delegate_names_join(arena, &root->name, &delegate->name);
    merged.uri = written_or(&delegate->uri, &root->uri);
    merged.scheme = written_or(&delegate->scheme, &root->scheme);
    merged.method = written_or(&delegate->method, &root->method);
    merged.authority = written_or(&delegate->authority, &root->authority);
    merged.headers = named_merge(arena, &root->headers, &delegate->headers);
    merged.without_headers = named_merge(arena, &root->without_headers, &delegate->without_headers);
    merged.query_params = named_merge(arena, &root->query_params, &delegate->query_params);
    merged.port = delegate->port.value != 0 ? delegate->port : root->port;
    merged.source_labels = labels_merge(arena, &root->source_labels, &delegate->source_labels);
    if (delegate->gateways.count == 0)
        merged.gateways = root->gateways;
    merged.unsupported = join_unsupported(arena, &root->unsupported, &delegate->unsupported);
    return merged;
}

bool delegate_matches_merge(struct arena *arena, const struct http_route *root, const struct http_route *delegate,
                            struct http_match **ret_matches, size_t *ret_count) {
    if (root->match_count == 0 || delegate->match_count == 0) {
        const struct http_route *only = root->match_count == 0 ? delegate : root;
        *ret_matches = only->matches;
        *ret_count = only->match_count;
        return true;
    }
    ARRAY_OF(struct http_match) merged = {0};
    for (size_t i = 0; i < delegate->match_count; i++) {
        size_t before = merged.count;
        for (size_t j = 0; j < root->match_count; j++)
            if (!matches_conflict(&root->matches[j], &delegate->matches[i]))
                ARRAY_APPEND(arena, &merged, match_merge(arena, &root->matches[j], &delegate->matches[i]));
        if (merged.count == before)
            return false;
    }
    *ret_matches = merged.items;
    *ret_count = merged.count;
    return true;
}
