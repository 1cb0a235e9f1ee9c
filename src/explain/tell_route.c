/* From a request to its virtual host and route. */
#include "base/assert.h"
#include "base/clock.h"
#include "explain/tell.h"

struct span tell_duration(struct arena *arena, uint64_t duration_ns) {
    if (duration_ns % SECONDS(1) == 0)
        return arena_print(arena, "%llus", (unsigned long long)(duration_ns / SECONDS(1)));
    return arena_print(arena, "%llums", (unsigned long long)(duration_ns / MILLISECONDS(1)));
}

/* --- Predicates in words --- */

static struct span subject_text(struct arena *arena, const struct match_condition *condition) {
    switch (condition->subject) {
    case MATCH_SCHEME: return SPAN_LITERAL("scheme");
    case MATCH_METHOD: return SPAN_LITERAL("method");
    case MATCH_AUTHORITY: return SPAN_LITERAL("authority");
    case MATCH_HEADER: return arena_print(arena, "header %.*s", SPAN_ARGUMENTS(condition->name));
    case MATCH_QUERY_PARAMETER: return arena_print(arena, "query parameter %.*s", SPAN_ARGUMENTS(condition->name));
    }
    UNREACHABLE();
}

static struct span text_match_text(struct arena *arena, const struct text_match *match) {
    switch (match->kind) {
    case TEXT_MATCH_PRESENT: return SPAN_LITERAL("present");
    case TEXT_MATCH_EXACT: return arena_print(arena, "\"%.*s\"", SPAN_ARGUMENTS(match->value));
    case TEXT_MATCH_PREFIX: return arena_print(arena, "prefix \"%.*s\"", SPAN_ARGUMENTS(match->value));
    case TEXT_MATCH_REGEX: return arena_print(arena, "regex \"%.*s\"", SPAN_ARGUMENTS(match->value));
    }
    UNREACHABLE();
}

static struct span path_text(struct arena *arena, const struct route_match *match) {
    static const char *const kinds[] = {"any path", "path", "prefix", "regex"};
    if (match->path_match == PATH_MATCH_ANY)
        return SPAN_LITERAL("any path");
    return arena_print(arena, "%s \"%.*s\"%s", kinds[match->path_match], SPAN_ARGUMENTS(match->path), match->ignore_case ? " in any case" : "");
}

struct span tell_match(struct arena *arena, const struct route_match *match) {
    struct span text = path_text(arena, match);
    for (size_t i = 0; i < match->condition_count; i++) {
        const struct match_condition *condition = &match->conditions[i];
        struct span subject = subject_text(arena, condition), value = text_match_text(arena, &condition->text);
        text = arena_print(arena, "%.*s, %s%.*s %.*s", SPAN_ARGUMENTS(text), condition->inverted ? "unless " : "", SPAN_ARGUMENTS(subject),
                           SPAN_ARGUMENTS(value));
    }
    return text;
}

struct span tell_match_failure(struct arena *arena, const struct route_match *match, const struct match_trace *trace) {
    if (trace->condition == NULL) {
        static const char *const verbs[] = {"", "is not", "does not begin with", "does not match the whole regex"};
        return arena_print(arena, "path \"%.*s\" %s \"%.*s\"", SPAN_ARGUMENTS(trace->text), verbs[match->path_match],
                           SPAN_ARGUMENTS(match->path));
    }
    const struct match_condition *condition = trace->condition;
    struct span subject = subject_text(arena, condition), value = text_match_text(arena, &condition->text);
    if (!trace->found && condition->inverted)
        return arena_print(arena, "%.*s is missing, which counts as empty, but must not be %.*s", SPAN_ARGUMENTS(subject), SPAN_ARGUMENTS(value));
    if (!trace->found)
        return arena_print(arena, "%.*s is missing, wanted %.*s", SPAN_ARGUMENTS(subject), SPAN_ARGUMENTS(value));
    return arena_print(arena, "%.*s is \"%.*s\", %s %.*s", SPAN_ARGUMENTS(subject), SPAN_ARGUMENTS(trace->text),
                       condition->inverted ? "but must not be" : "wanted", SPAN_ARGUMENTS(value));
}

/* --- Virtual host --- */

static const struct route_table *table_of(const struct verdict *verdict) {
    const struct filter_chain *chain = verdict->decision.coalesced ? verdict->owner : verdict->chain;
    return chain->routes;
}

/* As many as a person reads. */
#define HOSTS_TOLD_MAX 30

static void tell_other_hosts(const struct telling *telling, const struct route_table *table) {
    for (size_t i = 0; i < table->virtual_host_count && i < HOSTS_TOLD_MAX; i++)
        story_add(telling->story, STORY_HOST, STORY_REJECTED, table->virtual_hosts[i]->route_count > 0 ? table->virtual_hosts[i]->routes[0].id : 0,
                  "\"%.*s\" is another", SPAN_ARGUMENTS(table->virtual_hosts[i]->domain));
    if (table->virtual_host_count > HOSTS_TOLD_MAX)
        story_add(telling->story, STORY_HOST, STORY_REJECTED, 0, "and %zu more", table->virtual_host_count - HOSTS_TOLD_MAX);
    if (table->virtual_host_count == 0)
        story_add(telling->story, STORY_HOST, STORY_REJECTED, 0, "no VirtualService is bound to this port");
}

