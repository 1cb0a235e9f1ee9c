#include "snapshot/route_finder.h"

#include "base/limits.h"
#include "snapshot/route.h"
#include "snapshot/route_index.h"

_Static_assert(ROUTE_INDEX_ROUTES_MIN <= UINT8_MAX && ROUTE_INDEX_ROUTES_MIN * ROUTE_TEXT_CONDITIONS_MAX <= UINT16_MAX, "the counts of a finder hold them");

static bool has_index(const struct virtual_host *host) {
    return host->route_count > ROUTE_INDEX_ROUTES_MIN;
}

static struct match_condition *conditions_at(const struct route_finder *finder) {
    return (struct match_condition *)(uintptr_t)&finder->texts[finder->route_count];
}

static char *domain_at(const struct route_finder *finder) {
    return (char *)(conditions_at(finder) + finder->condition_count);
}

struct span route_finder_domain(const struct route_finder *finder) {
    return span_make(domain_at(finder), finder->domain_size);
}

static struct route_text text_of(const struct virtual_host *host, size_t number) {
    const struct weighted_cluster *destination = host->destinations == NULL ? NULL : &host->destinations[number];
    return route_text_of(&host->routes[number], destination);
}

/* --- Making --- */

size_t route_finder_size(const struct virtual_host *host) {
    size_t size = sizeof(struct route_finder) + host->domain.size;
    for (size_t i = 0; !has_index(host) && i < host->route_count; i++) {
        const struct route_match *match = &host->routes[i].match;
        struct route_text text = text_of(host, i);
        size += sizeof(text) + text.size;
        for (size_t condition = 0; condition < route_text_condition_count(text); condition++)
            size += sizeof(struct match_condition) + match->conditions[condition].name.size + match->conditions[condition].text.value.size;
    }
    return (size + alignof(struct route_finder) - 1) & ~(alignof(struct route_finder) - 1);
}

static struct span put_text(char **bytes, struct span text) {
    char *copy = *bytes;
    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    *bytes += text.size;
    return span_make(copy, text.size);
}

static void put_texts(struct route_finder *finder, char *bytes) {
    (void)put_text(&bytes, finder->host->domain);
    for (size_t i = 0; i < finder->route_count; i++)
        (void)put_text(&bytes, span_first(finder->routes[i].match.path, finder->texts[i].size));
    struct match_condition *condition = conditions_at(finder);
    for (size_t i = 0; i < finder->route_count; i++) {
        const struct route_match *match = &finder->routes[i].match;
        for (size_t number = 0; number < route_text_condition_count(finder->texts[i]); number++, condition++) {
            *condition = match->conditions[number];
            condition->name = put_text(&bytes, condition->name);
            condition->text.value = put_text(&bytes, condition->text.value);
        }
    }
}

void route_finder_init(struct route_finder *finder, struct arena *arena, const struct virtual_host *host) {
    *finder = (struct route_finder){.host = host,
                                    .routes = host->routes,
                                    .destinations = host->destinations,
                                    .domain_size = (uint32_t)host->domain.size,
                                    .require_tls = host->require_tls};
    if (has_index(host))
        finder->index = route_index_create(arena, host);
    else
        finder->route_count = (uint8_t)host->route_count;
    for (size_t i = 0; i < finder->route_count; i++) {
        finder->texts[i] = text_of(host, i);
        finder->texts[i].key = route_text_tail(host->routes[i].match.path, finder->texts[i].size);
        finder->condition_count += (uint16_t)route_text_condition_count(finder->texts[i]);
    }
    put_texts(finder, domain_at(finder));
}

/* --- Finding --- */

static struct route_found walk(const struct route_finder *finder, const struct request_view *request) {
    struct span path = request->path;
    const char *bytes = domain_at(finder) + finder->domain_size;
    const struct match_condition *conditions = conditions_at(finder);
    for (size_t i = 0; i < finder->route_count; i++) {
        struct route_text text = finder->texts[i];
        size_t condition_count = route_text_condition_count(text);
        bool holds;
        if (!route_text_decides(text, request))
            holds = route_match_holds(&finder->routes[i].match, request, NULL);
        else
            holds = route_text_fits(text, path.size) && route_text_tail(path, text.size) == text.key &&
                    route_text_begins(text, bytes, path) && match_conditions_hold(conditions, condition_count, request, NULL);
        if (holds)
            return (struct route_found){&finder->routes[i], (text.properties & ROUTE_TEXT_FORWARDS) != 0 ? &finder->destinations[i] : NULL};
        bytes += text.size;
        conditions += condition_count;
    }
    return (struct route_found){NULL, NULL};
}

struct route_found route_finder_match(const struct route_finder *finder, const struct message_head *request) {
    struct request_view view = request_view_of(request);
    return finder->index != NULL ? route_index_find(finder->index, &view) : walk(finder, &view);
}
