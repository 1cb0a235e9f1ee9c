/* What the program itself drops or does differently, beside Istio's messages: each thing is said once. */
#ifndef FAIRLEAD_ANALYSIS_OWN_DIAGNOSTICS_H
#define FAIRLEAD_ANALYSIS_OWN_DIAGNOSTICS_H

#include "analysis/analysis.h"

/* Adds the diagnostics from index `first` on: those of the compiler. What a message of Istio's says of the same object already is left out,
 * and what only says that the input holds no object of a kind at all. */
void own_diagnostics_add(struct analysis *analysis, const struct diagnostic_list *diagnostics, size_t first);

#endif
