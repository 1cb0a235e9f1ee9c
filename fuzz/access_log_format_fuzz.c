/* accessLogFormat: any text is a format or a mistake; every line of a JSON format is one line and ends as an object. The first byte chooses
 * TEXT or JSON; a NUL parts the format from a header value that is logged by it. */
#include <stdlib.h>

#include "base/assert.h"
#include "base/limits.h"
#include "proxy/access_log.h"
#include "proxy/test_access_log.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct access_log_format *parse(struct arena *arena, bool json, struct span text) {
    const struct access_log_format *format = NULL;
    struct access_log_format_error error = {""};
    if (!json) {
        if (access_log_format_parse_text(arena, text, &format, &error))
            return format;
    } else {
        struct access_log_field *field = arena_new(arena, struct access_log_field);
        field->key_json = access_log_key_json(arena, SPAN_LITERAL("k"));
        if (access_log_value_parse(arena, text, &field->value, &error))
            return access_log_format_of_fields(arena, field, 1);
    }
    ASSERT(error.text[0] != '\0');
    return access_log_format_default(arena, json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    bool json = (data[0] & 1) != 0;
    struct span rest = span_make(data + 1, size - 1), text = SPAN_EMPTY, value = SPAN_EMPTY;
    span_split(&rest, '\0', &text);
    span_split(&rest, '\0', &value);
    struct arena arena;
    arena_init(&arena, 4096);
    struct message_head request;
    message_head_init(&request, &arena, 4);
    request.path = value;
    message_head_add_name(&request, SPAN_LITERAL("user-agent"), value);
    struct access_log_record record = {.start_wall_ns = size * 1234567891, .request = &request, .requested_server_name = value};
    struct access_log_ring *ring = access_log_ring_create();
    access_log_write(ring, parse(&arena, json, text), &record);
    char *line = malloc(ACCESS_LOG_LINE_BYTES_MAX);
    size_t line_size = access_log_ring_read(ring, line, ACCESS_LOG_LINE_BYTES_MAX);
    ASSERT(line_size + access_log_ring_dropped(ring) != 0);
    if (json && line_size != 0) {
        size_t newline = 0;
        ASSERT(span_find_byte(span_make(line, line_size), '\n', &newline) && newline == line_size - 1);
        ASSERT(line[0] == '{' && line[line_size - 2] == '}');
    }
    free(line);
    access_log_ring_destroy(ring);
    arena_deinit(&arena);
    return 0;
}
