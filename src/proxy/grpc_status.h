/* Status codes of gRPC: what a call ended with, their names, and those of HTTP in their place. Pure. */
#ifndef FAIRLEAD_PROXY_GRPC_STATUS_H
#define FAIRLEAD_PROXY_GRPC_STATUS_H

#include "base/compiler.h"
#include "base/span.h"
#include "wire/message.h"

/* What grpc-status says when it is no number (Envoy's InvalidCode). */
#define GRPC_STATUS_INVALID (-1)
#define GRPC_STATUS_DEADLINE_EXCEEDED 4

/* Whether the request's content is of gRPC (Envoy's isGrpcRequestHeaders). NULL is none. */
bool grpc_is_request(const struct message_head *request);
/* Of an answer that is none of gRPC's: https://grpc.github.io/grpc/core/md_doc_http-grpc-status-mapping.html */
int grpc_status_of_http(unsigned status);
/* From the trailers, the head, or the status of HTTP. False: no gRPC call, or no answer. NULL is allowed for each head. Source: Envoy's
 * Grpc::Common::getGrpcStatus. */
MUST_USE bool grpc_status_find(const struct message_head *request, const struct message_head *response, const struct message_head *trailers,
                               int *ret_status);
/* "InvalidArgument" and "INVALID_ARGUMENT"; empty for a code without a name. */
struct span grpc_status_camel_name(int status);
struct span grpc_status_snake_name(int status);

#endif
