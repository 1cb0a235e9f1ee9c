/* The heads of frames in the bytes that a peer sends (RFC 9113 section 4.1), seen beside libnghttp2: the library does not tell of frames that
 * it ignores, and those are the ones to look at. */
#ifndef FAIRLEAD_HTTP_HTTP2_FRAME_SCAN_H
#define FAIRLEAD_HTTP_HTTP2_FRAME_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

#define HTTP2_FRAME_HEAD_BYTES 9
/* What is read of a PRIORITY frame's payload: the stream that it depends on. */
#define HTTP2_FRAME_DEPENDENCY_BYTES 4
/* "PRI * HTTP/2.0" and so on, before the client's first frame (section 3.4). */
#define HTTP2_PREFACE_BYTES 24

struct http2_frame_head {
    uint32_t size; /* of the payload */
    int32_t stream_id;
    int32_t dependency; /* of PRIORITY; 0 for all others */
    uint8_t type;
    uint8_t flags;
};

struct http2_frame_scan {
    uint32_t skip; /* bytes before the next head */
    uint8_t head_size;
    uint8_t head_wanted;
    uint8_t head[HTTP2_FRAME_HEAD_BYTES + HTTP2_FRAME_DEPENDENCY_BYTES];
};

/* `skip` bytes precede the first frame: of a client HTTP2_PREFACE_BYTES, of a server none. */
void http2_frame_scan_init(struct http2_frame_scan *scan, uint32_t skip);
/* The next head that is complete within `bytes`; `offset` is where to go on, 0 at first, then behind that head. False: all bytes were seen. */
MUST_USE bool http2_frame_scan_next(struct http2_frame_scan *scan, struct span bytes, size_t *offset, struct http2_frame_head *ret_head);

#endif
