/* For tls itself: the two moments at which the library asks for a ticket key. */
#ifndef FAIRLEAD_TLS_TICKETS_LIBRARY_H
#define FAIRLEAD_TLS_TICKETS_LIBRARY_H

#include <openssl/base.h>

#include "tls/tickets.h"

/* The contract of SSL_CTX_set_tlsext_ticket_key_cb, with the keys in place of the session: writes `name` and `iv` when
 * `is_sealing`, reads them otherwise. 1 done, 2 done and the ticket is to be renewed, 0 unknown key, -1 failure. */
int tls_tickets_set_up(struct tls_tickets *tickets, uint8_t name[16], uint8_t *iv, EVP_CIPHER_CTX *cipher,
                       HMAC_CTX *mac, int is_sealing);

#endif
