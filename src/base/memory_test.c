#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/map.h"
#include "base/pool.h"

static int destroyed_order[2];
static int destroyed_count;

static void note_destroyed(void *object) {
    destroyed_order[destroyed_count++] = *(int *)object;
}

static void arena_gives_zeroed_memory_and_runs_destructors_backwards(void **state) {
    (void)state;
    struct arena arena;
    arena_init(&arena, 128);
    int *first = arena_new(&arena, int);
    int *second = arena_new(&arena, int);
    assert_int_equal(*first, 0);
    *first = 1;
    *second = 2;
    destroyed_count = 0;
    arena_on_destroy(&arena, note_destroyed, first);
    arena_on_destroy(&arena, note_destroyed, second);
    char *large = arena_allocate_aligned(&arena, 100000, 1);
    assert_int_equal(large[99999], 0);
    assert_string_equal(arena_print(&arena, "%s-%d", "a", 7).data, "a-7");
    arena_deinit(&arena);
    assert_int_equal(destroyed_count, 2);
    assert_int_equal(destroyed_order[0], 2);
    assert_int_equal(destroyed_order[1], 1);
}

static void pool_refuses_past_its_ceiling(void **state) {
    (void)state;
    struct pool pool;
    pool_init(&pool, 32, 2, 1);
    void *a = pool_take(&pool);
    void *b = pool_take(&pool);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(pool_take(&pool));
    pool_release(&pool, a);
    void *again = pool_take(&pool);
    assert_ptr_equal(again, a);
    pool_release(&pool, again);
    pool_release(&pool, b);
    assert_int_equal(pool.kept_count, 1);
    pool_deinit(&pool);
}

static void buffer_keeps_order_and_frees_what_is_consumed(void **state) {
    (void)state;
    struct pool chunks;
    pool_init(&chunks, sizeof(struct buffer_chunk), 4, 2);
    struct buffer buffer;
    buffer_init(&buffer, &chunks);
    static char bytes[BUFFER_CHUNK_BYTES + 10];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
    assert_true(buffer_append(&buffer, span_make(bytes, sizeof(bytes))));
    assert_int_equal(chunks.live_count, 2);
    buffer_consume(&buffer, BUFFER_CHUNK_BYTES - 1);
    assert_int_equal(buffer_front(&buffer).data[0], bytes[BUFFER_CHUNK_BYTES - 1]);
    buffer_consume(&buffer, 1);
    assert_int_equal(chunks.live_count, 1);
    assert_memory_equal(buffer_front(&buffer).data, bytes + BUFFER_CHUNK_BYTES, 10);
    buffer_reset(&buffer);
    assert_int_equal(chunks.live_count, 0);
    pool_deinit(&chunks);
}

static void buffer_append_is_all_or_nothing(void **state) {
    (void)state;
    struct pool chunks;
    pool_init(&chunks, sizeof(struct buffer_chunk), 1, 1);
    struct buffer buffer;
    buffer_init(&buffer, &chunks);
    static char bytes[BUFFER_CHUNK_BYTES + 1];
    assert_false(buffer_append(&buffer, span_make(bytes, sizeof(bytes))));
    assert_int_equal(buffer.size, 0);
    assert_true(buffer_append(&buffer, span_make(bytes, sizeof(bytes) - 1)));
    assert_false(buffer_append(&buffer, span_make(bytes, 1)));
    buffer_reset(&buffer);
    pool_deinit(&chunks);
}

static void map_survives_growth_and_removal(void **state) {
    (void)state;
    struct map map;
    map_init(&map);
    static char names[1000][16];
    static int values[1000];
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "k%d", i);
        assert_null(map_set(&map, span_of(names[i]), &values[i]));
    }
    for (int i = 0; i < 1000; i += 2)
        assert_ptr_equal(map_remove(&map, span_of(names[i])), &values[i]);
    assert_int_equal(map.count, 500);
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(map_get(&map, span_of(names[i])), i % 2 ? (void *)&values[i] : NULL);
    assert_null(map_remove(&map, SPAN_LITERAL("absent")));
    assert_ptr_equal(map_set(&map, span_of(names[1]), &values[0]), &values[1]);
    size_t cursor = 0, seen = 0;
    struct map_entry entry;
    while (map_next(&map, &cursor, &entry))
        seen++;
    assert_int_equal(seen, 500);
    map_deinit(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_gives_zeroed_memory_and_runs_destructors_backwards),
        cmocka_unit_test(pool_refuses_past_its_ceiling),
        cmocka_unit_test(buffer_keeps_order_and_frees_what_is_consumed),
        cmocka_unit_test(buffer_append_is_all_or_nothing),
        cmocka_unit_test(map_survives_growth_and_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
