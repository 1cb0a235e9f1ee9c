#include "wire/response_flag.h"

#include <string.h>

static const char *const texts[RESPONSE_FLAG_COUNT] = {
#define RESPONSE_FLAG_ROW(name, text) [RESPONSE_FLAG_INDEX_##name] = text,
    RESPONSE_FLAG_TABLE(RESPONSE_FLAG_ROW)
#undef RESPONSE_FLAG_ROW
};

/* Every text, its comma (or NUL) included, fits at once. */
#define RESPONSE_FLAG_SIZE(name, text) +sizeof(text)
_Static_assert(0 RESPONSE_FLAG_TABLE(RESPONSE_FLAG_SIZE) <= RESPONSE_FLAGS_TEXT_MAX, "RESPONSE_FLAGS_TEXT_MAX");

size_t response_flags_print(uint32_t flags, char ret_text[RESPONSE_FLAGS_TEXT_MAX]) {
    size_t size = 0;
    for (unsigned index = 0; index < RESPONSE_FLAG_COUNT; index++) {
        if ((flags >> index & 1) == 0)
            continue;
        if (size > 0)
            ret_text[size++] = ',';
        size_t text_size = strlen(texts[index]);
        memcpy(ret_text + size, texts[index], text_size);
        size += text_size;
    }
    if (size == 0)
        ret_text[size++] = '-';
    ret_text[size] = '\0';
    return size;
}
