/* What changes in behaviour from one configuration to another: the same requests asked of both, derived from every name, prefix, header and
 * server name that either mentions. */
#ifndef FAIRLEAD_EXPLAIN_DIFF_H
#define FAIRLEAD_EXPLAIN_DIFF_H

#include "base/builder.h"
#include "base/compiler.h"
#include "snapshot/snapshot.h"

/* Writes the differences, as text or as one JSON object. Both snapshots must have a background. True: there are some. */
MUST_USE bool diff(const struct snapshot *before, const struct snapshot *after, bool json, struct builder *output);

#endif
