#include "base/network_address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/decimal.h"

bool network_address_parse(struct span text, uint16_t port, struct network_address *ret_address) {
    char copy[INET6_ADDRSTRLEN];
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, 0, text.size) != NULL)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    struct network_address address = {.port = port};
    if (inet_pton(AF_INET, copy, address.bytes) == 1)
        address.size = 4;
    else if (inet_pton(AF_INET6, copy, address.bytes) == 1)
        address.size = 16;
    else
        return false;
    *ret_address = address;
    return true;
}

/* By hand: every request and every line of the log names one, and inet_ntop goes through printf. */
static size_t print_ipv4(const uint8_t bytes[4], char *ret_text) {
    size_t size = decimal_print(bytes[0], ret_text);
    for (size_t i = 1; i < 4; i++) {
        ret_text[size++] = '.';
        size += decimal_print(bytes[i], ret_text + size);
    }
    ret_text[size] = '\0';
    return size;
}

size_t network_address_print_host(const struct network_address *address, char ret_text[NETWORK_ADDRESS_TEXT_MAX]) {
    if (address->size == 4)
        return print_ipv4(address->bytes, ret_text);
    ret_text[0] = '\0';
    if (address->size != 0)
        inet_ntop(AF_INET6, address->bytes, ret_text, NETWORK_ADDRESS_TEXT_MAX);
    return strlen(ret_text);
}

size_t network_address_print(const struct network_address *address, char ret_text[NETWORK_ADDRESS_TEXT_MAX]) {
    ret_text[0] = '\0';
    if (address->size == 0)
        return 0;
    size_t size = 0;
    if (address->size != 4)
        ret_text[size++] = '[';
    size += network_address_print_host(address, ret_text + size);
    if (address->size != 4)
        ret_text[size++] = ']';
    ret_text[size++] = ':';
    size += decimal_print(address->port, ret_text + size);
    ret_text[size] = '\0';
    return size;
}

bool network_address_equal(const struct network_address *a, const struct network_address *b) {
    return a->size == b->size && a->port == b->port && memcmp(a->bytes, b->bytes, a->size) == 0;
}
