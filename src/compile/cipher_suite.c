#include "compile/cipher_suite.h"

#include <stddef.h>

#include "base/compiler.h"
#include "tls/server_policy.h"

static const char *const allowed[] = {
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",        "ECDHE-RSA-AES128-GCM-SHA256",   "ECDHE-RSA-AES256-GCM-SHA384",   "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-SHA",          "ECDHE-RSA-AES256-SHA",          "AES128-GCM-SHA256",             "AES256-GCM-SHA384",
    "AES128-SHA",                    "AES256-SHA",                    "DES-CBC3-SHA",
};

static bool is_expression(struct span name) {
    char first = name.data[0];
    return !((first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z') || (first >= '0' && first <= '9'));
}

bool cipher_suite_is_usable(struct span name) {
    if (name.size == 0)
        return false;
    if (is_expression(name) || span_equal(name, SPAN_LITERAL("ALL")))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
        if (span_equal(name, span_of(allowed[i])))
            return tls_cipher_suite_is_known(name);
    return false;
}
