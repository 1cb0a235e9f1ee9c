/* Listeners and filter chains. Immutable after the snapshot is sealed. */
#ifndef FAIRLEAD_SNAPSHOT_LISTENER_H
#define FAIRLEAD_SNAPSHOT_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "snapshot/cluster.h"
#include "snapshot/host_index.h"
#include "snapshot/route.h"

struct tls_identity;
struct tls_client_demand;
struct tls_server_policy;

enum filter_chain_kind {
    FILTER_CHAIN_HTTP,        /* plaintext HTTP */
    FILTER_CHAIN_HTTPS,       /* TLS terminated, HTTP inside */
    FILTER_CHAIN_TCP,         /* plaintext bytes to a cluster */
    FILTER_CHAIN_TLS_TCP,     /* TLS terminated, bytes to a cluster */
    FILTER_CHAIN_PASSTHROUGH, /* TLS untouched to a cluster, chosen by SNI */
};

#define SESSION_ID_CONTEXT_BYTES 32

struct filter_chain {
    struct span name; /* "istio-config/gateway servers[1]": the server that made it */
    uint32_t id;      /* key of the snapshot's table of origins */
    enum filter_chain_kind kind;
    struct span *server_names; /* lower-case SNI names, exact or "*.x"; none: the catch-all chain */
    size_t server_name_count;
    /* FILTER_CHAIN_HTTPS and FILTER_CHAIN_TLS_TCP */
    struct tls_server_policy *tls_policy;
    struct span tls_settings; /* the same for a person: "TLS 1.2 to 1.3" */
    struct tls_identity *identity; /* NULL: its Secret is missing or broken; the handshake is closed at its start */
    struct tls_identity *second_identity; /* with the other kind of key, shown to clients that can verify only that; NULL: none */
    struct span credential_name;
    uint32_t credential_id; /* place of credentialName */
    /* Of clients' certificates: NULL when none is asked for, or when `lacks_trust`: it is not known whom to trust, and the handshake is closed. */
    struct tls_client_demand *client_demand;
    bool lacks_trust;
    uint8_t session_id_context[SESSION_ID_CONTEXT_BYTES];
    /* FILTER_CHAIN_HTTP and FILTER_CHAIN_HTTPS */
    const struct route_table *routes;
    /* The others: one destination a connection */
    struct destinations destinations;
    bool wants_mesh_protocol; /* only for connections whose ALPN is one of Istio's own (AUTO_PASSTHROUGH) */
    /* Set when the server asks for a restriction that is not supported (a client certificate, say): connections are closed. */
    struct span refusal;
};

struct listener {
    struct span bind; /* server.bind, or empty: the address of --bind, else every address */
    uint16_t port;
    struct filter_chain **filter_chains;
    size_t filter_chain_count;
    bool inspects_tls;             /* some chain has SNI names, terminates TLS or refuses */
    struct host_index server_names; /* of struct filter_chain; "*" is the catch-all chain */
};

/* The chain for a lower-case SNI; pass the empty span without one (or for plaintext). NULL: close the connection (NR). */
const struct filter_chain *listener_match(const struct listener *listener, struct span server_name);
bool filter_chain_terminates_tls(const struct filter_chain *chain);
/* Whether all that a handshake needs is there. */
bool filter_chain_can_shake_hands(const struct filter_chain *chain);
bool filter_chain_is_http(const struct filter_chain *chain);

#endif
