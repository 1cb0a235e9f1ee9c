/* How a message's content and its connection end, from its fields (RFC 9112 sections 6.3 and 9.3). For the http1 files of this folder. */
#ifndef FAIRLEAD_WIRE_HTTP1_FRAMING_H
#define FAIRLEAD_WIRE_HTTP1_FRAMING_H

#include "base/compiler.h"
#include "wire/http1_fault.h"
#include "wire/http1_head.h"

/* Also sets head->content_length, head->upgrade and head->expects_continue. */
MUST_USE enum http1_fault http1_framing_of_request(struct message_head *head, struct http1_framing *ret_framing);
/* Also sets head->content_length. */
MUST_USE enum http1_fault http1_framing_of_response(struct message_head *head, const struct http1_request_facts *request,
                                                    struct http1_framing *ret_framing);

#endif
