/* credentialName to a TLS identity. Source: Istio's ParseResourceName and ExtractCertInfo. */
#ifndef FAIRLEAD_COMPILE_CREDENTIALS_H
#define FAIRLEAD_COMPILE_CREDENTIALS_H

#include "resource/gateway.h"
#include "resource/secret.h"
#include "tls/identity.h"

struct compiler;

/* The identity of a credential name that a server's Gateway `meta` wrote; lives as long as the snapshot. NULL (said why): its Secret is
 * missing or holds no usable pair, and no earlier snapshot knew a good one. */
struct tls_identity *compile_credential(struct compiler *compiler, const struct object_meta *meta,
                                        const struct located *credential_name);
/* The same for the files that a server names. */
struct tls_identity *compile_certificate_files(struct compiler *compiler, const struct object_meta *meta, const struct located *chain,
                                               const struct located *key);

/* The Secret that a credential name means, by its name in the gateway's namespace. False (said why): it means none that may be read. */
MUST_USE bool compile_credential_name(struct compiler *compiler, const struct object_meta *meta, const struct located *written,
                                      struct span *ret_name);
/* Whether Istio would look at the Secret: by its type, and without a mistake in it. */
bool credential_secret_is_watched(const struct secret *secret);
/* Empty when the key is missing or its value is no base64. */
struct span credential_secret_value(const struct secret *secret, const char *key);

#endif
