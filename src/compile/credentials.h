/* credentialName to a TLS identity. Source: Istio's ParseResourceName and ExtractCertInfo. */
#ifndef FAIRLEAD_COMPILE_CREDENTIALS_H
#define FAIRLEAD_COMPILE_CREDENTIALS_H

#include "resource/gateway.h"
#include "tls/identity.h"

struct compiler;

/* The identity of a credential name that a server's Gateway `meta` wrote; lives as long as the snapshot. NULL (said why): its Secret is
 * missing or holds no usable pair, and no earlier snapshot knew a good one. */
struct tls_identity *compile_credential(struct compiler *compiler, const struct object_meta *meta,
                                        const struct located *credential_name);
/* The certificates of authorities that belong to a credential name: `ca.crt` or `cacert` of the Secret of that name and -cacert, else of the
 * Secret itself. False: there are none. Source: Istio's ExtractRoot. */
MUST_USE bool compile_credential_trust(struct compiler *compiler, const struct located *credential_name, struct span *ret_pem);

#endif
