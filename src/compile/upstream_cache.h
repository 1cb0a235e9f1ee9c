/* Client policies of one process across snapshots: those of equal options are one, so that sessions are resumed after a reload. One thread at a
 * time. */
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
/* Lets go of all that nobody asked for since the former sweep. */
void upstream_cache_sweep(struct upstream_cache *cache);

#endif
