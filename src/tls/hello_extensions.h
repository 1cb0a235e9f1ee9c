/* For tls itself: what the extensions of a ClientHello say. */
#ifndef FAIRLEAD_TLS_HELLO_EXTENSIONS_H
#define FAIRLEAD_TLS_HELLO_EXTENSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "base/compiler.h"

/* Whether the extension, a list of 16-bit values behind its size in `size_bytes`, holds the value. */
MUST_USE bool tls_hello_lists(const SSL_CLIENT_HELLO *hello, uint16_t type, size_t size_bytes, uint16_t wanted);
/* Whether it offers TLS 1.3, and the session has it. */
MUST_USE bool tls_hello_speaks_1_3(const SSL_CLIENT_HELLO *hello);
/* Whether it does so without an extension that it then must have (RFC 8446 section 9.2). */
MUST_USE bool tls_hello_lacks_extension(const SSL_CLIENT_HELLO *hello);

#endif
