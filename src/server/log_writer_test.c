#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/access_log.h"
#include "server/log_writer.h"

struct fixture {
    struct arena arena;
    char folder[64];
    char first[128], second[128];
    struct access_log_ring *rings[2];
    struct log_writer *writer;
    const struct access_log_format *format;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct access_log_format_error error;
    arena_init(&fixture->arena, 4096);
    if (!access_log_format_parse_text(&fixture->arena, SPAN_LITERAL("line %CONNECTION_ID%"), &fixture->format, &error))
        return -1;
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/fairlead-log-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL)
        return -1;
    snprintf(fixture->first, sizeof(fixture->first), "%s/first", fixture->folder);
    snprintf(fixture->second, sizeof(fixture->second), "%s/second", fixture->folder);
    for (size_t i = 0; i < 2; i++)
        fixture->rings[i] = access_log_ring_create();
    *state = fixture;
    return log_writer_create(fixture->rings, 2, &fixture->writer);
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    if (!log_writer_destroy(fixture->writer))
        return -1;
    for (size_t i = 0; i < 2; i++)
        access_log_ring_destroy(fixture->rings[i]);
    unlink(fixture->first);
    unlink(fixture->second);
    rmdir(fixture->folder);
    arena_deinit(&fixture->arena);
    free(fixture);
    return 0;
}

static void log_line(struct fixture *fixture, size_t ring, uint64_t id) {
    struct access_log_record record = {.connection_id = id};
    access_log_write(fixture->rings[ring], fixture->format, &record);
}

static size_t read_file(const char *path, char *ret_text, size_t capacity) {
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(ret_text, 1, capacity - 1, file);
    if (file != NULL)
        fclose(file);
    ret_text[size] = '\0';
    return size;
}

/* Waits for the writer's thread, five seconds at most. */
static void assert_file(const char *path, const char *expected) {
    char text[4096];
    uint64_t end_ns = clock_monotonic_ns() + SECONDS(5);
    do {
        read_file(path, text, sizeof(text));
        if (strcmp(text, expected) == 0)
            return;
        usleep(1000);
    } while (clock_monotonic_ns() < end_ns);
    fail_msg("%s holds \"%s\", not \"%s\"", path, text, expected);
}

/* The writer makes the file when it takes the path. */
static void wait_for_file(const char *path) {
    uint64_t end_ns = clock_monotonic_ns() + SECONDS(5);
    while (access(path, F_OK) != 0 && clock_monotonic_ns() < end_ns)
        usleep(1000);
    assert_int_equal(access(path, F_OK), 0);
}

static void test_lines_of_all_rings_are_written(void **state) {
    struct fixture *fixture = *state;
    log_writer_set_path(fixture->writer, span_of(fixture->first));
    wait_for_file(fixture->first);
    assert_file(fixture->first, "");
    log_line(fixture, 0, 1);
    assert_file(fixture->first, "line 1\n");
    log_line(fixture, 1, 2);
    assert_file(fixture->first, "line 1\nline 2\n");
}

static void test_a_new_path_takes_over(void **state) {
    struct fixture *fixture = *state;
    log_writer_set_path(fixture->writer, span_of(fixture->first));
    wait_for_file(fixture->first);
    log_line(fixture, 0, 1);
    assert_file(fixture->first, "line 1\n");
    log_writer_set_path(fixture->writer, span_of(fixture->second));
    wait_for_file(fixture->second);
    log_line(fixture, 0, 2);
    assert_file(fixture->second, "line 2\n");
    assert_file(fixture->first, "line 1\n");
}

static void test_reopen_follows_a_rename(void **state) {
    struct fixture *fixture = *state;
    log_writer_set_path(fixture->writer, span_of(fixture->first));
    wait_for_file(fixture->first);
    log_line(fixture, 0, 1);
    assert_file(fixture->first, "line 1\n");
    assert_int_equal(rename(fixture->first, fixture->second), 0);
    log_line(fixture, 0, 2);
    assert_file(fixture->second, "line 1\nline 2\n");
    log_writer_reopen(fixture->writer);
    wait_for_file(fixture->first);
    log_line(fixture, 0, 3);
    assert_file(fixture->first, "line 3\n");
}

static void test_the_end_writes_what_is_left(void **state) {
    struct fixture *fixture = *state;
    log_writer_set_path(fixture->writer, span_of(fixture->first));
    wait_for_file(fixture->first);
    for (uint64_t i = 0; i < 100; i++)
        log_line(fixture, i % 2, i);
    assert_true(log_writer_destroy(fixture->writer));
    fixture->writer = NULL;
    char text[4096];
    size_t size = read_file(fixture->first, text, sizeof(text)), lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    assert_int_equal(lines, 100);
}

/* A pipe that nobody reads must hold neither the worker nor the end of the process. */
static void test_a_stuck_reader_loses_lines_only(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    char path[64];
    snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    log_writer_set_path(fixture->writer, span_of(path));
    uint64_t begin_ns = clock_monotonic_ns();
    for (uint64_t i = 0; i < 200000; i++)
        log_line(fixture, 0, i);
    assert_true(clock_monotonic_ns() - begin_ns < SECONDS(5));
    assert_true(access_log_ring_dropped(fixture->rings[0]) > 0);
    begin_ns = clock_monotonic_ns();
    assert_true(log_writer_destroy(fixture->writer));
    assert_true(clock_monotonic_ns() - begin_ns < LOG_WRITER_END_NS + SECONDS(1));
    fixture->writer = NULL;
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_of_all_rings_are_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_path_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reopen_follows_a_rename, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_end_writes_what_is_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_stuck_reader_loses_lines_only, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
