#include "compile/host_name.h"

#include "base/network_address.h"

void host_name_intersect(struct arena *arena, const struct span_list *a, const struct span_list *b,
                         struct span_list *ret_names) {
    struct span_list names = {0};
    for (size_t i = 0; i < a->count; i++) {
        for (size_t j = 0; j < b->count; j++) {
            struct span name;
            if (host_name_is_subset(a->items[i], b->items[j]))
                name = a->items[i];
            else if (host_name_is_subset(b->items[j], a->items[i]))
                name = b->items[j];
            else
                continue;
            if (!span_list_contains(&names, name))
                ARRAY_APPEND(arena, &names, name);
        }
    }
    *ret_names = names;
}

struct span host_name_resolve(struct arena *arena, struct span name, struct span namespace, struct span domain_suffix) {
    struct network_address address;
    size_t dot;
    if (name.size == 0 || host_name_is_wildcard(name) || span_find_byte(name, '.', &dot) ||
        network_address_parse(name, 0, &address))
        return name;
    return arena_print(arena, "%.*s.%.*s.svc.%.*s", SPAN_ARGUMENTS(name), SPAN_ARGUMENTS(namespace),
                       SPAN_ARGUMENTS(domain_suffix));
}

bool host_name_is_servable(struct span name) {
    if (name.size == 0)
        return false;
    struct span rest = host_name_is_wildcard(name) ? span_from(name, 1) : name;
    if (rest.size == 0)
        return true;
    size_t star;
    if (span_find_byte(rest, '*', &star))
        return false;
    return !host_name_is_wildcard(name) || (rest.data[0] == '.' && rest.size > 1);
}
