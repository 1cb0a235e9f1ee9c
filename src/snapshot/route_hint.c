#include "snapshot/route_hint.h"

#include "snapshot/route.h"

/* The last bytes of the text's first `size`, up to 8. */
static uint64_t tail_of(struct span text, size_t size) {
    uint64_t tail = 0;
    size_t count = size < sizeof(tail) ? size : sizeof(tail);
    if (count == sizeof(tail))
        memcpy(&tail, text.data + size - sizeof(tail), sizeof(tail));
    else if (count > 0)
        memcpy(&tail, text.data, count);
    return tail;
}

/* Case, and the path "*", which goes where the prefix "/" goes, are left to the judge. */
static struct route_hint hint_of(const struct route_match *match) {
    struct span text = match->path;
    bool has_text = match->path_match == PATH_MATCH_EXACT || match->path_match == PATH_MATCH_PREFIX;
    if (!has_text || match->ignore_case || text.size > UINT32_MAX || span_equal(text, SPAN_LITERAL("/")))
        return (struct route_hint){.kind = PATH_MATCH_ANY};
    return (struct route_hint){.tail = tail_of(text, text.size), .size = (uint32_t)text.size, .kind = match->path_match};
}

struct route_hint *route_hints_create(struct arena *arena, const struct route *routes, size_t count) {
    struct route_hint *hints = arena_new_array(arena, struct route_hint, count);
    for (size_t i = 0; i < count; i++)
        hints[i] = hint_of(&routes[i].match);
    return hints;
}

static bool may_hold(const struct route_hint *hint, struct span path) {
    if (hint->kind == PATH_MATCH_ANY)
        return true;
    bool fits = hint->kind == PATH_MATCH_EXACT ? path.size == hint->size : path.size >= hint->size;
    return fits && tail_of(path, hint->size) == hint->tail;
}

const struct route *route_hints_find(const struct route_hint *hints, const struct route *routes, size_t count,
                                     const struct request_view *request) {
    for (size_t i = 0; i < count; i++)
        if (may_hold(&hints[i], request->path) && route_match_holds(&routes[i].match, request, NULL))
            return &routes[i];
    return NULL;
}
