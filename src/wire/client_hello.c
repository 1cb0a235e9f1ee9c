#include "wire/client_hello.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/memory.h"
#include "wire/character.h"
#include "wire/cursor.h"

#define RECORD_HANDSHAKE 22
/* RFC 8446 section 6.2. */
#define ALERT_UNEXPECTED_MESSAGE 10
#define ALERT_RECORD_OVERFLOW 22
#define ALERT_ILLEGAL_PARAMETER 47
#define ALERT_DECODE_ERROR 50
#define RECORD_HEADER_BYTES 5
/* RFC 8446 section 5.1: a plaintext record is at most 2^14 bytes long, and a handshake record is never empty. */
#define RECORD_BYTES_MAX 16384
#define HANDSHAKE_CLIENT_HELLO 1
#define HANDSHAKE_HEADER_BYTES 4

#define EXTENSION_SERVER_NAME 0
#define EXTENSION_ALPN 16
#define EXTENSION_SUPPORTED_VERSIONS 43
#define EXTENSION_TYPES 65536

void client_hello_reader_init(struct client_hello_reader *reader) {
    *reader = (struct client_hello_reader){0};
}

void client_hello_reader_deinit(struct client_hello_reader *reader) {
    free(reader->message);
    reader->message = NULL;
    reader->message_size = 0;
    reader->message_capacity = 0;
}

/* --- The message --- */

/* RFC 6066 section 3: a DNS hostname in ASCII, no trailing dot, no literal address. Underscores and the trailing dot occur and harm nobody;
 * every other byte could only serve to confuse who matches or logs it. */
static bool server_name_is_valid(struct span name) {
    if (name.size > CLIENT_HELLO_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char byte = name.data[i];
        bool letter = byte_to_lower(byte) >= 'a' && byte_to_lower(byte) <= 'z';
        if (!letter && !(byte >= '0' && byte <= '9') && byte != '-' && byte != '.' && byte != '_')
            return false;
    }
    return true;
}

/* RFC 8446 section 6: what has the form that it should have, and a content that it must not have. */
static bool refuse_as_illegal(struct client_hello_reader *reader) {
    reader->is_illegal = true;
    return false;
}

static bool server_name_take(struct client_hello_reader *reader, struct cursor extension, struct client_hello *hello) {
    struct cursor list = cursor_take_sized(&extension, 2);
    if (extension.failed || extension.left.size > 0 || list.left.size == 0)
        return false;
    while (list.left.size > 0) {
        uint32_t type = cursor_take_number(&list, 1);
        struct span name = cursor_take_sized(&list, 2).left;
        if (list.failed || name.size == 0)
            return false;
        /* RFC 6066: not more than one name of a type; other types than host_name (0) were never defined. */
        if (type != 0 || hello->has_server_name || !server_name_is_valid(name))
            return refuse_as_illegal(reader);
        for (size_t i = 0; i < name.size; i++)
            reader->name[i] = byte_to_lower(name.data[i]);
        hello->server_name = span_make(reader->name, name.size);
        hello->has_server_name = true;
    }
    return true;
}

/* RFC 7301 section 3.1: a list of at least one name, none of them empty. */
static bool alpn_take(struct cursor extension, struct client_hello *hello) {
    struct cursor list = cursor_take_sized(&extension, 2);
    if (extension.failed || extension.left.size > 0 || list.left.size == 0)
        return false;
    hello->alpn_wire = list.left;
    while (list.left.size > 0)
        if (cursor_take_sized(&list, 1).left.size == 0)
            return false;
    return !list.failed;
}

/* RFC 8446 section 4.2.1. GREASE values (RFC 8701) and drafts are passed over. */
static bool versions_take(struct cursor extension, struct client_hello *hello) {
    struct cursor list = cursor_take_sized(&extension, 1);
    uint16_t highest = 0;
    if (extension.failed || extension.left.size > 0 || list.left.size < 2 || list.left.size % 2 != 0)
        return false;
    while (list.left.size > 0) {
        uint16_t version = (uint16_t)cursor_take_number(&list, 2);
        if (version >> 8 == 3 && version <= 0x0304 && version > highest)
            highest = version;
    }
    if (highest != 0)
        hello->version_max = highest;
    return true;
}

/* One bit for each extension that was seen: RFC 8446 section 4.2 forbids two of one type. */
static bool extension_is_repeated(uint32_t type, uint8_t seen[EXTENSION_TYPES / 8]) {
    uint8_t bit = (uint8_t)(1U << type % 8);
    bool repeated = (seen[type / 8] & bit) != 0;
    seen[type / 8] |= bit;
    return repeated;
}

