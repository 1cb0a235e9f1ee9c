/* For tls itself: what a client session needs of its policy. */
#ifndef FAIRLEAD_TLS_CLIENT_POLICY_CONTEXT_H
#define FAIRLEAD_TLS_CLIENT_POLICY_CONTEXT_H

#include <openssl/ssl.h>

#include "tls/client_demand.h"
#include "tls/client_policy.h"
#include "tls/failure.h"

#define TLS_PEER_TEXT_BYTES_MAX 384

/* What one session wants of its peer, and what came of it. The SSL's app data. */
struct tls_peer_check {
    struct span server_name; /* as asked for; empty: none */
    struct tls_client_demand *demand; /* of a server; NULL: it asks for no certificate */
    enum tls_failure failure; /* of a server: what was wrong with the certificate */
    char *issuer; /* of a server: what print_issuer of tls/client_demand.c wrote, on the heap; NULL: nothing was verified */
    char *text; /* why the certificate was refused, TLS_PEER_TEXT_BYTES_MAX bytes of the heap; NULL: it was not */
};

/* check->text, made when it is not there. */
char *tls_peer_check_text(struct tls_peer_check *check);

/* A session that a server of that name gave before under this policy, so that its certificate need not be verified again: policy and name are what
 * verification looks at. The caller frees it. NULL: none. */
SSL_SESSION *tls_client_policy_take_session(struct tls_client_policy *policy, struct span server_name);
/* The list as RFC 7301 section 3.1 encodes it, without the size in front; empty: no ALPN. */
struct span tls_client_policy_alpn(const struct tls_client_policy *policy, enum tls_carried carried);
SSL_CTX *tls_client_policy_context(const struct tls_client_policy *policy);

#endif
