/* For http itself: a worker's struct http2_memory as libnghttp2 sees it. */
#ifndef FAIRLEAD_HTTP_HTTP2_MEMORY_FUNCTIONS_H
#define FAIRLEAD_HTTP_HTTP2_MEMORY_FUNCTIONS_H

#include <nghttp2/nghttp2.h>

#include "http/http2_memory.h"

/* A session copies the functions when it is created; `memory` must outlive it. */
nghttp2_mem http2_memory_functions(struct http2_memory *memory);

#endif
