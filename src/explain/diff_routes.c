/* Requests that two virtual hosts could tell apart: for each path that a route of either mentions, every combination of what the routes that this
 * path can reach ask for. */
#include "base/limits.h"
#include "explain/diff_internal.h"
#include "explain/regex_sample.h"

struct text_list {
    struct span *items;
    size_t count, capacity;
};

/* What a request may hold in one place: a header, a query parameter, the method. values[0] is "nothing", or the default. */
struct dimension {
    enum match_subject subject;
    struct span name;
    struct text_list values;
};

struct variation {
    struct diff_state *state;
    const struct explain_request *base;
    const struct virtual_host *const *hosts;
    struct arena *arena; /* until these two hosts are done */
    struct text_list paths;
    struct dimension *dimensions;
    size_t dimension_count;
};

static void add_text(struct arena *arena, struct text_list *list, struct span text) {
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(list->items[i], text) && (list->items[i].data == NULL) == (text.data == NULL))
            return;
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 8 : 2 * list->capacity;
        struct span *grown = arena_new_array(arena, struct span, list->capacity);
        for (size_t i = 0; i < list->count; i++)
            grown[i] = list->items[i];
        list->items = grown;
    }
    list->items[list->count++] = text;
}

static void add_samples(struct variation *variation, struct text_list *list, struct span pattern, const struct regex *regex) {
    struct span text;
    bool found = false;
    for (unsigned i = 0; i < REGEX_SAMPLE_VARIANTS; i++) {
        if (!regex_sample(variation->arena, pattern, regex, i, &text))
            continue;
        found = true;
        add_text(variation->arena, list, text);
    }
    variation->state->incomplete |= !found;
}

/* --- Paths --- */

static struct span other_case(struct arena *arena, struct span text) {
    struct span copy = arena_copy(arena, text);
    char *bytes = (char *)(uintptr_t)copy.data;
    for (size_t i = 0; i < copy.size; i++)
        bytes[i] = byte_to_lower(bytes[i]) != bytes[i] ? byte_to_lower(bytes[i]) : bytes[i] >= 'a' && bytes[i] <= 'z' ? (char)(bytes[i] - 32) : bytes[i];
    return copy;
}

static void add_path(struct variation *variation, struct span path) {
    /* A path of a request begins with a slash, whatever a route asks for. */
    if (span_starts_with(path, SPAN_LITERAL("/")))
        add_text(variation->arena, &variation->paths, path);
}

static void add_paths_of(struct variation *variation, const struct route_match *match) {
    struct arena *arena = variation->arena;
    if (match->path_match == PATH_MATCH_REGEX) {
        size_t before = variation->paths.count;
        add_samples(variation, &variation->paths, match->path, match->regex);
        variation->state->incomplete |= variation->paths.count == before;
        return;
    }
    add_path(variation, match->path);
    add_path(variation, arena_print(arena, "%.*sx", SPAN_ARGUMENTS(match->path)));
    add_path(variation, arena_print(arena, "%.*s/x", SPAN_ARGUMENTS(match->path)));
    if (match->path.size > 1)
        add_path(variation, span_first(match->path, match->path.size - 1));
    add_path(variation, other_case(arena, match->path));
}

/* --- Everything else --- */

static struct dimension *dimension_for(struct variation *variation, size_t capacity, enum match_subject subject, struct span name) {
    for (size_t i = 0; i < variation->dimension_count; i++)
        if (variation->dimensions[i].subject == subject && span_equal(variation->dimensions[i].name, name))
            return &variation->dimensions[i];
    if (variation->dimension_count == capacity)
        return NULL;
    struct dimension *dimension = &variation->dimensions[variation->dimension_count++];
    *dimension = (struct dimension){.subject = subject, .name = name};
    add_text(variation->arena, &dimension->values, SPAN_EMPTY);
    return dimension;
}

static void add_values_of(struct variation *variation, const struct match_condition *condition) {
    struct arena *arena = variation->arena;
    struct dimension *dimension = dimension_for(variation, DIFF_DIMENSIONS_MAX, condition->subject, condition->name);
    if (dimension == NULL) {
        variation->state->incomplete = true;
        return;
    }
    struct span value = condition->text.value;
    switch (condition->text.kind) {
    case TEXT_MATCH_PRESENT: break;
    case TEXT_MATCH_EXACT: add_text(arena, &dimension->values, value); break;
    case TEXT_MATCH_PREFIX:
        add_text(arena, &dimension->values, value);
        add_text(arena, &dimension->values, arena_print(arena, "%.*sx", SPAN_ARGUMENTS(value)));
        break;
    case TEXT_MATCH_REGEX: add_samples(variation, &dimension->values, value, condition->text.regex); break;
    }
    /* Something that nobody asks for. */
    add_text(arena, &dimension->values, condition->subject == MATCH_METHOD ? SPAN_LITERAL("PATCH") : SPAN_LITERAL("other"));
}

