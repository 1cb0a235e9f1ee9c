/* What a route does besides choosing a destination. Immutable after the snapshot is sealed; regular expressions belong to its arena. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_ACTION_H
#define FAIRLEAD_SNAPSHOT_ROUTE_ACTION_H

#include <stdint.h>

#include "base/span.h"
#include "regex/regex.h"
#include "snapshot/access_log_format.h"
#include "snapshot/route_match.h"

struct cluster; /* snapshot/cluster.h */

enum path_rewrite_kind {
    PATH_REWRITE_NONE,
    PATH_REWRITE_PREFIX, /* the first prefix_size bytes of the path become `text` */
    PATH_REWRITE_WHOLE,  /* the path becomes `text`; the query stays unless the text has one */
    PATH_REWRITE_REGEX,  /* every match of `regex` in the path becomes `text`, with \1 to \9 */
};

struct path_rewrite {
    enum path_rewrite_kind kind;
    size_t prefix_size;
    struct span text;
    const struct regex *regex;
};

/* An answer with a location made from the request's own URI. */
struct redirect_action {
    int status;
    struct span scheme;    /* empty: the request's */
    struct span authority; /* empty: the request's */
    uint16_t port;         /* 0: none is written */
    struct path_rewrite path;
};

struct direct_response_action {
    int status;
    struct span body;
};

struct rewrite_action {
    struct path_rewrite path;
    struct span authority; /* empty: it stays */
};

/* Shares are in millionths of all requests, each drawn for itself: a request may be delayed and then aborted. */
struct fault_action {
    uint32_t delay_share;
    uint64_t delay_ns; /* 0: no delay */
    uint32_t abort_share;
    int abort_status; /* 0: no abort */
    int grpc_status;  /* of the abort; -1: derived from abort_status when a gRPC client asks */
};

/* Copies of requests go there as well; what comes back is of no interest. */
struct mirror_action {
    const struct cluster *cluster; /* NULL: no such cluster, nothing goes there */
    struct span cluster_name;
    uint32_t share; /* in millionths of all requests */
};

struct cors_policy {
    struct text_match *origins;
    size_t origin_count;
    bool allows_any_origin; /* one of them matches the text "*", as Envoy asks first */
    bool allows_credentials;
    bool answers_unmatched_preflights; /* else they go to the upstream like other requests */
    struct span allow_methods, allow_headers, expose_headers, max_age; /* as they are written into the fields; empty: not written */
};

/* A field to be written: its value is text and operators, as in the access log's format. */
struct header_assignment {
    struct span name; /* lower-case */
    struct access_log_value value;
};

/* First all of `remove`, then all of `set`, then all of `add`; values are made from the head as it is after `remove`. */
struct header_rules {
    struct span *remove;
    size_t remove_count;
    struct header_assignment *set;
    size_t set_count;
    struct header_assignment *add;
    size_t add_count;
};

/* headers of a route, or of one of its several destinations. */
struct header_action {
    struct header_rules request, response;
    struct span authority; /* the request's new Host; empty: it stays */
};

#endif
