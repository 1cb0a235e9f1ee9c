#include "server/admin_address.h"

#define UNIX_PREFIX "unix:"

static bool parse_port(struct span text, uint16_t *ret_port) {
    uint64_t number;
    if (!span_to_u64(text, &number) || number == 0 || number > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)number;
    return true;
}

bool admin_address_parse(const char *text, struct admin_address *ret_address) {
    struct span rest = span_of(text), host = SPAN_LITERAL("127.0.0.1");
    *ret_address = (struct admin_address){.path = NULL};
    if (span_equal(rest, SPAN_LITERAL("off")))
        return true;
    if (span_starts_with(rest, SPAN_LITERAL(UNIX_PREFIX))) {
        ret_address->path = text + sizeof(UNIX_PREFIX) - 1;
        return ret_address->path[0] != '\0';
    }
    size_t colon;
    if (span_find_last_byte(rest, ':', &colon)) {
        host = span_first(rest, colon);
        rest = span_from(rest, colon + 1);
        bool bracketed = span_starts_with(host, SPAN_LITERAL("[")) && span_ends_with(host, SPAN_LITERAL("]"));
        size_t inner;
        /* "::1" without brackets would leave it open what is the port. */
        if (!bracketed && span_find_byte(host, ':', &inner))
            return false;
        if (bracketed)
            host = span_make(host.data + 1, host.size - 2);
    }
    uint16_t port;
    return parse_port(rest, &port) && network_address_parse(host, port, &ret_address->address);
}

bool admin_address_is_local(const struct admin_address *address) {
    static const uint8_t loopback[16] = {[15] = 1};
    const struct network_address *place = &address->address;
    return place->size == 0 || (place->size == 4 && place->bytes[0] == 127) || (place->size == 16 && memcmp(place->bytes, loopback, 16) == 0);
}
