/* For tls itself: what the library's error queue of this thread says. */
#ifndef FAIRLEAD_TLS_LIBRARY_ERROR_H
#define FAIRLEAD_TLS_LIBRARY_ERROR_H

#include <stddef.h>

/* The oldest error's reason, e.g. "BAD_BASE64_DECODE"; "unknown reason" when there is none. Empties the queue. Lives
 * for ever. */
const char *tls_library_error_take_reason(void);
/* The whole queue in Envoy's words ("TLS_error:|number:library:function:reason...:TLS_error_end"), cut to `capacity`
 * with a NUL. Empties the queue; returns the size without the NUL. */
size_t tls_library_error_take_text(char *ret_text, size_t capacity);

#endif
