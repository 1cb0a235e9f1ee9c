/* The two fields with which the ends of a WebSocket handshake over HTTP/1.1 know each other (RFC 6455 section 4). */
#ifndef FAIRLEAD_HTTP_WEBSOCKET_KEY_H
#define FAIRLEAD_HTTP_WEBSOCKET_KEY_H

#include <stdint.h>

#include "base/span.h"

#define WEBSOCKET_KEY_SIZE 24
#define WEBSOCKET_ACCEPT_SIZE 28

/* Sec-WebSocket-Key: sixteen octets in base64. */
void websocket_key_print(const uint8_t octets[16], char ret_key[WEBSOCKET_KEY_SIZE]);
/* Sec-WebSocket-Accept that answers the key: SHA-1 of it and RFC 6455's constant, in base64. No protection, a proof of understanding. */
void websocket_accept_of(struct span key, char ret_accept[WEBSOCKET_ACCEPT_SIZE]);

#endif
