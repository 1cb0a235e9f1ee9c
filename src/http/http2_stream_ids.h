/* Which streams a client has opened, as far as that decides what a frame on a stream that is no more means (RFC 9113 sections 5.1 and 5.1.1):
 * late where we reset the stream, wrong where the client itself had ended it or never opened it. */
#ifndef FAIRLEAD_HTTP_HTTP2_STREAM_IDS_H
#define FAIRLEAD_HTTP_HTTP2_STREAM_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"

struct http2_stream_ids {
    int32_t highest;                 /* opened */
    int32_t gap_first, gap_last;     /* the latest ids that were passed over */
    int32_t reset[HTTP2_RESET_IDS_KEPT]; /* a ring: by us, while the client's side was open */
    size_t reset_next;
    int32_t forgotten;               /* the highest that left the ring */
};

enum http2_stream_id_verdict {
    HTTP2_STREAM_ID_LATE,        /* the frame was under way when we reset the stream: ignore it */
    HTTP2_STREAM_ID_CLOSED,      /* connection error STREAM_CLOSED */
    HTTP2_STREAM_ID_NEVER_OPENED /* connection error PROTOCOL_ERROR: ids must rise */
};

/* A HEADERS frame opens a stream; `id` is above `highest`. */
void http2_stream_ids_open(struct http2_stream_ids *ids, int32_t id);
void http2_stream_ids_reset(struct http2_stream_ids *ids, int32_t id);
/* A DATA or HEADERS frame came for a stream that is not open; `id` is at most `highest`. */
enum http2_stream_id_verdict http2_stream_ids_judge(const struct http2_stream_ids *ids, int32_t id);

#endif
