/* base64 (RFC 4648 section 4) as Go has it: padding required, line breaks allowed, nothing else. */
#ifndef FAIRLEAD_BASE_BASE64_H
#define FAIRLEAD_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/span.h"

/* False when the text is no base64; bytes may have been written all the same. `ret_bytes` has room for 3 bytes of every 4. */
MUST_USE bool base64_decode(struct span text, char *ret_bytes, size_t *ret_size);

#endif
