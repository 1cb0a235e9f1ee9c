#include "base/network_address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

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

size_t network_address_print_host(const struct network_address *address, char ret_text[NETWORK_ADDRESS_TEXT_MAX]) {
    ret_text[0] = '\0';
    if (address->size != 0)
        inet_ntop(address->size == 4 ? AF_INET : AF_INET6, address->bytes, ret_text, NETWORK_ADDRESS_TEXT_MAX);
    return strlen(ret_text);
}

size_t network_address_print(const struct network_address *address, char ret_text[NETWORK_ADDRESS_TEXT_MAX]) {
    char host[NETWORK_ADDRESS_TEXT_MAX];
    ret_text[0] = '\0';
    if (address->size == 0)
        return 0;
    network_address_print_host(address, host);
    int size = snprintf(ret_text, NETWORK_ADDRESS_TEXT_MAX, address->size == 4 ? "%.50s:%u" : "[%.50s]:%u", host,
                        (unsigned)address->port);
    return (size_t)size;
}

bool network_address_equal(const struct network_address *a, const struct network_address *b) {
    return a->size == b->size && a->port == b->port && memcmp(a->bytes, b->bytes, a->size) == 0;
}
