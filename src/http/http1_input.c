#include "http/http1_input.h"

#include "base/limits.h"

enum http1_scan_status http1_input_take_head(struct http1_gather *gather, struct http1_scan *scan, struct span *input,
                                             enum http1_section section, struct span *ret_head, enum http1_fault *ret_fault) {
    size_t held = gather->size, size;
    struct span bytes = *input;
    if (held > 0) {
        /* One byte past the limit is enough for http1_scan to see that it is passed. */
        http1_gather_append(gather, span_first(*input, HTTP_HEAD_BYTES_MAX + 1 - held));
        bytes = http1_gather_span(gather);
    }
    enum http1_scan_status status = http1_scan(scan, bytes, section, &size, ret_fault);
    switch (status) {
    case HTTP1_SCAN_COMPLETE:
        *ret_head = span_first(bytes, size);
        http1_input_skip(input, size - held);
        break;
    case HTTP1_SCAN_INCOMPLETE:
        if (held == 0)
            http1_gather_append(gather, bytes);
        http1_input_skip(input, input->size);
        break;
    case HTTP1_SCAN_FAULT: break;
    }
    return status;
}

void http1_input_reset(struct http1_gather *gather, struct http1_scan *scan) {
    if (gather->data != NULL)
        http1_gather_reset(gather);
    *scan = (struct http1_scan){0};
}
