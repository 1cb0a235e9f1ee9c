#include "tls/client_demand.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/base64.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/memory.h"
#include "tls/certificate.h"
#include "tls/certificate_print.h"
#include "tls/client_demand_verify.h"
#include "tls/pem.h"
#include "tls/session_library.h"
#include "tls/trust_material.h"

struct pin {
    uint8_t hash[TLS_SHA256_SIZE];
};

struct tls_client_demand {
    atomic_size_t references;
    bool is_optional;
    bool skips_verification;
    struct tls_trust *trust;
    struct span *names;
    size_t name_count;
    struct pin *spki_pins;
    size_t spki_pin_count;
    struct pin *certificate_pins;
    size_t certificate_pin_count;
    uint8_t hash[TLS_SHA256_SIZE];
    struct arena arena;
};

/* --- Pins --- */

static bool parse_spki_pin(struct span text, struct pin *ret_pin)
{
    uint8_t bytes[TLS_SHA256_SIZE + 4];
    size_t size = 0;
    if (text.size == 0 || EVP_DecodeBase64(bytes, &size, sizeof(bytes), (const uint8_t *)text.data, text.size) != 1 ||
        size != TLS_SHA256_SIZE)
        return false;
    memcpy(ret_pin->hash, bytes, TLS_SHA256_SIZE);
    return true;
}

static int hex_digit(char byte)
{
    byte = byte_to_lower(byte);
    return byte >= '0' && byte <= '9' ? byte - '0' : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool parse_certificate_pin(struct span text, struct pin *ret_pin)
{
    bool has_colons = text.size == 3 * TLS_SHA256_SIZE - 1;
    size_t step = has_colons ? 3 : 2;
    if (!has_colons && text.size != 2 * TLS_SHA256_SIZE)
        return false;
    for (size_t i = 0; i < TLS_SHA256_SIZE; i++) {
        int high = hex_digit(text.data[i * step]);
        int low = hex_digit(text.data[i * step + 1]);
        if (high < 0 || low < 0 || (has_colons && i > 0 && text.data[i * step - 1] != ':'))
            return false;
        ret_pin->hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool tls_spki_pin_is_valid(struct span text)
{
    struct pin pin;
    return parse_spki_pin(text, &pin);
}

bool tls_certificate_pin_is_valid(struct span text)
{
    struct pin pin;
    return parse_certificate_pin(text, &pin);
}

static bool pins_hold(const struct pin *pins, size_t count, const uint8_t hash[TLS_SHA256_SIZE])
{
    bool holds = false;
    for (size_t i = 0; i < count; i++)
        holds = holds || memcmp(pins[i].hash, hash, TLS_SHA256_SIZE) == 0;
    return holds;
}

static bool fits_pins(const struct tls_client_demand *demand, X509 *leaf)
{
    uint8_t hash[TLS_SHA256_SIZE];
    unsigned int size = 0;
    uint8_t *info = NULL;
    if (demand->spki_pin_count == 0 && demand->certificate_pin_count == 0)
        return true;
    ASSERT(X509_digest(leaf, EVP_sha256(), hash, &size) == 1 && size == TLS_SHA256_SIZE);
    if (pins_hold(demand->certificate_pins, demand->certificate_pin_count, hash))
        return true;
    int info_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &info);
    if (info_size <= 0)
        return false;
    tls_sha256(span_make(info, (size_t)info_size), hash);
    OPENSSL_free(info);
    return pins_hold(demand->spki_pins, demand->spki_pin_count, hash);
}

/* --- Verification --- */

static bool refuse(struct tls_peer_check *check, enum tls_failure failure, const char *text)
{
    check->failure = failure;
    snprintf(tls_peer_check_text(check), TLS_PEER_TEXT_BYTES_MAX, "verify cert failed: %.200s", text);
    return false;
}

static enum tls_failure failure_of(int error)
{
    switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return TLS_FAILURE_CLIENT_CERTIFICATE_UNKNOWN_CA;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED: return TLS_FAILURE_CLIENT_CERTIFICATE_EXPIRED;
    case X509_V_ERR_CERT_REVOKED: return TLS_FAILURE_CLIENT_CERTIFICATE_REVOKED;
    default: return TLS_FAILURE_CLIENT_CERTIFICATE_REFUSED;
    }
}

/* 64 digits of the fingerprint, and then those of the serial number. */
static void print_issuer(X509_STORE_CTX *verified, struct tls_peer_check *check)
{
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, 512);
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(verified);
    if (sk_X509_num(chain) < 2)
        return;
    X509 *issuer = sk_X509_value(chain, 1);
    struct span fingerprint = tls_certificate_print_digest(issuer, EVP_sha256(), &arena);
    struct span serial = tls_certificate_print_serial(issuer, &arena);
    free(check->issuer);
    check->issuer = memory_allocate(fingerprint.size + serial.size + 1);
    memcpy(check->issuer, fingerprint.data, fingerprint.size);
    memcpy(check->issuer + fingerprint.size, serial.data, serial.size);
    check->issuer[fingerprint.size + serial.size] = 0;
}

