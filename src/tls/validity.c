#include "tls/validity.h"

#include "tls/certificate.h"
#include "tls/pem.h"

bool tls_certificate_validity(struct span pem, int64_t *ret_not_before_s, int64_t *ret_not_after_s) {
    struct tls_pem_chain chain = {0};
    struct tls_identity_error error;
    bool read = tls_pem_read_chain(pem, &chain, &error) == TLS_IDENTITY_OK && chain.count > 0;
    if (read) {
        struct arena arena;
        struct tls_certificate certificate;
        arena_init(&arena, 4096);
        tls_certificate_describe(chain.certificates[0], &arena, &certificate);
        *ret_not_before_s = certificate.not_before;
        *ret_not_after_s = certificate.not_after;
        arena_deinit(&arena);
    }
    tls_pem_chain_deinit(&chain);
    return read;
}
