/* The Date field's value (IMF-fixdate, RFC 9110 section 5.6.7), made once a second. One a worker; zeroed before the first use. */
#ifndef FAIRLEAD_PROXY_HTTP_DATE_H
#define FAIRLEAD_PROXY_HTTP_DATE_H

#include <stdint.h>

#include "base/span.h"

#define HTTP_DATE_SIZE 29

struct http_date {
    uint64_t second; /* since the epoch, of `text`; 0: none yet */
    char text[HTTP_DATE_SIZE + 1];
};

/* "Mon, 23 Nov 2026 08:34:19 GMT"; valid until the next call. */
struct span http_date_text(struct http_date *date, uint64_t wall_ns);

#endif
