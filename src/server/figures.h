/* The gateway's own counters, each once: its name, what it counts, and where it stands in a worker. Read while the workers count on. */
#ifndef FAIRLEAD_SERVER_FIGURES_H
#define FAIRLEAD_SERVER_FIGURES_H

#include <stddef.h>

#include "base/builder.h"
#include "worker/worker.h"

/* "name: value" a line, summed over the workers. */
void figures_write_plain(struct worker *const *workers, size_t worker_count, struct builder *output);
/* The same for Prometheus, under fairlead_..., with their help. */
void figures_write_exposition(struct worker *const *workers, size_t worker_count, struct builder *output);

#endif
