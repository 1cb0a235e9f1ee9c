/* The socket side of a transport: bytes as they are on the wire. Only the transport's own sources use it. */
#ifndef FAIRLEAD_PROXY_TRANSPORT_WIRE_H
#define FAIRLEAD_PROXY_TRANSPORT_WIRE_H

#include "proxy/transport.h"

/* Kept bytes first, else what the socket holds, in context->read_bytes. WAIT also when the turn's budget is used up: then it is ready again. */
enum transport_status transport_wire_receive(struct transport *transport, struct span *ret_bytes);
/* Gives back the end of what transport_wire_receive gave. */
void transport_wire_keep(struct transport *transport, struct span bytes);
/* Writes to the socket alone; returns how many bytes it took, 0 when it takes none now or is broken. */
size_t transport_wire_write(struct transport *transport, struct span bytes);
/* Sends behind what is queued in wire_output, queues what the socket does not take. False when broken. */
bool transport_wire_send(struct transport *transport, struct span bytes);
/* As much of the buffer as the socket takes. False when broken. */
bool transport_wire_flush(struct transport *transport, struct buffer *buffer);
/* Nothing can be written any more; the output is dropped. `error` is a positive errno or 0. */
void transport_wire_break(struct transport *transport, int error);

#endif
