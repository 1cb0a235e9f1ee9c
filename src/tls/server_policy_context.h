/* For tls itself: what a session needs of a policy. */
#ifndef FAIRLEAD_TLS_SERVER_POLICY_CONTEXT_H
#define FAIRLEAD_TLS_SERVER_POLICY_CONTEXT_H

#include <openssl/ssl.h>

#include "tls/server_policy.h"

SSL_CTX *tls_server_policy_context(const struct tls_server_policy *policy);
/* TLS_SHA256_SIZE bytes. */
const uint8_t *tls_server_policy_session_id_context(const struct tls_server_policy *policy);

#endif