static bool verify_chain(const struct tls_client_demand *demand, X509 *leaf, STACK_OF(X509) *issuers,
                         struct tls_peer_check *check, uint8_t *ret_alert)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    ASSERT(context != NULL && X509_STORE_CTX_init(context, tls_trust_store(demand->trust), leaf, issuers) == 1);
    /* The purpose is a client's: an extended key usage that names servers only does not fit. */
    ASSERT(X509_STORE_CTX_set_default(context, "ssl_client") == 1);
    bool is_trusted = X509_verify_cert(context) == 1;
    if (is_trusted) {
        print_issuer(context, check);
    } else {
        int error = X509_STORE_CTX_get_error(context);
        check->failure = failure_of(error);
        *ret_alert = (uint8_t)SSL_alert_from_verify_result(error);
        snprintf(tls_peer_check_text(check), TLS_PEER_TEXT_BYTES_MAX,
                 "verify cert failed: X509_verify_cert: certificate verification error at depth %d: %s",
                 X509_STORE_CTX_get_error_depth(context), X509_verify_cert_error_string(error));
    }
    X509_STORE_CTX_free(context);
    return is_trusted;
}

static bool fits_names(const struct tls_client_demand *demand, X509 *leaf)
{
    struct tls_certificate described;
    if (demand->name_count == 0)
        return true;
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, 4096);
    tls_certificate_describe(leaf, &arena, &described);
    for (size_t i = 0; i < demand->name_count; i++) {
        if (tls_certificate_names_cover(described.names, described.name_count, demand->names[i]))
            return true;
        for (size_t j = 0; j < described.uri_count; j++)
            if (span_equal(described.uris[j], demand->names[i]))
                return true;
    }
    return false;
}

static void free_certificates(STACK_OF(X509) **certificates)
{
    sk_X509_pop_free(*certificates, X509_free);
}

/* The whole chain, parsed, the leaf first; NULL when a certificate does not parse or there are too many. */
static STACK_OF(X509) *parse_chain(const STACK_OF(CRYPTO_BUFFER) *encoded)
{
    size_t count = encoded == NULL ? 0 : sk_CRYPTO_BUFFER_num(encoded);
    STACK_OF(X509) *chain CLEANUP(free_certificates) = sk_X509_new_null();
    ASSERT(chain != NULL);
    if (count == 0 || count > TLS_CHAIN_CERTIFICATES_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        X509 *certificate = X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(encoded, i));
        if (certificate == NULL)
            return NULL;
        ASSERT(sk_X509_push(chain, certificate) > 0);
    }
    STACK_OF(X509) *parsed = chain;
    chain = NULL;
    return parsed;
}

static bool judge_chain(const struct tls_client_demand *demand, STACK_OF(X509) *chain, struct tls_peer_check *check, uint8_t *ret_alert)
{
    if (demand->skips_verification)
        return true;
    X509 *leaf = sk_X509_value(chain, 0);
    bool is_trusted = verify_chain(demand, leaf, chain, check, ret_alert);
    ERR_clear_error();
    if (!is_trusted)
        return false;
    /* RFC 8446 section 6.2: the certificate is valid, but access control decided against it. */
    *ret_alert = SSL_AD_ACCESS_DENIED;
    if (!fits_names(demand, leaf))
        return refuse(check, TLS_FAILURE_CLIENT_CERTIFICATE_NOT_ALLOWED, "verify SAN list");
    if (!fits_pins(demand, leaf))
        return refuse(check, TLS_FAILURE_CLIENT_CERTIFICATE_NOT_ALLOWED, "verify certificate hash or SPKI list");
    return true;
}

