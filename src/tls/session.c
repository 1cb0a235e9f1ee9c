#include "tls/session.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/network_address.h"
#include "tls/client_demand_verify.h"
#include "tls/client_policy_context.h"
#include "tls/handshake_failure.h"
#include "tls/hello_extensions.h"
#include "tls/hello_name.h"
#include "tls/identity_choice.h"
#include "tls/identity_material.h"
#include "tls/library_error.h"
#include "tls/server_policy_context.h"
#include "tls/session_library.h"
#include "tls/transport.h"

#define ERROR_TEXT_BYTES_MAX 512

struct tls_session {
    SSL *ssl;
    struct tls_server_policy *policy;       /* of a server, else NULL */
    struct tls_client_policy *client_policy; /* of a client */
    struct tls_identity *identities[2];      /* of a server: the one to show, and another until that is decided */
    struct tls_peer_check check;
    char *server_name; /* of a client */
    bool has_begun;
    struct tls_transport transport; /* with an io only inside a call */
    char *error;                    /* not NULL once failed */
    enum tls_failure failure;
    size_t record_plain_size;       /* above 0: a record of that many bytes may be half written */
    uint8_t hello_count;
    uint8_t key_update_count; /* since the last application data */
    bool is_name_changed;
    bool is_established;
    bool is_close_sent;
    bool is_close_received;
};

/* The library looks at the name of the first ClientHello only, but a proxy in front may look at the second. */
static void watch_hello(struct tls_session *session, struct span message)
{
    if (session->hello_count < UINT8_MAX)
        session->hello_count++;
    if (session->hello_count == 1)
        return;
    struct span name;
    if (!tls_hello_server_name(message, &name) || !span_equal(name, tls_session_server_name(session)))
        session->is_name_changed = true;
}

static void watch_message(int is_write, int version UNUSED, int content_type, const void *bytes, size_t size,
                          SSL *ssl UNUSED, void *argument)
{
    struct tls_session *session = argument;
    struct span message = span_make(bytes, size);
    if (is_write || content_type != SSL3_RT_HANDSHAKE || size == 0)
        return;
    if (message.data[0] == SSL3_MT_CLIENT_HELLO)
        watch_hello(session, message);
    else if (message.data[0] == SSL3_MT_KEY_UPDATE && session->key_update_count < UINT8_MAX)
        session->key_update_count++;
}

/* A client that resumes a session has been shown a certificate in its first handshake, maybe another than the present one. What the certificate
 * covers is asked later (connection reuse across names), so a ticket is good only as long as the names stay the same. */
static void bind_tickets(SSL *ssl, const struct tls_identity *identity)
{
    size_t size;
    const uint8_t *context = SSL_get0_session_id_context(ssl, &size);
    const struct span parts[] = {span_make(context, size), span_make(tls_identity_names_hash(identity), TLS_SHA256_SIZE)};
    uint8_t hash[TLS_SHA256_SIZE];
    tls_sha256_parts(parts, ARRAY_SIZE(parts), hash);
    ASSERT(SSL_set_session_id_context(ssl, hash, TLS_SHA256_SIZE) == 1);
}

/* Once a session, whose session-id context is set. */
static void show_identity(SSL *ssl, const struct tls_identity *identity)
{
    struct span staple = tls_identity_staple(identity, (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND));
    /* The identity passed the same checks when it was made. */
    ASSERT(SSL_set_chain_and_key(ssl, tls_identity_chain(identity), tls_identity_chain_size(identity),
                                 tls_identity_key(identity), NULL) == 1);
    bind_tickets(ssl, identity);
    if (staple.size > 0)
        ASSERT(SSL_set_ocsp_response(ssl, (const uint8_t *)staple.data, staple.size) == 1);
}

/* By way of its transport: the library's own slots for data of an application cost each session a table. */
static struct tls_session *server_session(const SSL *ssl)
{
    return CONTAINER_OF((struct tls_transport *)BIO_get_data(SSL_get_rbio(ssl)), struct tls_session, transport);
}

