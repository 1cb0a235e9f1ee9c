/* Classes of bytes in HTTP and URI grammars, one table look-up each. */
#ifndef FAIRLEAD_WIRE_CHARACTER_H
#define FAIRLEAD_WIRE_CHARACTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum character_class {
    CHARACTER_TOKEN = 1,       /* tchar, RFC 9110 section 5.6.2 */
    CHARACTER_TARGET = 2,      /* visible ASCII but '#' (a fragment is never sent), '"', '<' and '>': what browsers do send is kept */
    CHARACTER_REG_NAME = 4,    /* unreserved and sub-delims, RFC 3986 section 3.2.2; '%' is the caller's */
    CHARACTER_UNRESERVED = 8,  /* RFC 3986 section 2.3 */
    CHARACTER_FIELD_VALUE = 16, /* field-vchar, SP, HTAB, obs-text, RFC 9110 section 5.5 */
};

extern const uint8_t character_classes[256];
/* A tchar in lower case; 0 for every byte that is no tchar. */
extern const uint8_t character_token_lower[256];
/* The value of a hexadecimal digit; 16 for every other byte. */
extern const uint8_t character_hex_values[256];

static inline bool character_is(char byte, enum character_class class) {
    return (character_classes[(uint8_t)byte] & class) != 0;
}

/* All bytes of the text are of the class; true for the empty text. */
bool character_all(struct span text, enum character_class class);
/* All bytes are CHARACTER_FIELD_VALUE, eight at a time. */
bool character_all_field_value(struct span text);

#endif
