/* ClientHellos in every cut: pieces as TCP brings them, records as TLS splits them. */
#include "wire/client_hello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"

struct bytes {
    uint8_t data[80 * 1024];
    size_t size;
};

static void put(struct bytes *bytes, const void *data, size_t size) {
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

static void put_number(struct bytes *bytes, size_t number, int size) {
    while (size-- > 0)
        bytes->data[bytes->size++] = (uint8_t)(number >> (8 * size));
}

/* A hello of legacy version `version`, with the extensions given raw and a padding extension of `padding` bytes; no extensions at all for
 * NULL. */
static void make_message(struct bytes *message, uint16_t version, const void *extensions, size_t extensions_size, size_t padding) {
    static const uint8_t zeros[70000];
    struct bytes *body = calloc(1, sizeof(*body));
    put_number(body, version, 2);
    put(body, zeros, 32);
    put_number(body, 32, 1);
    put(body, zeros, 32);
    put_number(body, 2, 2);
    put_number(body, 0x1301, 2);
    put_number(body, 1, 1);
    put_number(body, 0, 1);
    if (extensions != NULL) {
        put_number(body, extensions_size + (padding > 0 ? padding + 4 : 0), 2);
        put(body, extensions, extensions_size);
        if (padding > 0) {
            put_number(body, 21, 2);
            put_number(body, padding, 2);
            put(body, zeros, padding);
        }
    }
    message->size = 0;
    put_number(message, 1, 1);
    put_number(message, body->size, 3);
    put(message, body->data, body->size);
    free(body);
}

/* Puts a message into records of at most `record_size` payload bytes. */
static void make_records(struct bytes *wire, const struct bytes *message, size_t record_size) {
    wire->size = 0;
    for (size_t at = 0; at < message->size; at += record_size) {
        size_t size = message->size - at < record_size ? message->size - at : record_size;
        put_number(wire, 22, 1);
        put_number(wire, 0x0301, 2);
        put_number(wire, size, 2);
        put(wire, message->data + at, size);
    }
}

/* Feeds pieces of `step` bytes, each in memory of its own size. The reader stays with the caller: the hello points into it. */
static enum client_hello_status feed(struct client_hello_reader *reader, const struct bytes *wire, size_t step, struct client_hello *ret_hello) {
    enum client_hello_status status = CLIENT_HELLO_INCOMPLETE;
    client_hello_reader_init(reader);
    for (size_t at = 0; at < wire->size && status == CLIENT_HELLO_INCOMPLETE; at += step) {
        size_t size = wire->size - at < step ? wire->size - at : step;
        char *piece = malloc(size);
        memcpy(piece, wire->data + at, size);
        status = client_hello_feed(reader, span_make(piece, size), ret_hello);
        free(piece);
    }
    return status;
}

#define SNI_A "\0\0\0\x0e\0\x0c\0\0\x09" "A.Example"
#define ALPN "\0\x10\0\x0e\0\x0c\x02h2\x08http/1.1"
#define VERSIONS "\0\x2b\0\x07\x06\x1a\x1a\x03\x04\x03\x03"

static void check_full(const struct client_hello *hello, size_t size) {
    struct span rest = hello->alpn_wire, protocol;
    assert_true(hello->has_server_name);
    assert_true(span_equal(hello->server_name, SPAN_LITERAL("a.example")));
    assert_int_equal(hello->version_max, 0x0304);
    assert_int_equal(hello->size, size);
    assert_true(client_hello_alpn_next(&rest, &protocol) && span_equal(protocol, SPAN_LITERAL("h2")));
    assert_true(client_hello_alpn_next(&rest, &protocol) && span_equal(protocol, SPAN_LITERAL("http/1.1")));
    assert_false(client_hello_alpn_next(&rest, &protocol));
}

static void test_every_cut(void **state UNUSED) {
    static const char extensions[] = SNI_A ALPN VERSIONS;
    static const size_t record_sizes[] = {1, 2, 3, 7, 64, 16384};
    struct bytes *message = calloc(1, sizeof(*message)), *wire = calloc(1, sizeof(*wire));
    struct client_hello_reader reader;
    struct client_hello hello;
    make_message(message, 0x0303, extensions, sizeof(extensions) - 1, 0);
    for (size_t i = 0; i < ARRAY_SIZE(record_sizes); i++) {
        make_records(wire, message, record_sizes[i]);
        for (size_t step = 1; step < wire->size + 2; step = step < 12 ? step + 1 : step * 2) {
            assert_int_equal(feed(&reader, wire, step, &hello), CLIENT_HELLO_COMPLETE);
            check_full(&hello, wire->size);
            client_hello_reader_deinit(&reader);
        }
        /* Every proper beginning is incomplete, and what follows the hello is not looked at. */
        size_t size = wire->size;
        for (wire->size = 0; wire->size < size; wire->size++) {
            assert_int_equal(feed(&reader, wire, 10000, &hello), CLIENT_HELLO_INCOMPLETE);
            client_hello_reader_deinit(&reader);
        }
        put(wire, "garbage", 7);
        assert_int_equal(feed(&reader, wire, 10000, &hello), CLIENT_HELLO_COMPLETE);
        check_full(&hello, size);
        client_hello_reader_deinit(&reader);
        client_hello_reader_deinit(&reader);
        client_hello_reader_init(&reader);
        assert_int_equal(client_hello_inspect(&reader, span_make(wire->data, wire->size), &hello), CLIENT_HELLO_COMPLETE);
        assert_int_equal(client_hello_inspect(&reader, span_make(wire->data, wire->size), &hello), CLIENT_HELLO_COMPLETE);
        check_full(&hello, size);
        client_hello_reader_deinit(&reader);
    }
    free(message);
    free(wire);
}

static const struct {
    const char *what;
    const char *extensions;
    size_t size;
    uint8_t alert; /* RFC 8446 section 6; 0: it is valid */
} rows[] = {
#define ROW(what, extensions, alert) {what, extensions, sizeof(extensions) - 1, alert}
    ROW("none", "", 0),
    ROW("unknown", "\x12\x34\0\x02hi", 0),
    ROW("two names", "\0\0\0\x0a\0\x08\0\0\x01" "a\0\0\x01" "b", 47),
    ROW("empty name", "\0\0\0\x05\0\x03\0\0\0", 50),
    ROW("empty list", "\0\0\0\x02\0\0", 50),
    ROW("empty extension", "\0\0\0\0", 50),
    ROW("other type", "\0\0\0\x06\0\x04\x01\0\x01" "a", 47),
    ROW("name with NUL", "\0\0\0\x08\0\x06\0\0\x03" "a\0b", 47),
    ROW("name with space", "\0\0\0\x08\0\x06\0\0\x03" "a b", 47),
    ROW("name with newline", "\0\0\0\x08\0\x06\0\0\x03" "a\nb", 47),
    ROW("name with quote", "\0\0\0\x08\0\x06\0\0\x03" "a\"b", 47),
    ROW("name with star", "\0\0\0\x08\0\x06\0\0\x03" "*.b", 47),
    ROW("name in UTF-8", "\0\0\0\x08\0\x06\0\0\x03" "a\xc3\xa9", 47),
    ROW("name with underscore", "\0\0\0\x08\0\x06\0\0\x03" "a_b", 0),
    ROW("name too long for list", "\0\0\0\x08\0\x06\0\0\x04" "a_b", 50),
    ROW("list too long", "\0\0\0\x08\0\x07\0\0\x03" "a_b", 50),
    ROW("rest behind list", "\0\0\0\x09\0\x06\0\0\x03" "a_bx", 50),
    ROW("two server_name extensions", "\0\0\0\x06\0\x04\0\0\x01" "a\0\0\0\x06\0\x04\0\0\x01" "a", 47),
    ROW("two unknown extensions", "\x12\x34\0\0\x12\x34\0\0", 47),
    ROW("neighbours", "\x12\x34\0\0\x12\x35\0\0\xff\xff\0\0", 0),
    ROW("extension cut", "\0\0\0\x08\0", 50),
    ROW("extension header cut", "\0\x10\0", 50),
    ROW("empty ALPN", "\0\x10\0\x02\0\0", 50),
    ROW("empty protocol", "\0\x10\0\x03\0\x01\0", 50),
    ROW("protocol too long", "\0\x10\0\x04\0\x02\x03h", 50),
    ROW("two ALPN extensions", "\0\x10\0\x04\0\x02\x01h\0\x10\0\x04\0\x02\x01h", 47),
    ROW("odd versions", "\0\x2b\0\x04\x03\x03\x04\x03", 50),
    ROW("empty versions", "\0\x2b\0\x01\0", 50),
    ROW("GREASE versions alone", "\0\x2b\0\x03\x02\x1a\x1a", 0),
#undef ROW
};

static void test_extensions(void **state UNUSED) {
    struct bytes *message = calloc(1, sizeof(*message)), *wire = calloc(1, sizeof(*wire));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct client_hello_reader reader;
        struct client_hello hello;
        make_message(message, 0x0303, rows[i].extensions, rows[i].size, 0);
        make_records(wire, message, 16384);
        enum client_hello_status status = feed(&reader, wire, 10000, &hello);
        if (status != (rows[i].alert == 0 ? CLIENT_HELLO_COMPLETE : CLIENT_HELLO_INVALID))
            fail_msg("%s: %d", rows[i].what, status);
        uint8_t alert = client_hello_alert(&reader, SPAN_LITERAL("\x16\x03"));
        if (alert != rows[i].alert)
            fail_msg("%s: alert %d", rows[i].what, alert);
        if (rows[i].alert == 0)
            assert_int_equal(hello.version_max, 0x0303);
        client_hello_reader_deinit(&reader);
    }
    free(message);
    free(wire);
}

