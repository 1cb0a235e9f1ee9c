#include "proxy/access_log_value.h"

#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "proxy/access_log_line.h"
#include "proxy/access_log_tls.h"
#include "proxy/grpc_status.h"
#include "wire/message.h"
#include "wire/response_flag.h"

static struct access_log_item_value absent(void) {
    return (struct access_log_item_value){.kind = ACCESS_LOG_VALUE_ABSENT};
}

static struct access_log_item_value number(uint64_t value) {
    return (struct access_log_item_value){.kind = ACCESS_LOG_VALUE_NUMBER, .number = value};
}

static struct access_log_item_value text_of(enum access_log_value_kind kind, struct span text) {
    return text.size == 0 ? absent() : (struct access_log_item_value){.kind = kind, .text = text};
}

static struct access_log_item_value plain(struct span text) {
    return text_of(ACCESS_LOG_VALUE_PLAIN, text);
}

static struct access_log_item_value foreign(struct span text) {
    return text_of(ACCESS_LOG_VALUE_FOREIGN, text);
}

static struct access_log_item_value word(struct span text) {
    return text_of(ACCESS_LOG_VALUE_WORD, text);
}

/* Monotonic times of 0 did not happen. */
static struct access_log_item_value milliseconds_between(uint64_t from_ns, uint64_t to_ns) {
    if (from_ns == 0 || to_ns < from_ns)
        return absent();
    return number((to_ns - from_ns) / NANOSECONDS_PER_MILLISECOND);
}

static struct access_log_item_value address(const struct network_address *value, bool with_port, char *scratch) {
    return plain(span_make(scratch, with_port ? network_address_print(value, scratch) : network_address_print_host(value, scratch)));
}

static struct access_log_item_value response_flags(uint32_t flags, char *scratch) {
    if (flags == 0)
        return plain(SPAN_LITERAL("-"));
    return plain(span_make(scratch, response_flags_print(flags, scratch)));
}

/* False when the head has no such field; a field with an empty value is there and empty. */
static bool find_field(const struct message_head *head, struct span name, char *scratch, struct span *ret_value) {
    if (name.size == 0)
        return false;
    if (name.data[0] == ':') {
        if (span_equal(name, SPAN_LITERAL(":method")))
            *ret_value = head->method;
        else if (span_equal(name, SPAN_LITERAL(":path")))
            *ret_value = head->path;
        else if (span_equal(name, SPAN_LITERAL(":authority")))
            *ret_value = head->authority;
        else if (span_equal(name, SPAN_LITERAL(":scheme")))
            *ret_value = head->scheme;
        else if (span_equal(name, SPAN_LITERAL(":status")) && head->status > 0)
            *ret_value = span_make(scratch, decimal_print((uint64_t)head->status, scratch));
        else
            return false;
        return ret_value->size != 0;
    }
    if (span_equal(name, SPAN_LITERAL("host"))) {
        *ret_value = head->authority;
        return head->authority.size != 0;
    }
    const struct header *header = message_head_find_name(head, name);
    if (header == NULL)
        return false;
    *ret_value = header->value;
    return true;
}

/* Envoy's HeaderFormatter: the first value of the main header, else of the alternative one. */
static struct access_log_item_value header(const struct access_log_item *item, const struct message_head *head, char *scratch) {
    struct span value = SPAN_EMPTY;
    if (head == NULL)
        return absent();
    if (!find_field(head, item->argument, scratch, &value) && !find_field(head, item->alternative, scratch, &value))
        return absent();
    size_t query = 0;
    if (item->operator_ == ACCESS_LOG_REQUEST_HEADER_WITHOUT_QUERY && span_find_byte(value, '?', &query))
        value = span_first(value, query);
    if (item->size_max != 0)
        value = access_log_cut(value, item->size_max);
    return (struct access_log_item_value){.kind = ACCESS_LOG_VALUE_FOREIGN, .text = value};
}

static struct access_log_item_value start_time_default(uint64_t wall_ns, struct access_log_calendar *calendar, char *scratch) {
    uint64_t second = wall_ns / NANOSECONDS_PER_SECOND;
    if (calendar->size == 0 || calendar->second != second) {
        time_t seconds = (time_t)second;
        struct tm date;
        gmtime_r(&seconds, &date);
        calendar->size = (uint8_t)strftime(calendar->text, sizeof(calendar->text), "%Y-%m-%dT%H:%M:%S", &date);
        calendar->second = second;
    }
    size_t used = calendar->size;
    unsigned milliseconds = (unsigned)(wall_ns / NANOSECONDS_PER_MILLISECOND % 1000);
    memcpy(scratch, calendar->text, used);
    scratch[used++] = '.';
    scratch[used++] = (char)('0' + milliseconds / 100);
    scratch[used++] = (char)('0' + milliseconds / 10 % 10);
    scratch[used++] = (char)('0' + milliseconds % 10);
    scratch[used++] = 'Z';
    return plain(span_make(scratch, used));
}

