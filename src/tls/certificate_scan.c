#include "tls/certificate_scan.h"

#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/posix_time.h>
#include <openssl/x509v3.h>

#include "tls/hash.h"

#define VERSION_3 2
#define SERIAL_BYTES_MAX 20 /* RFC 5280 section 4.1.2.2 */
#define CONTEXT_TAG(number) (CBS_ASN1_CONTEXT_SPECIFIC | (number))
#define EXPLICIT_TAG(number) (CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | (number))

static const uint8_t subject_alt_name[] = {0x55, 0x1d, 0x11}; /* 2.5.29.17 */

static struct span span_of_cbs(const CBS *cbs)
{
    return span_make(CBS_data(cbs), CBS_len(cbs));
}

static bool take_oid(CBS *cbs)
{
    CBS oid;
    return CBS_get_asn1(cbs, &oid, CBS_ASN1_OBJECT) && CBS_is_valid_asn1_oid(&oid);
}

/* With no parameters, NULL, or the name of a curve. */
static bool take_algorithm(CBS *cbs)
{
    CBS algorithm, null;
    if (!CBS_get_asn1(cbs, &algorithm, CBS_ASN1_SEQUENCE) || !take_oid(&algorithm))
        return false;
    if (CBS_peek_asn1_tag(&algorithm, CBS_ASN1_OBJECT))
        return take_oid(&algorithm) && CBS_len(&algorithm) == 0;
    return CBS_len(&algorithm) == 0 ||
           (CBS_get_asn1(&algorithm, &null, CBS_ASN1_NULL) && CBS_len(&null) == 0 && CBS_len(&algorithm) == 0);
}

static bool take_bits(CBS *cbs)
{
    CBS bits;
    uint8_t unused;
    return CBS_get_asn1(cbs, &bits, CBS_ASN1_BITSTRING) && CBS_get_u8(&bits, &unused) && unused == 0;
}

static bool is_printable(const CBS *text)
{
    for (size_t i = 0; i < CBS_len(text); i++)
        if (CBS_data(text)[i] < ' ' || CBS_data(text)[i] > '~')
            return false;
    return CBS_len(text) > 0;
}

/* One attribute in each set, of letters that all kinds of strings share. */
static bool take_name(CBS *cbs, struct span *ret_name)
{
    CBS element, name, set, attribute, text;
    unsigned tag;
    if (!CBS_get_asn1_element(cbs, &element, CBS_ASN1_SEQUENCE))
        return false;
    *ret_name = span_of_cbs(&element);
    if (!CBS_get_asn1(&element, &name, CBS_ASN1_SEQUENCE))
        return false;
    while (CBS_len(&name) > 0) {
        if (!CBS_get_asn1(&name, &set, CBS_ASN1_SET) || !CBS_get_asn1(&set, &attribute, CBS_ASN1_SEQUENCE) || CBS_len(&set) > 0 ||
            !take_oid(&attribute) || !CBS_get_any_asn1(&attribute, &text, &tag) || CBS_len(&attribute) > 0 || !is_printable(&text))
            return false;
        if (tag != CBS_ASN1_UTF8STRING && tag != CBS_ASN1_PRINTABLESTRING && tag != CBS_ASN1_IA5STRING)
            return false;
    }
    return true;
}

static bool take_time(CBS *cbs, int64_t *ret_time)
{
    CBS text;
    unsigned tag;
    struct tm time;
    if (!CBS_get_any_asn1(cbs, &text, &tag))
        return false;
    bool is_time = tag == CBS_ASN1_UTCTIME ? CBS_parse_utc_time(&text, &time, 0) == 1
                                           : tag == CBS_ASN1_GENERALIZEDTIME && CBS_parse_generalized_time(&text, &time, 0) == 1;
    return is_time && OPENSSL_tm_to_posix(&time, ret_time) == 1;
}

static bool take_validity(CBS *cbs, struct tls_certificate_scan *scan)
{
    CBS validity;
    return CBS_get_asn1(cbs, &validity, CBS_ASN1_SEQUENCE) && take_time(&validity, &scan->not_before) &&
           take_time(&validity, &scan->not_after) && CBS_len(&validity) == 0;
}

static bool take_public_key(CBS *cbs)
{
    CBS key;
    return CBS_get_asn1(cbs, &key, CBS_ASN1_SEQUENCE) && take_algorithm(&key) && take_bits(&key) && CBS_len(&key) == 0;
}

/* DNS names, addresses and URIs; the other kinds have insides of their own. */
static bool scan_names(CBS value, struct tls_certificate_scan *scan)
{
    CBS names, each;
    if (scan->names.data != NULL || !CBS_get_asn1(&value, &names, CBS_ASN1_SEQUENCE) || CBS_len(&value) > 0 || CBS_len(&names) == 0)
        return false;
    scan->names = span_of_cbs(&names);
    while (CBS_len(&names) > 0) {
        unsigned tag;
        if (!CBS_get_any_asn1(&names, &each, &tag) ||
            (tag != CONTEXT_TAG(GEN_DNS) && tag != CONTEXT_TAG(GEN_URI) && tag != CONTEXT_TAG(GEN_IPADD)))
            return false;
    }
    return true;
}

