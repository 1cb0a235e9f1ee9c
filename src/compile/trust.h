/* Whom to trust for the certificates of peers: a credential's Secret, or files. Source: Istio's ExtractRoot and GetCaCert. */
#ifndef FAIRLEAD_COMPILE_TRUST_H
#define FAIRLEAD_COMPILE_TRUST_H

#include "resource/object.h"
#include "tls/trust.h"

struct compiler;

/* PEM texts of a credential name, which live as long as the resources: `cacert` and `crl`, else `ca.crt` and `ca.crl`, of the Secret of that name
 * and -cacert if there is one, else of the Secret itself. False: they hold no authority. */
struct trust_text {
    struct span authorities;
    struct span crl; /* empty: none */
};
MUST_USE bool compile_credential_trust(struct compiler *compiler, const struct located *credential_name, struct trust_text *ret_text);

/* For a server, ready to verify with; both live as long as the snapshot. NULL (said why): there is nothing to trust, and no earlier snapshot knew
 * something good. A mistake leaves the last good one in use. */
struct tls_trust *compile_trust_of_credential(struct compiler *compiler, const struct object_meta *meta, const struct located *credential_name);
/* `crl` may be empty. */
struct tls_trust *compile_trust_of_files(struct compiler *compiler, const struct object_meta *meta, const struct located *authorities,
                                         const struct located *crl);
/* The authorities of the mesh, for mode ISTIO_MUTUAL; the text is the mesh identity's. `place` is where that mode is written. */
struct tls_trust *compile_trust_of_mesh(struct compiler *compiler, const struct object_meta *meta, struct position place, struct span root_pem);

#endif
