/* For tls itself: what the library's error queue of this thread says about a failed handshake. */
#ifndef FAIRLEAD_TLS_HANDSHAKE_FAILURE_H
#define FAIRLEAD_TLS_HANDSHAKE_FAILURE_H

#include "tls/session.h"

/* Of the oldest error, which is the cause; the queue stays as it is. */
enum tls_failure tls_handshake_failure_peek(void);

#endif
