/* For tls itself: the server name inside a whole ClientHello handshake message. */
#ifndef FAIRLEAD_TLS_HELLO_NAME_H
#define FAIRLEAD_TLS_HELLO_NAME_H

#include "base/compiler.h"
#include "base/span.h"

/* `message` has its handshake header (RFC 8446 section 4). False when it is no well-formed ClientHello; a hello without
 * the extension (RFC 6066 section 3) gives the empty span. The span borrows from `message`. */
MUST_USE bool tls_hello_server_name(struct span message, struct span *ret_name);

#endif
