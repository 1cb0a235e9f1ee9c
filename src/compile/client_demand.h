/* What a server's tls block demands of clients' certificates: modes MUTUAL, OPTIONAL_MUTUAL and ISTIO_MUTUAL. */
#ifndef FAIRLEAD_COMPILE_CLIENT_DEMAND_H
#define FAIRLEAD_COMPILE_CLIENT_DEMAND_H

#include "compile/gateways.h"
#include "snapshot/listener.h"

struct compiler;

/* Sets chain->client_demand, or chain->lacks_trust (said why). Other modes ask for nothing. */
void compile_client_demand(struct compiler *compiler, const struct merged_server *server, struct filter_chain *chain);

#endif
