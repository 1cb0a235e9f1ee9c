/* An explanation as text or JSON. For the files of this folder. */
#ifndef FAIRLEAD_EXPLAIN_PRINT_H
#define FAIRLEAD_EXPLAIN_PRINT_H

#include "explain/tell.h"

void print_explanation_text(const struct telling *telling, struct builder *output);
void print_explanation_json(const struct telling *telling, struct builder *output);
void print_verdict_json(const struct telling *telling, struct builder *output);

#endif
