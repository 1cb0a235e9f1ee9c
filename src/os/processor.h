/* How many worker threads make sense here. */
#ifndef FAIRLEAD_OS_PROCESSOR_H
#define FAIRLEAD_OS_PROCESSOR_H

#include "base/compiler.h"

/* The processors that affinity leaves, and no more than the CPU quota of the control group and of its parents, rounded up (cgroup v2:
 * cpu.max; v1: cpu.cfs_quota_us over cpu.cfs_period_us). At least 1. */
unsigned processor_count(void);
/* The same with the files elsewhere, for tests: `mount` as /sys/fs/cgroup, `membership` as /proc/self/cgroup. 0: no quota. */
unsigned processor_quota(const char *mount, const char *membership);
/* Moves the calling thread to one of the processors that affinity leaves: the index-th, counted round. Negative errno. */
MUST_USE int processor_pin_thread(unsigned index);

#endif
