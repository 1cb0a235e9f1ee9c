#include "resource/header_name.h"

#include <string.h>

bool header_name_is_token(struct span name) {
    for (size_t i = 0; i < name.size; i++) {
        char byte = byte_to_lower(name.data[i]);
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
        if (!letter && (byte == '\0' || strchr("!#$%&'*+-.^_`|~", byte) == NULL))
            return false;
    }
    return name.size > 0;
}
