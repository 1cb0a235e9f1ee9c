/* For tls itself: what an ordinary certificate says (RFC 5280 section 4.1), without the library's object of it, which takes ten times as long to make. */
#ifndef FAIRLEAD_TLS_CERTIFICATE_SCAN_H
#define FAIRLEAD_TLS_CERTIFICATE_SCAN_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"
#include "tls/certificate.h"

/* The spans are those of the encoding. */
struct tls_certificate_scan {
    struct span issuer, subject; /* Name */
    struct span names;           /* what GeneralNames of the subjectAltName holds; empty without one */
    int64_t not_before, not_after;
};

/* True: the library reads it as well, and it says this. False: it has a part that is not looked at here, or is broken; ask the library. */
MUST_USE bool tls_certificate_scan(struct span der, struct tls_certificate_scan *ret_scan);

/* Names, URIs, dates and their hashes, and the fingerprint of `der`, as tls_certificate_describe; the key's type stays empty. */
void tls_certificate_scan_describe(const struct tls_certificate_scan *scan, struct span der, struct arena *arena,
                                   struct tls_certificate *ret_certificate);

/* As the library compares names (RFC 5280 section 7.1). */
bool tls_certificate_same_name(struct span a, struct span b);

#endif
