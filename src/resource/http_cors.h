/* corsPolicy of an HTTPRoute, as written. */
#ifndef FAIRLEAD_RESOURCE_HTTP_CORS_H
#define FAIRLEAD_RESOURCE_HTTP_CORS_H

#include "resource/decode.h"
#include "resource/http_match.h"

struct http_cors {
    bool is_set;
    struct position position;
    struct string_match *allow_origins; /* of allowOrigins; without any, those of the deprecated allowOrigin as exact texts */
    size_t allow_origin_count;
    struct located_list allow_methods, allow_headers, expose_headers;
    struct located_number max_age_ns;
    struct located_flag allow_credentials;
    bool answers_unmatched_preflights; /* unmatchedPreflights: IGNORE */
};

/* CorsPolicy; `target` is a struct http_cors. */
void http_cors_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
