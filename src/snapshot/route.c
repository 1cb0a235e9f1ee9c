#include "snapshot/route.h"

#include "base/assert.h"

const struct virtual_host *route_table_find(const struct route_table *table, struct span host) {
    return host_index_find(&table->hosts, host);
}

bool route_match_holds(const struct route_match *match, struct span path) {
    switch (match->path_match) {
    case PATH_MATCH_ANY:
        return true;
    case PATH_MATCH_EXACT:
        return match->ignore_case ? span_equal_ignore_case(path, match->path) : span_equal(path, match->path);
    case PATH_MATCH_PREFIX:
        /* The asterisk form (OPTIONS, RFC 9112 section 3.2.4) is about the whole server, so it goes where everything goes. */
        if (span_equal(path, SPAN_LITERAL("*")))
            return span_equal(match->path, SPAN_LITERAL("/"));
        return match->ignore_case ? span_starts_with_ignore_case(path, match->path)
                                  : span_starts_with(path, match->path);
    }
    UNREACHABLE();
}

const struct route *virtual_host_match(const struct virtual_host *host, struct span path) {
    for (size_t i = 0; i < host->route_count; i++)
        if (route_match_holds(&host->routes[i].match, path))
            return &host->routes[i];
    return NULL;
}
