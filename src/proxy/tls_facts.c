#include "proxy/tls_facts.h"

#include "tls/session.h"

static void unpin(void *identity) {
    tls_identity_unpin(identity);
}

const struct tls_facts *tls_facts_note(struct arena *arena, const struct tls_session *session) {
    struct tls_facts *facts = arena_new(arena, struct tls_facts);
    struct tls_identity *own = tls_session_own_identity(session);
    facts->version = tls_session_version(session);
    facts->cipher = tls_session_cipher(session);
    facts->group = tls_session_group(session);
    facts->server_name = arena_copy(arena, tls_session_server_name(session));
    facts->session_id = arena_copy(arena, tls_session_id(session));
    facts->has_peer = tls_peer_describe(session, arena, &facts->peer);
    if (facts->has_peer)
        facts->peer.certificate = tls_peer_print_certificate(session, arena);
    if (own != NULL) {
        arena_on_destroy(arena, unpin, tls_identity_pin(own));
        facts->own = own;
    }
    return facts;
}
