#include "tls/certificate_print.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/obj.h>
#include <openssl/x509v3.h>

#include "base/assert.h"
#include "tls/peer.h"

/* Of an object identifier; longer ones are left out. */
#define OBJECT_TEXT_BYTES_MAX 256
/* Of a number: decimal digits of a longer one would take long to make. */
#define NUMBER_BYTES_MAX 32

struct span tls_print_hex(const uint8_t *bytes, size_t size, struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    char *text = arena_new_array(arena, char, 2 * size);
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return span_make(text, 2 * size);
}

struct span tls_certificate_print_digest(X509 *x509, const EVP_MD *kind, struct arena *arena)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    ASSERT(X509_digest(x509, kind, digest, &size) == 1);
    return tls_print_hex(digest, size, arena);
}

struct span tls_certificate_print_serial(X509 *x509, struct arena *arena)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    if (number == NULL)
        return SPAN_EMPTY;
    char *text = BN_bn2hex(number);
    ASSERT(text != NULL);
    struct span copy = arena_lower(arena, span_of(text));
    OPENSSL_free(text);
    BN_free(number);
    return copy;
}

/* --- Alternatives --- */

struct list {
    char *text;
    size_t size, capacity;
};

static void put(struct list *list, struct span text)
{
    text = span_first(text, list->capacity - list->size);
    if (text.size > 0)
        memcpy(list->text + list->size, text.data, text.size);
    list->size += text.size;
}

static void put_item(struct list *list, struct span text)
{
    if (list->size > 0 && text.size > 0)
        put(list, SPAN_LITERAL(","));
    put(list, text);
}

/* As RFC 2253 prints values: what is not printable ASCII, or separates values, is escaped. */
static void put_string(struct list *list, const ASN1_STRING *string)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const uint8_t *bytes = NULL;
    size_t size = 0;
    ASSERT(bio != NULL);
    if (ASN1_STRING_print_ex(bio, string, ASN1_STRFLGS_RFC2253 & ~(unsigned long)ASN1_STRFLGS_DUMP_UNKNOWN) >= 0 &&
        BIO_mem_contents(bio, &bytes, &size) == 1)
        put_item(list, span_make(bytes, size));
    BIO_free(bio);
}

static void put_number(struct list *list, const ASN1_STRING *string)
{
    if (ASN1_STRING_length(string) > NUMBER_BYTES_MAX)
        return;
    BIGNUM *number = string->type == V_ASN1_NEG_INTEGER || string->type == V_ASN1_INTEGER ? ASN1_INTEGER_to_BN(string, NULL)
                                                                                          : ASN1_ENUMERATED_to_BN(string, NULL);
    char *digits = number == NULL ? NULL : BN_bn2dec(number);
    put_item(list, span_of(digits));
    OPENSSL_free(digits);
    BN_free(number);
}

static void put_object(struct list *list, const ASN1_OBJECT *object)
{
    char text[OBJECT_TEXT_BYTES_MAX];
    int size = OBJ_obj2txt(text, sizeof(text), object, 1);
    if (size > 0 && (size_t)size < sizeof(text))
        put_item(list, span_make(text, (size_t)size));
}

static void put_other(struct list *list, const ASN1_TYPE *value)
{
    switch (value == NULL ? V_ASN1_NULL : value->type) {
    case V_ASN1_NULL: return;
    case V_ASN1_BOOLEAN: put_item(list, value->value.boolean ? SPAN_LITERAL("true") : SPAN_LITERAL("false")); return;
    case V_ASN1_INTEGER:
    case V_ASN1_ENUMERATED: put_number(list, value->value.asn1_string); return;
    case V_ASN1_OBJECT: put_object(list, value->value.object); return;
    default: put_string(list, value->value.asn1_string); return;
    }
}

static void put_alternatives(struct list *list, X509 *x509, enum tls_alternative kind)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    size_t count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
    for (size_t i = 0; i < count && list->size < list->capacity; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (kind == TLS_ALTERNATIVE_EMAIL && name->type == GEN_EMAIL)
            put_string(list, name->d.rfc822Name);
        else if (kind == TLS_ALTERNATIVE_OTHER && name->type == GEN_OTHERNAME)
            put_other(list, name->d.otherName->value);
    }
    GENERAL_NAMES_free(names);
}

size_t tls_print_alternatives(struct span der, enum tls_alternative kind, char *ret_text, size_t capacity)
{
    struct list list = {.text = ret_text, .capacity = capacity};
    const uint8_t *bytes = (const uint8_t *)der.data;
    X509 *x509 = der.size == 0 || der.size > LONG_MAX ? NULL : d2i_X509(NULL, &bytes, (long)der.size);
    if (x509 != NULL)
        put_alternatives(&list, x509, kind);
    X509_free(x509);
    ERR_clear_error();
    return list.size;
}