/* Envoy's DateFormatter knows more than strftime: %f is nanoseconds and %1f to %9f that many digits of the second; %s must be UTC's. */
static size_t expand_fractions(struct span format, uint64_t wall_ns, char *target, size_t capacity) {
    size_t used = 0;
    for (size_t i = 0; i < format.size && used + 24 < capacity; i++) {
        bool escape = format.data[i] == '%' && i + 1 < format.size;
        bool digits = escape && i + 2 < format.size && format.data[i + 1] >= '1' && format.data[i + 1] <= '9' && format.data[i + 2] == 'f';
        if (digits || (escape && format.data[i + 1] == 'f')) {
            int wanted = digits ? format.data[i + 1] - '0' : 9;
            char fraction[16];
            snprintf(fraction, sizeof(fraction), "%09u", (unsigned)(wall_ns % NANOSECONDS_PER_SECOND));
            memcpy(target + used, fraction, (size_t)wanted);
            used += (size_t)wanted;
            i += digits ? 2 : 1;
        } else if (escape && format.data[i + 1] == 's') {
            used += (size_t)snprintf(target + used, capacity - used, "%llu", (unsigned long long)(wall_ns / NANOSECONDS_PER_SECOND));
            i++;
        } else if (escape) {
            target[used++] = '%';
            target[used++] = format.data[++i];
        } else {
            target[used++] = format.data[i];
        }
    }
    target[used] = '\0';
    return used;
}

/* strftime's format is the author's by definition of the operator. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static struct access_log_item_value start_time_formatted(struct span format, uint64_t wall_ns, char *scratch) {
    char expanded[ACCESS_LOG_SCRATCH_BYTES];
    size_t size = expand_fractions(format, wall_ns, expanded, sizeof(expanded));
    time_t seconds = (time_t)(wall_ns / NANOSECONDS_PER_SECOND);
    struct tm date;
    gmtime_r(&seconds, &date);
    size_t used = size == 0 ? 0 : strftime(scratch, ACCESS_LOG_SCRATCH_BYTES, expanded, &date);
    return foreign(span_make(scratch, used));
}
#pragma GCC diagnostic pop

static struct access_log_item_value start_time(struct span format, uint64_t wall_ns, struct access_log_calendar *calendar, char *scratch) {
    return format.size == 0 ? start_time_default(wall_ns, calendar, scratch) : start_time_formatted(format, wall_ns, scratch);
}

struct access_log_item_value access_log_time(struct span format, uint64_t wall_ns, char scratch[ACCESS_LOG_SCRATCH_BYTES]) {
    struct access_log_calendar calendar = {.size = 0};
    return start_time(format, wall_ns, &calendar, scratch);
}

static struct access_log_item_value port(const struct network_address *value) {
    return value->size == 0 ? absent() : number(value->port);
}

/* "10.0.0.1:80" or "[::1]:80" in two. */
static struct access_log_item_value upstream_part(struct span host, bool wants_port) {
    size_t colon;
    uint64_t value;
    if (!span_find_last_byte(host, ':', &colon))
        return absent();
    if (wants_port)
        return span_to_u64(span_from(host, colon + 1), &value) ? number(value) : absent();
    struct span text = span_first(host, colon);
    bool in_brackets = text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']';
    return word(in_brackets ? span_make(text.data + 1, text.size - 2) : text);
}

static struct access_log_item_value environment(const struct access_log_item *item) {
    return foreign(item->size_max == 0 ? item->argument : access_log_cut(item->argument, item->size_max));
}

/* Envoy's GrpcStatusFormatter: a code without a name is a number in every form. */
static struct access_log_item_value grpc_status(struct span form, const struct access_log_record *record, char *scratch) {
    int status;
    if (!grpc_status_find(record->request, record->response, record->response_trailers, &status))
        return absent();
    struct span name = form.data[0] == 'C'   ? grpc_status_camel_name(status)
                       : form.data[0] == 'S' ? grpc_status_snake_name(status)
                                             : SPAN_EMPTY;
    if (name.size > 0)
        return word(name);
    if (status >= 0)
        return number((uint64_t)status);
    return word(span_make(scratch, (size_t)snprintf(scratch, ACCESS_LOG_SCRATCH_BYTES, "%d", status)));
}

