#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "http/http2_memory_functions.h"

static void keeps_freed_blocks_by_size(void **state) {
    (void)state;
    struct http2_memory memory;
    http2_memory_init(&memory);
    nghttp2_mem library = http2_memory_functions(&memory);
    char *first = library.malloc(120, library.mem_user_data);
    memset(first, 1, 120);
    library.free(first, library.mem_user_data);
    size_t kept_bytes = memory.kept_bytes;
    assert_true(kept_bytes >= 120);
    char *other = library.malloc(64, library.mem_user_data);
    assert_ptr_not_equal(other, first);
    assert_int_equal(memory.kept_bytes, kept_bytes);
    char *second = library.calloc(30, 4, library.mem_user_data);
    assert_ptr_equal(second, first);
    for (size_t i = 0; i < 120; i++)
        assert_int_equal(second[i], 0);
    assert_int_equal(memory.kept_bytes, 0);
    library.free(second, library.mem_user_data);
    library.free(other, library.mem_user_data);
    library.free(NULL, library.mem_user_data);
    assert_null(library.calloc(SIZE_MAX / 2, 4, library.mem_user_data));
    library.free(library.malloc(0, library.mem_user_data), library.mem_user_data);
    http2_memory_deinit(&memory);
}

/* Of any size: what comes back holds what was asked for. */
static void a_kept_block_is_never_too_small(void **state) {
    (void)state;
    struct http2_memory memory;
    http2_memory_init(&memory);
    nghttp2_mem library = http2_memory_functions(&memory);
    for (size_t size = 0; size < 1200; size++)
        library.free(library.malloc(size, library.mem_user_data), library.mem_user_data);
    for (size_t size = 0; size < 1200; size++) {
        char *bytes = library.malloc(size, library.mem_user_data);
        memset(bytes, 1, size);
        library.free(bytes, library.mem_user_data);
    }
    http2_memory_deinit(&memory);
}

static void resizes_with_the_content(void **state) {
    (void)state;
    struct http2_memory memory;
    http2_memory_init(&memory);
    nghttp2_mem library = http2_memory_functions(&memory);
    char *bytes = library.realloc(NULL, 10, library.mem_user_data);
    memcpy(bytes, "0123456789", 10);
    static const size_t sizes[] = {64, 65, 1024, 1025, 100000, 2000, 1000, 20, 10};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bytes = library.realloc(bytes, sizes[i], library.mem_user_data);
        assert_memory_equal(bytes, "0123456789", 10);
        bytes[sizes[i] - 1] = '9';
    }
    library.free(bytes, library.mem_user_data);
    http2_memory_deinit(&memory);
}

static void keeps_no_more_than_its_ceiling(void **state) {
    (void)state;
    enum { COUNT = HTTP2_MEMORY_KEPT_BYTES_MAX / 1000 + 10 };
    static void *blocks[COUNT];
    struct http2_memory memory;
    http2_memory_init(&memory);
    nghttp2_mem library = http2_memory_functions(&memory);
    for (size_t i = 0; i < COUNT; i++)
        blocks[i] = library.malloc(1000, library.mem_user_data);
    for (size_t i = 0; i < COUNT; i++)
        library.free(blocks[i], library.mem_user_data);
    size_t kept_bytes = memory.kept_bytes;
    assert_true(kept_bytes <= HTTP2_MEMORY_KEPT_BYTES_MAX && kept_bytes > HTTP2_MEMORY_KEPT_BYTES_MAX - 1100);
    library.free(library.malloc(100000, library.mem_user_data), library.mem_user_data);
    assert_int_equal(memory.kept_bytes, kept_bytes);
    http2_memory_deinit(&memory);
    assert_int_equal(memory.kept_bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_freed_blocks_by_size),
        cmocka_unit_test(a_kept_block_is_never_too_small),
        cmocka_unit_test(resizes_with_the_content),
        cmocka_unit_test(keeps_no_more_than_its_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
