/* Resources to a snapshot: which Gateways apply, how their servers merge, what each listener, filter chain, virtual host, route and
 * cluster becomes. A pure function of its arguments, of the files that they name, and of the identity cache: same input, same snapshot, same diagnostics. */
#ifndef FAIRLEAD_COMPILE_COMPILE_H
#define FAIRLEAD_COMPILE_COMPILE_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/span.h"
#include "resource/resource_set.h"
#include "snapshot/snapshot.h"
#include "text/diagnostic.h"

struct identity_cache;
struct input_files;
struct tls_tickets;
struct upstream_cache;

struct compile_options {
    struct span gateway_name;       /* which ingress gateway of the input: "name" or "namespace/name"; empty: the only one */
    struct span namespace_override; /* the gateway's namespace, whatever the input says; empty: as the input says */
    struct label_set labels;        /* of the gateway's pods, instead of those in the input; empty: as the input says */
    struct tls_tickets *tickets;    /* the process's session ticket keys; NULL: no resumption (check, dump) */
    struct span ticket_keys;        /* where shared ones come from, for the server (server/ticket_keys.h); compile does not look */
    bool allow_unsupported;         /* what restricts or encrypts and is not supported is ignored with a warning, not refused */
    bool is_part;                   /* the resources are a part of what is served: what the rest keeps of files, identities and policies stays */
    bool strict_sni;                /* gateway_settings.strict_sni */
    struct span mesh_identity;         /* folder of the gateway's own certificate in the mesh; empty: it has none */
    struct input_files *files;         /* takes note of the files that are read; NULL: nobody wants to know */
    struct upstream_cache *upstreams;  /* NULL: likewise for policies of TLS towards upstreams */
    struct identity_cache *identities; /* NULL: nothing is shared with earlier snapshots and nothing is kept as last good */
};

/* All mistakes of the input are added to `diagnostics`. False: no snapshot at all (it is not clear which gateway to serve), nothing is
 * written. Otherwise the snapshot is sealed and the caller's; it borrows nothing of `resources`. Any thread, one at a time for one
 * identity cache. */
MUST_USE bool compile(const struct resource_set *resources, const struct compile_options *options,
                      struct diagnostic_list *diagnostics, struct snapshot **ret_snapshot);

#endif
