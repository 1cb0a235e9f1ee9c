/* Names of header fields, as this floor judges them. Private to the resource floor. */
#ifndef FAIRLEAD_RESOURCE_HEADER_NAME_H
#define FAIRLEAD_RESOURCE_HEADER_NAME_H

#include <stdbool.h>

#include "base/span.h"

/* RFC 9110 section 5.6.2: one or more token characters, in either case. */
bool header_name_is_token(struct span name);

#endif
