#include "tls/hello_name.h"

#include <openssl/bytestring.h>
#include <openssl/ssl.h>

static bool parse_server_name(CBS extension, struct span *ret_name)
{
    CBS list;
    CBS name;
    uint8_t type;
    if (!CBS_get_u16_length_prefixed(&extension, &list) || CBS_len(&extension) != 0 || !CBS_get_u8(&list, &type) ||
        type != TLSEXT_NAMETYPE_host_name || !CBS_get_u16_length_prefixed(&list, &name) || CBS_len(&list) != 0)
        return false;
    *ret_name = span_make(CBS_data(&name), CBS_len(&name));
    return true;
}

static bool find_server_name(CBS extensions, struct span *ret_name)
{
    *ret_name = SPAN_EMPTY;
    while (CBS_len(&extensions) > 0) {
        uint16_t type;
        CBS body;
        if (!CBS_get_u16(&extensions, &type) || !CBS_get_u16_length_prefixed(&extensions, &body))
            return false;
        if (type == TLSEXT_TYPE_server_name)
            return parse_server_name(body, ret_name);
    }
    return true;
}

bool tls_hello_server_name(struct span message, struct span *ret_name)
{
    CBS cursor;
    CBS hello;
    CBS part;
    uint8_t type;
    CBS_init(&cursor, (const uint8_t *)message.data, message.size);
    if (!CBS_get_u8(&cursor, &type) || type != SSL3_MT_CLIENT_HELLO || !CBS_get_u24_length_prefixed(&cursor, &hello) ||
        CBS_len(&cursor) != 0)
        return false;
    /* legacy_version and random, session id, cipher suites, compression methods, extensions */
    if (!CBS_skip(&hello, 2 + SSL3_RANDOM_SIZE) || !CBS_get_u8_length_prefixed(&hello, &part) ||
        !CBS_get_u16_length_prefixed(&hello, &part) || !CBS_get_u8_length_prefixed(&hello, &part))
        return false;
    CBS extensions;
    CBS_init(&extensions, NULL, 0);
    if (CBS_len(&hello) > 0 && (!CBS_get_u16_length_prefixed(&hello, &extensions) || CBS_len(&hello) != 0))
        return false;
    struct span name;
    if (!find_server_name(extensions, &name))
        return false;
    *ret_name = name;
    return true;
}
