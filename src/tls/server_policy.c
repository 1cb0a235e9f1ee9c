#include "tls/server_policy.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "tls/cipher_defaults.h"
#include "tls/server_policy_context.h"
#include "tls/session_library.h"
#include "tls/tickets_library.h"

/* Envoy's two behind the post-quantum hybrid (draft-ietf-tls-ecdhe-mlkem), which a client without it never sees. */
#define CURVES_DEFAULT "X25519MLKEM768:X25519:P-256"

struct tls_server_policy {
    atomic_size_t references;
    SSL_CTX *context;
    struct tls_tickets *tickets;
    uint8_t session_id_context[TLS_SHA256_SIZE];
    uint8_t alpn_size;
    uint8_t alpn[TLS_ALPN_BYTES_MAX]; /* as in RFC 7301 section 3.1, without the size in front */
};

static uint16_t version_number(enum tls_version version, uint16_t otherwise)
{
    switch (version) {
    case TLS_VERSION_UNSET: return otherwise;
    case TLS_VERSION_1_0: return TLS1_VERSION;
    case TLS_VERSION_1_1: return TLS1_1_VERSION;
    case TLS_VERSION_1_2: return TLS1_2_VERSION;
    case TLS_VERSION_1_3: return TLS1_3_VERSION;
    }
    UNREACHABLE();
}

/* "a:b:c" for the library; NULL when a part holds a NUL, which would cut the list. The caller frees. */
static char *join_names(const struct span *names, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += names[i].size + 1;
    char *text = memory_allocate(size);
    char *end = text;
    for (size_t i = 0; i < count; i++) {
        size_t offset;
        if (names[i].size == 0)
            continue;
        if (span_find_byte(names[i], '\0', &offset)) {
            free(text);
            return NULL;
        }
        if (end != text)
            *end++ = ':';
        memcpy(end, names[i].data, names[i].size);
        end += names[i].size;
    }
    *end = '\0';
    return text;
}

static bool set_ciphers(SSL_CTX *context, const struct span *names, size_t count)
{
    if (count == 0)
        return SSL_CTX_set_strict_cipher_list(context, TLS_CIPHERS_DEFAULT) == 1;
    char *text CLEANUP(memory_free_pointer) = join_names(names, count);
    return text != NULL && SSL_CTX_set_strict_cipher_list(context, text) == 1;
}

static bool set_curves(SSL_CTX *context, const struct span *names, size_t count)
{
    if (count == 0)
        return SSL_CTX_set1_groups_list(context, CURVES_DEFAULT) == 1;
    char *text CLEANUP(memory_free_pointer) = join_names(names, count);
    return text != NULL && SSL_CTX_set1_groups_list(context, text) == 1;
}

static bool set_alpn(struct tls_server_policy *policy, const struct span *names, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (names[i].size == 0 || names[i].size > UINT8_MAX || size + 1 + names[i].size > TLS_ALPN_BYTES_MAX)
            return false;
        policy->alpn[size++] = (uint8_t)names[i].size;
        memcpy(policy->alpn + size, names[i].data, names[i].size);
        size += names[i].size;
    }
    policy->alpn_size = (uint8_t)size;
    return true;
}

