/* A certificate chain and its key as text to a TLS identity, shared with earlier snapshots through the identity cache. */
#ifndef FAIRLEAD_COMPILE_IDENTITY_BUILD_H
#define FAIRLEAD_COMPILE_IDENTITY_BUILD_H

#include "resource/object.h"
#include "tls/identity.h"

struct compiler;

struct identity_text {
    struct span cache_key; /* names its place: "namespace/name" of a Secret */
    struct span chain;
    struct span key;
    struct span staple; /* an OCSP response in DER, or empty */
};

/* Both live as long as the snapshot. NULL: the text is not usable (ret_error says why); no earlier one was good. */
struct tls_identity *identity_build(struct compiler *compiler, const struct identity_text *text, struct tls_identity_error *ret_error);
struct tls_identity *identity_last_good(struct compiler *compiler, struct span cache_key);
/* Of two files, which change one after the other: while they do not fit (one is being replaced, empty or broken) the last good one. What is wrong with
 * the texts is in ret_error, whatever is returned; empty: nothing. */
struct tls_identity *identity_build_or_last(struct compiler *compiler, const struct identity_text *text, struct tls_identity_error *ret_error);
/* For the end of a diagnostic: what handshakes do now. */
const char *identity_last_good_text(const struct tls_identity *last);

/* Diagnostics at the place of a certificate that is served all the same: expired, not valid yet, how its chain hangs together, a staple that does
 * not fit. */
void identity_report(struct compiler *compiler, const struct object_meta *meta, struct position position, const struct tls_identity *identity);

#endif
