/* For tls itself: which of two certificates a client can verify. */
#ifndef FAIRLEAD_TLS_IDENTITY_CHOICE_H
#define FAIRLEAD_TLS_IDENTITY_CHOICE_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "tls/identity.h"

/* Whether the client of this hello can verify an ECDSA signature by this identity's key: its signature algorithms, its
 * groups and, below TLS 1.3, its cipher suites and those of the session say so (RFC 8446 section 4.2.3, RFC 8422 section
 * 5.1). As in Envoy, such a client is shown the ECDSA certificate, every other one that of RSA. */
MUST_USE bool tls_client_verifies_ecdsa(const SSL_CLIENT_HELLO *hello, const struct tls_identity *identity);

#endif
