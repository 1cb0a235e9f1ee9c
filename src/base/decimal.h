/* Numbers in decimal, for what is written with each request: printf takes a hundred times as long. */
#ifndef FAIRLEAD_BASE_DECIMAL_H
#define FAIRLEAD_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

/* Digits of a 64-bit number. */
#define DECIMAL_DIGITS_MAX 20

/* Returns the digits written; no NUL. */
static inline size_t decimal_print(uint64_t value, char *ret_digits) {
    size_t size = 1;
    for (uint64_t rest = value; rest >= 10; rest /= 10)
        size++;
    for (size_t i = size; i > 0; value /= 10)
        ret_digits[--i] = (char)('0' + value % 10);
    return size;
}

#endif
