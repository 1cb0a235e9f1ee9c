/* What the house asks of the compiler, spelled once. */
#ifndef FAIRLEAD_BASE_COMPILER_H
#define FAIRLEAD_BASE_COMPILER_H

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_index) __attribute__((format(printf, format_index, first_index)))
#define NO_RETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))
/* Runs `function(&variable)` when the variable leaves its scope: the house has no goto. */
#define CLEANUP(function) __attribute__((cleanup(function)))
/* For a function of the hot path that is called from a few places and small beside what a call of it costs, as measured. */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
/* The struct that holds `member`, from a pointer to the member. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
