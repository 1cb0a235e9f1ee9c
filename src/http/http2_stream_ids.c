#include "http/http2_stream_ids.h"

void http2_stream_ids_open(struct http2_stream_ids *ids, int32_t id) {
    int32_t expected = ids->highest == 0 ? 1 : ids->highest + 2;
    if (id > expected) {
        ids->gap_first = expected;
        ids->gap_last = id - 1;
    }
    ids->highest = id;
}

void http2_stream_ids_reset(struct http2_stream_ids *ids, int32_t id) {
    int32_t former = ids->reset[ids->reset_next];
    if (former > ids->forgotten)
        ids->forgotten = former;
    ids->reset[ids->reset_next] = id;
    ids->reset_next = (ids->reset_next + 1) % HTTP2_RESET_IDS_KEPT;
}

enum http2_stream_id_verdict http2_stream_ids_judge(const struct http2_stream_ids *ids, int32_t id) {
    if (id <= ids->forgotten)
        return HTTP2_STREAM_ID_LATE;
    for (size_t i = 0; i < HTTP2_RESET_IDS_KEPT; i++)
        if (ids->reset[i] == id)
            return HTTP2_STREAM_ID_LATE;
    return id >= ids->gap_first && id <= ids->gap_last ? HTTP2_STREAM_ID_NEVER_OPENED : HTTP2_STREAM_ID_CLOSED;
}
