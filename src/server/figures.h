/* The gateway's counters, each once: its name, what it counts, and where it stands in a worker. */
#ifndef FAIRLEAD_SERVER_FIGURES_H
#define FAIRLEAD_SERVER_FIGURES_H

#include <stddef.h>

#include "base/builder.h"
#include "worker/worker.h"

/* "name: value" a line, summed over the workers. Reads what they count while they go on. */
void figures_write_plain(struct worker *const *workers, size_t worker_count, struct builder *output);

#endif
