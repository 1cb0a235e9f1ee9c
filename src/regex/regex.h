/* RE2 behind its shim: the dialect of Istio's regex matches, linear time, bounded memory. */
#ifndef FAIRLEAD_REGEX_REGEX_H
#define FAIRLEAD_REGEX_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/compiler.h"
#include "base/span.h"

struct regex; /* immutable after create; any number of threads may match at once */

#define REGEX_ERROR_BYTES_MAX 256

/* NULL when the pattern is not RE2, or its program would pass the memory bound (REGEX_MEMORY_BYTES_MAX); then ret_error says why, with a
 * NUL. ret_error may be NULL. */
MUST_USE struct regex *regex_create(struct span pattern, char ret_error[REGEX_ERROR_BYTES_MAX]);
/* NULL is allowed. */
void regex_destroy(struct regex *regex);
/* Does the WHOLE text match? */
bool regex_full_match(const struct regex *regex, struct span text);
/* Every match in `text` replaced by `substitution`, in which \0 to \9 stand for the match and its groups (RE2::GlobalReplace). Allocated in
 * `arena`. */
struct span regex_replace_all(const struct regex *regex, struct arena *arena, struct span text, struct span substitution);
/* Whether each backslash of the substitution is followed by the digit of a group that the pattern has, or by another backslash. */
bool regex_substitution_is_valid(const struct regex *regex, struct span substitution);

/* Several patterns in one automaton: one walk over a text says which of them match all of it, however many there are. */
struct regex_set; /* immutable after create; any number of threads may match at once */

/* NULL when a pattern is not RE2, or all together would pass REGEX_MEMORY_BYTES_MAX: match them one by one then. */
MUST_USE struct regex_set *regex_set_create(const struct span *patterns, size_t count);
/* NULL is allowed. */
void regex_set_destroy(struct regex_set *set);
/* The numbers of the patterns that match the WHOLE text, ascending; they stay until this thread's next call. False: this text takes more memory
 * than allowed, and nothing is known of it. */
MUST_USE bool regex_set_match(const struct regex_set *set, struct span text, const int **ret_numbers, size_t *ret_count);

#endif
