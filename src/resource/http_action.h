/* What an HTTPRoute of a VirtualService does with a request, as written: redirect, directResponse, rewrite, headers, retries. */
#ifndef FAIRLEAD_RESOURCE_HTTP_ACTION_H
#define FAIRLEAD_RESOURCE_HTTP_ACTION_H

#include "resource/decode.h"
#include "resource/located.h"
#include "resource/mesh_config.h"

enum redirect_port {
    REDIRECT_PORT_UNSET,
    REDIRECT_PORT_NUMBER,
    REDIRECT_PORT_FROM_PROTOCOL, /* derivePort: FROM_PROTOCOL_DEFAULT */
    REDIRECT_PORT_FROM_REQUEST,  /* derivePort: FROM_REQUEST_PORT */
};

struct http_redirect {
    bool is_set;
    struct position position;
    struct located uri, prefix_rewrite, authority, scheme;
    struct located_number port;
    enum redirect_port port_kind;
    struct located_number code; /* not set, or 0: 301 */
};

struct http_direct_response {
    bool is_set;
    struct position position;
    struct located_number status;
    struct located body; /* of string or bytes, base64 undone */
};

struct http_rewrite {
    bool is_set;
    struct position position;
    struct located uri, authority;
    struct located regex_match, regex_rewrite; /* uriRegexRewrite; both or none */
};

struct header_operations {
    struct label_set set, add;
    struct located_list remove;
};

struct http_headers {
    struct header_operations request, response;
};

/* Each decodes one field of an HTTPRoute; the target is the structure of that name, or struct mesh_retry_policy. */
void http_redirect_decode(struct decoder *decoder, const struct node *node, void *target);
void http_direct_response_decode(struct decoder *decoder, const struct node *node, void *target);
void http_rewrite_decode(struct decoder *decoder, const struct node *node, void *target);
void http_headers_decode(struct decoder *decoder, const struct node *node, void *target);
void http_retries_decode(struct decoder *decoder, const struct node *node, void *target);

#endif
