/* Under AddressSanitizer, arenas and pools poison what is free; otherwise these do nothing. One of the two headers that may use #if. */
#ifndef FAIRLEAD_BASE_POISON_H
#define FAIRLEAD_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define FAIRLEAD_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FAIRLEAD_POISONS 1
#endif
#endif

#ifdef FAIRLEAD_POISONS
#include <sanitizer/asan_interface.h>
#define memory_poison(memory, size) ASAN_POISON_MEMORY_REGION((memory), (size))
#define memory_unpoison(memory, size) ASAN_UNPOISON_MEMORY_REGION((memory), (size))
#else
#define memory_poison(memory, size) ((void)(memory), (void)(size))
#define memory_unpoison(memory, size) ((void)(memory), (void)(size))
#endif

#endif
