/* Getting a whole head out of bytes that come in pieces: for both HTTP/1 engines. */
#ifndef FAIRLEAD_HTTP_HTTP1_INPUT_H
#define FAIRLEAD_HTTP_HTTP1_INPUT_H

#include "base/compiler.h"
#include "base/span.h"
#include "wire/http1_gather.h"
#include "wire/http1_head.h"

/* Takes from the front of `input`. COMPLETE: ret_head is the head, in place when it came whole, else in `gather`; scan->line_count goes with it.
 * Call http1_input_reset when it was parsed. INCOMPLETE: all input was gathered. */
MUST_USE enum http1_scan_status http1_input_take_head(struct http1_gather *gather, struct http1_scan *scan, struct span *input,
                                                      enum http1_section section, struct span *ret_head, enum http1_fault *ret_fault);
void http1_input_reset(struct http1_gather *gather, struct http1_scan *scan);

/* Drops `size` bytes from the front of `input`. */
static inline void http1_input_skip(struct span *input, size_t size) {
    *input = span_make(input->data + size, input->size - size);
}

#endif
