/* Host names to addresses, asynchronously: c-ares, wrapped once. On the loop and timers of one thread; nothing blocks. Asks for A and AAAA and
 * follows CNAME; the hosts file and the system's search list count, as in getaddrinfo. */
#ifndef FAIRLEAD_DNS_RESOLVER_H
#define FAIRLEAD_DNS_RESOLVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/network_address.h"
#include "base/timer.h"
#include "os/loop.h"

struct dns_resolver;

struct dns_answer {
    const char *error;                       /* NULL: there is at least one address */
    const struct network_address *addresses; /* port 0, each once, in the server's order; DNS_ADDRESSES_MAX at most; borrowed */
    size_t count;
    uint64_t lifetime_ns; /* the shortest of the records', 0 for what came from the hosts file */
};

typedef void (*dns_function)(void *argument, const struct dns_answer *answer);

/* `servers`: "address[:port],..." (IPv6 in brackets when it has a port), NULL for the system's. Negative errno; -EINVAL: the servers do not
 * parse. */
MUST_USE int dns_resolver_create(struct loop *loop, struct timer_wheel *timers, const char *servers, struct dns_resolver **ret_resolver);
/* Queries under way are answered with an error. NULL is harmless. */
void dns_resolver_destroy(struct dns_resolver *resolver);
/* `function` is called once, possibly before this returns. `host` is only read during the call. */
void dns_resolver_ask(struct dns_resolver *resolver, const char *host, dns_function function, void *argument);

#endif
