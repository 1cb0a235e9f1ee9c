#include <stdlib.h>

#include "base/assert.h"
#include "base/memory.h"
#include "proxy/upstream_internal.h"
#include "tls/client_policy.h"

/* Address bytes, their count, the port, the version; with TLS the policy's hash and the server name. */
#define PLAIN_KEY_BYTES 20
#define HOST_KEY_BYTES_MAX (PLAIN_KEY_BYTES + TLS_SHA256_SIZE + UPSTREAM_SERVER_NAME_BYTES_MAX)

static size_t host_key(const struct network_address *address, const struct upstream_tls *tls, bool http2,
                       char ret_key[HOST_KEY_BYTES_MAX]) {
    memset(ret_key, 0, PLAIN_KEY_BYTES);
    memcpy(ret_key, address->bytes, address->size);
    ret_key[16] = (char)address->size;
    ret_key[17] = (char)(address->port >> 8);
    ret_key[18] = (char)(address->port & 0xff);
    ret_key[19] = http2 ? 2 : 1;
    if (tls == NULL)
        return PLAIN_KEY_BYTES;
    struct span name = span_first(tls->server_name, UPSTREAM_SERVER_NAME_BYTES_MAX);
    memcpy(ret_key + PLAIN_KEY_BYTES, tls_client_policy_hash(tls->policy), TLS_SHA256_SIZE);
    if (name.size > 0)
        memcpy(ret_key + PLAIN_KEY_BYTES + TLS_SHA256_SIZE, name.data, name.size);
    return PLAIN_KEY_BYTES + TLS_SHA256_SIZE + name.size;
}

struct upstream_host *upstream_host_find(const struct upstream_pool *pool, const struct network_address *address,
                                         const struct upstream_tls *tls, bool http2) {
    char key[HOST_KEY_BYTES_MAX];
    size_t size = host_key(address, tls, http2, key);
    return map_get(&pool->hosts, span_make(key, size));
}

struct upstream_host *upstream_host_of(struct upstream_pool *pool, const struct network_address *address, const struct upstream_tls *tls,
                                       bool http2) {
    char key[HOST_KEY_BYTES_MAX];
    size_t size = host_key(address, tls, http2, key);
    struct upstream_host *host = map_get(&pool->hosts, span_make(key, size));
    if (host != NULL)
        return host;
    host = memory_allocate_zeroed(1, sizeof(*host) + size);
    memcpy(host->key, key, size);
    host->key_size = size;
    if (tls != NULL) {
        host->policy = tls_client_policy_pin(tls->policy);
        host->server_name = span_from(span_make(host->key, size), PLAIN_KEY_BYTES + TLS_SHA256_SIZE);
    }
    host->http2 = http2;
    host->streams_max = HTTP2_UPSTREAM_STREAMS_ASSUMED;
    list_init(&host->opening);
    list_init(&host->idle);
    list_init(&host->shared);
    map_set(&pool->hosts, span_make(host->key, size), host);
    return host;
}

void upstream_host_release(struct upstream_pool *pool, struct upstream_host *host) {
    ASSERT(host->live_count > 0);
    if (--host->live_count > 0)
        return;
    ASSERT(list_is_empty(&host->idle) && list_is_empty(&host->shared) && list_is_empty(&host->opening));
    map_remove(&pool->hosts, span_make(host->key, host->key_size));
    tls_client_policy_unpin(host->policy);
    free(host);
}
