/* Texts that a regular expression matches: for requests that are to meet it. */
#ifndef FAIRLEAD_EXPLAIN_REGEX_SAMPLE_H
#define FAIRLEAD_EXPLAIN_REGEX_SAMPLE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "regex/regex.h"

/* The samples that regex_sample tries: the shortest way through the pattern, and longer ones by other alternatives. */
#define REGEX_SAMPLE_VARIANTS 3

/* False when this variant comes to no text that the whole pattern matches: look-ups of classes by name and much else are not understood. */
MUST_USE bool regex_sample(struct arena *arena, struct span pattern, const struct regex *regex, unsigned variant, struct span *ret_text);

#endif
