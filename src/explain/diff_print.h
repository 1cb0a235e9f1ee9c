/* Differences as text and as JSON. For diff. */
#ifndef FAIRLEAD_EXPLAIN_DIFF_PRINT_H
#define FAIRLEAD_EXPLAIN_DIFF_PRINT_H

#include "explain/diff_internal.h"

void diff_print_text(const struct diff_state *state, struct builder *output);
void diff_print_json(const struct diff_state *state, struct builder *output);

#endif