SSL *tls_session_ssl(const struct tls_session *session)
{
    return session->ssl;
}

struct tls_peer_check *tls_session_peer_check(const SSL *ssl)
{
    return &server_session(ssl)->check;
}

static void choose_identity(const SSL_CLIENT_HELLO *hello)
{
    struct tls_session *session = server_session(hello->ssl);
    if (session->identities[1] == NULL)
        return;
    size_t ecdsa = tls_identity_is_ecdsa(session->identities[0]) ? 0 : 1;
    size_t chosen = tls_client_verifies_ecdsa(hello, session->identities[ecdsa]) ? ecdsa : 1 - ecdsa;
    show_identity(session->ssl, session->identities[chosen]);
    tls_identity_unpin(session->identities[1 - chosen]);
    session->identities[0] = session->identities[chosen];
    session->identities[1] = NULL;
}

bool tls_session_take_hello(const SSL_CLIENT_HELLO *hello)
{
    if (tls_hello_lacks_extension(hello)) {
        /* Before the library says handshake_failure. */
        SSL_send_fatal_alert(hello->ssl, SSL_AD_MISSING_EXTENSION);
        OPENSSL_PUT_ERROR(SSL, SSL_R_MISSING_EXTENSION);
        return false;
    }
    choose_identity(hello);
    return true;
}

struct tls_session *tls_session_create_server(const struct tls_server_options *options)
{
    const uint8_t *session_id_context = options->session_id_context;
    ASSERT(options->identity != NULL);
    struct tls_session *session = memory_allocate_zeroed(1, sizeof(*session));
    session->policy = tls_server_policy_pin(options->policy);
    SSL *ssl = SSL_new(tls_server_policy_context(options->policy));
    ASSERT(ssl != NULL);
    session->ssl = ssl;
    SSL_set_accept_state(ssl);
    BIO *bio = tls_transport_create(&session->transport);
    SSL_set_bio(ssl, bio, bio);
    if (session_id_context == NULL)
        session_id_context = tls_server_policy_session_id_context(options->policy);
    ASSERT(SSL_set_session_id_context(ssl, session_id_context, TLS_SHA256_SIZE) == 1);
    session->identities[0] = tls_identity_pin(options->identity);
    if (options->second_identity != NULL)
        session->identities[1] = tls_identity_pin(options->second_identity);
    else
        show_identity(ssl, options->identity);
    if (options->demand != NULL) {
        session->check.demand = tls_client_demand_pin(options->demand);
        tls_client_demand_apply(options->demand, ssl);
    }
    SSL_set_shed_handshake_config(ssl, 1);
    SSL_set_msg_callback(ssl, watch_message);
    SSL_set_msg_callback_arg(ssl, session);
    return session;
}

struct tls_session *tls_session_create_client(struct tls_client_policy *policy, struct span server_name, enum tls_carried carried)
{
    struct tls_session *session = memory_allocate_zeroed(1, sizeof(*session));
    const struct tls_identity *identity = tls_client_policy_identity(policy);
    const struct span alpn = tls_client_policy_alpn(policy, carried);
    struct network_address address;
    session->client_policy = tls_client_policy_pin(policy);
    SSL *ssl = SSL_new(tls_client_policy_context(policy));
    ASSERT(ssl != NULL);
    session->ssl = ssl;
    session->server_name = memory_allocate_zeroed(1, server_name.size + 1);
    if (server_name.size > 0)
        memcpy(session->server_name, server_name.data, server_name.size);
    session->check.server_name = span_make(session->server_name, server_name.size);
    SSL_set_connect_state(ssl);
    BIO *bio = tls_transport_create(&session->transport);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, &session->check);
    /* RFC 6066 section 3: no literal addresses. A name that the library refuses is one that no certificate has. */
    if (server_name.size > 0 && !network_address_parse(server_name, 0, &address))
        (void)SSL_set_tlsext_host_name(ssl, session->server_name);
    if (identity != NULL)
        ASSERT(SSL_set_chain_and_key(ssl, tls_identity_chain(identity), tls_identity_chain_size(identity),
                                     tls_identity_key(identity), NULL) == 1);
    if (alpn.size > 0)
        ASSERT(SSL_set_alpn_protos(ssl, (const uint8_t *)alpn.data, (unsigned)alpn.size) == 0);
    SSL_SESSION *former = tls_client_policy_take_session(policy, session->check.server_name);
    if (former != NULL)
        (void)SSL_set_session(ssl, former);
    SSL_SESSION_free(former);
    SSL_set_shed_handshake_config(ssl, 1);
    return session;
}

