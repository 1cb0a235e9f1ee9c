#include "resource/base64.h"

static int base64_value(char byte) {
    if (byte >= 'A' && byte <= 'Z')
        return byte - 'A';
    if (byte >= 'a' && byte <= 'z')
        return byte - 'a' + 26;
    if (byte >= '0' && byte <= '9')
        return byte - '0' + 52;
    return byte == '+' ? 62 : byte == '/' ? 63 : -1;
}

bool base64_decode(struct span text, char *ret_bytes, size_t *ret_size) {
    uint32_t group = 0;
    int sextets = 0;
    int padding = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == '\n' || byte == '\r')
            continue;
        int value = byte == '=' ? 0 : base64_value(byte);
        if (value < 0 || (padding > 0 && byte != '='))
            return false;
        padding += byte == '=';
        group = group << 6 | (uint32_t)value;
        if (++sextets < 4)
            continue;
        if (padding > 2)
            return false;
        for (int shift = 16; shift >= 8 * padding; shift -= 8)
            ret_bytes[size++] = (char)(group >> shift);
        group = 0;
        sextets = 0;
        if (padding > 0) {
            /* Only line breaks may follow. */
            padding = 3;
        }
    }
    if (sextets != 0)
        return false;
    *ret_size = size;
    return true;
}
