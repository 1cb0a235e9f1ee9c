#include "tls/handshake_failure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

enum tls_failure tls_handshake_failure_peek(void)
{
    uint32_t error = ERR_peek_error();
    if (ERR_GET_LIB(error) != ERR_LIB_SSL)
        return TLS_FAILURE_OTHER;
    switch (ERR_GET_REASON(error)) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return TLS_FAILURE_NO_COMMON_VERSION;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS: return TLS_FAILURE_NO_SHARED_CIPHER;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return TLS_FAILURE_CLIENT_CERTIFICATE_MISSING;
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return TLS_FAILURE_UNKNOWN_CA;
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN: return TLS_FAILURE_BAD_CERTIFICATE;
    default: return TLS_FAILURE_OTHER;
    }
}
