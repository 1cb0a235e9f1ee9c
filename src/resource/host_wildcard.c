#include "resource/host_wildcard.h"

bool host_name_is_wildcard(struct span name) {
    return name.size > 0 && name.data[0] == '*';
}

bool host_name_is_subset(struct span narrow, struct span wide) {
    if (!host_name_is_wildcard(wide))
        return span_equal(narrow, wide);
    struct span suffix = span_from(wide, 1);
    if (!host_name_is_wildcard(narrow))
        return span_ends_with(narrow, suffix);
    return narrow.size >= wide.size && span_ends_with(span_from(narrow, 1), suffix);
}

bool host_name_overlaps(struct span a, struct span b) {
    return host_name_is_subset(a, b) || host_name_is_subset(b, a);
}