static void walk_hosts(const struct telling *telling, const struct route_table *table, struct span host) {
    const struct virtual_host *best = NULL;
    size_t best_rank = 0;
    for (size_t i = 0; i < table->virtual_host_count; i++) {
        const struct virtual_host *candidate = table->virtual_hosts[i];
        bool any = span_equal(candidate->domain, SPAN_LITERAL("*"));
        size_t rank = span_equal(candidate->domain, host) ? SIZE_MAX : candidate->domain.size;
        if ((host.size == 0 && !any) || !tell_name_covers(candidate->domain, host) || rank <= best_rank)
            continue;
        best = candidate;
        best_rank = rank;
    }
    if (best != telling->verdict->decision.virtual_host)
        story_disagree(telling->story, "the walk over the virtual hosts ends at \"%.*s\", the index at \"%.*s\"",
                       SPAN_ARGUMENTS(best == NULL ? SPAN_LITERAL("none") : best->domain),
                       SPAN_ARGUMENTS(telling->verdict->decision.virtual_host == NULL ? SPAN_LITERAL("none")
                                                                                      : telling->verdict->decision.virtual_host->domain));
}

void tell_host(const struct telling *telling) {
    const struct verdict *verdict = telling->verdict;
    const struct decision *decision = &verdict->decision;
    struct story *story = telling->story;
    if (!verdict->routed)
        return;
    struct span host = verdict->request->host;
    const struct route_table *table = table_of(verdict);
    if (decision->coalesced)
        story_add(story, STORY_HOST, STORY_CHOSEN, verdict->owner->id, "\"%.*s\" is a name of %.*s, for which the certificate shown is good, too",
                  SPAN_ARGUMENTS(host), SPAN_ARGUMENTS(verdict->owner->name));
    story_add(story, STORY_HOST, STORY_PLAIN, verdict->chain->id, "host \"%.*s\" in route table %.*s", SPAN_ARGUMENTS(host), SPAN_ARGUMENTS(table->name));
    walk_hosts(telling, table, host);
    if (decision->virtual_host == NULL) {
        tell_other_hosts(telling, table);
        return;
    }
    const struct virtual_host *virtual_host = decision->virtual_host;
    story_add(story, STORY_HOST, STORY_CHOSEN, virtual_host->route_count > 0 ? virtual_host->routes[0].id : 0, "virtual host \"%.*s\", %zu route%s",
              SPAN_ARGUMENTS(virtual_host->domain), virtual_host->route_count, virtual_host->route_count == 1 ? "" : "s");
    if (virtual_host->require_tls)
        story_add(story, STORY_HOST, decision->kind == DECISION_REDIRECT_TLS ? STORY_REJECTED : STORY_PLAIN, verdict->chain->id,
                  "httpsRedirect: the host is served over TLS only, everything else gets a redirect");
}

/* --- Routes --- */

/* As many as a person reads. */
#define ROUTES_TOLD_MAX 200

void tell_routes(const struct telling *telling) {
    const struct decision *decision = &telling->verdict->decision;
    const struct virtual_host *host = decision->virtual_host;
    struct story *story = telling->story;
    const struct route *found = NULL;
    size_t untold = 0;
    if (host == NULL || decision->kind == DECISION_REDIRECT_TLS)
        return;
    struct request_view view = request_view_of(telling->verdict->request);
    for (size_t i = 0; i < host->route_count && found == NULL; i++) {
        const struct route *route = &host->routes[i];
        struct match_trace trace;
        if (route_match_holds(&route->match, &view, &trace)) {
            found = route;
        } else if (i < ROUTES_TOLD_MAX) {
            struct span why = tell_match_failure(telling->arena, &route->match, &trace);
            story_add(story, STORY_ROUTE, STORY_REJECTED, route->id, "%zu. %.*s%s%.*s", i + 1, SPAN_ARGUMENTS(route->name),
                      route->name.size > 0 ? ": " : "", SPAN_ARGUMENTS(why));
        } else {
            untold++;
        }
    }
    if (untold > 0)
        story_add(story, STORY_ROUTE, STORY_REJECTED, 0, "and %zu more, which do not match either", untold);
    if (found != NULL) {
        struct span match = tell_match(telling->arena, &found->match);
        story_add(story, STORY_ROUTE, STORY_CHOSEN, found->id, "%zu. %.*s%s%.*s: matches", (size_t)(found - host->routes) + 1,
                  SPAN_ARGUMENTS(found->name), found->name.size > 0 ? ": " : "", SPAN_ARGUMENTS(match));
    } else {
        story_add(story, STORY_ROUTE, STORY_REJECTED, 0, "no route matches, and no other virtual host is asked");
    }
    if (found != decision->route)
        story_disagree(story, "the walk over the routes of \"%.*s\" ends at %td, the index at %td", SPAN_ARGUMENTS(host->domain),
                       found == NULL ? -1 : found - host->routes, decision->route == NULL ? -1 : decision->route - host->routes);
}
