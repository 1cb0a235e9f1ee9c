#include "snapshot/access_log_format.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "snapshot/access_log_operator_table.h"

/* What a strftime format may take: its expansion must fit the renderer's own small array. */
#define TIME_FORMAT_BYTES_MAX 128
#define HOST_NAME_BYTES_MAX 256

struct format_parser {
    struct arena *arena;
    struct span text;
    size_t offset;
    struct access_log_item *items; /* ACCESS_LOG_ITEMS_MAX of them, on the caller's stack or arena */
    size_t item_count;
    char *literal; /* text.size bytes: the literal being gathered */
    size_t literal_size;
    struct access_log_format_error *error;
};

static bool PRINTF_LIKE(2, 3) parser_fail(struct format_parser *parser, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->error->text, sizeof(parser->error->text), format, arguments);
    va_end(arguments);
    return false;
}

static bool parser_add_item(struct format_parser *parser, struct access_log_item item) {
    if (parser->item_count == ACCESS_LOG_ITEMS_MAX)
        return parser_fail(parser, "more than %d operators and texts", ACCESS_LOG_ITEMS_MAX);
    parser->items[parser->item_count++] = item;
    return true;
}

static bool parser_flush_literal(struct format_parser *parser) {
    if (parser->literal_size == 0)
        return true;
    struct span literal = span_make(parser->literal, parser->literal_size);
    parser->literal_size = 0;
    return parser_add_item(parser, (struct access_log_item){.operator_ = ACCESS_LOG_LITERAL, .argument = arena_copy(parser->arena, literal)});
}

static bool is_operator_byte(char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '_';
}

/* A header name is looked up in lower case; anything that no header name can hold is a mistake of the author. */
static bool parse_header_name(struct format_parser *parser, struct span name, struct span *ret_name) {
    for (size_t i = 0; i < name.size; i++)
        if ((unsigned char)name.data[i] <= ' ' || (unsigned char)name.data[i] >= 0x7f)
            return parser_fail(parser, "\"%.*s\" is no header name", (int)(name.size < 80 ? name.size : 80), name.data);
    *ret_name = arena_lower(parser->arena, name);
    return true;
}

/* "X-FIRST?X-SECOND" */
static bool parse_headers(struct format_parser *parser, struct span argument, struct access_log_item *item) {
    struct span rest = argument, first = SPAN_EMPTY, second = SPAN_EMPTY, surplus;
    if (!span_split(&rest, '?', &first) || first.size == 0)
        return parser_fail(parser, "a header operator needs a header name in its parentheses");
    if (span_split(&rest, '?', &second) && span_split(&rest, '?', &surplus))
        return parser_fail(parser, "more than one alternative header");
    return parse_header_name(parser, first, &item->argument) && parse_header_name(parser, second, &item->alternative);
}

static bool parse_grpc_status(struct format_parser *parser, struct span argument, struct access_log_item *item) {
    static const struct span forms[] = {{"CAMEL_STRING", 12}, {"SNAKE_STRING", 12}, {"NUMBER", 6}};
    if (argument.size == 0)
        argument = forms[0];
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        if (span_equal(argument, forms[i]))
            item->argument = forms[i];
    return item->argument.size > 0 || parser_fail(parser, "%%GRPC_STATUS%% has the forms CAMEL_STRING, SNAKE_STRING and NUMBER");
}

static bool parse_argument(struct format_parser *parser, struct span argument, struct access_log_item *item) {
    switch (item->operator_) {
    case ACCESS_LOG_REQUEST_HEADER:
    case ACCESS_LOG_REQUEST_HEADER_WITHOUT_QUERY:
    case ACCESS_LOG_RESPONSE_HEADER:
    case ACCESS_LOG_RESPONSE_TRAILER:
        return parse_headers(parser, argument, item);
    case ACCESS_LOG_START_TIME:
    case ACCESS_LOG_DOWNSTREAM_PEER_CERT_V_START:
    case ACCESS_LOG_DOWNSTREAM_PEER_CERT_V_END:
    case ACCESS_LOG_UPSTREAM_PEER_CERT_V_START:
    case ACCESS_LOG_UPSTREAM_PEER_CERT_V_END:
        if (argument.size > TIME_FORMAT_BYTES_MAX)
            return parser_fail(parser, "a time format of more than %d bytes", TIME_FORMAT_BYTES_MAX);
        item->argument = arena_copy(parser->arena, argument);
        return true;
    case ACCESS_LOG_GRPC_STATUS:
        return parse_grpc_status(parser, argument, item);
    case ACCESS_LOG_ENVIRONMENT: {
        struct span name = arena_copy(parser->arena, argument);
        item->argument = arena_copy(parser->arena, span_of(getenv(name.data)));
        return true;
    }
    case ACCESS_LOG_HOSTNAME: {
        char name[HOST_NAME_BYTES_MAX] = "";
        if (gethostname(name, sizeof(name) - 1) != 0)
            name[0] = '\0';
        item->argument = arena_copy(parser->arena, span_of(name));
        return true;
    }
    default:
        return true;
    }
}

