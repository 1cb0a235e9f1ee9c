/* The access log line of a connection that ended before a protocol was chosen. One thread. */
#ifndef FAIRLEAD_PROXY_HANDSHAKE_LOG_H
#define FAIRLEAD_PROXY_HANDSHAKE_LOG_H

#include "proxy/connection.h"
#include "tls/failure.h"

/* Call it while the connection is still in CONNECTION_SNIFF or CONNECTION_HANDSHAKE. Writes one line for a peer that sent at least one byte:
 * with flag NR and filter_chain_not_found among the response_code_details as Envoy does, otherwise with the reason in
 * connection_termination_details (which Envoy leaves unlogged) and the library's words in DOWNSTREAM_TRANSPORT_FAILURE_REASON. */
void handshake_log(const struct connection *connection, enum close_reason reason);
/* The reason that a failed handshake ends its connection for. */
enum close_reason handshake_close_reason(enum tls_failure failure);

#endif
