/* Field lines of a head or a trailer section (RFC 9112 section 5). For the http1 files of this folder. */
#ifndef FAIRLEAD_WIRE_HTTP1_FIELDS_H
#define FAIRLEAD_WIRE_HTTP1_FIELDS_H

#include "base/compiler.h"
#include "wire/http1_fault.h"
#include "wire/http1_head.h"
#include "wire/message.h"

/* Parses the lines of [text, text + size), each of which ends in CRLF, up to and including the empty one, in place: names are lower-cased
 * there, fields are added to `head` and point there. A response may have white space before the colon (RFC 9112 section 5.1). */
MUST_USE enum http1_fault http1_fields_parse(char *text, size_t size, enum http1_section section, struct message_head *head);

#endif
