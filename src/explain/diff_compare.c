/* One request, asked of both sides. */
#include <stdlib.h>

#include "base/assert.h"
#include "explain/diff_internal.h"
#include "proxy/rewrite.h"

/* Of a body that differs. */
#define BODY_BYTES_TOLD_MAX 60

void diff_ask(struct diff_state *state, const struct explain_request *request, struct verdict ret_verdicts[2]) {
    state->request_count++;
    for (int side = 0; side < 2; side++)
        verdict_find(state->sides[side].snapshot, NULL, request, &state->scratch, &ret_verdicts[side]);
}

struct span diff_cluster_content(const struct diff_side *side, const struct cluster *cluster) {
    const struct span *text = map_get(&side->contents, cluster->name);
    return text == NULL ? SPAN_EMPTY : *text;
}

/* --- Equal for a client, and for an upstream --- */

static bool clusters_equal(const struct diff_state *state, const struct weighted_cluster *a, const struct weighted_cluster *b) {
    if ((a->cluster == NULL) != (b->cluster == NULL))
        return false;
    if (a->cluster == NULL || span_equal(a->cluster_name, b->cluster_name))
        return true;
    return span_equal(diff_cluster_content(&state->sides[0], a->cluster), diff_cluster_content(&state->sides[1], b->cluster));
}

/* The same share of the requests for the same cluster, in any order. Headers of destinations are compared with the route's action. */
static bool destinations_equal(struct diff_state *state, const struct destinations *a, const struct destinations *b) {
    if (a == NULL || b == NULL || a->count != b->count)
        return a == b || (a != NULL && b != NULL && a->count == b->count);
    bool *taken = arena_new_array(&state->scratch, bool, b->count + 1);
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;
        for (size_t j = 0; j < b->count && !found; j++) {
            bool same_share = a->count == 1 || a->items[i].weight * b->weight_total == b->items[j].weight * a->weight_total;
            if (taken[j] || !same_share || !clusters_equal(state, &a->items[i], &b->items[j]))
                continue;
            taken[j] = found = true;
        }
        if (!found)
            return false;
    }
    return true;
}

static uint64_t divisor_of(uint64_t a, uint64_t b) {
    return b == 0 ? a : divisor_of(b, a % b);
}

static int compare_destinations(const void *left, const void *right) {
    const struct weighted_cluster *a = left, *b = right;
    int order = span_compare(a->cluster_name, b->cluster_name);
    return order != 0 ? order : (a->weight > b->weight) - (a->weight < b->weight);
}

/* The route with its destinations by name and their weights as small as they can be: 70 and 30 are 7 and 3. */
static const struct route *with_plain_destinations(struct diff_state *state, const struct route *route) {
    struct route *copy = arena_new(&state->scratch, struct route);
    struct destinations *plain = &copy->destinations;
    uint64_t divisor = 0;
    *copy = *route;
    plain->items = arena_new_array(&state->scratch, struct weighted_cluster, plain->count + 1);
    for (size_t i = 0; i < plain->count; i++) {
        plain->items[i] = route->destinations.items[i];
        divisor = divisor_of(plain->items[i].weight, divisor);
    }
    for (size_t i = 0; divisor > 0 && i < plain->count; i++)
        plain->items[i].weight /= (uint32_t)divisor;
    plain->weight_total /= divisor > 0 ? divisor : 1;
    if (plain->count > 1)
        qsort(plain->items, plain->count, sizeof(*plain->items), compare_destinations);
    return copy;
}

/* What a route does apart from its destinations; of several destinations with headers of their own those, too. */
static struct span treatment(struct diff_state *state, const struct verdict *verdict) {
    const struct route *route = verdict->decision.route;
    char *text = NULL;
    size_t size = 0;
    if (route == NULL)
        return SPAN_EMPTY;
    FILE *output = open_memstream(&text, &size);
    bool own_headers = false;
    for (size_t i = 0; i < route->destinations.count; i++)
        own_headers |= route->destinations.items[i].headers != NULL;
    if (own_headers)
        snapshot_dump_action(with_plain_destinations(state, route), output);
    else
        snapshot_dump_treatment(route, output);
    fclose(output);
    struct span copy = arena_copy(&state->scratch, span_make(text, size));
    free(text);
    return copy;
}

