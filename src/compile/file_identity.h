/* A certificate and key from two files, which change one after the other. */
#ifndef FAIRLEAD_COMPILE_FILE_IDENTITY_H
#define FAIRLEAD_COMPILE_FILE_IDENTITY_H

#include "tls/identity.h"

struct compiler;

/* The identity of the texts `chain` and `key`, or while they do not fit (one of them is being replaced, empty or broken) the last good one of that
 * name. Lives as long as the snapshot. NULL: there is none. What is wrong with the texts is in ret_error, whatever is returned; empty: nothing. */
struct tls_identity *compile_file_identity(struct compiler *compiler, struct span name, struct span chain, struct span key,
                                           struct tls_identity_error *ret_error);

#endif
