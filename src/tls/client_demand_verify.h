/* For tls itself: a demand in a handshake. */
#ifndef FAIRLEAD_TLS_CLIENT_DEMAND_VERIFY_H
#define FAIRLEAD_TLS_CLIENT_DEMAND_VERIFY_H

#include <openssl/ssl.h>

#include "tls/client_demand.h"
#include "tls/client_policy_context.h"

/* Asks the client for a certificate; the verdict goes to the session's struct tls_peer_check. */
void tls_client_demand_apply(const struct tls_client_demand *demand, SSL *ssl);
/* Verifies the chain that the session holds, once more after a resumption: time passes for a ticket, too. False:
 * check->text, check->failure and *ret_alert say why. */
MUST_USE bool tls_client_demand_verify(const SSL *ssl, struct tls_peer_check *check, uint8_t *ret_alert);

#endif