/* The argument is the policy, which every session pins. */
static int select_alpn(SSL *ssl UNUSED, const uint8_t **ret_name, uint8_t *ret_size, const uint8_t *offered,
                       unsigned int offered_size, void *argument)
{
    const struct tls_server_policy *policy = argument;
    uint8_t *selected = NULL;
    uint8_t selected_size = 0;
    int result =
        SSL_select_next_proto(&selected, &selected_size, policy->alpn, policy->alpn_size, offered, offered_size);
    if (result != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *ret_name = selected;
    *ret_size = selected_size;
    return SSL_TLSEXT_ERR_OK;
}

static int set_up_ticket(SSL *ssl, uint8_t *name, uint8_t *iv, EVP_CIPHER_CTX *cipher, HMAC_CTX *mac, int is_sealing)
{
    const struct tls_server_policy *policy = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    ASSERT(policy != NULL && policy->tickets != NULL);
    return tls_tickets_set_up(policy->tickets, name, iv, cipher, mac, is_sealing);
}

static enum ssl_select_cert_result_t choose_certificate(const SSL_CLIENT_HELLO *hello)
{
    return tls_session_take_hello(hello) ? ssl_select_cert_success : ssl_select_cert_error;
}

static void set_tickets(struct tls_server_policy *policy, struct tls_tickets *tickets)
{
    SSL_CTX *context = policy->context;
    policy->tickets = tickets;
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (tickets == NULL) {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
        return;
    }
    ASSERT(SSL_CTX_set_tlsext_ticket_key_cb(context, set_up_ticket) == 1);
    ASSERT(SSL_CTX_set_num_tickets(context, 1) == 1);
}

static enum tls_server_policy_status set_up_policy(struct tls_server_policy *policy,
                                                   const struct tls_server_policy_options *options)
{
    SSL_CTX *context = policy->context;
    uint16_t min_version = version_number(options->min_version, TLS1_2_VERSION);
    uint16_t max_version = version_number(options->max_version, TLS1_3_VERSION);
    if (min_version > max_version)
        return TLS_SERVER_POLICY_BAD_VERSIONS;
    ASSERT(SSL_CTX_set_min_proto_version(context, min_version) == 1);
    ASSERT(SSL_CTX_set_max_proto_version(context, max_version) == 1);
    if (!set_ciphers(context, options->cipher_suites, options->cipher_suite_count))
        return TLS_SERVER_POLICY_BAD_CIPHERS;
    if (!set_curves(context, options->curves, options->curve_count))
        return TLS_SERVER_POLICY_BAD_CURVES;
    if (!set_alpn(policy, options->alpn_protocols, options->alpn_protocol_count))
        return TLS_SERVER_POLICY_BAD_ALPN;
    if (policy->alpn_size > 0)
        SSL_CTX_set_alpn_select_cb(context, select_alpn, policy);
    set_tickets(policy, options->tickets);
    SSL_CTX_set_select_certificate_cb(context, choose_certificate);
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_app_data(context, policy);
    memcpy(policy->session_id_context, options->session_id_context, sizeof(policy->session_id_context));
    return TLS_SERVER_POLICY_OK;
}

/* Without the library's X.509 store: it costs memory per context and session, and peers are to be verified by our own
 * code. */
static SSL_CTX *make_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_with_buffers_method());
    ASSERT(context != NULL);
    return context;
}

enum tls_server_policy_status tls_server_policy_create(const struct tls_server_policy_options *options,
                                                       struct tls_server_policy **ret_policy)
{
    struct tls_server_policy *policy = memory_allocate_zeroed(1, sizeof(*policy));
    atomic_init(&policy->references, 1);
    policy->context = make_context();
    enum tls_server_policy_status status = set_up_policy(policy, options);
    ERR_clear_error();
    if (status == TLS_SERVER_POLICY_OK)
        *ret_policy = policy;
    else
        tls_server_policy_unpin(policy);
    return status;
}

struct tls_server_policy *tls_server_policy_pin(struct tls_server_policy *policy)
{
    size_t references = atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
    ASSERT(references > 0);
    return policy;
}

void tls_server_policy_unpin(struct tls_server_policy *policy)
{
    if (policy == NULL)
        return;
    size_t references = atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel);
    ASSERT(references > 0);
    if (references > 1)
        return;
    SSL_CTX_free(policy->context);
    free(policy);
}

SSL_CTX *tls_server_policy_context(const struct tls_server_policy *policy)
{
    return policy->context;
}

const uint8_t *tls_server_policy_session_id_context(const struct tls_server_policy *policy)
{
    return policy->session_id_context;
}

bool tls_cipher_suite_is_known(struct span name)
{
    SSL_CTX *context = make_context();
    bool is_known = name.size > 0 && set_ciphers(context, &name, 1);
    SSL_CTX_free(context);
    ERR_clear_error();
    return is_known;
}

bool tls_curve_is_known(struct span name)
{
    SSL_CTX *context = make_context();
    bool is_known = name.size > 0 && set_curves(context, &name, 1);
    SSL_CTX_free(context);
    ERR_clear_error();
    return is_known;
}
