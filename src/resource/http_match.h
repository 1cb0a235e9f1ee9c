/* HTTPMatchRequest and StringMatch of a VirtualService, as written. */
#ifndef FAIRLEAD_RESOURCE_HTTP_MATCH_H
#define FAIRLEAD_RESOURCE_HTTP_MATCH_H

#include "resource/object.h"

struct decoder;

enum string_match_kind {
    STRING_MATCH_NONE, /* not written, or an empty mapping */
    STRING_MATCH_EXACT,
    STRING_MATCH_PREFIX,
    STRING_MATCH_REGEX
};

struct string_match {
    enum string_match_kind kind;
    struct span value;
    struct position position; /* of the value; known also for an empty mapping that was written */
};

/* A header or a query parameter. */
struct named_match {
    struct span name; /* as written */
    struct position position; /* of the name */
    struct string_match match;
};

struct named_match_list {
    struct named_match *items;
    size_t count;
    struct located claim; /* the last condition on a claim of a token, which is no item; empty: there is none */
};

struct http_match {
    struct position position;
    struct located name;
    struct string_match uri;
    struct located_flag ignore_uri_case;
    struct string_match scheme;
    struct string_match method;
    struct string_match authority;
    struct named_match_list headers;
    struct named_match_list without_headers;
    struct named_match_list query_params;
    struct located_number port;
    struct located_list gateways; /* as written, not resolved */
    struct label_set source_labels;
    struct located source_namespace;
    struct unsupported_list unsupported; /* conditions on claims of a token */
};

/* Decode functions of this floor. `target` is a struct http_match. */
void http_match_decode(struct decoder *decoder, const struct node *node, void *target);
/* `target` is a struct string_match. An empty mapping is allowed. */
void string_match_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
