/* Who a client is by its certificate, described once a connection: for the upstream (x-forwarded-client-cert) and for logs. */
#ifndef FAIRLEAD_PROXY_CLIENT_IDENTITY_H
#define FAIRLEAD_PROXY_CLIENT_IDENTITY_H

#include "tls/peer.h"

struct tls_identity;
struct tls_session;

struct client_identity {
    struct arena arena;
    struct tls_peer peer;
    struct span forwarded; /* the gateway's element of x-forwarded-client-cert */
};

/* Of an established session, in which the gateway showed `own`. NULL: the client showed no certificate. */
struct client_identity *client_identity_create(const struct tls_session *session, const struct tls_identity *own);
/* NULL is harmless. */
void client_identity_destroy(struct client_identity *client);

/* An element as Envoy writes it, with the details that Istio asks for at gateways: By of each of the gateway's URIs, Hash, Cert, Subject, URI and
 * DNS of each name. What a certificate says cannot end its value, nor begin another. */
struct span client_identity_print(struct arena *arena, const struct tls_peer *peer, const struct span *own_uris, size_t own_uri_count);
/* The same with the URIs of the identity that the gateway showed. */
struct span client_identity_print_for(struct arena *arena, const struct tls_peer *peer, const struct tls_identity *own);

#endif
