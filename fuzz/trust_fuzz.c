// Authorities and revocation lists as PEM, separated by a NUL. A text that is taken has at least one authority, and a list if one was given.
#include <string.h>

#include "base/assert.h"
#include "tls/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span authorities = span_make(data, size);
    struct span lists = SPAN_EMPTY;
    struct tls_identity_error error = {{0}};
    struct tls_trust *trust;
    size_t end;
    if (span_find_byte(authorities, '\0', &end)) {
        lists = span_from(authorities, end + 1);
        authorities = span_first(authorities, end);
    }
    if (!tls_trust_create(authorities, lists, &error, &trust)) {
        ASSERT(strlen(error.text) > 0);
        return 0;
    }
    ASSERT(tls_trust_authority_count(trust) > 0);
    ASSERT((tls_trust_crl_count(trust) > 0) == (lists.size > 0));
    ASSERT(tls_trust_expired_count(trust, INT64_MAX) == tls_trust_authority_count(trust));
    tls_trust_unpin(trust);
    return 0;
}
