/* What the certificate of a peer says, for logs and for the upstream that is told who the client is. */
#ifndef FAIRLEAD_TLS_PEER_H
#define FAIRLEAD_TLS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/compiler.h"

struct tls_identity;
struct tls_session;

/* All texts are printable ASCII without spaces in names; empty where the certificate does not say. */
struct tls_peer {
    struct span subject; /* RFC 2253 */
    struct span issuer;
    struct span serial; /* lower-case hex */
    struct span *uris, *dns_names, *addresses; /* of the subjectAltName, in the certificate's order */
    size_t uri_count, dns_name_count, address_count;
    struct span fingerprint_1, fingerprint_256; /* of the DER, lower-case hex */
    struct span issuer_fingerprint_256, issuer_serial; /* of the authority that a server found to have signed it; empty where nothing was verified */
    struct span certificate;                    /* as tls_peer_print_certificate; empty until somebody sets it */
    int64_t not_before_s, not_after_s;
};

/* Of an established session, resumed ones included. Everything is put into the arena. False: the peer showed none. */
MUST_USE bool tls_peer_describe(const struct tls_session *session, struct arena *arena, struct tls_peer *ret_peer);
/* The leaf as PEM, percent-encoded as Envoy does; empty without one. */
struct span tls_peer_print_certificate(const struct tls_session *session, struct arena *arena);

/* --- For logs that ask for it: made anew each time --- */

enum tls_alternative {
    TLS_ALTERNATIVE_EMAIL,
    TLS_ALTERNATIVE_OTHER, /* otherName (RFC 5280 section 4.2.1.6): text as RFC 2253 escapes it, decimal numbers, "true", "false", dotted identifiers */
};
/* Names of the peer's leaf, of the own one, and of a certificate in DER, in their order and joined by commas, as Envoy prints them: printable ASCII; of
 * more than `capacity` bytes the first. Gives their size. */
size_t tls_peer_print_alternatives(const struct tls_session *session, enum tls_alternative kind, char *ret_text, size_t capacity);
size_t tls_identity_print_alternatives(const struct tls_identity *identity, enum tls_alternative kind, char *ret_text, size_t capacity);
size_t tls_print_alternatives(struct span der, enum tls_alternative kind, char *ret_text, size_t capacity);

enum tls_chain_field { TLS_CHAIN_SERIALS, TLS_CHAIN_FINGERPRINTS_1, TLS_CHAIN_FINGERPRINTS_256 };
/* Of each certificate that the peer showed, the leaf first, as in struct tls_peer, joined by commas. */
struct span tls_peer_print_chain(const struct tls_session *session, enum tls_chain_field field, struct arena *arena);

/* Both of one certificate in DER. False: it does not parse. */
MUST_USE bool tls_peer_describe_encoded(struct span der, struct arena *arena, struct tls_peer *ret_peer);
/* The same of the first certificate of a text. False: there is none that parses. */
MUST_USE bool tls_peer_describe_pem(struct span pem, struct arena *arena, struct tls_peer *ret_peer);

#endif
