/* Route tables: virtual hosts, routes, their predicates and actions. Immutable after the snapshot is sealed. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_H
#define FAIRLEAD_SNAPSHOT_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "snapshot/cluster.h"
#include "snapshot/host_index.h"
#include "snapshot/route_action.h"
#include "snapshot/route_finder.h"
#include "snapshot/route_match.h"

/* Bits of retry_policy.retry_on. */
enum retry_on {
    RETRY_ON_CONNECT_FAILURE = 1 << 0,
    RETRY_ON_REFUSED_STREAM = 1 << 1,
    RETRY_ON_UNAVAILABLE = 1 << 2,
    RETRY_ON_CANCELLED = 1 << 3,
    RETRY_ON_RETRIABLE_STATUS_CODES = 1 << 4,
    RETRY_ON_5XX = 1 << 5,
    RETRY_ON_GATEWAY_ERROR = 1 << 6,
    RETRY_ON_RESET = 1 << 7,
    RETRY_ON_RETRIABLE_4XX = 1 << 8,
    RETRY_ON_DEADLINE_EXCEEDED = 1 << 9,
    RETRY_ON_INTERNAL = 1 << 10,
    RETRY_ON_RESOURCE_EXHAUSTED = 1 << 11,
    RETRY_ON_ENVOY_RATE_LIMITED = 1 << 12,
};

struct retry_policy {
    uint32_t attempts; /* retries after the first try */
    uint32_t retry_on; /* bits of enum retry_on */
    bool revisits_endpoints; /* a retry may go where an earlier try went (retryIgnorePreviousHosts: false) */
    uint64_t per_try_timeout_ns; /* 0: none */
    uint64_t backoff_base_ns;
    uint64_t backoff_max_ns;
    uint16_t *status_codes;
    size_t status_code_count;
};

enum route_action { ROUTE_FORWARD, ROUTE_REFUSE, ROUTE_REDIRECT, ROUTE_DIRECT_RESPONSE };

struct route {
    struct span name; /* access log's route_name; empty: null */
    uint32_t id;      /* key of the snapshot's table of origins */
    enum route_action action;
    struct route_match match;
    struct destinations destinations; /* of ROUTE_FORWARD */
    struct retry_policy retry;
    uint64_t timeout_ns; /* 0: none */
    struct redirect_action *redirect;               /* of ROUTE_REDIRECT */
    struct direct_response_action *direct_response; /* of ROUTE_DIRECT_RESPONSE */
    struct rewrite_action *rewrite;                 /* of ROUTE_FORWARD; NULL: none */
    const struct fault_action *fault;               /* of ROUTE_FORWARD; NULL: none */
    const struct cors_policy *cors;                 /* of ROUTE_FORWARD; NULL: none */
    struct mirror_action *mirrors;                  /* of ROUTE_FORWARD */
    size_t mirror_count;
    const struct header_action *headers;            /* NULL: none */
    struct span refusal; /* of ROUTE_REFUSE: why this route answers 503 rather than ignore a restriction that is not supported */
};

struct virtual_host {
    struct span domain;  /* lower-case: "a.example.com", "*.example.com" or "*" */
    bool require_tls;    /* httpsRedirect: 301 unless x-forwarded-proto is https */
    struct route *routes; /* first match wins */
    size_t route_count;
    const struct weighted_cluster *destinations; /* destinations[i] is the only one of routes[i]; unused where that has none or several; NULL: they lie elsewhere */
    struct route_finder *finder; /* made when the table is sealed */
    struct span owner; /* title of the one VirtualService that it is made of; empty: of none, of several, or of delegates */
};

struct route_table {
    struct span name; /* "http.8080", "https.443.https.gateway.namespace" */
    struct virtual_host **virtual_hosts;
    size_t virtual_host_count;
    struct host_index hosts; /* of struct route_finder */
};

/* Makes the finders of the virtual hosts and the index of their domains. Call once. Of duplicate domains the first counts. */
void route_table_seal(struct arena *arena, struct route_table *table);

/* The finder of the virtual host for a lower-case host without port; NULL when none. No fall-through afterwards. */
const struct route_finder *route_table_find(const struct route_table *table, struct span host);

#endif
