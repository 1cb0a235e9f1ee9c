#include "wire/authority.h"

#include "base/network_address.h"
#include "wire/character.h"

/* reg-name = *( unreserved / pct-encoded / sub-delims ), RFC 3986 section 3.2.2. An IPv4 address is one too. */
static bool reg_name_is_valid(struct span name) {
    for (size_t i = 0; i < name.size; i++) {
        if (character_is(name.data[i], CHARACTER_REG_NAME))
            continue;
        if (name.data[i] != '%' || name.size - i < 3)
            return false;
        if (character_hex_values[(uint8_t)name.data[i + 1]] == 16 || character_hex_values[(uint8_t)name.data[i + 2]] == 16)
            return false;
        i += 2;
    }
    return true;
}

/* IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool future_address_is_valid(struct span text) {
    size_t dot;
    if (!span_find_byte(text, '.', &dot) || dot < 2 || dot + 1 == text.size || byte_to_lower(text.data[0]) != 'v')
        return false;
    for (size_t i = 1; i < dot; i++)
        if (character_hex_values[(uint8_t)text.data[i]] == 16)
            return false;
    for (size_t i = dot + 1; i < text.size; i++)
        if (text.data[i] != ':' && !character_is(text.data[i], CHARACTER_REG_NAME))
            return false;
    return true;
}

static bool ip_literal_is_valid(struct span text) {
    size_t colon;
    struct network_address address;
    if (future_address_is_valid(text))
        return true;
    return span_find_byte(text, ':', &colon) && network_address_parse(text, 0, &address);
}

bool authority_parse(struct span text, struct authority *ret_authority) {
    struct span host, port = SPAN_EMPTY;
    size_t end;
    bool has_port;
    if (text.size > 0 && text.data[0] == '[') {
        if (!span_find_byte(text, ']', &end) || !ip_literal_is_valid(span_make(text.data + 1, end - 1)))
            return false;
        host = span_first(text, end + 1);
        has_port = end + 1 < text.size;
        if (has_port && text.data[end + 1] != ':')
            return false;
        port = span_from(text, end + 2);
    } else {
        has_port = span_find_byte(text, ':', &end);
        host = has_port ? span_first(text, end) : text;
        port = has_port ? span_from(text, end + 1) : SPAN_EMPTY;
        if (!reg_name_is_valid(host))
            return false;
    }
    /* port = *DIGIT: it may be empty. */
    uint64_t number = 0;
    if (port.size > 0 && (!span_to_u64(port, &number) || number > UINT16_MAX))
        return false;
    *ret_authority = (struct authority){host, port, (uint16_t)number};
    return true;
}
