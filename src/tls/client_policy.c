#include "tls/client_policy.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "tls/certificate.h"
#include "tls/cipher_defaults.h"
#include "tls/client_policy_context.h"
#include "tls/identity_material.h"
#include "tls/trust_material.h"
#include "tls/pem.h"

struct saved_session {
    SSL_SESSION *session; /* NULL: free */
    char *server_name;
};

struct tls_client_policy {
    atomic_size_t references;
    SSL_CTX *context;
    struct tls_identity *identity;
    struct tls_trust *trust; /* NULL: the system's */
    bool is_mesh;
    struct span alpn[TLS_CARRIES_COUNT]; /* encoded */
    struct arena arena;
    struct span *names;
    size_t name_count;
    uint8_t hash[TLS_SHA256_SIZE];
    pthread_mutex_t lock; /* of the sessions: once a handshake, never once a request */
    struct saved_session sessions[TLS_CLIENT_SESSIONS_MAX];
    size_t next_session; /* the place of the next one, which is the oldest's */
};

/* --- Trust --- */

/* Where Linux distributions keep the bundle of public authorities. */
static const char *const system_bundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
static X509_STORE *system_store; /* read once; lives until exit */
static pthread_once_t system_store_once = PTHREAD_ONCE_INIT;

static void read_system_store(void)
{
    X509_STORE *store = X509_STORE_new();
    ASSERT(store != NULL);
    /* As with OpenSSL: whoever sets it wants no other. */
    const char *own = getenv("SSL_CERT_FILE");
    if (own != NULL && X509_STORE_load_locations(store, own, NULL) == 1)
        system_store = store;
    for (size_t i = 0; own == NULL && i < ARRAY_SIZE(system_bundles) && system_store == NULL; i++)
        if (X509_STORE_load_locations(store, system_bundles[i], NULL) == 1)
            system_store = store;
    ERR_clear_error();
    if (system_store == NULL)
        X509_STORE_free(store);
}

static bool trust_system(SSL_CTX *context, struct tls_identity_error *ret_error)
{
    pthread_once(&system_store_once, read_system_store);
    if (system_store == NULL) {
        snprintf(ret_error->text, sizeof(ret_error->text), "the system has no bundle of certificate authorities");
        return false;
    }
    SSL_CTX_set1_cert_store(context, system_store);
    return true;
}

/* --- Verification --- */

static bool has_uri(const struct tls_certificate *certificate, struct span wanted)
{
    for (size_t i = 0; i < certificate->uri_count; i++)
        if (span_equal(certificate->uris[i], wanted))
            return true;
    return false;
}

static size_t append(char *text, size_t size, struct span part)
{
    size_t room = TLS_PEER_TEXT_BYTES_MAX - 1 - size;
    part = span_first(part, room);
    if (part.size > 0)
        memcpy(text + size, part.data, part.size);
    text[size + part.size] = '\0';
    return size + part.size;
}

char *tls_peer_check_text(struct tls_peer_check *check)
{
    if (check->text == NULL)
        check->text = memory_allocate_zeroed(1, TLS_PEER_TEXT_BYTES_MAX);
    return check->text;
}

/* As many as half of the text holds, so that what came has room behind what was expected. */
static size_t append_list(char *text, size_t size, const struct span *names, size_t count)
{
    size_t first = size;
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            size = append(text, size, SPAN_LITERAL(","));
        if (size - first + names[i].size > TLS_PEER_TEXT_BYTES_MAX / 2 && i > 0)
            return append(text, size, SPAN_LITERAL("..."));
        size = append(text, size, span_first(names[i], TLS_PEER_TEXT_BYTES_MAX / 2));
    }
    return count == 0 ? append(text, size, SPAN_LITERAL("no name")) : size;
}

static bool check_names(const struct tls_client_policy *policy, X509 *certificate, struct tls_peer_check *check)
{
    const struct span *wanted = policy->names;
    size_t count = policy->name_count;
    if (count == 0) {
        wanted = &check->server_name;
        count = check->server_name.size > 0 && !policy->is_mesh;
    }
    if (count == 0)
        return true;
    struct arena arena CLEANUP(arena_deinit);
    struct tls_certificate described;
    arena_init(&arena, 4096);
    tls_certificate_describe(certificate, &arena, &described);
    for (size_t i = 0; i < count; i++)
        if (tls_certificate_names_cover(described.names, described.name_count, wanted[i]) || has_uri(&described, wanted[i]))
            return true;
    size_t size = append(tls_peer_check_text(check), 0, SPAN_LITERAL("verify SAN list: expected "));
    size = append_list(check->text, size, wanted, count);
    size = append(check->text, size, SPAN_LITERAL(" but the certificate is for "));
    size_t name_count = described.name_count;
    if (described.uri_count > 0)
        size = append_list(check->text, size, described.uris, described.uri_count);
    if (described.uri_count > 0 && name_count > 0)
        size = append(check->text, size, SPAN_LITERAL(","));
    if (described.uri_count == 0 || name_count > 0)
        append_list(check->text, size, described.names, name_count);
    return false;
}