static bool edits_equal(struct diff_state *state, const struct verdict verdicts[2]) {
    struct message_head heads[2];
    for (int side = 0; side < 2; side++) {
        message_head_copy(verdicts[side].request, &state->scratch, &heads[side]);
        if (verdicts[side].decision.route->rewrite != NULL)
            rewrite_apply(verdicts[side].decision.route->rewrite, &heads[side], false);
    }
    return span_equal(heads[0].path, heads[1].path) && span_equal(heads[0].authority, heads[1].authority);
}

/* No destination is found where the input holds none at all: what counts then is the name that is written. */
static bool missing_destinations_equal(const struct diff_state *state, const struct verdict verdicts[2]) {
    const struct destinations *a = verdicts[0].destinations, *b = verdicts[1].destinations;
    bool lacking = state->sides[0].snapshot->background->lacks_services && state->sides[1].snapshot->background->lacks_services;
    if (!lacking || a == NULL || b == NULL)
        return true;
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = span_equal(a->items[i].cluster_name, b->items[i].cluster_name) && a->items[i].weight == b->items[i].weight;
    return equal;
}

static bool answers_equal(struct diff_state *state, const struct verdict verdicts[2]) {
    const struct local_reply *a = &verdicts[0].reply, *b = &verdicts[1].reply;
    return missing_destinations_equal(state, verdicts) && a->status == b->status && a->flags == b->flags && span_equal(a->location, b->location) && span_equal(a->body, b->body) &&
           span_equal(treatment(state, &verdicts[0]), treatment(state, &verdicts[1]));
}

bool diff_verdicts_equal(struct diff_state *state, const struct verdict verdicts[2]) {
    if (verdicts[0].kind != verdicts[1].kind)
        return strcmp(verdict_word(&verdicts[0]), verdict_word(&verdicts[1])) == 0 && strcmp(verdict_word(&verdicts[0]), "closed") == 0;
    switch (verdicts[0].kind) {
    case VERDICT_ANSWERED: return answers_equal(state, verdicts);
    case VERDICT_TUNNEL: return destinations_equal(state, verdicts[0].destinations, verdicts[1].destinations);
    case VERDICT_FORWARD:
        if (verdicts[0].destination == NULL)
            return true;
        return destinations_equal(state, verdicts[0].destinations, verdicts[1].destinations) && edits_equal(state, verdicts) &&
               span_equal(treatment(state, &verdicts[0]), treatment(state, &verdicts[1]));
    default: return true; /* closed or refused on both sides */
    }
}

/* --- Telling --- */

struct span diff_lines_only_in(struct diff_state *state, struct span text, struct span other) {
    struct span line, joined = SPAN_EMPTY;
    while (span_split(&text, '\n', &line)) {
        struct span rest = other, candidate;
        bool found = false;
        while (!found && span_split(&rest, '\n', &candidate))
            found = span_equal(line, candidate);
        if (!found)
            joined = arena_print(&state->arena, "%.*s%s%.*s", SPAN_ARGUMENTS(joined), joined.size > 0 ? "; " : "", SPAN_ARGUMENTS(span_trim(line)));
    }
    return joined;
}

static uint32_t place_of(const struct verdict *verdict) {
    if (verdict->decision.route != NULL)
        return verdict->decision.route->id;
    return verdict->chain == NULL ? 0 : verdict->chain->id;
}

static void tell_side(struct diff_state *state, int side, const struct explain_request *request, const struct verdict *verdict,
                      struct diff_item *item) {
    struct story story;
    struct telling telling = {&story, state->sides[side].snapshot, NULL, request, verdict, &state->scratch};
    story_init(&story, &state->scratch, state->sides[side].snapshot);
    tell_cause(&telling);
    struct span title = explain_request_title(&state->scratch, request);
    /* "GET https://...: what": the title is told already. */
    struct span what = arena_copy(&state->arena, span_from(story.headline, title.size + 2));
    bool served = verdict->kind == VERDICT_FORWARD || verdict->kind == VERDICT_TUNNEL || verdict->decision.route != NULL;
    if (!served && story.cause.size > 0)
        what = arena_print(&state->arena, "%.*s: %.*s", SPAN_ARGUMENTS(what), SPAN_ARGUMENTS(story.cause));
    *(side == 0 ? &item->before : &item->after) = what;
    *(side == 0 ? &item->before_id : &item->after_id) = served || story.cause_id == 0 ? place_of(verdict) : story.cause_id;
}

