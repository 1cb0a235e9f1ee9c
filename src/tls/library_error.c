#include "tls/library_error.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "base/assert.h"

#define ERROR_END ":TLS_error_end"

static const char *known_or(const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

const char *tls_library_error_take_reason(void)
{
    uint32_t error = ERR_peek_error();
    ERR_clear_error();
    return error == 0 ? "unknown reason" : known_or(ERR_reason_error_string(error), "unknown reason");
}

size_t tls_library_error_take_text(char *ret_text, size_t capacity)
{
    ASSERT(capacity >= sizeof("TLS_error:" ERROR_END));
    size_t body_capacity = capacity - (sizeof(ERROR_END) - 1);
    size_t size = (size_t)snprintf(ret_text, body_capacity, "TLS_error:");
    uint32_t error;
    while ((error = ERR_get_error()) != 0) {
        int added = snprintf(ret_text + size, body_capacity - size, "|%u:%s:%s:%s", error,
                             known_or(ERR_lib_error_string(error), "unknown library"), "OPENSSL_internal",
                             known_or(ERR_reason_error_string(error), "unknown reason"));
        if (added < 0 || (size_t)added >= body_capacity - size)
            break;
        size += (size_t)added;
    }
    ERR_clear_error();
    memcpy(ret_text + size, ERROR_END, sizeof(ERROR_END));
    return size + sizeof(ERROR_END) - 1;
}
