/* Host and authority: host, optional port (RFC 9110 section 7.2, RFC 3986 section 3.2). */
#ifndef FAIRLEAD_WIRE_AUTHORITY_H
#define FAIRLEAD_WIRE_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

struct authority {
    struct span host; /* as written, IPv6 with its brackets; may be empty */
    struct span port; /* digits; empty when there is none */
    uint16_t port_number; /* 0 when there is none */
};

/* False: not `uri-host [":" port]`. User information ("a@b") is refused; an empty host is the caller's to judge. */
MUST_USE bool authority_parse(struct span text, struct authority *ret_authority);

#endif