struct access_log_item_value access_log_item_value(const struct access_log_item *item, const struct access_log_record *record,
                                                   struct access_log_calendar *calendar, char scratch[ACCESS_LOG_SCRATCH_BYTES]) {
    switch (item->operator_) {
    case ACCESS_LOG_START_TIME: return start_time(item->argument, record->start_wall_ns, calendar, scratch);
    case ACCESS_LOG_REQUEST_HEADER:
    case ACCESS_LOG_REQUEST_HEADER_WITHOUT_QUERY: return header(item, record->request, scratch);
    case ACCESS_LOG_RESPONSE_HEADER: return header(item, record->response, scratch);
    case ACCESS_LOG_RESPONSE_TRAILER: return header(item, record->response_trailers, scratch);
    case ACCESS_LOG_PROTOCOL: return word(record->protocol);
    case ACCESS_LOG_RESPONSE_CODE: return number(record->response_code);
    case ACCESS_LOG_RESPONSE_CODE_DETAILS: return word(record->response_code_details);
    case ACCESS_LOG_RESPONSE_FLAGS: return response_flags(record->response_flags, scratch);
    case ACCESS_LOG_CONNECTION_TERMINATION_DETAILS: return word(record->connection_termination_details);
    case ACCESS_LOG_UPSTREAM_TRANSPORT_FAILURE_REASON: return foreign(record->upstream_transport_failure_reason);
    case ACCESS_LOG_BYTES_RECEIVED: return number(record->bytes_received);
    case ACCESS_LOG_BYTES_SENT: return number(record->bytes_sent);
    case ACCESS_LOG_DURATION: return milliseconds_between(record->start_ns, record->end_ns);
    case ACCESS_LOG_REQUEST_DURATION: return milliseconds_between(record->start_ns, record->request_end_ns);
    case ACCESS_LOG_RESPONSE_DURATION: return milliseconds_between(record->start_ns, record->response_start_ns);
    case ACCESS_LOG_RESPONSE_TX_DURATION: return milliseconds_between(record->response_start_ns, record->end_ns);
    case ACCESS_LOG_UPSTREAM_HOST:
    case ACCESS_LOG_UPSTREAM_REMOTE_ADDRESS: return word(record->upstream_host);
    case ACCESS_LOG_UPSTREAM_CLUSTER: return word(record->upstream_cluster);
    case ACCESS_LOG_UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: return upstream_part(record->upstream_host, false);
    case ACCESS_LOG_UPSTREAM_REMOTE_PORT: return upstream_part(record->upstream_host, true);
    case ACCESS_LOG_UPSTREAM_REQUEST_ATTEMPT_COUNT: return number(record->attempt_count);
    case ACCESS_LOG_UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: return address(&record->upstream_local, false, scratch);
    case ACCESS_LOG_UPSTREAM_LOCAL_PORT: return port(&record->upstream_local);
    case ACCESS_LOG_DOWNSTREAM_REMOTE_PORT: return port(&record->downstream_remote);
    case ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_PORT: return port(&record->downstream_direct_remote);
    case ACCESS_LOG_UPSTREAM_LOCAL_ADDRESS: return address(&record->upstream_local, true, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_ADDRESS: return address(&record->downstream_local, true, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: return address(&record->downstream_local, false, scratch);
    case ACCESS_LOG_DOWNSTREAM_LOCAL_PORT: return port(&record->downstream_local);
    case ACCESS_LOG_DOWNSTREAM_REMOTE_ADDRESS: return address(&record->downstream_remote, true, scratch);
    case ACCESS_LOG_DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: return address(&record->downstream_remote, false, scratch);
    case ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_ADDRESS: return address(&record->downstream_direct_remote, true, scratch);
    case ACCESS_LOG_DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: return address(&record->downstream_direct_remote, false, scratch);
    case ACCESS_LOG_REQUESTED_SERVER_NAME: return word(record->requested_server_name);
    case ACCESS_LOG_ROUTE_NAME: return word(record->route_name);
    case ACCESS_LOG_UPSTREAM_PROTOCOL: return word(record->upstream_protocol);
    case ACCESS_LOG_GRPC_STATUS: return grpc_status(item->argument, record, scratch);
    case ACCESS_LOG_GRPC_STATUS_NUMBER: return grpc_status(SPAN_LITERAL("NUMBER"), record, scratch);
    case ACCESS_LOG_COALESCED: return plain(record->coalesced ? SPAN_LITERAL("true") : SPAN_LITERAL("false"));
    case ACCESS_LOG_DOWNSTREAM_TLS_VERSION: return word(record->tls_version);
    case ACCESS_LOG_DOWNSTREAM_TLS_CIPHER: return word(record->tls_cipher);
    case ACCESS_LOG_DOWNSTREAM_TRANSPORT_FAILURE_REASON: return foreign(record->downstream_transport_failure_reason);
    case ACCESS_LOG_CONNECTION_ID: return number(record->connection_id);
    case ACCESS_LOG_HOSTNAME:
    case ACCESS_LOG_ENVIRONMENT: return environment(item);
#define TLS_CASE(name, parameters) case ACCESS_LOG_##name:
    ACCESS_LOG_TLS_OPERATORS(TLS_CASE)
#undef TLS_CASE
        return access_log_tls_value(item, record, scratch);
    case ACCESS_LOG_ABSENT: return absent();
    case ACCESS_LOG_LITERAL: break;
    }
    UNREACHABLE();
}
