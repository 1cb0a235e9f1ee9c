/* A wake-up call from one thread to another (eventfd): any number of signals before it is cleared are one. */
#ifndef FAIRLEAD_OS_EVENT_H
#define FAIRLEAD_OS_EVENT_H

#include "base/compiler.h"

/* Readable while signalled, non-blocking; to be closed with event_close. Negative errno. */
MUST_USE int event_open(int *ret_descriptor);
void event_close(int descriptor);
/* Any thread. */
void event_signal(int descriptor);
/* The reader's side. */
void event_clear(int descriptor);

#endif
