#include "http/websocket_key.h"

#include "base/assert.h"

#define SHA1_BLOCK_SIZE 64
#define SHA1_SIZE 20
/* Key and constant, their padding included, fit two blocks. */
#define SHA1_TEXT_MAX (2 * SHA1_BLOCK_SIZE - 9)

static void base64_print(const uint8_t *octets, size_t size, char *ret_text) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t second = i + 1 < size ? octets[i + 1] : 0, third = i + 2 < size ? octets[i + 2] : 0;
        uint32_t bits = (uint32_t)octets[i] << 16 | second << 8 | third;
        *ret_text++ = letters[bits >> 18];
        *ret_text++ = letters[bits >> 12 & 63];
        *ret_text++ = i + 1 < size ? letters[bits >> 6 & 63] : '=';
        *ret_text++ = i + 2 < size ? letters[bits & 63] : '=';
    }
}

static uint32_t rotate_left(uint32_t value, unsigned count) {
    return value << count | value >> (32 - count);
}

/* FIPS 180-4 section 4.1.1: function and constant of a step. */
static uint32_t step_term(unsigned step, uint32_t b, uint32_t c, uint32_t d) {
    switch (step / 20) {
    case 0: return ((b & c) | (~b & d)) + 0x5a827999;
    case 1: return (b ^ c ^ d) + 0x6ed9eba1;
    case 2: return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    default: return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static void sha1_block(uint32_t state[5], const uint8_t *block) {
    uint32_t words[80];
    for (unsigned i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        words[i] = rotate_left(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t next = rotate_left(a, 5) + step_term(i, b, c, d) + e + words[i];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

/* FIPS 180-4 section 6.1, of a short text. */
static void sha1(struct span text, uint8_t ret_hash[SHA1_SIZE]) {
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t blocks[2 * SHA1_BLOCK_SIZE] = {0};
    ASSERT(text.size <= SHA1_TEXT_MAX);
    memcpy(blocks, text.data, text.size);
    blocks[text.size] = 0x80;
    size_t size = text.size + 9 <= SHA1_BLOCK_SIZE ? SHA1_BLOCK_SIZE : sizeof(blocks);
    blocks[size - 2] = (uint8_t)(text.size * 8 >> 8);
    blocks[size - 1] = (uint8_t)(text.size * 8);
    for (size_t at = 0; at < size; at += SHA1_BLOCK_SIZE)
        sha1_block(state, blocks + at);
    for (unsigned i = 0; i < SHA1_SIZE; i++)
        ret_hash[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void websocket_key_print(const uint8_t octets[16], char ret_key[WEBSOCKET_KEY_SIZE]) {
    base64_print(octets, 16, ret_key);
}

void websocket_accept_of(struct span key, char ret_accept[WEBSOCKET_ACCEPT_SIZE]) {
    static const char constant[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[WEBSOCKET_KEY_SIZE + sizeof(constant) - 1];
    uint8_t hash[SHA1_SIZE];
    ASSERT(key.size == WEBSOCKET_KEY_SIZE);
    memcpy(text, key.data, key.size);
    memcpy(text + key.size, constant, sizeof(constant) - 1);
    sha1(span_make(text, sizeof(text)), hash);
    base64_print(hash, SHA1_SIZE, ret_accept);
}
