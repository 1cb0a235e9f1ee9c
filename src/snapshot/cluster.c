#include "snapshot/cluster.h"

const struct weighted_cluster *destinations_pick(const struct destinations *destinations, uint64_t draw) {
    if (destinations->count == 0)
        return NULL;
    if (destinations->count == 1 || destinations->weight_total == 0)
        return &destinations->items[0];
    uint64_t point = (uint64_t)(((unsigned __int128)draw * destinations->weight_total) >> 64);
    size_t last = destinations->count - 1;
    for (size_t i = 0; i < last; i++) {
        if (point < destinations->items[i].weight)
            return &destinations->items[i];
        point -= destinations->items[i].weight;
    }
    return &destinations->items[last];
}

struct span cluster_protocol_name(enum cluster_protocol protocol) {
    switch (protocol) {
    case CLUSTER_HTTP1: return SPAN_LITERAL("HTTP/1.1");
    case CLUSTER_HTTP2: return SPAN_LITERAL("HTTP/2");
    case CLUSTER_PROTOCOL_OF_CLIENT: return SPAN_LITERAL("the client's HTTP");
    }
    return SPAN_EMPTY;
}
