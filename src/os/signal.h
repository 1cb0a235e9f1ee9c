/* Signals as a readable descriptor (signalfd). Call before any thread is started: threads inherit the mask. */
#ifndef FAIRLEAD_OS_SIGNAL_H
#define FAIRLEAD_OS_SIGNAL_H

#include <stddef.h>

#include "base/compiler.h"

/* Blocks the signals in the calling thread and opens a non-blocking descriptor that tells of them; ignores SIGPIPE. Negative errno. */
MUST_USE int signal_open(const int *signals, size_t count, int *ret_descriptor);
/* The next signal's number, 0 when none waits. */
int signal_read(int descriptor);

#endif
