/* Every certificate that the gateway shows, to clients or to upstreams, each once. */
#ifndef FAIRLEAD_SERVER_CERTIFICATES_H
#define FAIRLEAD_SERVER_CERTIFICATES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "snapshot/snapshot.h"

struct certificate_user {
    struct certificate_user *next;
    struct span name; /* of a filter chain or a cluster */
};

struct shown_certificate {
    struct shown_certificate *next;
    struct span credential;              /* of a filter chain's server; empty for upstreams */
    const struct tls_identity *identity; /* NULL: it is asked for, but not there */
    bool to_upstreams;
    struct certificate_user *users, **users_end; /* in the order of listeners or clusters */
};

/* In the order of listeners, then clusters. Certificates of one credential, direction and serial number are one. All is in the arena and borrows
 * from the snapshot. */
struct shown_certificate *certificates_find(const struct snapshot *snapshot, struct arena *arena);

#endif
