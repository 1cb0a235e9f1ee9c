/* The seam between C and C++: plain types only, so that both languages read it. For regex.c alone. */
#ifndef FAIRLEAD_REGEX_REGEX_SHIM_H
#define FAIRLEAD_REGEX_REGEX_SHIM_H

#include <stdbool.h>
#include <stddef.h>

/* An RE2 object, or NULL with the reason in ret_error (error_size bytes with its NUL; may be NULL). */
void *regex_shim_create(const char *pattern, size_t pattern_size, long memory_bytes_max, char *ret_error, size_t error_size);
void regex_shim_destroy(void *program);
bool regex_shim_full_match(const void *program, const char *text, size_t text_size);
/* `take` gets the result, which is gone when it returns. */
void regex_shim_replace_all(const void *program, const char *text, size_t text_size, const char *substitution, size_t substitution_size,
                            void *user, void (*take)(void *user, const char *text, size_t text_size));
bool regex_shim_substitution_is_valid(const void *program, const char *substitution, size_t substitution_size);

/* An RE2::Set, or NULL. */
void *regex_shim_set_create(const char *const *patterns, const size_t *sizes, size_t count, long memory_bytes_max);
void regex_shim_set_destroy(void *set);
/* False: out of memory. The numbers are the thread's until its next call. */
bool regex_shim_set_match(const void *set, const char *text, size_t text_size, const int **ret_numbers, size_t *ret_count);

#endif