/* At most 80 bytes of the author's text, for a message. */
static struct span excerpt(struct span text) {
    return span_excerpt(text, 80);
}

/* ":123" after the operator. */
static bool parse_size(struct format_parser *parser, size_t *ret_size) {
    struct span rest = span_from(parser->text, parser->offset + 1);
    size_t digits = 0;
    while (digits < rest.size && rest.data[digits] >= '0' && rest.data[digits] <= '9')
        digits++;
    uint64_t size = 0;
    if (digits == 0 || !span_to_u64(span_first(rest, digits), &size) || size > SIZE_MAX)
        return parser_fail(parser, "a number is missing after ':'");
    *ret_size = (size_t)size;
    parser->offset += 1 + digits;
    return true;
}

/* The parameters in parentheses reach to the first ')', as in Envoy. */
static bool parse_parameters(struct format_parser *parser, struct span *ret_argument) {
    struct span rest = span_from(parser->text, parser->offset + 1);
    size_t end = 0;
    if (!span_find_byte(rest, ')', &end))
        return parser_fail(parser, "')' is missing");
    *ret_argument = span_first(rest, end);
    parser->offset += end + 2;
    return true;
}

static bool parser_at(const struct format_parser *parser, char byte) {
    return parser->offset < parser->text.size && parser->text.data[parser->offset] == byte;
}

/* parser->offset is at the byte after the first '%'. */
static bool parse_operator(struct format_parser *parser) {
    struct span rest = span_from(parser->text, parser->offset);
    size_t size = 0;
    while (size < rest.size && is_operator_byte(rest.data[size]))
        size++;
    struct span name = span_first(rest, size), argument = SPAN_EMPTY;
    if (size == 0)
        return parser_fail(parser, "no operator after '%%' at byte %zu (a plain percent sign is written \"%%%%\")", parser->offset - 1);
    const struct access_log_operator_row *row = access_log_operator_find(name);
    if (row == NULL)
        return parser_fail(parser, "there is no operator %%%.*s%%", SPAN_ARGUMENTS(excerpt(name)));
    parser->offset += size;
    bool has_parameters = parser_at(parser, '(');
    if (has_parameters && !parse_parameters(parser, &argument))
        return false;
    if (has_parameters && row->parameters == ACCESS_LOG_PARAMETERS_NONE)
        return parser_fail(parser, "%%%s%% takes no parameters", row->name);
    if (argument.size == 0 && row->parameters == ACCESS_LOG_PARAMETERS_REQUIRED)
        return parser_fail(parser, "%%%s%% needs a parameter: %%%s(...)%%", row->name, row->name);
    struct access_log_item item = {.operator_ = row->operator_};
    if (parser_at(parser, ':')) {
        if (!row->size_allowed)
            return parser_fail(parser, "%%%s%% takes no length", row->name);
        if (!parse_size(parser, &item.size_max))
            return false;
    }
    if (!parser_at(parser, '%'))
        return parser_fail(parser, "the closing '%%' of %%%s is missing", row->name);
    parser->offset++;
    return parse_argument(parser, argument, &item) && parser_flush_literal(parser) && parser_add_item(parser, item);
}

static bool parse_items(struct format_parser *parser) {
    while (parser->offset < parser->text.size) {
        char byte = parser->text.data[parser->offset++];
        if (byte == '%' && parser_at(parser, '%'))
            parser->offset++;
        else if (byte == '%') {
            if (!parse_operator(parser))
                return false;
            continue;
        }
        parser->literal[parser->literal_size++] = byte;
    }
    return parser_flush_literal(parser);
}

bool access_log_value_parse(struct arena *arena, struct span format, struct access_log_value *ret_value,
                            struct access_log_format_error *ret_error) {
    if (format.size > ACCESS_LOG_LINE_BYTES_MAX / 2) {
        snprintf(ret_error->text, sizeof(ret_error->text), "a format of more than %d bytes", ACCESS_LOG_LINE_BYTES_MAX / 2);
        return false;
    }
    struct access_log_item items[ACCESS_LOG_ITEMS_MAX];
    struct format_parser parser = {.arena = arena, .text = format, .items = items, .error = ret_error};
    parser.literal = arena_new_array(arena, char, format.size + 1);
    if (!parse_items(&parser))
        return false;
    ret_value->items = arena_new_array(arena, struct access_log_item, parser.item_count);
    ret_value->item_count = parser.item_count;
    if (parser.item_count != 0)
        memcpy(ret_value->items, items, parser.item_count * sizeof(items[0]));
    return true;
}

bool access_log_format_parse_text(struct arena *arena, struct span format, const struct access_log_format **ret_format,
                                  struct access_log_format_error *ret_error) {
    char *copy = arena_new_array(arena, char, format.size + 1);
    if (format.size != 0)
        memcpy(copy, format.data, format.size);
    copy[format.size] = '\n';
    bool has_newline = span_ends_with(format, SPAN_LITERAL("\n"));
    struct span text = span_make(copy, format.size + (has_newline ? 0 : 1));
    struct access_log_value value;
    if (!access_log_value_parse(arena, text, &value, ret_error))
        return false;
    struct access_log_format *result = arena_new(arena, struct access_log_format);
    result->text = value;
    *ret_format = result;
    return true;
}