static int verify(X509_STORE_CTX *store, void *argument)
{
    const struct tls_client_policy *policy = argument;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_peer_check *check = SSL_get_app_data(ssl);
    if (X509_verify_cert(store) != 1) {
        snprintf(tls_peer_check_text(check), TLS_PEER_TEXT_BYTES_MAX, "verify cert failed: certificate verification error at depth %d: %s",
                 X509_STORE_CTX_get_error_depth(store), X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
        return 0;
    }
    return check_names(policy, X509_STORE_CTX_get0_cert(store), check);
}

/* --- Resumption --- */

static void forget_session(struct saved_session *saved)
{
    SSL_SESSION_free(saved->session);
    free(saved->server_name);
    *saved = (struct saved_session){0};
}

/* Called by the library for each ticket, whenever one comes. */
static int save_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client_policy *policy = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct tls_peer_check *check = SSL_get_app_data(ssl);
    pthread_mutex_lock(&policy->lock);
    struct saved_session *saved = &policy->sessions[policy->next_session];
    policy->next_session = (policy->next_session + 1) % TLS_CLIENT_SESSIONS_MAX;
    forget_session(saved);
    saved->session = session;
    saved->server_name = memory_allocate_zeroed(1, check->server_name.size + 1);
    if (check->server_name.size > 0)
        memcpy(saved->server_name, check->server_name.data, check->server_name.size);
    pthread_mutex_unlock(&policy->lock);
    return 1;
}

/* A ticket of TLS 1.3 is used once (RFC 8446 section C.4), a session of TLS 1.2 until a newer one takes its place. */
SSL_SESSION *tls_client_policy_take_session(struct tls_client_policy *policy, struct span server_name)
{
    SSL_SESSION *taken = NULL;
    pthread_mutex_lock(&policy->lock);
    for (size_t i = 1; i <= TLS_CLIENT_SESSIONS_MAX && taken == NULL; i++) {
        struct saved_session *saved = &policy->sessions[(policy->next_session + TLS_CLIENT_SESSIONS_MAX - i) % TLS_CLIENT_SESSIONS_MAX];
        if (saved->session == NULL || !span_equal(span_of(saved->server_name), server_name))
            continue;
        SSL_SESSION_up_ref(saved->session);
        taken = saved->session;
        if (SSL_SESSION_should_be_single_use(taken))
            forget_session(saved);
    }
    pthread_mutex_unlock(&policy->lock);
    return taken;
}

/* --- Life --- */

/* Of an identity the whole chain counts: a new intermediate must be shown even for the same leaf. */
void tls_client_policy_hash_options(const struct tls_client_policy_options *options, uint8_t ret_hash[TLS_SHA256_SIZE])
{
    size_t chain_size = options->identity == NULL ? 0 : tls_identity_chain_size(options->identity);
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, 1024);
    struct span *parts = arena_new_array(&arena, struct span, 5 + TLS_CARRIES_COUNT + chain_size + options->subject_alt_name_count);
    size_t count = 0;
    parts[count++] = options->skips_verification ? SPAN_LITERAL("skips") : options->is_mesh ? SPAN_LITERAL("mesh") : SPAN_LITERAL("verifies");
    parts[count++] = options->trust == NULL ? SPAN_EMPTY : span_make(tls_trust_hash(options->trust), TLS_SHA256_SIZE);
    parts[count++] = options->cipher_suites;
    parts[count++] = options->curves;
    for (size_t i = 0; i < TLS_CARRIES_COUNT; i++)
        parts[count++] = options->protocols[i];
    parts[count++] = span_make(&chain_size, sizeof(chain_size));
    for (size_t i = 0; i < chain_size; i++) {
        const CRYPTO_BUFFER *certificate = tls_identity_chain(options->identity)[i];
        parts[count++] = span_make(CRYPTO_BUFFER_data(certificate), CRYPTO_BUFFER_len(certificate));
    }
    for (size_t i = 0; i < options->subject_alt_name_count; i++)
        parts[count++] = options->subject_alt_names[i];
    tls_sha256_parts(parts, count, ret_hash);
}

