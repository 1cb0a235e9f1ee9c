/* For tls itself: the library's I/O object over a `struct tls_io` that is there only during a call. It gives the
 * library whole records: the library would allocate a record's full size on seeing its five bytes of header, so a peer
 * could pin 16 KiB with them; here a part of a record costs what came of it. */
#ifndef FAIRLEAD_TLS_TRANSPORT_H
#define FAIRLEAD_TLS_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/bio.h>

#include "tls/session.h"

struct tls_transport {
    struct tls_io *io; /* must not be NULL whenever the library runs */
    char *held;        /* the front of a record whose end has not come; NULL when there is none */
    uint32_t held_size;
    uint32_t held_taken; /* bytes of held that the library has read */
    uint32_t held_capacity;
    uint32_t record_rest; /* bytes of the current record that the library may still read */
    bool is_unframed;     /* what comes are no records: the library gets it as it is and says what is wrong */
};

/* The library's table of functions is made once for the process. The transport is zeroed and stays where it is as long
 * as the object. One reference, the caller's. Never NULL. */
BIO *tls_transport_create(struct tls_transport *transport);
/* Whether no byte is left for the library, neither held nor in the input of this call. */
bool tls_transport_is_empty(const struct tls_transport *transport);
/* Frees what is held; the object must be gone. */
void tls_transport_deinit(struct tls_transport *transport);

#endif