bool tls_session_speaks_first(const struct tls_session *session)
{
    return session->client_policy != NULL && !session->has_begun;
}

void tls_session_destroy(struct tls_session *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    tls_transport_deinit(&session->transport);
    tls_server_policy_unpin(session->policy);
    tls_client_policy_unpin(session->client_policy);
    tls_client_demand_unpin(session->check.demand);
    tls_identity_unpin(session->identities[0]);
    tls_identity_unpin(session->identities[1]);
    free(session->server_name);
    free(session->check.issuer);
    free(session->check.text);
    free(session->error);
    free(session);
}

static void note_failure(struct tls_session *session)
{
    session->failure = session->check.failure != TLS_FAILURE_OTHER ? session->check.failure : tls_handshake_failure_peek();
    char text[ERROR_TEXT_BYTES_MAX];
    size_t size = tls_library_error_take_text(text, sizeof(text));
    static const char end[] = ":TLS_error_end";
    size_t reason = session->check.text == NULL ? 0 : strlen(session->check.text);
    /* What is wrong with the peer's certificate, where Envoy says it. */
    if (reason > 0 && size > sizeof(end) && size + reason + 1 < sizeof(text)) {
        size -= sizeof(end) - 1;
        size += (size_t)snprintf(text + size, sizeof(text) - size, ":%s%s", session->check.text, end);
    }
    session->error = memory_allocate(size + 1);
    memcpy(session->error, text, size + 1);
}

/* What the library meant by `result`, which was not above 0. */
static enum tls_status classify(struct tls_session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ: return TLS_STATUS_WANT_INPUT;
    case SSL_ERROR_WANT_WRITE: return TLS_STATUS_WANT_OUTPUT;
    case SSL_ERROR_ZERO_RETURN: return TLS_STATUS_CLOSED;
    default: note_failure(session); return TLS_STATUS_FAILED;
    }
}

/* The library clears every place of its queue, also those of an empty one. */
static void clear_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* Every use of the library is between enter and leave. Errors that another use left in the queue would be taken for
 * ours. */
static void enter(struct tls_session *session, struct tls_io *io)
{
    ASSERT(session->transport.io == NULL);
    session->transport.io = io;
    clear_errors();
}

static void leave(struct tls_session *session)
{
    session->transport.io = NULL;
}

/* A ticket is opened without a look at the certificate in it; what was demanded then is demanded now (the session-id context says so), but the
 * certificate or a revocation list may have expired since. */
static enum tls_status finish_handshake(struct tls_session *session)
{
    uint8_t alert = SSL_AD_CERTIFICATE_UNKNOWN;
    if (session->check.demand == NULL || SSL_session_reused(session->ssl) != 1 || SSL_get0_peer_certificates(session->ssl) == NULL ||
        tls_client_demand_verify(session->ssl, &session->check, &alert))
        return TLS_STATUS_OK;
    SSL_send_fatal_alert(session->ssl, alert);
    ERR_clear_error();
    OPENSSL_PUT_ERROR(SSL, SSL_R_CERTIFICATE_VERIFY_FAILED);
    note_failure(session);
    return TLS_STATUS_FAILED;
}

enum tls_status tls_session_handshake(struct tls_session *session, struct tls_io *io)
{
    if (session->is_established)
        return TLS_STATUS_OK;
    if (session->error != NULL)
        return TLS_STATUS_FAILED;
    session->has_begun = true;
    enter(session, io);
    int result = SSL_do_handshake(session->ssl);
    enum tls_status status = result == 1 ? finish_handshake(session) : classify(session, result);
    leave(session);
    session->is_established = status == TLS_STATUS_OK;
    return status;
}

