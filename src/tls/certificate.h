/* For tls itself: what a certificate says, copied out of the library's object, which is ten times as large. */
#ifndef FAIRLEAD_TLS_CERTIFICATE_H
#define FAIRLEAD_TLS_CERTIFICATE_H

#include <openssl/x509.h>

#include "base/arena.h"
#include "base/span.h"
#include "tls/identity.h"

struct tls_certificate {
    const struct span *names;
    const bool *name_is_address; /* of names: an address, not a DNS name */
    size_t name_count;
    const struct span *uris; /* of the subjectAltName, in the certificate's order */
    size_t uri_count;
    struct span subject;
    struct span issuer;
    struct span serial;
    struct span key_type; /* empty for a kind of key that we do not serve */
    int64_t not_before;
    int64_t not_after;
    uint8_t fingerprint[TLS_SHA256_SIZE];
    uint8_t names_hash[TLS_SHA256_SIZE]; /* equal for certificates with the same names in the same order */
};

/* All spans are of the arena. */
void tls_certificate_describe(X509 *x509, struct arena *arena, struct tls_certificate *ret_certificate);

/* "ECDSA P-256", "RSA 2048"; empty for a kind of key that we do not serve, and for NULL. */
struct span tls_certificate_describe_key(const EVP_PKEY *key, struct arena *arena);

/* A subjectAltName of the kind `type` (GEN_DNS, GEN_URI, GEN_IPADD) as text; empty for other kinds, and for what is no name. */
struct span tls_certificate_describe_name(int type, struct span bytes, struct arena *arena);

/* RFC 2253 form in ASCII, as Envoy prints names: other bytes are escaped. */
struct span tls_certificate_print_name(const X509_NAME *name, struct arena *arena);

/* Whether a certificate with these names is for `host`: see tls_identity_covers. */
bool tls_certificate_names_cover(const struct span *names, size_t count, struct span host);

#endif
