/* For tls itself: what callbacks of the library need of the server's session that they are called for. */
#ifndef FAIRLEAD_TLS_SESSION_LIBRARY_H
#define FAIRLEAD_TLS_SESSION_LIBRARY_H

#include <openssl/ssl.h>

#include "base/compiler.h"
#include "base/span.h"

struct tls_peer_check;
struct tls_session;

/* What the session demands of its client, and where the verdict goes. */
struct tls_peer_check *tls_session_peer_check(const SSL *ssl);
SSL *tls_session_ssl(const struct tls_session *session);
/* Of the authority that signed the client's certificate, lower-case hex; empty where nothing was verified. They live as long as the session. */
struct span tls_session_issuer_fingerprint(const struct tls_session *session);
struct span tls_session_issuer_serial(const struct tls_session *session);
/* A ClientHello came: decides which of its identities the session shows. False: it is refused, and the client was told so. */
MUST_USE bool tls_session_take_hello(const SSL_CLIENT_HELLO *hello);

#endif