static void test_hello_without_extensions(void **state UNUSED) {
    struct bytes *message = calloc(1, sizeof(*message)), *wire = calloc(1, sizeof(*wire));
    struct client_hello_reader reader;
    struct client_hello hello;
    make_message(message, 0x0301, NULL, 0, 0);
    make_records(wire, message, 16384);
    assert_int_equal(feed(&reader, wire, 10000, &hello), CLIENT_HELLO_COMPLETE);
    assert_false(hello.has_server_name);
    assert_int_equal(hello.server_name.size, 0);
    assert_int_equal(hello.alpn_wire.size, 0);
    assert_int_equal(hello.version_max, 0x0301);
    client_hello_reader_deinit(&reader);
    /* Each single byte of the fixed part cut off, with the sizes put right. */
    for (size_t cut = 1; cut <= message->size - 4; cut++) {
        struct bytes *shorter = calloc(1, sizeof(*shorter));
        put(shorter, message->data, message->size - cut);
        shorter->data[2] = 0;
        shorter->data[3] = (uint8_t)(message->size - 4 - cut);
        make_records(wire, shorter, 16384);
        assert_int_equal(feed(&reader, wire, 10000, &hello), CLIENT_HELLO_INVALID);
        client_hello_reader_deinit(&reader);
        free(shorter);
    }
    free(message);
    free(wire);
}