static bool path_reaches(const struct route_match *match, struct span path) {
    struct route_match alone = *match;
    struct message_head head = {.path = path};
    struct request_view view = request_view_of(&head);
    view.path = path;
    alone.condition_count = 0;
    return route_match_holds(&alone, &view, NULL);
}

static void set_dimensions(struct variation *variation, struct span path) {
    variation->dimension_count = 0;
    for (int side = 0; side < 2; side++) {
        const struct virtual_host *host = variation->hosts[side];
        for (size_t i = 0; host != NULL && i < host->route_count; i++) {
            const struct route_match *match = &host->routes[i].match;
            if (match->condition_count == 0 && path_reaches(match, path))
                break; /* what comes behind is not reached by this path */
            if (!path_reaches(match, path))
                continue;
            for (size_t c = 0; c < match->condition_count; c++)
                add_values_of(variation, &match->conditions[c]);
        }
    }
}

/* --- Asking --- */

static void apply_value(struct arena *arena, struct explain_request *request, const struct dimension *dimension, struct span value) {
    struct span path = request->path;
    size_t question;
    if (value.data == NULL)
        return;
    switch (dimension->subject) {
    case MATCH_METHOD: request->method = value; break;
    case MATCH_HEADER:
        if (!span_starts_with(dimension->name, SPAN_LITERAL(":")) && !span_equal(dimension->name, SPAN_LITERAL("host")) &&
            request->header_count < EXPLAIN_HEADERS_MAX)
            request->headers[request->header_count++] = (struct explain_header){dimension->name, value};
        break;
    case MATCH_QUERY_PARAMETER:
        request->path = arena_print(arena, "%.*s%s%.*s=%.*s", SPAN_ARGUMENTS(path), span_find_byte(path, '?', &question) ? "&" : "?",
                                    SPAN_ARGUMENTS(dimension->name), SPAN_ARGUMENTS(value));
        break;
    case MATCH_AUTHORITY:
        /* Another spelling of the same host: with a port, say. */
        if (span_starts_with_ignore_case(value, request->host))
            request->authority = value;
        break;
    case MATCH_SCHEME: break; /* the entrance's */
    }
}

static void ask(struct variation *variation, struct span path, const size_t *places) {
    struct diff_state *state = variation->state;
    struct explain_request request = *variation->base;
    struct verdict verdicts[2];
    request.path = path;
    for (size_t i = 0; i < variation->dimension_count; i++)
        apply_value(&state->scratch, &request, &variation->dimensions[i], variation->dimensions[i].values.items[places[i]]);
    diff_ask(state, &request, verdicts);
    if (!diff_verdicts_equal(state, verdicts))
        diff_note_request(state, &request, verdicts);
    arena_reset(&state->scratch);
}

/* All combinations, as an odometer counts; past the ceiling each value alone. */
static void ask_combinations(struct variation *variation, struct span path) {
    size_t places[DIFF_DIMENSIONS_MAX] = {0}, product = 1;
    for (size_t i = 0; i < variation->dimension_count; i++)
        product = product > DIFF_COMBINATIONS_MAX ? product : product * variation->dimensions[i].values.count;
    if (product > DIFF_COMBINATIONS_MAX) {
        variation->state->incomplete = true;
        for (size_t i = 0; i < variation->dimension_count; i++, places[i - 1] = 0)
            for (places[i] = 0; places[i] < variation->dimensions[i].values.count; places[i]++)
                ask(variation, path, places);
        return;
    }
    for (size_t n = 0; n < product; n++) {
        ask(variation, path, places);
        for (size_t i = 0; i < variation->dimension_count; i++) {
            if (++places[i] < variation->dimensions[i].values.count)
                break;
            places[i] = 0;
        }
    }
}

void diff_virtual_hosts(struct diff_state *state, const struct explain_request *base, const struct virtual_host *const hosts[2]) {
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    struct variation variation = {.state = state, .base = base, .hosts = hosts, .arena = &arena};
    variation.dimensions = arena_new_array(&arena, struct dimension, DIFF_DIMENSIONS_MAX);
    add_path(&variation, SPAN_LITERAL("/"));
    add_path(&variation, SPAN_LITERAL("/fairlead-probe"));
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; hosts[side] != NULL && i < hosts[side]->route_count; i++) {
            if (variation.paths.count < DIFF_PATHS_MAX)
                add_paths_of(&variation, &hosts[side]->routes[i].match);
            else
                state->incomplete = true;
        }
    }
    for (size_t i = 0; i < variation.paths.count; i++) {
        set_dimensions(&variation, variation.paths.items[i]);
        ask_combinations(&variation, variation.paths.items[i]);
    }
    arena_deinit(&arena);
}
