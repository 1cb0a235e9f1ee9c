#include "tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/network_address.h"
#include "tls/certificate_print.h"

static struct span print_name(const X509_NAME *name, unsigned long flags, struct arena *arena)
{
    BIO *bio = BIO_new(BIO_s_mem());
    ASSERT(bio != NULL);
    const uint8_t *bytes = NULL;
    size_t size = 0;
    struct span text = SPAN_EMPTY;
    if (X509_NAME_print_ex(bio, name, 0, flags) >= 0 && BIO_mem_contents(bio, &bytes, &size) == 1)
        text = arena_copy(arena, span_make(bytes, size));
    BIO_free(bio);
    return text;
}

/* For people: letters of other scripts stay letters. */
static struct span describe_name(const X509_NAME *name, struct arena *arena)
{
    return print_name(name, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB, arena);
}

struct span tls_certificate_print_name(const X509_NAME *name, struct arena *arena)
{
    return print_name(name, XN_FLAG_RFC2253, arena);
}

struct span tls_certificate_describe_key(const EVP_PKEY *key, struct arena *arena)
{
    if (key == NULL)
        return SPAN_EMPTY;
    if (EVP_PKEY_id(key) == EVP_PKEY_RSA)
        return arena_print(arena, "RSA %d", EVP_PKEY_bits(key));
    const EC_KEY *ec_key = EVP_PKEY_id(key) == EVP_PKEY_EC ? EVP_PKEY_get0_EC_KEY(key) : NULL;
    if (ec_key == NULL)
        return SPAN_EMPTY;
    switch (EC_GROUP_get_curve_name(EC_KEY_get0_group(ec_key))) {
    case NID_X9_62_prime256v1: return SPAN_LITERAL("ECDSA P-256");
    case NID_secp384r1: return SPAN_LITERAL("ECDSA P-384");
    case NID_secp521r1: return SPAN_LITERAL("ECDSA P-521");
    default: return SPAN_EMPTY;
    }
}

/* A name with a byte that no host name has is a trick (a NUL that cuts it for some readers): as if it were not there.
 */
static bool is_plain_name(struct span name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] <= ' ' || name.data[i] >= 0x7f)
            return false;
    }
    return name.size > 0;
}

static struct span span_of_string(const ASN1_STRING *string)
{
    return span_make(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static struct span describe_address(struct span bytes, struct arena *arena)
{
    if (bytes.size != 4 && bytes.size != 16)
        return SPAN_EMPTY;
    struct network_address address = {.size = (uint8_t)bytes.size};
    memcpy(address.bytes, bytes.data, bytes.size);
    char text[NETWORK_ADDRESS_TEXT_MAX];
    return arena_copy(arena, span_make(text, network_address_print_host(&address, text)));
}

struct span tls_certificate_describe_name(int type, struct span bytes, struct arena *arena)
{
    if (type == GEN_IPADD)
        return describe_address(bytes, arena);
    return (type == GEN_DNS || type == GEN_URI) && is_plain_name(bytes) ? arena_copy(arena, bytes) : SPAN_EMPTY;
}

static struct span describe_san(const GENERAL_NAME *san, struct arena *arena)
{
    switch (san->type) {
    case GEN_IPADD: return tls_certificate_describe_name(GEN_IPADD, span_of_string(san->d.iPAddress), arena);
    case GEN_DNS: return tls_certificate_describe_name(GEN_DNS, span_of_string(san->d.dNSName), arena);
    case GEN_URI: return tls_certificate_describe_name(GEN_URI, span_of_string(san->d.uniformResourceIdentifier), arena);
    default: return SPAN_EMPTY;
    }
}

static void describe_sans(X509 *x509, struct arena *arena, struct tls_certificate *certificate)
{
    GENERAL_NAMES *sans = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    size_t count = sans == NULL ? 0 : sk_GENERAL_NAME_num(sans);
    size_t uri_count = 0;
    for (size_t i = 0; i < count; i++)
        uri_count += sk_GENERAL_NAME_value(sans, i)->type == GEN_URI;
    struct span *names = arena_new_array(arena, struct span, count - uri_count);
    bool *is_address = arena_new_array(arena, bool, count - uri_count);
    struct span *uris = arena_new_array(arena, struct span, uri_count);
    for (size_t i = 0; i < count; i++) {
        const GENERAL_NAME *san = sk_GENERAL_NAME_value(sans, i);
        struct span name = describe_san(san, arena);
        if (name.size > 0 && san->type == GEN_URI) {
            uris[certificate->uri_count++] = name;
        } else if (name.size > 0) {
            is_address[certificate->name_count] = san->type == GEN_IPADD;
            names[certificate->name_count++] = name;
        }
    }
    certificate->names = names;
    certificate->name_is_address = is_address;
    certificate->uris = uris;
    GENERAL_NAMES_free(sans);
}

void tls_certificate_describe(X509 *x509, struct arena *arena, struct tls_certificate *ret_certificate)
{
    struct tls_certificate certificate = {
        .subject = describe_name(X509_get_subject_name(x509), arena),
        .issuer = describe_name(X509_get_issuer_name(x509), arena),
        .serial = tls_certificate_print_serial(x509, arena),
        .key_type = tls_certificate_describe_key(X509_get0_pubkey(x509), arena),
    };
    describe_sans(x509, arena, &certificate);
    /* A date that does not parse reads as 0: long expired, so the caller warns. */
    if (ASN1_TIME_to_posix(X509_get0_notBefore(x509), &certificate.not_before) != 1)
        certificate.not_before = 0;
    if (ASN1_TIME_to_posix(X509_get0_notAfter(x509), &certificate.not_after) != 1)
        certificate.not_after = 0;
    unsigned int size = 0;
    tls_sha256_parts(certificate.names, certificate.name_count, certificate.names_hash);
    ASSERT(X509_digest(x509, EVP_sha256(), certificate.fingerprint, &size) == 1 && size == TLS_SHA256_SIZE);
    ERR_clear_error();
    *ret_certificate = certificate;
}

static bool name_covers(struct span name, struct span host)
{
    if (span_equal_ignore_case(name, host))
        return true;
    /* RFC 6125 section 6.4.3: the wildcard is the whole leftmost label and stands for one label, never for part of an
     * address. */
    size_t dot;
    struct network_address address;
    if (!span_starts_with(name, SPAN_LITERAL("*.")) || !span_find_byte(host, '.', &dot) || dot == 0 ||
        host.data[0] == '*' || network_address_parse(host, 0, &address))
        return false;
    return span_equal_ignore_case(span_from(name, 1), span_from(host, dot));
}

bool tls_certificate_names_cover(const struct span *names, size_t count, struct span host)
{
    for (size_t i = 0; i < count; i++) {
        if (name_covers(names[i], host))
            return true;
    }
    return false;
}