bool tls_client_demand_verify(const SSL *ssl, struct tls_peer_check *check, uint8_t *ret_alert)
{
    STACK_OF(X509) *chain CLEANUP(free_certificates) = parse_chain(SSL_get0_peer_certificates(ssl));
    ERR_clear_error();
    if (chain == NULL) {
        *ret_alert = SSL_AD_BAD_CERTIFICATE;
        return refuse(check, TLS_FAILURE_CLIENT_CERTIFICATE_REFUSED, "the chain does not parse or is too long");
    }
    return judge_chain(check->demand, chain, check, ret_alert);
}

static bool judge_pem(const struct tls_client_demand *demand, struct span chain_pem, struct tls_peer_check *check)
{
    struct tls_pem_chain read CLEANUP(tls_pem_chain_deinit) = {.count = 0};
    STACK_OF(X509) *chain CLEANUP(free_certificates) = sk_X509_new_null();
    struct tls_identity_error error;
    uint8_t alert;
    ASSERT(chain != NULL);
    if (tls_pem_read_chain(chain_pem, &read, &error) != TLS_IDENTITY_OK)
        return refuse(check, TLS_FAILURE_CLIENT_CERTIFICATE_REFUSED, error.text);
    for (size_t i = 0; i < read.count; i++) {
        ASSERT(X509_up_ref(read.certificates[i]) == 1);
        ASSERT(sk_X509_push(chain, read.certificates[i]) > 0);
    }
    return judge_chain(demand, chain, check, &alert);
}

bool tls_client_demand_judge(const struct tls_client_demand *demand, struct span chain_pem, enum tls_failure *ret_failure,
                             struct tls_identity_error *ret_error)
{
    struct tls_peer_check check = {.failure = TLS_FAILURE_CLIENT_CERTIFICATE_MISSING, .text = NULL};
    bool passes = chain_pem.size == 0 ? demand->is_optional : judge_pem(demand, chain_pem, &check);
    ERR_clear_error();
    if (!passes) {
        *ret_failure = check.failure;
        snprintf(ret_error->text, sizeof(ret_error->text), "%.250s", check.text == NULL ? "the client shows no certificate" : check.text);
    }
    free(check.issuer);
    free(check.text);
    return passes;
}

static enum ssl_verify_result_t verify_in_handshake(SSL *ssl, uint8_t *ret_alert)
{
    return tls_client_demand_verify(ssl, tls_session_peer_check(ssl), ret_alert) ? ssl_verify_ok : ssl_verify_invalid;
}

