/* Where the administration listens, and where a command finds it. */
#ifndef FAIRLEAD_SERVER_ADMIN_ADDRESS_H
#define FAIRLEAD_SERVER_ADMIN_ADDRESS_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/network_address.h"

/* Neither: off. */
struct admin_address {
    struct network_address address; /* size 0: none */
    const char *path;               /* of a UNIX socket; NULL: none */
};

#define ADMIN_ADDRESS_DEFAULT "127.0.0.1:15000"

/* "127.0.0.1:15000", "[::1]:15000", "15000" (on 127.0.0.1), "unix:/run/fairlead.sock" or "off". The path is borrowed. False: none of these. */
MUST_USE bool admin_address_parse(const char *text, struct admin_address *ret_address);
/* Only who is on this machine reaches it. */
bool admin_address_is_local(const struct admin_address *address);

#endif
