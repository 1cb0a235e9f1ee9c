/* HTTP on a downstream connection: the session engine, and one exchange for each request: decide, send upstream, retry, answer, log. */
#ifndef FAIRLEAD_PROXY_EXCHANGE_H
#define FAIRLEAD_PROXY_EXCHANGE_H

#include "base/span.h"
#include "proxy/context.h"
#include "proxy/transport.h"

struct client_identity; /* proxy/client_identity.h */

/* Facts about the connection that requests need; lives in struct connection for as long as the HTTP phase. */
struct downstream_facts {
    /* The address of `local` is asked for when the connection comes only if there is a log then; its port is there always. */
    struct network_address local, remote;
    struct span server_name; /* sniffed SNI; empty without one */
    struct span tls_version, tls_cipher; /* static strings; empty for plaintext */
    bool tls;
    struct tls_identity *shown_identity; /* by the handshake; NULL for plaintext */
    const struct tls_session *session;   /* NULL for plaintext */
    struct client_identity *client;      /* by its certificate; NULL: it showed none */
    struct span alpn; /* the protocol that was negotiated; empty without one */
    uint64_t connection_id;
    uint64_t start_ns; /* when the connection was accepted */
    /* The chain by which the connection is served: valid while `pinned` is. Matched again by the connection under a newer snapshot. */
    const struct filter_chain *chain;
    bool chain_changed; /* there is no chain because the one of the connection's name demands something else of its clients now */
    const struct listener *listener;
};

/* The local address, for a line of the log: asked for now if it was not yet. `transport` is the connection's. */
struct network_address downstream_local(const struct downstream_facts *facts, const struct transport *transport);

/* The pools of exchanges and of upstream connections, which context_init leaves open. Deinit: no HTTP connection may be left; it also frees the
 * buried. */
void exchange_context_init(struct proxy_context *context);
void exchange_context_deinit(struct proxy_context *context);

struct tls_identity;

struct http_connection; /* one a downstream connection in its HTTP phase; owns session engine and exchanges */

/* The transport belongs to the caller (struct connection) and outlives the HTTP connection. `closed` is called exactly once, when the
 * connection should be torn down (after lingering and with nothing left to write); the caller then calls http_connection_destroy. */
struct http_connection *http_connection_create(struct proxy_context *context, struct transport *transport, const struct downstream_facts *facts,
                                               void *owner, void (*closed)(void *owner),
                                               /* Under which snapshot and chain does the next request run? Pins and returns it, sets the
                                                * chain; NULL chain: gone, answer 421... the connection closes after one 404. */
                                               struct pinned_snapshot *(*begin)(void *owner, const struct filter_chain **ret_chain));
/* Called by the connection when the transport is readable, drained or failed. */
void http_connection_readable(struct http_connection *http);
void http_connection_drained(struct http_connection *http);
void http_connection_failed(struct http_connection *http);
/* No new requests: the next answer says close; an idle one closes now. */
void http_connection_drain(struct http_connection *http);
/* Ends everything at once; logs unfinished exchanges. */
void http_connection_destroy(struct http_connection *http);

#endif
