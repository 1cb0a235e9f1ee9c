/* For tls itself: parts of a certificate as logs print them: printable ASCII, empty where the certificate does not say. */
#ifndef FAIRLEAD_TLS_CERTIFICATE_PRINT_H
#define FAIRLEAD_TLS_CERTIFICATE_PRINT_H

#include <openssl/evp.h>
#include <openssl/pool.h>
#include <openssl/x509.h>

#include "base/arena.h"
#include "base/span.h"
#include "tls/peer.h"

/* Lower-case digits. */
struct span tls_print_hex(const uint8_t *bytes, size_t size, struct arena *arena);
/* Of the DER, in lower-case hex. */
struct span tls_certificate_print_digest(X509 *x509, const EVP_MD *kind, struct arena *arena);
struct span tls_certificate_print_serial(X509 *x509, struct arena *arena);
/* Of the subjectAltName, in the certificate's order, joined by commas; see tls_peer_print_alternatives. NULL prints nothing. */
size_t tls_encoded_print_alternatives(CRYPTO_BUFFER *certificate, enum tls_alternative kind, char *ret_text, size_t capacity);

#endif
