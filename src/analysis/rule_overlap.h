/* Rules of a VirtualService that earlier ones hide. Istio's judgement (analyzeUnreachableHTTPRules and its like for tls and tcp): it compares
 * what is written, not which requests exist, so it misses some hidden rules and names a few that are not. */
#ifndef FAIRLEAD_ANALYSIS_RULE_OVERLAP_H
#define FAIRLEAD_ANALYSIS_RULE_OVERLAP_H

#include <stdbool.h>

#include "resource/virtual_service.h"

enum rule_overlap_kind {
    RULE_OVERLAP_SECOND_DEFAULT, /* a rule without matches follows another one; IST0130 */
    RULE_OVERLAP_BEHIND_DEFAULT, /* a match of a rule that follows one without matches; IST0130 */
    RULE_OVERLAP_ALL_REPEATED,   /* every match of the rule repeats an earlier one; IST0130 */
    RULE_OVERLAP_REPEATED,       /* a match repeats an earlier one; IST0131 */
    RULE_OVERLAP_PREFIX,         /* a match's prefix starts with that of an earlier match that asks for the same else; IST0131 */
};

struct rule_overlap {
    enum rule_overlap_kind kind;
    struct position position; /* of the match, or of the rule where no match is meant */
    struct span rule, match;  /* as Istio shows them: #index, or the name in quotes; match is empty where none is meant */
    struct span earlier_rule, earlier_match; /* earlier_match is empty where none is meant */
    struct span prefix, earlier_prefix;      /* RULE_OVERLAP_PREFIX only */
};

typedef void rule_overlap_function(void *argument, const struct rule_overlap *overlap);

/* Calls for each overlap: http, then tls, then tcp, each by rule and match, the prefixes of http after its others. Texts live in the arena or
 * are borrowed from the VirtualService. */
void rule_overlap_find(const struct virtual_service *service, struct arena *arena, rule_overlap_function *function, void *argument);

/* IST0130 when true, else IST0131. */
bool rule_overlap_is_unreachable(const struct rule_overlap *overlap);
/* One sentence, in the arena. */
struct span rule_overlap_print(struct arena *arena, const struct rule_overlap *overlap);

#endif
