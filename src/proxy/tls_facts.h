/* What logs may say of the TLS of an upstream's connection, kept with the exchange, which may outlive it. */
#ifndef FAIRLEAD_PROXY_TLS_FACTS_H
#define FAIRLEAD_PROXY_TLS_FACTS_H

#include "tls/peer.h"

struct tls_identity;
struct tls_session;

struct tls_facts {
    struct span version, cipher, group; /* static */
    struct span server_name;            /* that was asked for */
    struct span session_id;             /* bytes */
    bool has_peer;
    struct tls_peer peer;
    const struct tls_identity *own; /* NULL: none; pinned by the arena */
};

/* Of an established session; all of it is in the arena. */
const struct tls_facts *tls_facts_note(struct arena *arena, const struct tls_session *session);

#endif
