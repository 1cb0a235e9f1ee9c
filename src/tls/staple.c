#include "tls/staple.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "base/compiler.h"

/* A responder's clock may be ahead of ours by this much. */
#define CLOCK_SKEW_S 300

static void free_response(OCSP_RESPONSE **response)
{
    OCSP_RESPONSE_free(*response);
}

static void free_basic(OCSP_BASICRESP **basic)
{
    OCSP_BASICRESP_free(*basic);
}

/* The library reads ids only through pointers that could write. */
static const ASN1_INTEGER *serial_of(const OCSP_SINGLERESP *answer)
{
    const OCSP_CERTID *id = OCSP_SINGLERESP_get0_id(answer);
    OCSP_CERTID *same;
    ASN1_INTEGER *serial = NULL;
    memcpy(&same, &id, sizeof(same));
    return OCSP_id_get0_info(NULL, NULL, NULL, &serial, same) == 1 ? serial : NULL;
}

/* The answer about the certificate of that serial number, as in Envoy. */
static OCSP_SINGLERESP *find_answer(OCSP_BASICRESP *basic, const ASN1_INTEGER *wanted)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *answer = OCSP_resp_get0(basic, (size_t)i);
        const ASN1_INTEGER *serial = serial_of(answer);
        if (serial != NULL && ASN1_INTEGER_cmp(serial, wanted) == 0)
            return answer;
    }
    return NULL;
}

static enum tls_staple_state judge(struct span bytes, X509 *leaf, struct tls_staple *staple)
{
    const unsigned char *cursor = (const unsigned char *)bytes.data;
    OCSP_RESPONSE *response CLEANUP(free_response) = d2i_OCSP_RESPONSE(NULL, &cursor, (long)bytes.size);
    if (response == NULL || cursor != (const unsigned char *)bytes.data + bytes.size ||
        OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return TLS_STAPLE_UNREADABLE;
    OCSP_BASICRESP *basic CLEANUP(free_basic) = OCSP_response_get1_basic(response);
    if (basic == NULL || OCSP_resp_count(basic) == 0)
        return TLS_STAPLE_UNREADABLE;
    OCSP_SINGLERESP *answer = find_answer(basic, X509_get0_serialNumber(leaf));
    if (answer == NULL)
        return TLS_STAPLE_OF_ANOTHER;
    ASN1_GENERALIZEDTIME *revoked = NULL, *this_update = NULL, *next_update = NULL;
    int status = OCSP_single_get0_status(answer, NULL, &revoked, &this_update, &next_update);
    if (this_update == NULL || ASN1_TIME_to_posix(this_update, &staple->this_update_s) != 1)
        return TLS_STAPLE_UNREADABLE;
    staple->next_update_s = INT64_MAX;
    if (next_update != NULL && ASN1_TIME_to_posix(next_update, &staple->next_update_s) != 1)
        return TLS_STAPLE_UNREADABLE;
    return status == V_OCSP_CERTSTATUS_GOOD ? TLS_STAPLE_GOOD : TLS_STAPLE_NOT_GOOD;
}

void tls_staple_read(struct span response, X509 *leaf, struct arena *arena, struct tls_staple *ret_staple)
{
    struct tls_staple staple = {.state = TLS_STAPLE_NONE};
    if (response.size > 0) {
        staple.state = judge(response, leaf, &staple);
        ERR_clear_error();
    }
    if (staple.state == TLS_STAPLE_GOOD)
        staple.response = arena_copy(arena, response);
    *ret_staple = staple;
}

enum tls_staple_state tls_staple_state(const struct tls_staple *staple, int64_t now_s)
{
    if (staple->state != TLS_STAPLE_GOOD)
        return staple->state;
    bool is_current = staple->this_update_s <= now_s + CLOCK_SKEW_S && now_s < staple->next_update_s;
    return is_current ? TLS_STAPLE_GOOD : TLS_STAPLE_EXPIRED;
}
