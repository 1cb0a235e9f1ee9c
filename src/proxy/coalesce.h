/* Connection reuse across servers (RFC 9113 section 9.1.1): a client may ask, on a connection that it opened for one name, for another name
 * that the same certificate covers. Istio answers 404 when that name is another server's; here it is served, or answered with 421 (RFC 9110
 * section 15.5.20), upon which clients open a connection of its own. */
#ifndef FAIRLEAD_PROXY_COALESCE_H
#define FAIRLEAD_PROXY_COALESCE_H

#include "base/span.h"
#include "proxy/decide.h"
#include "snapshot/listener.h"
#include "snapshot/snapshot.h"
#include "tls/identity.h"

enum coalesce_verdict {
    COALESCE_NO_OWNER,    /* no other server of the listener has the name */
    COALESCE_SERVE,       /* by the owner's route table */
    COALESCE_PASSTHROUGH, /* 421: the owner's TLS is not terminated here, or no HTTP is spoken there */
    COALESCE_POLICY,      /* 421: the owner asks something else of a client's certificate */
    COALESCE_CERTIFICATE, /* 421: the certificate that the client was shown is not for that name */
};

/* Routes a request whose host the connection's own chain, which ended its TLS, has not: by another server's table, or with a 421, or not at all
 * (`decision` stays). `request` and `draw` as for decide. */
void coalesce_route(const struct gateway_settings *settings, const struct listener *listener, const struct filter_chain *own,
                    const struct tls_identity *shown, const struct message_head *request, uint64_t draw, struct decision *decision);

/* Asked only when the connection's own chain has no virtual host for `host` (lower-case, without port). `shown` is the identity that the handshake
 * showed; a session that was resumed showed one with the same names (tls_session_create_server). Sets the owner unless there is none: the
 * listener's most specific chain for the name. */
enum coalesce_verdict coalesce(const struct listener *listener, const struct filter_chain *own, const struct tls_identity *shown,
                               struct span host, const struct filter_chain **ret_owner);

#endif
