#include "snapshot/host_index.h"

void host_index_init(struct host_index *index) {
    map_init(&index->exact);
    map_init(&index->wildcards);
    index->any = NULL;
}

void host_index_deinit(struct host_index *index) {
    map_deinit(&index->exact);
    map_deinit(&index->wildcards);
    index->any = NULL;
}

void host_index_copy(struct host_index *ret_index, const struct host_index *index) {
    map_copy(&ret_index->exact, &index->exact);
    map_copy(&ret_index->wildcards, &index->wildcards);
    ret_index->any = index->any;
}

static void replace_in(struct map *map, const void *former, void *object) {
    for (size_t i = 0; i < map->capacity; i++)
        if (map->places[i].value == former)
            map->places[i].value = object;
}

void host_index_replace(struct host_index *index, const void *former, void *object) {
    replace_in(&index->exact, former, object);
    replace_in(&index->wildcards, former, object);
    if (index->any == former)
        index->any = object;
}

static bool name_is_any(struct span name) {
    return name.size == 1 && name.data[0] == '*';
}

static bool name_is_wildcard(struct span name) {
    return name.size > 1 && name.data[0] == '*';
}

void *host_index_get(const struct host_index *index, struct span name) {
    if (name_is_any(name))
        return index->any;
    if (name_is_wildcard(name))
        return map_get(&index->wildcards, span_from(name, 1));
    return map_get(&index->exact, name);
}

bool host_index_add(struct host_index *index, struct span name, void *object) {
    if (host_index_get(index, name) != NULL)
        return false;
    if (name_is_any(name))
        index->any = object;
    else if (name_is_wildcard(name))
        map_set(&index->wildcards, span_from(name, 1), object);
    else
        map_set(&index->exact, name, object);
    return true;
}

void *host_index_find(const struct host_index *index, struct span host) {
    if (host.size == 0)
        return index->any;
    void *found = map_get(&index->exact, host);
    if (found != NULL)
        return found;
    if (index->wildcards.count > 0) {
        for (size_t start = 1; start < host.size; start++) {
            if (host.data[start] != '.' && host.data[start] != '-')
                continue;
            found = map_get(&index->wildcards, span_from(host, start));
            if (found != NULL)
                return found;
        }
    }
    return index->any;
}
