/* A downstream connection from accept to close: one struct with a phase and a union. The union is reached through functions that assert the
 * phase; every change of phase goes through connection_change_phase. One thread. */
#ifndef FAIRLEAD_PROXY_CONNECTION_H
#define FAIRLEAD_PROXY_CONNECTION_H

#include "proxy/context.h"
#include "proxy/exchange.h"
#include "proxy/transport.h"
#include "wire/client_hello.h"
#include "wire/close_reason.h"

enum connection_phase {
    CONNECTION_ACCEPTED,  /* no byte looked at */
    CONNECTION_SNIFF,     /* waits for a whole ClientHello */
    CONNECTION_HANDSHAKE, /* TLS session in progress */
    CONNECTION_HTTP,      /* a http_connection has the transport */
    CONNECTION_TUNNEL,    /* a forward has the transport */
    CONNECTION_CLOSING,   /* buried: torn down at the end of the turn */
    CONNECTION_PHASE_COUNT
};

/* Of CONNECTION_SNIFF. */
struct sniff {
    struct client_hello_reader reader;
    char *bytes; /* all that came, when the hello did not come whole at once; heap */
    uint32_t size, capacity;
};

struct forward; /* proxy/forward.h */

/* Of a listener, so that it is found again in a newer snapshot. */
#define CONNECTION_BIND_MAX 48
struct listener_key {
    uint16_t port;
    uint8_t bind_size;
    char bind[CONNECTION_BIND_MAX]; /* as in struct listener; text of an IP address, or empty */
};

struct connection {
    uint32_t tag; /* CONNECTION_TAG while it lives */
    enum connection_phase phase;
    struct proxy_context *context;
    struct list live; /* in context->live_connections */
    struct grave grave;
    struct transport transport;
    struct downstream_facts facts;
    struct listener_key listener_key;
    char *server_name;            /* of facts.server_name; heap, NULL without SNI */
    uint64_t matched_generation;  /* of the snapshot under which facts.chain is valid */
    uint8_t session_id_context[SESSION_ID_CONTEXT_BYTES]; /* of that chain */
    enum filter_chain_kind kind;                          /* of that chain */
    /* While a chain is being chosen, and in CONNECTION_SNIFF for one that came in by a listener on its way out; else NULL: only requests pin. */
    struct pinned_snapshot *pinned;
    uint32_t hello_size;            /* wire bytes of the ClientHello */
    struct newcomer newcomer;       /* while in CONNECTION_SNIFF or CONNECTION_HANDSHAKE */
    struct timer deadline;          /* of CONNECTION_SNIFF and CONNECTION_HANDSHAKE */
    enum close_reason close_reason;
    uint8_t alert;                  /* what is said before it closes to a peer whose hello cannot be read; 0: nothing */
    bool torn_down;
    bool has_received;              /* a byte came in CONNECTION_SNIFF: its end is worth a line in the access log */
    union {
        struct sniff sniff;
        struct http_connection *http;
        struct forward *forward;
    } of_phase; /* never touched directly: connection_sniff() and its like */
};

#define CONNECTION_TAG 0x636f6e6eu

/* Istio's protocols between sidecars, by which mutual TLS of the mesh is known. */
bool alpn_is_of_mesh(struct span protocol);
/* Takes over an accepted descriptor. A connection that cannot be served (the ceiling is reached, no such listener in the current snapshot) is
 * reset at once. */
void connection_accept(struct proxy_context *context, int descriptor, const struct network_address *peer, const struct listener_key *key,
                       bool retiring /* the listener is not in the next snapshot: this one is kept until the chain is chosen */);
/* Ends it at the end of the turn; with `reset` the peer gets a reset. Unfinished requests, tunnels and handshakes leave their log lines. Harmless when it is
 * closing already. */
void connection_close(struct connection *connection, enum close_reason reason, bool reset);
/* No new requests; an idle keep-alive connection closes now. Tunnels and handshakes go on. */
void connection_drain(struct connection *connection);
/* The listener of a key in a snapshot; NULL when it has none. */
const struct listener *listener_key_find(const struct listener_key *key, const struct snapshot *snapshot);
/* False when `bind` is too long to be an address. */
MUST_USE bool listener_key_make(struct span bind, uint16_t port, struct listener_key *ret_key);

/* --- Between the sources of the connection: connection.c, sniff.c, handshake.c --- */
void connection_change_phase(struct connection *connection, enum connection_phase phase);
struct sniff *connection_sniff(struct connection *connection);
/* In those two phases: something came. The connection looks when newcomers get their turn. */
void connection_newcomer_readable(struct transport *transport);
void sniff_readable(struct connection *connection);
void handshake_readable(struct connection *connection);
/* Ends a connection for which there is no chain, or not for what it says: with the alert that its hello earned, if any. */
void connection_refuse_hello(struct connection *connection, enum close_reason reason, bool reset);
/* sniff.c: waits for the hello; ends in connection_matched or in a close. */
void sniff_begin(struct connection *connection);
void sniff_deinit(struct sniff *sniff);
/* The chain is chosen and `connection->pinned` holds its snapshot, which is unpinned here. `bytes` came already; they are used or kept before this returns. */
void connection_matched(struct connection *connection, const struct filter_chain *chain, struct span bytes, bool is_tls);
/* handshake.c: ends in connection_established or in a close. */
void handshake_begin(struct connection *connection, struct span bytes);
/* TLS is there, or was not asked for: on to HTTP or to the tunnel. */
void connection_established(struct connection *connection);
/* A warning about a connection, at most one a second and worker: peers can cause it. */
bool connection_may_warn(struct connection *connection);

#endif
