/* For tls itself: an OCSP response of a certificate, to be stapled (RFC 6066 section 8, RFC 6960). */
#ifndef FAIRLEAD_TLS_STAPLE_H
#define FAIRLEAD_TLS_STAPLE_H

#include <openssl/x509.h>

#include "base/arena.h"
#include "tls/identity.h"

struct tls_staple {
    struct span response; /* DER */
    enum tls_staple_state state; /* but for its dates */
    int64_t this_update_s;
    int64_t next_update_s; /* INT64_MAX: it does not say */
};

/* Copies and judges a response that came with the certificate; an empty one is none. */
void tls_staple_read(struct span response, X509 *leaf, struct arena *arena, struct tls_staple *ret_staple);
enum tls_staple_state tls_staple_state(const struct tls_staple *staple, int64_t now_s);

#endif
