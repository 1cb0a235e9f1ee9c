/* An IP address with its port, without any system header: what snapshots hold and logs print. */
#ifndef FAIRLEAD_BASE_NETWORK_ADDRESS_H
#define FAIRLEAD_BASE_NETWORK_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct network_address {
    uint8_t bytes[16]; /* network order; the first 4 for IPv4 */
    uint8_t size;      /* 4, 16, or 0 for none */
    uint16_t port;     /* host order */
};

/* "[" + 45 characters + "]:" + 5 digits + NUL, rounded up. */
#define NETWORK_ADDRESS_TEXT_MAX 64

/* An address without a port ("10.0.0.1", "fd00::1"); no brackets, no zone. */
MUST_USE bool network_address_parse(struct span text, uint16_t port, struct network_address *ret_address);
/* "10.0.0.1:80" or "[fd00::1]:80" as Envoy prints it; returns the size written without the NUL. An empty address writes "". */
size_t network_address_print(const struct network_address *address, char ret_text[NETWORK_ADDRESS_TEXT_MAX]);
/* The same without port and brackets. */
size_t network_address_print_host(const struct network_address *address, char ret_text[NETWORK_ADDRESS_TEXT_MAX]);
bool network_address_equal(const struct network_address *a, const struct network_address *b);

#endif
