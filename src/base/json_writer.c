#include "base/json_writer.h"

#include <inttypes.h>

#include "base/assert.h"
#include "base/escape.h"

struct json_writer json_writer_make(struct builder *output) {
    return (struct json_writer){.output = output};
}

void json_finish(struct json_writer *json) {
    ASSERT(json->depth == 0 && !json->keyed);
    builder_put_byte(json->output, '\n');
}

static void break_line(struct json_writer *json) {
    if (json->compact)
        return;
    builder_put_byte(json->output, '\n');
    for (unsigned i = 0; i < json->depth; i++)
        builder_put(json->output, SPAN_LITERAL("  "));
}

/* What stands before a value: nothing behind a key, else the comma and the new line. */
static void begin_value(struct json_writer *json) {
    bool keyed = json->keyed;
    json->keyed = false;
    if (keyed || json->depth == 0)
        return;
    if (json->follows)
        builder_put_byte(json->output, ',');
    break_line(json);
    json->follows = true;
}

static void begin_level(struct json_writer *json, char bracket) {
    begin_value(json);
    builder_put_byte(json->output, bracket);
    json->depth++;
    json->follows = false;
}

static void end_level(struct json_writer *json, char bracket) {
    ASSERT(json->depth > 0 && !json->keyed);
    json->depth--;
    if (json->follows)
        break_line(json);
    builder_put_byte(json->output, bracket);
    json->follows = true;
}

void json_object_begin(struct json_writer *json) {
    begin_level(json, '{');
}

void json_object_end(struct json_writer *json) {
    end_level(json, '}');
}

void json_array_begin(struct json_writer *json) {
    begin_level(json, '[');
}

void json_array_end(struct json_writer *json) {
    end_level(json, ']');
}

void json_key(struct json_writer *json, const char *key) {
    begin_value(json);
    builder_put_byte(json->output, '"');
    builder_put(json->output, span_of(key));
    builder_put(json->output, json->compact ? SPAN_LITERAL("\":") : SPAN_LITERAL("\": "));
    json->keyed = true;
}

void json_text(struct json_writer *json, struct span text) {
    begin_value(json);
    builder_put_byte(json->output, '"');
    while (text.size > 0) {
        struct span plain = span_first(text, escape_plain_size(text));
        builder_put(json->output, plain);
        text = span_from(text, plain.size);
        if (text.size == 0)
            break;
        char escape[ESCAPE_BYTES_MAX + 1];
        size_t size = escape_character(&text, true, escape);
        builder_put(json->output, span_make(escape, size));
    }
    builder_put_byte(json->output, '"');
}

void json_number(struct json_writer *json, uint64_t number) {
    begin_value(json);
    builder_put_number(json->output, number);
}

void json_signed(struct json_writer *json, int64_t number) {
    begin_value(json);
    builder_print(json->output, "%" PRId64, number);
}

void json_bool(struct json_writer *json, bool value) {
    begin_value(json);
    builder_put(json->output, value ? SPAN_LITERAL("true") : SPAN_LITERAL("false"));
}

void json_null(struct json_writer *json) {
    begin_value(json);
    builder_put(json->output, SPAN_LITERAL("null"));
}

void json_raw(struct json_writer *json, struct span value) {
    begin_value(json);
    builder_put(json->output, value);
}

void json_put_text(struct json_writer *json, const char *key, struct span text) {
    json_key(json, key);
    json_text(json, text);
}

void json_put_number(struct json_writer *json, const char *key, uint64_t number) {
    json_key(json, key);
    json_number(json, number);
}

void json_put_bool(struct json_writer *json, const char *key, bool value) {
    json_key(json, key);
    json_bool(json, value);
}

void json_put_object(struct json_writer *json, const char *key) {
    json_key(json, key);
    json_object_begin(json);
}

void json_put_array(struct json_writer *json, const char *key) {
    json_key(json, key);
    json_array_begin(json);
}