static void test_garbage_is_known_at_once(void **state UNUSED) {
    static const struct {
        const char *bytes;
        size_t size;
        enum client_hello_status status;
        uint8_t alert; /* RFC 8446 section 6.2 */
    } starts[] = {
        {"G", 1, CLIENT_HELLO_NOT_TLS, 0},
        {"GE", 2, CLIENT_HELLO_NOT_TLS, 0},
        {"\x15", 1, CLIENT_HELLO_NOT_TLS, 0},
        {"\x15\x03", 2, CLIENT_HELLO_NOT_TLS, 10},
        {"\x17\x03\x03", 3, CLIENT_HELLO_NOT_TLS, 10},
        {"\x63\x03\x03", 3, CLIENT_HELLO_NOT_TLS, 10},
        {"\x80\x2e\x01", 3, CLIENT_HELLO_NOT_TLS, 0},
        {"\x16", 1, CLIENT_HELLO_INCOMPLETE, 0},
        {"\x16\x03", 2, CLIENT_HELLO_INCOMPLETE, 0},
        {"\x16\x02", 2, CLIENT_HELLO_NOT_TLS, 0},
        {"\x16\x03\x01\0\0", 5, CLIENT_HELLO_INVALID, 10},
        {"\x16\x03\x01\x40\x01", 5, CLIENT_HELLO_INVALID, 22},
        {"\x16\x03\x01\x40\x00", 5, CLIENT_HELLO_INCOMPLETE, 0},
        {"\x16\x03\x01\x01\x00\x02", 6, CLIENT_HELLO_INVALID, 10},
        {"\x16\x03\x01\x01\x00\x01\x01\0\0", 9, CLIENT_HELLO_TOO_LARGE, 0},
        {"\x16\x03\x01\0\x01\x01\x17", 7, CLIENT_HELLO_INVALID, 10},
    };
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        for (size_t step = 1; step <= starts[i].size; step++) {
            struct bytes *wire = calloc(1, sizeof(*wire));
            struct client_hello_reader reader;
            struct client_hello hello;
            put(wire, starts[i].bytes, starts[i].size);
            assert_int_equal(feed(&reader, wire, step, &hello), starts[i].status);
            assert_int_equal(client_hello_alert(&reader, span_make(starts[i].bytes, starts[i].size)), starts[i].alert);
            if (starts[i].status != CLIENT_HELLO_INCOMPLETE)
                assert_int_equal(client_hello_feed(&reader, SPAN_LITERAL("more"), &hello), starts[i].status);
            client_hello_reader_deinit(&reader);
            free(wire);
        }
}

