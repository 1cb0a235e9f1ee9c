/* Writes one JSON value (RFC 8259) into a builder, indented, members in the order of the calls. Its user keeps begin and end in balance. */
#ifndef FAIRLEAD_BASE_JSON_WRITER_H
#define FAIRLEAD_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/builder.h"
#include "base/span.h"

struct json_writer {
    struct builder *output;
    unsigned depth;
    bool follows; /* a value of the same level stands before */
    bool keyed;   /* a key was just written */
    bool compact; /* on one line, without indentation; set before the first call */
};

struct json_writer json_writer_make(struct builder *output);
/* The whole value is written: the final line break. */
void json_finish(struct json_writer *json);

void json_object_begin(struct json_writer *json);
void json_object_end(struct json_writer *json);
void json_array_begin(struct json_writer *json);
void json_array_end(struct json_writer *json);
/* Of the next value. `key` is plain ASCII of ours. */
void json_key(struct json_writer *json, const char *key);
/* Bytes that are no UTF-8 become U+FFFD. */
void json_text(struct json_writer *json, struct span text);
void json_number(struct json_writer *json, uint64_t number);
void json_signed(struct json_writer *json, int64_t number);
void json_bool(struct json_writer *json, bool value);
void json_null(struct json_writer *json);
/* A value that was written before, by a writer of this depth. */
void json_raw(struct json_writer *json, struct span value);

/* A key and its value. */
void json_put_text(struct json_writer *json, const char *key, struct span text);
void json_put_number(struct json_writer *json, const char *key, uint64_t number);
void json_put_bool(struct json_writer *json, const char *key, bool value);
void json_put_object(struct json_writer *json, const char *key);
void json_put_array(struct json_writer *json, const char *key);

#endif
