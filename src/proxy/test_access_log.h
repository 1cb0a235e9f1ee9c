/* For tests: reads a worker's ring as the log writer does. */
#ifndef FAIRLEAD_PROXY_TEST_ACCESS_LOG_H
#define FAIRLEAD_PROXY_TEST_ACCESS_LOG_H

#include "base/compiler.h"
#include "proxy/access_log.h"

/* Copies out what is there, at most `capacity`: whole lines unless that is too little. */
static UNUSED size_t access_log_ring_read(struct access_log_ring *ring, char *ret_bytes, size_t capacity) {
    size_t size = access_log_ring_size(ring), used = 0;
    if (size > capacity)
        size = capacity;
    while (used < size) {
        struct span front = access_log_ring_front(ring, size - used);
        memcpy(ret_bytes + used, front.data, front.size);
        used += front.size;
        access_log_ring_consume(ring, front.size);
    }
    return used;
}

#endif