/* The library answers key updates without end, each at the cost of two key schedules for 27 bytes of the peer's. */
static bool has_too_many_key_updates(struct tls_session *session)
{
    if (session->key_update_count <= TLS_KEY_UPDATES_MAX)
        return false;
    ERR_clear_error();
    SSL_send_fatal_alert(session->ssl, SSL_AD_UNEXPECTED_MESSAGE);
    OPENSSL_PUT_ERROR(SSL, SSL_R_TOO_MANY_KEY_UPDATES);
    note_failure(session);
    return true;
}

static enum tls_status read_records(struct tls_session *session, char *ret_bytes, size_t capacity, size_t *ret_size)
{
    size_t size = 0;
    while (size < capacity) {
        size_t room = capacity - size;
        clear_errors();
        int result = SSL_read(session->ssl, ret_bytes + size, room > INT_MAX ? INT_MAX : (int)room);
        if (result <= 0) {
            enum tls_status status = has_too_many_key_updates(session) ? TLS_STATUS_FAILED : classify(session, result);
            session->is_close_received = status == TLS_STATUS_CLOSED;
            /* What was read before the end is given first; the end is remembered and told next time. */
            if (size == 0)
                return status;
            break;
        }
        size += (size_t)result;
        session->key_update_count = 0;
        /* Nothing is left: to ask once more would only make the library say so. */
        if (tls_transport_is_empty(&session->transport) && SSL_has_pending(session->ssl) == 0)
            break;
    }
    *ret_size = size;
    return TLS_STATUS_OK;
}

enum tls_status tls_session_read(struct tls_session *session, struct tls_io *io, char *ret_bytes, size_t capacity,
                                 size_t *ret_size)
{
    ASSERT(session->is_established && capacity > 0);
    if (session->error != NULL)
        return TLS_STATUS_FAILED;
    if (session->is_close_received)
        return TLS_STATUS_CLOSED;
    enter(session, io);
    enum tls_status status = read_records(session, ret_bytes, capacity, ret_size);
    leave(session);
    return status;
}

/* How much plaintext the next record takes; 0 when the window should be sent first. A record never outgrows the window
 * unless the window is empty and still too small, so the library almost never keeps the rest of one. */
static size_t next_record_size(const struct tls_session *session, const struct tls_io *io, size_t plain_size)
{
    size_t overhead = SSL_max_seal_overhead(session->ssl);
    size_t room = io->output_capacity - io->output_size;
    size_t wanted = plain_size < SSL3_RT_MAX_PLAIN_LENGTH ? plain_size : SSL3_RT_MAX_PLAIN_LENGTH;
    size_t least = wanted < TLS_RECORD_SPLIT_BYTES_MIN ? wanted : TLS_RECORD_SPLIT_BYTES_MIN;
    if (room < overhead + least)
        return io->output_size > 0 ? 0 : wanted;
    return wanted < room - overhead ? wanted : room - overhead;
}

static enum tls_status write_records(struct tls_session *session, struct tls_io *io, struct span plain,
                                     size_t *ret_consumed)
{
    *ret_consumed = 0;
    while (plain.size > 0) {
        size_t size = session->record_plain_size;
        if (size == 0)
            size = next_record_size(session, io, plain.size);
        if (size == 0)
            return TLS_STATUS_WANT_OUTPUT;
        ASSERT(size <= plain.size);
        clear_errors();
        int result = SSL_write(session->ssl, plain.data, (int)size);
        if (result <= 0) {
            enum tls_status status = classify(session, result);
            session->record_plain_size = status == TLS_STATUS_WANT_OUTPUT ? size : 0;
            return status;
        }
        session->record_plain_size = 0;
        *ret_consumed += (size_t)result;
        plain = span_from(plain, (size_t)result);
    }
    return TLS_STATUS_OK;
}

