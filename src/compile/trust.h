/* Whom to trust for the certificates of peers: a credential's Secret or ConfigMap, or files. Source: Istio's ExtractRoot, GetCaCert and
 * GetConfigMapCaCert. */
#ifndef FAIRLEAD_COMPILE_TRUST_H
#define FAIRLEAD_COMPILE_TRUST_H

#include "resource/object.h"
#include "tls/trust.h"

struct compiler;

/* PEM texts of a credential name, which live as long as the resources: `cacert` and `crl`, else `ca.crt` and `ca.crl`, of the Secret of that name
 * and -cacert if there is one, else of the Secret itself; the same of a ConfigMap of any namespace for "configmap://NAMESPACE/NAME". False: they
 * hold no authority. */
struct trust_text {
    struct span authorities;
    struct span crl; /* empty: none */
};
MUST_USE bool compile_credential_trust(struct compiler *compiler, const struct located *credential_name, struct trust_text *ret_text);

/* Ready to verify with, or the last good one of that key while the texts cannot be read; lives as long as the snapshot. NULL: there is none. What is
 * wrong with the texts is in ret_error, whatever is returned; empty: nothing. */
struct tls_trust *trust_build(struct compiler *compiler, struct span cache_key, const struct trust_text *text,
                              struct tls_identity_error *ret_error);

/* For a server, ready to verify with; both live as long as the snapshot. NULL (said why): there is nothing to trust, and no earlier snapshot knew
 * something good. A mistake leaves the last good one in use. */
struct tls_trust *compile_trust_of_credential(struct compiler *compiler, const struct object_meta *meta, const struct located *credential_name);
/* `crl` may be empty. */
struct tls_trust *compile_trust_of_files(struct compiler *compiler, const struct object_meta *meta, const struct located *authorities,
                                         const struct located *crl);

#endif