static bool extensions_take(struct client_hello_reader *reader, struct cursor extensions, struct client_hello *hello) {
    uint8_t seen[EXTENSION_TYPES / 8] = {0};
    while (extensions.left.size > 0) {
        uint32_t type = cursor_take_number(&extensions, 2);
        struct cursor extension = cursor_take_sized(&extensions, 2);
        if (extensions.failed)
            return false;
        if (extension_is_repeated(type, seen))
            return refuse_as_illegal(reader);
        bool valid = true;
        if (type == EXTENSION_SERVER_NAME)
            valid = server_name_take(reader, extension, hello);
        else if (type == EXTENSION_ALPN)
            valid = alpn_take(extension, hello);
        else if (type == EXTENSION_SUPPORTED_VERSIONS)
            valid = versions_take(extension, hello);
        if (!valid)
            return false;
    }
    return true;
}

/* RFC 8446 section 4.1.2: legacy_version, random, session id, cipher suites, compression methods, extensions. `body` is behind the
 * handshake header. */
static bool message_parse(struct client_hello_reader *reader, struct span body, struct client_hello *hello) {
    struct cursor cursor = {.left = body};
    hello->version_max = (uint16_t)cursor_take_number(&cursor, 2);
    cursor_skip(&cursor, 32);
    struct span session_id = cursor_take_sized(&cursor, 1).left;
    struct span suites = cursor_take_sized(&cursor, 2).left;
    struct span compressions = cursor_take_sized(&cursor, 1).left;
    if (cursor.failed || session_id.size > 32 || suites.size < 2 || suites.size % 2 != 0 || compressions.size == 0)
        return false;
    if (hello->version_max >> 8 != 3)
        return false;
    /* A TLS 1.2 hello may end here. */
    if (cursor.left.size == 0)
        return true;
    struct cursor extensions = cursor_take_sized(&cursor, 2);
    return !cursor.failed && cursor.left.size == 0 && extensions_take(reader, extensions, hello);
}

/* --- The records --- */

/* Judges each byte of a record header as it comes, so that garbage is known by its first byte. */
static enum client_hello_status record_header_feed(struct client_hello_reader *reader, uint8_t byte) {
    bool first_record = reader->message_size == 0;
    enum client_hello_status fault = first_record ? CLIENT_HELLO_NOT_TLS : CLIENT_HELLO_INVALID;
    reader->record_header[reader->record_header_size++] = byte;
    switch (reader->record_header_size) {
    case 1: return byte == RECORD_HANDSHAKE ? CLIENT_HELLO_INCOMPLETE : fault;
    case 2: return byte == 3 ? CLIENT_HELLO_INCOMPLETE : fault;
    case RECORD_HEADER_BYTES: break;
    default: return CLIENT_HELLO_INCOMPLETE;
    }
    reader->record_left = (uint32_t)reader->record_header[3] << 8 | byte;
    return reader->record_left == 0 || reader->record_left > RECORD_BYTES_MAX ? CLIENT_HELLO_INVALID : CLIENT_HELLO_INCOMPLETE;
}

static void message_append(struct client_hello_reader *reader, struct span bytes) {
    uint32_t wanted = reader->message_size + (uint32_t)bytes.size;
    if (wanted > reader->message_capacity) {
        uint32_t capacity = reader->message_capacity == 0 ? 1024 : reader->message_capacity;
        while (capacity < wanted)
            capacity *= 2;
        reader->message = memory_resize(reader->message, capacity);
        reader->message_capacity = capacity;
    }
    memcpy(reader->message + reader->message_size, bytes.data, bytes.size);
    reader->message_size = wanted;
}

