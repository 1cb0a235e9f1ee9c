/* What TLS towards upstreams keeps from one snapshot to the next: policies, so that their sessions are resumed after a reload, and the last good
 * texts of certificates of authorities, so that a file or Secret that is deleted or broken while the gateway runs does not close what it governs.
 * One thread at a time. */
#ifndef FAIRLEAD_COMPILE_UPSTREAM_CACHE_H
#define FAIRLEAD_COMPILE_UPSTREAM_CACHE_H

#include "tls/client_policy.h"

struct upstream_cache;

struct upstream_cache *upstream_cache_create(void); /* never NULL */
void upstream_cache_destroy(struct upstream_cache *cache);

/* A policy made of these very options, with a reference for the caller: a known one, or a new one that is known from now on. `cache` may be NULL.
 * False as tls_client_policy_create. */
MUST_USE bool upstream_cache_policy(struct upstream_cache *cache, const struct tls_client_policy_options *options,
                                    struct tls_identity_error *ret_error, struct tls_client_policy **ret_policy);
/* Becomes the last good text of that name. */
void upstream_cache_keep_text(struct upstream_cache *cache, struct span name, struct span text);
/* False: there is none. Borrowed until the name gets another text, or the next sweep. */
bool upstream_cache_last_text(struct upstream_cache *cache, struct span name, struct span *ret_text);
/* Lets go of all that nobody asked for or kept since the former sweep. */
void upstream_cache_sweep(struct upstream_cache *cache);

#endif
