/* Under AddressSanitizer, arenas and pools poison what is free; otherwise these do nothing. One of the two headers that may use #if. */
#ifndef FAIRLEAD_BASE_POISON_H
#define FAIRLEAD_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define FAIRLEAD_POISONS 1
#elif defined(__SANITIZE_THREAD__)
#define FAIRLEAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FAIRLEAD_POISONS 1
#elif __has_feature(thread_sanitizer)
#define FAIRLEAD_SANITIZED 1
#endif
#endif

#ifdef FAIRLEAD_POISONS
#define FAIRLEAD_SANITIZED 1
#include <sanitizer/asan_interface.h>
#define memory_poison(memory, size) ASAN_POISON_MEMORY_REGION((memory), (size))
#define memory_unpoison(memory, size) ASAN_UNPOISON_MEMORY_REGION((memory), (size))
#else
#define memory_poison(memory, size) ((void)(memory), (void)(size))
#define memory_unpoison(memory, size) ((void)(memory), (void)(size))
#endif

/* Whether a sanitizer watches the calls of the C library: then nothing may go round it. */
#ifdef FAIRLEAD_SANITIZED
#define SANITIZER_WATCHES 1
#else
#define SANITIZER_WATCHES 0
#endif

#endif
