/* The TLS side of a terminating server: policy, identity, session-id context. */
#ifndef FAIRLEAD_COMPILE_TLS_H
#define FAIRLEAD_COMPILE_TLS_H

#include "compile/gateways.h"
#include "snapshot/listener.h"

struct compiler;

/* Fills the chain's tls fields from the server's tls block; its names and kind must be set. */
void compile_tls(struct compiler *compiler, const struct merged_server *server, struct filter_chain *chain);

#endif
