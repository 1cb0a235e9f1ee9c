/* A name that one process of a network namespace holds at a time. Listener sockets share their port among a process's workers
 * (SO_REUSEPORT), so the kernel would let a second instance take half of the connections: the lock refuses it. The kernel lets go when the
 * process ends, however it ends; nothing is left in the file system. */
#ifndef FAIRLEAD_OS_LOCK_H
#define FAIRLEAD_OS_LOCK_H

#include "base/compiler.h"
#include "base/span.h"

/* `name` has at most LOCK_NAME_MAX bytes, e.g. "0.0.0.0:8443". 0; -EADDRINUSE when it is held; another negative errno. */
#define LOCK_NAME_MAX 80
MUST_USE int lock_take(struct span name, int *ret_descriptor);
void lock_release(int descriptor);

#endif
