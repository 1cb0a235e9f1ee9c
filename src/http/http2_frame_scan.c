#include "http/http2_frame_scan.h"

void http2_frame_scan_init(struct http2_frame_scan *scan) {
    *scan = (struct http2_frame_scan){.skip = HTTP2_PREFACE_BYTES};
}

bool http2_frame_scan_next(struct http2_frame_scan *scan, struct span bytes, size_t *offset, struct http2_frame_head *ret_head) {
    size_t left = bytes.size - *offset;
    size_t part = scan->skip < left ? scan->skip : left;
    scan->skip -= (uint32_t)part;
    *offset += part;
    left -= part;
    part = HTTP2_FRAME_HEAD_BYTES - (size_t)scan->head_size;
    if (part > left)
        part = left;
    if (part > 0)
        memcpy(scan->head + scan->head_size, bytes.data + *offset, part);
    scan->head_size += (uint8_t)part;
    *offset += part;
    if (scan->head_size < HTTP2_FRAME_HEAD_BYTES)
        return false;
    const uint8_t *head = scan->head;
    *ret_head = (struct http2_frame_head){
        .size = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2],
        .type = head[3],
        .flags = head[4],
        .stream_id = (int32_t)((uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8]),
    };
    scan->skip = ret_head->size;
    scan->head_size = 0;
    return true;
}
