/* For tls itself: parts of a certificate as logs print them: printable ASCII, empty where the certificate does not say. */
#ifndef FAIRLEAD_TLS_CERTIFICATE_PRINT_H
#define FAIRLEAD_TLS_CERTIFICATE_PRINT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/arena.h"
#include "base/span.h"

/* Lower-case digits. */
struct span tls_print_hex(const uint8_t *bytes, size_t size, struct arena *arena);
/* Of the DER, in lower-case hex. */
struct span tls_certificate_print_digest(X509 *x509, const EVP_MD *kind, struct arena *arena);
struct span tls_certificate_print_serial(X509 *x509, struct arena *arena);

#endif
