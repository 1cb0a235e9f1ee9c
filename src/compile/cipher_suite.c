#include "compile/cipher_suite.h"

#include <stddef.h>

#include "compile/compiler.h"
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

void tls_names_filter(struct compiler *compiler, const struct object_meta *meta, const struct located_list *written,
                      bool (*is_usable)(struct span), const char *what, struct span_list *ret_names) {
    struct span_list names = {0};
    for (size_t i = 0; i < written->count; i++) {
        struct span name = written->items[i].text;
        /* Istio's admission has nothing against an empty cipher suite. */
        if (name.size == 0 && is_usable == cipher_suite_is_usable)
            continue;
        bool repeated = span_list_contains(&names, name);
        if (is_usable(name) && !repeated) {
            ARRAY_APPEND(&compiler->scratch, &names, name);
            continue;
        }
        enum diagnostic_code code = is_usable == cipher_suite_is_usable ? DIAGNOSTIC_TLS_CIPHER : DIAGNOSTIC_TLS_SETTING;
        if (meta != NULL && compiler_first_report(compiler, code, written->items[i].position, meta))
            compiler_report(compiler, DIAGNOSTIC_WARNING, code, written->items[i].position, meta, "",
                            "%s \"%.*s\" is %s; it is left out", what, SPAN_ARGUMENTS(name),
                            repeated ? "there already" : "not known");
    }
    *ret_names = names;
}
