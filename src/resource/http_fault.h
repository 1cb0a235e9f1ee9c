/* fault of an HTTPRoute, as written. */
#ifndef FAIRLEAD_RESOURCE_HTTP_FAULT_H
#define FAIRLEAD_RESOURCE_HTTP_FAULT_H

#include "resource/decode.h"

struct http_fault {
    bool is_set;
    struct position position;
    struct located_number delay_ns;      /* not set: no delay */
    struct located_number delay_share;   /* in millionths (resource/percent.h) */
    struct located_number abort_status;  /* httpStatus */
    struct located_number grpc_status;   /* at most one of the two is set; none: no abort */
    struct located_number abort_share;
};

/* HTTPFaultInjection; `target` is a struct http_fault. */
void http_fault_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