struct diff_item *diff_add(struct diff_state *state, enum diff_section section, struct span what) {
    struct diff_item *item = arena_new(&state->arena, struct diff_item);
    *item = (struct diff_item){.section = section, .what = arena_copy(&state->arena, what), .count = 1};
    if (state->last == NULL)
        state->first = item;
    else
        state->last->next = item;
    state->last = item;
    return item;
}

/* What the two routes do otherwise, where both do something. */
static void tell_treatment(struct diff_state *state, const struct verdict verdicts[2], struct diff_item *item) {
    if (verdicts[0].decision.route == NULL || verdicts[1].decision.route == NULL)
        return;
    struct span texts[] = {treatment(state, &verdicts[0]), treatment(state, &verdicts[1])};
    struct span before = diff_lines_only_in(state, texts[0], texts[1]), after = diff_lines_only_in(state, texts[1], texts[0]);
    if (before.size > 0)
        item->before = arena_print(&state->arena, "%.*s; %.*s", SPAN_ARGUMENTS(item->before), SPAN_ARGUMENTS(before));
    if (after.size > 0)
        item->after = arena_print(&state->arena, "%.*s; %.*s", SPAN_ARGUMENTS(item->after), SPAN_ARGUMENTS(after));
}

static void tell_more(struct diff_state *state, struct span *text, const struct verdict *verdict) {
    const struct destinations *destinations = verdict->destinations;
    if (verdict->kind == VERDICT_ANSWERED && destinations == NULL) {
        *text = arena_print(&state->arena, "%.*s with the %zu bytes \"%.*s\"", SPAN_ARGUMENTS(*text), verdict->reply.body.size,
                            SPAN_ARGUMENTS(span_first(verdict->reply.body, BODY_BYTES_TOLD_MAX)));
        return;
    }
    for (size_t i = 0; destinations != NULL && i < destinations->count; i++)
        *text = arena_print(&state->arena, "%.*s%s%.*s weight %u", SPAN_ARGUMENTS(*text), i == 0 ? ": " : ", ",
                            SPAN_ARGUMENTS(destinations->items[i].cluster_name), destinations->items[i].weight);
}

static struct explain_request *keep_request(struct arena *arena, const struct explain_request *request) {
    struct explain_request *kept = arena_new(arena, struct explain_request);
    *kept = *request;
    kept->authority = arena_copy(arena, request->authority);
    kept->host = arena_copy(arena, request->host);
    kept->path = arena_copy(arena, request->path);
    kept->method = arena_copy(arena, request->method);
    kept->sni = arena_copy(arena, request->sni);
    for (size_t i = 0; i < request->header_count; i++)
        kept->headers[i] = (struct explain_header){arena_copy(arena, request->headers[i].name), arena_copy(arena, request->headers[i].value)};
    return kept;
}

void diff_note_request(struct diff_state *state, const struct explain_request *request, const struct verdict verdicts[2]) {
    state->difference_count++;
    /* One example for each pair of ends that a name can come to. */
    struct span key = arena_print(&state->scratch, "%u %d %.*s %d %d %p %d %d %p", request->port, (int)request->scheme, SPAN_ARGUMENTS(request->host),
                                  (int)verdicts[0].kind, verdict_status(&verdicts[0]), (const void *)verdicts[0].decision.route,
                                  (int)verdicts[1].kind, verdict_status(&verdicts[1]), (const void *)verdicts[1].decision.route);
    struct diff_item *known = map_get(&state->groups, key);
    if (known != NULL) {
        known->count++;
        return;
    }
    struct explain_request *kept = keep_request(&state->arena, request);
    struct diff_item *item = diff_add(state, DIFF_REQUESTS, explain_request_title(&state->arena, kept));
    item->request = kept;
    for (int side = 0; side < 2; side++)
        tell_side(state, side, request, &verdicts[side], item);
    tell_treatment(state, verdicts, item);
    if (span_equal(item->before, item->after)) {
        tell_more(state, &item->before, &verdicts[0]);
        tell_more(state, &item->after, &verdicts[1]);
    }
    map_set(&state->groups, arena_copy(&state->arena, key), item);
}
