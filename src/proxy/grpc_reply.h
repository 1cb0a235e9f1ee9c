/* An answer of the gateway itself to a gRPC client: the status stands in fields of a head without content ("trailers only"), under a 200. */
#ifndef FAIRLEAD_PROXY_GRPC_REPLY_H
#define FAIRLEAD_PROXY_GRPC_REPLY_H

#include "proxy/local_reply.h"

/* The same answer as gRPC has it (Envoy's Utility::sendLocalReply): grpc-status from the reply or derived from its status, grpc-message
 * from its body. Lives in the request's arena. */
struct local_reply grpc_reply_of(const struct local_reply *reply, const struct message_head *request);

#endif
