/* The TLS side of a transport: plaintext above, a tls_session between, the wire below. Only the transport's own sources use it. */
#ifndef FAIRLEAD_PROXY_TRANSPORT_TLS_H
#define FAIRLEAD_PROXY_TRANSPORT_TLS_H

#include "proxy/transport.h"

enum transport_status transport_tls_read(struct transport *transport, struct span *ret_bytes);
/* Encrypts and sends from the front of `plain` while the socket takes it; returns how much is dealt with. */
size_t transport_tls_write(struct transport *transport, struct span plain);
/* The same from the queue. */
void transport_tls_flush(struct transport *transport);
/* close_notify, once. */
void transport_tls_end(struct transport *transport);

#endif