/* The handshake header: known as soon as its bytes are there. */
static enum client_hello_status message_header_judge(struct client_hello_reader *reader) {
    const uint8_t *bytes = (const uint8_t *)reader->message;
    if (reader->message_size > 0 && bytes[0] != HANDSHAKE_CLIENT_HELLO)
        return CLIENT_HELLO_INVALID;
    if (reader->message_wanted == 0 && reader->message_size >= HANDSHAKE_HEADER_BYTES) {
        reader->message_wanted = HANDSHAKE_HEADER_BYTES + ((uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
        if (reader->message_wanted > TLS_CLIENT_HELLO_BYTES_MAX)
            return CLIENT_HELLO_TOO_LARGE;
    }
    return CLIENT_HELLO_INCOMPLETE;
}

/* RFC 8446 section 5.1: handshake messages may share records, but before the server has answered a client has nothing else to say:
 * what lies behind the hello in its last record is refused. */
static enum client_hello_status message_finish(struct client_hello_reader *reader, struct client_hello *ret_hello) {
    struct client_hello hello = {.size = reader->wire_size};
    if (reader->message_size > reader->message_wanted || reader->record_left > 0)
        return CLIENT_HELLO_INVALID;
    struct span body = span_make(reader->message + HANDSHAKE_HEADER_BYTES, reader->message_size - HANDSHAKE_HEADER_BYTES);
    if (!message_parse(reader, body, &hello))
        return CLIENT_HELLO_INVALID;
    *ret_hello = hello;
    return CLIENT_HELLO_COMPLETE;
}

static enum client_hello_status record_body_feed(struct client_hello_reader *reader, struct span *bytes, struct client_hello *ret_hello) {
    struct span part = span_first(*bytes, reader->record_left);
    *bytes = span_make(bytes->data + part.size, bytes->size - part.size);
    reader->wire_size += (uint32_t)part.size;
    reader->record_left -= (uint32_t)part.size;
    message_append(reader, part);
    if (reader->record_left == 0)
        reader->record_header_size = 0;
    enum client_hello_status status = message_header_judge(reader);
    if (status == CLIENT_HELLO_INCOMPLETE && reader->message_wanted > 0 && reader->message_size >= reader->message_wanted)
        return message_finish(reader, ret_hello);
    return status;
}

enum client_hello_status client_hello_feed(struct client_hello_reader *reader, struct span bytes, struct client_hello *ret_hello) {
    while (bytes.size > 0 && reader->status == CLIENT_HELLO_INCOMPLETE) {
        if (reader->wire_size >= TLS_CLIENT_HELLO_BYTES_MAX) {
            reader->status = CLIENT_HELLO_TOO_LARGE;
        } else if (reader->record_header_size < RECORD_HEADER_BYTES) {
            reader->wire_size++;
            reader->status = record_header_feed(reader, (uint8_t)bytes.data[0]);
            bytes = span_make(bytes.data + 1, bytes.size - 1);
        } else {
            /* Never more than the limit, whatever the record says. */
            struct span allowed = span_first(bytes, TLS_CLIENT_HELLO_BYTES_MAX - reader->wire_size);
            size_t given = allowed.size;
            reader->status = record_body_feed(reader, &allowed, ret_hello);
            size_t used = given - allowed.size;
            bytes = span_make(bytes.data + used, bytes.size - used);
        }
    }
    return reader->status;
}

enum client_hello_status client_hello_inspect(struct client_hello_reader *scratch, struct span bytes_so_far, struct client_hello *ret_hello) {
    client_hello_reader_deinit(scratch);
    client_hello_reader_init(scratch);
    return client_hello_feed(scratch, bytes_so_far, ret_hello);
}

/* Of a record that cannot begin a handshake, whatever its type (RFC 8446 section 5). */
static bool is_other_record(struct span bytes) {
    return bytes.size >= 2 && bytes.data[1] == 3;
}

uint8_t client_hello_alert(const struct client_hello_reader *reader, struct span first_bytes) {
    if (reader->status == CLIENT_HELLO_NOT_TLS)
        return is_other_record(first_bytes) ? ALERT_UNEXPECTED_MESSAGE : 0;
    if (reader->status != CLIENT_HELLO_INVALID)
        return 0;
    if (reader->record_left > RECORD_BYTES_MAX)
        return ALERT_RECORD_OVERFLOW;
    bool refused_record = reader->record_header_size > 0 && reader->record_left == 0;
    bool other_message = reader->message_size > 0 && reader->message[0] != HANDSHAKE_CLIENT_HELLO;
    bool has_more = reader->message_wanted > 0 && (reader->message_size > reader->message_wanted || reader->record_left > 0);
    if (refused_record || other_message || has_more)
        return ALERT_UNEXPECTED_MESSAGE;
    return reader->is_illegal ? ALERT_ILLEGAL_PARAMETER : ALERT_DECODE_ERROR;
}

bool client_hello_alpn_next(struct span *rest, struct span *ret_protocol) {
    struct cursor cursor = {.left = *rest};
    struct span protocol = cursor_take_sized(&cursor, 1).left;
    if (cursor.failed || protocol.size == 0)
        return false;
    *rest = cursor.left;
    *ret_protocol = protocol;
    return true;
}
