/* The pod of a Gateway, for the analyzers that judge it by its pod. */
#ifndef FAIRLEAD_ANALYSIS_GATEWAY_PODS_H
#define FAIRLEAD_ANALYSIS_GATEWAY_PODS_H

#include "analysis/analysis.h"

/* The first pod that the Gateway selects; NULL: there is none, which was said (IST0101). */
const struct workload *gateway_select_pod(struct analysis *analysis, const struct gateway *gateway);

#endif