/* RFC 7301 section 3.1. The lists are the compiler's, not a user's. */
static struct span encode_protocols(struct arena *arena, struct span names)
{
    char *bytes = arena_new_array(arena, char, names.size + 1);
    size_t size = 0, comma;
    while (names.size > 0) {
        bool more = span_find_byte(names, ',', &comma);
        struct span name = span_first(names, more ? comma : names.size);
        ASSERT(name.size > 0 && name.size <= UINT8_MAX);
        bytes[size++] = (char)name.size;
        memcpy(bytes + size, name.data, name.size);
        size += name.size;
        names = span_from(names, name.size + more);
    }
    ASSERT(size <= TLS_ALPN_BYTES_MAX);
    return span_make(bytes, size);
}

static bool set_up(struct tls_client_policy *policy, const struct tls_client_policy_options *options, struct tls_identity_error *ret_error)
{
    SSL_CTX *context = policy->context;
    ASSERT(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    ASSERT(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, save_session);
    SSL_CTX_set_app_data(context, policy);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    policy->is_mesh = options->is_mesh;
    for (size_t i = 0; i < TLS_CARRIES_COUNT; i++)
        policy->alpn[i] = encode_protocols(&policy->arena, options->protocols[i]);
    tls_client_policy_hash_options(options, policy->hash);
    policy->names = arena_new_array(&policy->arena, struct span, options->subject_alt_name_count);
    for (size_t i = 0; i < options->subject_alt_name_count; i++)
        policy->names[policy->name_count++] = arena_copy(&policy->arena, options->subject_alt_names[i]);
    if (options->identity != NULL)
        policy->identity = tls_identity_pin(options->identity);
    const char *ciphers = options->cipher_suites.size > 0 ? arena_copy(&policy->arena, options->cipher_suites).data : TLS_CIPHERS_DEFAULT;
    if (SSL_CTX_set_strict_cipher_list(context, ciphers) != 1 ||
        (options->curves.size > 0 && SSL_CTX_set1_groups_list(context, arena_copy(&policy->arena, options->curves).data) != 1)) {
        ERR_clear_error();
        snprintf(ret_error->text, sizeof(ret_error->text), "cipherSuites or ecdhCurves cannot be used");
        return false;
    }
    if (options->skips_verification)
        return true;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify, policy);
    if (options->trust == NULL)
        return trust_system(context, ret_error);
    policy->trust = tls_trust_pin(options->trust);
    SSL_CTX_set1_cert_store(context, tls_trust_store(options->trust));
    return true;
}

bool tls_client_policy_create(const struct tls_client_policy_options *options, struct tls_identity_error *ret_error,
                              struct tls_client_policy **ret_policy)
{
    struct tls_client_policy *policy = memory_allocate_zeroed(1, sizeof(*policy));
    atomic_init(&policy->references, 1);
    arena_init(&policy->arena, 1024);
    pthread_mutex_init(&policy->lock, NULL);
    policy->context = SSL_CTX_new(TLS_method());
    ASSERT(policy->context != NULL);
    bool made = set_up(policy, options, ret_error);
    if (made)
        *ret_policy = policy;
    else
        tls_client_policy_unpin(policy);
    return made;
}

struct tls_client_policy *tls_client_policy_pin(struct tls_client_policy *policy)
{
    size_t references = atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    ASSERT(references > 0);
    return policy;
}

void tls_client_policy_unpin(struct tls_client_policy *policy)
{
    if (policy == NULL || atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < TLS_CLIENT_SESSIONS_MAX; i++)
        forget_session(&policy->sessions[i]);
    pthread_mutex_destroy(&policy->lock);
    SSL_CTX_free(policy->context);
    tls_identity_unpin(policy->identity);
    tls_trust_unpin(policy->trust);
    arena_deinit(&policy->arena);
    free(policy);
}

const uint8_t *tls_client_policy_hash(const struct tls_client_policy *policy)
{
    return policy->hash;
}

struct span tls_client_policy_alpn(const struct tls_client_policy *policy, enum tls_carried carried)
{
    return policy->alpn[carried];
}

SSL_CTX *tls_client_policy_context(const struct tls_client_policy *policy)
{
    return policy->context;
}

struct tls_identity *tls_client_policy_identity(const struct tls_client_policy *policy)
{
    return policy->identity;
}
