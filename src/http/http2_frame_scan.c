#include "http/http2_frame_scan.h"

/* RFC 9113 section 6.3. */
#define TYPE_PRIORITY 2

void http2_frame_scan_init(struct http2_frame_scan *scan, uint32_t skip) {
    *scan = (struct http2_frame_scan){.skip = skip, .head_wanted = HTTP2_FRAME_HEAD_BYTES};
}

static uint32_t number_at(const uint8_t *at, unsigned size) {
    uint32_t number = 0;
    for (unsigned i = 0; i < size; i++)
        number = number << 8 | at[i];
    return number;
}

/* Fills the head up to head_wanted; false when `bytes` do not hold so much. */
static bool gather(struct http2_frame_scan *scan, struct span bytes, size_t *offset) {
    size_t part = (size_t)(scan->head_wanted - scan->head_size), left = bytes.size - *offset;
    if (part > left)
        part = left;
    if (part > 0)
        memcpy(scan->head + scan->head_size, bytes.data + *offset, part);
    scan->head_size += (uint8_t)part;
    *offset += part;
    return scan->head_size == scan->head_wanted;
}

bool http2_frame_scan_next(struct http2_frame_scan *scan, struct span bytes, size_t *offset, struct http2_frame_head *ret_head) {
    size_t left = bytes.size - *offset;
    size_t part = scan->skip < left ? scan->skip : left;
    scan->skip -= (uint32_t)part;
    *offset += part;
    if (scan->skip > 0 || !gather(scan, bytes, offset))
        return false;
    const uint8_t *head = scan->head;
    struct http2_frame_head frame = {
        .size = number_at(head, 3), .type = head[3], .flags = head[4], .stream_id = (int32_t)(number_at(head + 5, 4) & INT32_MAX)};
    scan->skip = frame.size;
    if (frame.type == TYPE_PRIORITY && frame.size >= HTTP2_FRAME_DEPENDENCY_BYTES) {
        scan->skip = 0;
        scan->head_wanted = sizeof(scan->head);
        if (!gather(scan, bytes, offset))
            return false;
        scan->skip = frame.size - HTTP2_FRAME_DEPENDENCY_BYTES;
        frame.dependency = (int32_t)(number_at(head + HTTP2_FRAME_HEAD_BYTES, 4) & INT32_MAX);
    }
    scan->head_wanted = HTTP2_FRAME_HEAD_BYTES;
    scan->head_size = 0;
    *ret_head = frame;
    return true;
}