static bool take_extension(CBS *extensions, struct tls_certificate_scan *scan)
{
    CBS extension, oid, value;
    int is_critical;
    if (!CBS_get_asn1(extensions, &extension, CBS_ASN1_SEQUENCE) || !CBS_get_asn1(&extension, &oid, CBS_ASN1_OBJECT) ||
        !CBS_is_valid_asn1_oid(&oid))
        return false;
    if (CBS_peek_asn1_tag(&extension, CBS_ASN1_BOOLEAN) && (!CBS_get_asn1_bool(&extension, &is_critical) || !is_critical))
        return false;
    if (!CBS_get_asn1(&extension, &value, CBS_ASN1_OCTETSTRING) || CBS_len(&extension) > 0)
        return false;
    return !CBS_mem_equal(&oid, subject_alt_name, sizeof(subject_alt_name)) || scan_names(value, scan);
}

static bool take_extensions(CBS *cbs, struct tls_certificate_scan *scan)
{
    CBS tagged, extensions;
    if (CBS_len(cbs) == 0)
        return true;
    if (!CBS_get_asn1(cbs, &tagged, EXPLICIT_TAG(3)) || !CBS_get_asn1(&tagged, &extensions, CBS_ASN1_SEQUENCE) || CBS_len(&tagged) > 0 ||
        CBS_len(&extensions) == 0)
        return false;
    while (CBS_len(&extensions) > 0)
        if (!take_extension(&extensions, scan))
            return false;
    return true;
}

static bool take_version_and_serial(CBS *cbs)
{
    CBS tagged, serial;
    uint64_t version;
    return CBS_get_asn1(cbs, &tagged, EXPLICIT_TAG(0)) && CBS_get_asn1_uint64(&tagged, &version) && version == VERSION_3 &&
           CBS_len(&tagged) == 0 && CBS_get_asn1(cbs, &serial, CBS_ASN1_INTEGER) && CBS_is_unsigned_asn1_integer(&serial) &&
           CBS_len(&serial) <= SERIAL_BYTES_MAX;
}

bool tls_certificate_scan(struct span der, struct tls_certificate_scan *ret_scan)
{
    CBS all, certificate, signed_part;
    struct tls_certificate_scan scan = {.names = SPAN_EMPTY};
    scan.names.data = NULL;
    CBS_init(&all, (const uint8_t *)der.data, der.size);
    if (!CBS_get_asn1(&all, &certificate, CBS_ASN1_SEQUENCE) || CBS_len(&all) > 0 ||
        !CBS_get_asn1(&certificate, &signed_part, CBS_ASN1_SEQUENCE) || !take_algorithm(&certificate) || !take_bits(&certificate) ||
        CBS_len(&certificate) > 0)
        return false;
    if (!take_version_and_serial(&signed_part) || !take_algorithm(&signed_part) || !take_name(&signed_part, &scan.issuer) ||
        !take_validity(&signed_part, &scan) || !take_name(&signed_part, &scan.subject) ||
        !take_public_key(&signed_part) || !take_extensions(&signed_part, &scan) || CBS_len(&signed_part) > 0)
        return false;
    *ret_scan = scan;
    return true;
}

static void describe_names(CBS names, size_t count, struct arena *arena, struct tls_certificate *certificate)
{
    struct span *texts = arena_new_array(arena, struct span, count);
    bool *is_address = arena_new_array(arena, bool, count);
    struct span *uris = arena_new_array(arena, struct span, count);
    CBS each;
    unsigned tag;
    while (CBS_get_any_asn1(&names, &each, &tag)) {
        struct span text = tls_certificate_describe_name((int)(tag & CBS_ASN1_TAG_NUMBER_MASK), span_of_cbs(&each), arena);
        if (text.size > 0 && tag == CONTEXT_TAG(GEN_URI)) {
            uris[certificate->uri_count++] = text;
        } else if (text.size > 0) {
            is_address[certificate->name_count] = tag == CONTEXT_TAG(GEN_IPADD);
            texts[certificate->name_count++] = text;
        }
    }
    certificate->names = texts;
    certificate->name_is_address = is_address;
    certificate->uris = certificate->uri_count == 0 ? NULL : uris;
}

void tls_certificate_scan_describe(const struct tls_certificate_scan *scan, struct span der, struct arena *arena,
                                   struct tls_certificate *ret_certificate)
{
    struct tls_certificate certificate = {.not_before = scan->not_before, .not_after = scan->not_after};
    CBS names, rest, each;
    size_t count = 0;
    CBS_init(&names, (const uint8_t *)scan->names.data, scan->names.size);
    for (rest = names; CBS_get_any_asn1(&rest, &each, NULL); count++)
        ;
    describe_names(names, count, arena, &certificate);
    tls_sha256_parts(certificate.names, certificate.name_count, certificate.names_hash);
    tls_sha256(der, certificate.fingerprint);
    *ret_certificate = certificate;
}

static X509_NAME *parse_name(struct span name)
{
    const uint8_t *cursor = (const uint8_t *)name.data;
    return d2i_X509_NAME(NULL, &cursor, (long)name.size);
}

bool tls_certificate_same_name(struct span a, struct span b)
{
    if (span_equal(a, b))
        return true;
    X509_NAME *left = parse_name(a), *right = parse_name(b);
    bool is_same = left != NULL && right != NULL && X509_NAME_cmp(left, right) == 0;
    X509_NAME_free(left);
    X509_NAME_free(right);
    ERR_clear_error();
    return is_same;
}