bool access_log_value_names_upstream_tls(const struct access_log_value *value) {
    for (size_t i = 0; i < value->item_count; i++)
        if (value->items[i].operator_ >= ACCESS_LOG_UPSTREAM_TLS_VERSION && value->items[i].operator_ <= ACCESS_LOG_UPSTREAM_LOCAL_IP_SAN)
            return true;
    return false;
}

static bool fields_name_upstream_tls(const struct access_log_field *fields, size_t count, unsigned depth) {
    ASSERT(depth <= ACCESS_LOG_DEPTH_MAX);
    for (size_t i = 0; i < count; i++)
        if (access_log_value_names_upstream_tls(&fields[i].value) ||
            fields_name_upstream_tls(fields[i].fields, fields[i].field_count, depth + 1))
            return true;
    return false;
}

bool access_log_format_names_upstream_tls(const struct access_log_format *format) {
    return access_log_value_names_upstream_tls(&format->text) || fields_name_upstream_tls(format->fields, format->field_count, 0);
}

/* Of "\"key\":" the quote and the colon must not take part: a shorter key comes first. */
static struct span key_of(const struct access_log_field *field) {
    return span_make(field->key_json.data + 1, field->key_json.size - 3);
}

static int field_compare(const void *a, const void *b) {
    return span_compare(key_of(a), key_of(b));
}

static void fields_sort(struct access_log_field *fields, size_t count, unsigned depth) {
    ASSERT(depth <= ACCESS_LOG_DEPTH_MAX);
    if (count > 1)
        qsort(fields, count, sizeof(fields[0]), field_compare);
    for (size_t i = 0; i < count; i++)
        fields_sort(fields[i].fields, fields[i].field_count, depth + 1);
}

const struct access_log_format *access_log_format_of_fields(struct arena *arena, struct access_log_field *fields, size_t field_count) {
    fields_sort(fields, field_count, 0);
    struct access_log_format *format = arena_new(arena, struct access_log_format);
    format->json = true;
    format->fields = fields;
    format->field_count = field_count;
    return format;
}

struct span access_log_key_json(struct arena *arena, struct span key) {
    char *text = arena_new_array(arena, char, key.size * 6 + 4);
    size_t used = 0;
    text[used++] = '"';
    for (size_t i = 0; i < key.size; i++) {
        unsigned char byte = (unsigned char)key.data[i];
        if (byte == '"' || byte == '\\') {
            text[used++] = '\\';
            text[used++] = (char)byte;
        } else if (byte < 0x20 || byte == 0x7f) {
            used += (size_t)snprintf(text + used, 7, "\\u%04x", byte);
        } else {
            text[used++] = (char)byte;
        }
    }
    text[used++] = '"';
    text[used++] = ':';
    return span_make(text, used);
}

static const char default_text[] =
    "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% %RESPONSE_FLAGS% "
    "%RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% "
    "%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \"%REQ(X-REQUEST-ID)%\" "
    "\"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% "
    "%DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n";

static const struct {
    const char *key;
    const char *format;
} default_fields[] = {
    {"authority", "%REQ(:AUTHORITY)%"},
    {"bytes_received", "%BYTES_RECEIVED%"},
    {"bytes_sent", "%BYTES_SENT%"},
    {"connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"},
    {"downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"},
    {"downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"},
    {"duration", "%DURATION%"},
    {"method", "%REQ(:METHOD)%"},
    {"path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"},
    {"protocol", "%PROTOCOL%"},
    {"request_id", "%REQ(X-REQUEST-ID)%"},
    {"requested_server_name", "%REQUESTED_SERVER_NAME%"},
    {"response_code", "%RESPONSE_CODE%"},
    {"response_code_details", "%RESPONSE_CODE_DETAILS%"},
    {"response_flags", "%RESPONSE_FLAGS%"},
    {"route_name", "%ROUTE_NAME%"},
    {"start_time", "%START_TIME%"},
    {"upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"},
    {"upstream_host", "%UPSTREAM_HOST%"},
    {"upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"},
    {"upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"},
    {"upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"},
    {"user_agent", "%REQ(USER-AGENT)%"},
    {"x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"},
};

const struct access_log_format *access_log_format_default(struct arena *arena, bool json) {
    struct access_log_format_error error;
    if (!json) {
        const struct access_log_format *format = NULL;
        bool parsed = access_log_format_parse_text(arena, span_of(default_text), &format, &error);
        ASSERT(parsed);
        return format;
    }
    struct access_log_field *fields = arena_new_array(arena, struct access_log_field, ARRAY_SIZE(default_fields));
    for (size_t i = 0; i < ARRAY_SIZE(default_fields); i++) {
        fields[i].key_json = access_log_key_json(arena, span_of(default_fields[i].key));
        bool parsed = access_log_value_parse(arena, span_of(default_fields[i].format), &fields[i].value, &error);
        ASSERT(parsed);
    }
    return access_log_format_of_fields(arena, fields, ARRAY_SIZE(default_fields));
}
