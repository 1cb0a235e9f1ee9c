/* What can be wrong with an HTTP/1 message: the status that a client gets for it, and Envoy's word for the access log. */
#ifndef FAIRLEAD_WIRE_HTTP1_FAULT_H
#define FAIRLEAD_WIRE_HTTP1_FAULT_H

#include "base/span.h"

/* X(name, status towards the client when a request has it, details). A response that has any of them is 502 for the client. */
#define HTTP1_FAULT_TABLE(X)                                                              \
    X(NONE, 0, "")                                                                        \
    X(BARE_LF, 400, "http1.codec_error")                                                  \
    X(START_LINE, 400, "http1.codec_error")                                               \
    X(METHOD, 400, "http1.invalid_method")                                                \
    X(TARGET, 400, "http1.invalid_url")                                                   \
    X(TARGET_TOO_LONG, 414, "http1.target_too_long")                                      \
    X(SCHEME, 400, "http1.invalid_scheme")                                                \
    X(VERSION, 400, "http1.codec_error")                                                  \
    X(NOT_HTTP, 400, "http1.codec_error")                                                 \
    X(VERSION_NOT_SUPPORTED, 505, "http1.version_not_supported")                          \
    X(STATUS_LINE, 400, "http1.codec_error")                                              \
    X(FIELD_NAME, 400, "http1.invalid_characters")                                        \
    X(FIELD_VALUE, 400, "http1.invalid_characters")                                       \
    X(FIELD_FOLDED, 400, "http1.obsolete_line_folding")                                   \
    X(HEAD_TOO_LARGE, 431, "http1.headers_too_large")                                     \
    X(TOO_MANY_FIELDS, 431, "http1.too_many_headers")                                     \
    X(TRAILERS_TOO_LARGE, 431, "http1.trailers_too_large")                                \
    X(HOST_MISSING, 400, "missing_host_header")                                           \
    X(HOST_REPEATED, 400, "http1.multiple_host_headers")                                  \
    X(HOST_INVALID, 400, "http1.invalid_host")                                            \
    X(CONTENT_LENGTH, 400, "http1.unexpected_content_length")                             \
    X(LENGTH_AND_CODING, 400, "http1.content_length_and_chunked_not_allowed")             \
    X(TRANSFER_ENCODING, 400, "http1.invalid_transfer_encoding")                          \
    X(TRANSFER_ENCODING_UNKNOWN, 501, "http1.invalid_transfer_encoding")                  \
    X(TRANSFER_ENCODING_IN_1_0, 400, "http1.transfer_encoding_not_allowed")               \
    X(BODY_NOT_ALLOWED, 400, "http1.body_disallowed")                                     \
    X(CHUNK_SIZE, 400, "http1.codec_error")                                               \
    X(CHUNK_EXTENSION, 400, "http1.codec_error")                                          \
    X(CHUNK_END, 400, "http1.codec_error")                                                \
    X(SWITCH_NOT_ASKED, 400, "http1.unexpected_switching_protocols")                      \
    X(TOO_MANY_INFORMATIONAL, 400, "http1.too_many_informational_responses")

enum http1_fault {
#define HTTP1_FAULT_MEMBER(name, status, details) HTTP1_FAULT_##name,
    HTTP1_FAULT_TABLE(HTTP1_FAULT_MEMBER)
#undef HTTP1_FAULT_MEMBER
        HTTP1_FAULT_COUNT
};

/* 400, 414, 431, 501 or 505; 0 for NONE. */
int http1_fault_status(enum http1_fault fault);
/* Without spaces, for response_code_details. */
struct span http1_fault_details(enum http1_fault fault);

#endif