void tls_client_demand_apply(const struct tls_client_demand *demand, SSL *ssl)
{
    int mode = SSL_VERIFY_PEER | (demand->is_optional ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
    SSL_set_custom_verify(ssl, mode, verify_in_handshake);
    SSL_set_max_cert_list(ssl, TLS_CLIENT_CHAIN_BYTES_MAX);
    if (demand->trust != NULL)
        SSL_set0_client_CAs(ssl, tls_trust_names_copy(demand->trust));
}

/* --- Life --- */

static struct pin *copy_pins(struct arena *arena, const struct span *texts, size_t count,
                             bool (*parse)(struct span text, struct pin *ret_pin))
{
    struct pin *pins = arena_new_array(arena, struct pin, count);
    for (size_t i = 0; i < count; i++)
        ASSERT(parse(texts[i], &pins[i]));
    return pins;
}

static void hash_demand(struct tls_client_demand *demand)
{
    struct span mode = demand->is_optional ? SPAN_LITERAL("optional") : SPAN_LITERAL("required");
    struct span verified = demand->skips_verification ? SPAN_LITERAL("skips") : SPAN_LITERAL("verifies");
    struct span trust = demand->trust == NULL ? SPAN_EMPTY : span_make(tls_trust_hash(demand->trust), TLS_SHA256_SIZE);
    uint8_t names[TLS_SHA256_SIZE];
    tls_sha256_parts(demand->names, demand->name_count, names);
    struct span parts[] = {mode,
                           verified,
                           trust,
                           span_make(names, sizeof(names)),
                           span_make(demand->spki_pins, demand->spki_pin_count * sizeof(struct pin)),
                           span_make(demand->certificate_pins, demand->certificate_pin_count * sizeof(struct pin))};
    tls_sha256_parts(parts, ARRAY_SIZE(parts), demand->hash);
}

struct tls_client_demand *tls_client_demand_create(const struct tls_client_demand_options *options)
{
    ASSERT(options->trust != NULL || options->skips_verification);
    struct tls_client_demand *demand = memory_allocate_zeroed(1, sizeof(*demand));
    atomic_init(&demand->references, 1);
    arena_init(&demand->arena, 512);
    demand->is_optional = options->is_optional;
    demand->skips_verification = options->skips_verification;
    demand->trust = options->trust == NULL ? NULL : tls_trust_pin(options->trust);
    demand->names = arena_new_array(&demand->arena, struct span, options->subject_alt_name_count);
    for (size_t i = 0; i < options->subject_alt_name_count; i++)
        demand->names[demand->name_count++] = arena_copy(&demand->arena, options->subject_alt_names[i]);
    demand->spki_pin_count = options->spki_pin_count;
    demand->spki_pins = copy_pins(&demand->arena, options->spki_pins, options->spki_pin_count, parse_spki_pin);
    demand->certificate_pin_count = options->certificate_pin_count;
    demand->certificate_pins =
        copy_pins(&demand->arena, options->certificate_pins, options->certificate_pin_count, parse_certificate_pin);
    hash_demand(demand);
    return demand;
}

struct tls_client_demand *tls_client_demand_pin(struct tls_client_demand *demand)
{
    size_t references = atomic_fetch_add_explicit(&demand->references, 1, memory_order_relaxed);
    ASSERT(references > 0);
    return demand;
}

void tls_client_demand_unpin(struct tls_client_demand *demand)
{
    if (demand == NULL || atomic_fetch_sub_explicit(&demand->references, 1, memory_order_acq_rel) > 1)
        return;
    tls_trust_unpin(demand->trust);
    arena_deinit(&demand->arena);
    free(demand);
}

const uint8_t *tls_client_demand_hash(const struct tls_client_demand *demand)
{
    return demand->hash;
}

bool tls_client_demand_equal(const struct tls_client_demand *a, const struct tls_client_demand *b)
{
    return a == b || (a != NULL && b != NULL && memcmp(a->hash, b->hash, TLS_SHA256_SIZE) == 0);
}

static struct span append_count(struct arena *arena, struct span text, const char *before, size_t count, const char *one,
                                const char *many)
{
    return arena_print(arena, "%.*s, %s %zu %s", SPAN_ARGUMENTS(text), before, count, count == 1 ? one : many);
}

struct span tls_client_demand_describe(const struct tls_client_demand *demand, struct arena *arena)
{
    struct span text = demand->is_optional ? SPAN_LITERAL("optional") : SPAN_LITERAL("required");
    if (demand->skips_verification)
        return arena_print(arena, "%.*s, not verified", SPAN_ARGUMENTS(text));
    text = append_count(arena, text, "of", tls_trust_authority_count(demand->trust), "authority", "authorities");
    if (tls_trust_crl_count(demand->trust) > 0)
        text = append_count(arena, text, "with", tls_trust_crl_count(demand->trust), "revocation list", "revocation lists");
    size_t pin_count = demand->spki_pin_count + demand->certificate_pin_count;
    if (pin_count > 0)
        text = append_count(arena, text, "one of", pin_count, "pin", "pins");
    for (size_t i = 0; i < demand->name_count; i++)
        text = arena_print(arena, "%.*s%s%.*s", SPAN_ARGUMENTS(text), i == 0 ? ", for " : " or ", SPAN_ARGUMENTS(demand->names[i]));
    return text;
}