static void test_rest_in_the_record_is_refused(void **state UNUSED) {
    struct bytes *message = calloc(1, sizeof(*message)), *wire = calloc(1, sizeof(*wire));
    struct client_hello_reader reader;
    struct client_hello hello;
    make_message(message, 0x0303, "", 0, 0);
    put(message, "\x0b\0\0\0", 4);
    make_records(wire, message, 16384);
    for (size_t step = 1; step < 200; step += 198) {
        assert_int_equal(feed(&reader, wire, step, &hello), CLIENT_HELLO_INVALID);
        assert_int_equal(client_hello_alert(&reader, SPAN_LITERAL("\x16\x03")), 10);
        client_hello_reader_deinit(&reader);
    }
    free(message);
    free(wire);
}

static void test_large_hellos(void **state UNUSED) {
    static const struct {
        size_t padding;
        size_t record_size;
        enum client_hello_status status;
    } sizes[] = {
        {15000, 16384, CLIENT_HELLO_COMPLETE},
        {60000, 16384, CLIENT_HELLO_COMPLETE},
        {60000, 3000, CLIENT_HELLO_COMPLETE},
        {65300, 16384, CLIENT_HELLO_COMPLETE},
        /* The message fits, its many record headers do not. */
        {60000, 20, CLIENT_HELLO_TOO_LARGE},
        {65500, 16384, CLIENT_HELLO_TOO_LARGE},
    };
    struct bytes *message = calloc(1, sizeof(*message)), *wire = calloc(1, sizeof(*wire));
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct client_hello_reader reader;
        struct client_hello hello;
        make_message(message, 0x0303, SNI_A, sizeof(SNI_A) - 1, sizes[i].padding);
        make_records(wire, message, sizes[i].record_size);
        for (size_t step = 1; step < 100000; step = step * 10 + 3) {
            enum client_hello_status status = feed(&reader, wire, step, &hello);
            assert_int_equal(status, sizes[i].status);
            if (status == CLIENT_HELLO_COMPLETE)
                assert_true(span_equal(hello.server_name, SPAN_LITERAL("a.example")));
            client_hello_reader_deinit(&reader);
        }
    }
    free(message);
    free(wire);
}

static void test_alpn_next_on_broken_lists(void **state UNUSED) {
    struct span rest = SPAN_LITERAL("\x05" "ab"), protocol;
    assert_false(client_hello_alpn_next(&rest, &protocol));
    rest = SPAN_EMPTY;
    assert_false(client_hello_alpn_next(&rest, &protocol));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_extensions),
        cmocka_unit_test(test_hello_without_extensions),
        cmocka_unit_test(test_garbage_is_known_at_once),
        cmocka_unit_test(test_rest_in_the_record_is_refused),
        cmocka_unit_test(test_large_hellos),
        cmocka_unit_test(test_alpn_next_on_broken_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