/* Tickets and the like that the library keeps for the next record. */
static enum tls_status write_waiting(struct tls_session *session)
{
    int result = SSL_write(session->ssl, "", 0);
    /* Its success is 0 bytes, which SSL_get_error would call a failure. */
    if (result == 0)
        return TLS_STATUS_OK;
    return classify(session, result);
}

enum tls_status tls_session_write(struct tls_session *session, struct tls_io *io, struct span plain,
                                  size_t *ret_consumed)
{
    ASSERT(session->is_established && !session->is_close_sent && plain.size >= session->record_plain_size);
    if (session->error != NULL)
        return TLS_STATUS_FAILED;
    enter(session, io);
    size_t consumed = 0;
    enum tls_status status = plain.size == 0 ? write_waiting(session) : write_records(session, io, plain, &consumed);
    leave(session);
    if (status == TLS_STATUS_OK || status == TLS_STATUS_WANT_OUTPUT)
        *ret_consumed = consumed;
    return status;
}

enum tls_status tls_session_shutdown(struct tls_session *session, struct tls_io *io)
{
    if (!session->is_established || session->is_close_sent)
        return TLS_STATUS_OK;
    if (session->error != NULL || session->record_plain_size > 0)
        return TLS_STATUS_FAILED;
    enter(session, io);
    int result = SSL_shutdown(session->ssl);
    enum tls_status status = result >= 0 ? TLS_STATUS_OK : classify(session, result);
    leave(session);
    /* The library would wait for the peer's close_notify if it were asked again. */
    session->is_close_sent = status == TLS_STATUS_OK;
    return status;
}

bool tls_session_is_established(const struct tls_session *session)
{
    return session->is_established;
}

bool tls_session_has_pending(const struct tls_session *session)
{
    return SSL_pending(session->ssl) > 0 || session->is_close_received || session->error != NULL;
}

struct span tls_session_error(const struct tls_session *session)
{
    return span_of(session->error);
}

enum tls_failure tls_session_failure(const struct tls_session *session)
{
    return session->failure;
}

struct span tls_session_server_name(const struct tls_session *session)
{
    return span_of(SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name));
}

bool tls_session_server_name_matches(const struct tls_session *session, struct span sniffed)
{
    return !session->is_name_changed && span_equal_ignore_case(tls_session_server_name(session), sniffed);
}

struct span tls_session_alpn(const struct tls_session *session)
{
    const uint8_t *name = NULL;
    unsigned int size = 0;
    SSL_get0_alpn_selected(session->ssl, &name, &size);
    return span_make(name, size);
}

struct span tls_session_version(const struct tls_session *session)
{
    return session->is_established ? span_of(SSL_get_version(session->ssl)) : SPAN_EMPTY;
}

struct span tls_session_cipher(const struct tls_session *session)
{
    return session->is_established ? span_of(SSL_get_cipher_name(session->ssl)) : SPAN_EMPTY;
}

struct span tls_session_issuer_fingerprint(const struct tls_session *session)
{
    return span_first(span_of(session->check.issuer), (size_t)2 * TLS_SHA256_SIZE);
}

struct span tls_session_issuer_serial(const struct tls_session *session)
{
    return span_from(span_of(session->check.issuer), (size_t)2 * TLS_SHA256_SIZE);
}

struct span tls_session_group(const struct tls_session *session)
{
    return session->is_established ? span_of(SSL_get_group_name(SSL_get_group_id(session->ssl))) : SPAN_EMPTY;
}

struct tls_identity *tls_session_own_identity(const struct tls_session *session)
{
    return session->client_policy != NULL ? tls_client_policy_identity(session->client_policy) : session->identities[0];
}

struct span tls_session_id(const struct tls_session *session)
{
    unsigned int size = 0;
    const uint8_t *id = session->is_established ? SSL_SESSION_get_id(SSL_get_session(session->ssl), &size) : NULL;
    return span_make(id, size);
}

bool tls_session_was_resumed(const struct tls_session *session)
{
    return session->is_established && SSL_session_reused(session->ssl) == 1;
}
