/* The TLS ClientHello, read without TLS: SNI, ALPN, versions. Bytes in, verdict out; the bytes themselves stay with the caller, who hands
 * them to the TLS library or the tunnel afterwards. */
#ifndef FAIRLEAD_WIRE_CLIENT_HELLO_H
#define FAIRLEAD_WIRE_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

enum client_hello_status {
    CLIENT_HELLO_INCOMPLETE, /* feed more */
    CLIENT_HELLO_COMPLETE,
    CLIENT_HELLO_NOT_TLS,   /* the first bytes cannot begin a TLS handshake: known at the first wrong byte */
    CLIENT_HELLO_INVALID,   /* TLS, but no ClientHello that RFC 8446 or RFC 6066 allows */
    CLIENT_HELLO_TOO_LARGE, /* more than TLS_CLIENT_HELLO_BYTES_MAX, record headers included */
};

/* A DNS name in SNI has at most 255 bytes. */
#define CLIENT_HELLO_NAME_BYTES_MAX 255

/* What the hello says. Spans point into the reader and live as long as it. */
struct client_hello {
    struct span server_name; /* ASCII lower-cased, otherwise as sent */
    struct span alpn_wire;   /* the ProtocolNameList without its own size: size byte, name, ... in the client's order; empty without ALPN */
    uint16_t version_max;    /* highest of supported_versions, else legacy_version: 0x0303, 0x0304 */
    bool has_server_name;
    size_t size; /* wire bytes up to and including the record in which the hello ended */
};

/* State between pieces. The handshake message is gathered without its record headers in `message`, which exists only when the hello did
 * not come whole in one piece and one record. */
struct client_hello_reader {
    char *message; /* heap */
    uint32_t message_size, message_capacity;
    uint32_t message_wanted;  /* with its header of 4 bytes; 0: not known yet */
    uint32_t wire_size;       /* bytes fed so far */
    uint32_t record_left;     /* payload bytes of the present record still to come */
    uint8_t record_header[5];
    uint8_t record_header_size;
    enum client_hello_status status;
    bool is_illegal; /* of an INVALID hello: it parses, and says what it must not */
    char name[CLIENT_HELLO_NAME_BYTES_MAX + 1];
};

void client_hello_reader_init(struct client_hello_reader *reader);
/* Frees what was gathered. Harmless twice. */
void client_hello_reader_deinit(struct client_hello_reader *reader);
/* Feeds the NEXT bytes (never the same twice): linear in all bytes together. Bytes behind the hello are not looked at. COMPLETE writes
 * ret_hello; its alpn_wire points into the reader. After any status but INCOMPLETE, feeding again gives the same
 * status and writes nothing. */
MUST_USE enum client_hello_status client_hello_feed(struct client_hello_reader *reader, struct span bytes, struct client_hello *ret_hello);
/* The same over ALL bytes received so far, in one call and without state of one's own: for callers that keep the bytes. Quadratic when
 * called for each byte; the reader is not. */
MUST_USE enum client_hello_status client_hello_inspect(struct client_hello_reader *scratch, struct span bytes_so_far,
                                                       struct client_hello *ret_hello);
/* The alert (RFC 8446 section 6) by which a TLS server would answer what the reader refused, which began with `first_bytes`: decode_error,
 * illegal_parameter, unexpected_message, record_overflow. 0: none, it is no TLS or too large. */
uint8_t client_hello_alert(const struct client_hello_reader *reader, struct span first_bytes);
/* The next protocol of an alpn_wire list. False at the end. */
bool client_hello_alpn_next(struct span *rest, struct span *ret_protocol);

#endif
