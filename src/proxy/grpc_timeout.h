/* grpc-timeout: the deadline that a gRPC client sets itself (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Timeout). */
#ifndef FAIRLEAD_PROXY_GRPC_TIMEOUT_H
#define FAIRLEAD_PROXY_GRPC_TIMEOUT_H

#include <stdint.h>

#include "wire/message.h"

/* How long the upstream may take, in nanoseconds; 0: for ever. The route's timeout, and of gRPC the client's where that is shorter (Envoy's
 * finalTimeout with Istio's max_grpc_timeout). What is no valid grpc-timeout is not looked at. */
uint64_t grpc_timeout_ns(const struct message_head *request, uint64_t route_timeout_ns);
/* Tells the upstream of a gRPC request; nothing otherwise, or without a timeout. */
void grpc_timeout_write(struct message_head *request, uint64_t timeout_ns);

#endif
