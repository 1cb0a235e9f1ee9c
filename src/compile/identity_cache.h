/* TLS identities and authorities of one process across snapshots: unchanged Secrets are not parsed again, and a Secret that is deleted or broken while the
 * gateway runs keeps its last good certificate (as Istio's proxies do). One thread at a time. */
#ifndef FAIRLEAD_COMPILE_IDENTITY_CACHE_H
#define FAIRLEAD_COMPILE_IDENTITY_CACHE_H

#include "tls/hash.h"
#include "tls/identity.h"
#include "tls/trust.h"

struct identity_cache;

struct identity_cache *identity_cache_create(void); /* never NULL */
void identity_cache_destroy(struct identity_cache *cache);

/* Identities returned are borrowed from the cache: pin what is kept. `name` is the Secret's "namespace/name". */
/* The identity made of exactly these bytes, NULL when there is none. */
struct tls_identity *identity_cache_find(struct identity_cache *cache, struct span name,
                                         const uint8_t hash[TLS_SHA256_SIZE]);
/* The last good one, whatever it was made of; NULL: none yet. */
struct tls_identity *identity_cache_last(struct identity_cache *cache, struct span name);
/* Becomes the last good one; the cache takes a reference of its own. */
void identity_cache_put(struct identity_cache *cache, struct span name, const uint8_t hash[TLS_SHA256_SIZE],
                        struct tls_identity *identity);
/* How many were put so far: identities that had to be made, for none of these bytes was there. */
uint64_t identity_cache_made_count(const struct identity_cache *cache);
/* The same for whom servers trust; the names are apart from those of identities. */
struct tls_trust *identity_cache_find_trust(struct identity_cache *cache, struct span name, const uint8_t hash[TLS_SHA256_SIZE]);
struct tls_trust *identity_cache_last_trust(struct identity_cache *cache, struct span name);
void identity_cache_put_trust(struct identity_cache *cache, struct span name, struct tls_trust *trust);
/* Lets go of all that nobody found, asked for or put since the former sweep: their Gateways are gone. */
void identity_cache_sweep(struct identity_cache *cache);

#endif
