#include "proxy/grpc_timeout.h"

#include "base/clock.h"
#include "proxy/grpc_status.h"

#define DIGITS_MAX 8
#define VALUE_MAX 99999999

static const struct {
    char letter;
    uint64_t ns;
} units[] = {{'n', 1}, {'u', 1000}, {'m', MILLISECONDS(1)}, {'S', SECONDS(1)}, {'M', SECONDS(60)}, {'H', SECONDS(3600)}};

/* At most 100 million hours: it fits. */
static bool parse(struct span text, uint64_t *ret_ns) {
    uint64_t value;
    if (text.size < 2 || text.size > DIGITS_MAX + 1 || !span_to_u64(span_first(text, text.size - 1), &value))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (units[i].letter != text.data[text.size - 1])
            continue;
        if (__builtin_mul_overflow(value, units[i].ns, ret_ns))
            *ret_ns = UINT64_MAX;
        return true;
    }
    return false;
}

uint64_t grpc_timeout_ns(const struct message_head *request, uint64_t route_timeout_ns) {
    uint64_t timeout_ns;
    if (!message_head_has(request, HEADER_GRPC_TIMEOUT) || !grpc_is_request(request) ||
        !parse(message_head_value(request, HEADER_GRPC_TIMEOUT), &timeout_ns) || timeout_ns == 0)
        return route_timeout_ns;
    /* Longer than a process lives. */
    if (timeout_ns > SECONDS(100000000))
        timeout_ns = SECONDS(100000000);
    return route_timeout_ns > 0 && route_timeout_ns < timeout_ns ? route_timeout_ns : timeout_ns;
}

void grpc_timeout_write(struct message_head *request, uint64_t timeout_ns) {
    if (timeout_ns == 0 || !grpc_is_request(request))
        return;
    size_t unit = 2;
    while (timeout_ns / units[unit].ns > VALUE_MAX)
        unit++;
    message_head_set(request, HEADER_GRPC_TIMEOUT,
                     arena_print(request->arena, "%llu%c", (unsigned long long)(timeout_ns / units[unit].ns), units[unit].letter));
}
