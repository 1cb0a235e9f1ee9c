#include "tls/hello_extensions.h"

#include <openssl/bytestring.h>

bool tls_hello_lists(const SSL_CLIENT_HELLO *hello, uint16_t type, size_t size_bytes, uint16_t wanted)
{
    const uint8_t *bytes;
    size_t size;
    CBS list, values;
    uint16_t value;
    if (SSL_early_callback_ctx_extension_get(hello, type, &bytes, &size) != 1)
        return false;
    CBS_init(&list, bytes, size);
    if (size_bytes == 1 ? !CBS_get_u8_length_prefixed(&list, &values) : !CBS_get_u16_length_prefixed(&list, &values))
        return false;
    while (CBS_get_u16(&values, &value))
        if (value == wanted)
            return true;
    return false;
}

bool tls_hello_speaks_1_3(const SSL_CLIENT_HELLO *hello)
{
    return SSL_get_max_proto_version(hello->ssl) >= TLS1_3_VERSION &&
           tls_hello_lists(hello, TLSEXT_TYPE_supported_versions, 1, TLS1_3_VERSION);
}

static bool has_extension(const SSL_CLIENT_HELLO *hello, uint16_t type)
{
    const uint8_t *bytes;
    size_t size;
    return SSL_early_callback_ctx_extension_get(hello, type, &bytes, &size) == 1;
}

bool tls_hello_lacks_extension(const SSL_CLIENT_HELLO *hello)
{
    if (!tls_hello_speaks_1_3(hello))
        return false;
    bool has_groups = has_extension(hello, TLSEXT_TYPE_supported_groups);
    if (has_groups != has_extension(hello, TLSEXT_TYPE_key_share))
        return true;
    return !has_extension(hello, TLSEXT_TYPE_pre_shared_key) &&
           (!has_groups || !has_extension(hello, TLSEXT_TYPE_signature_algorithms));
}
