#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "compile/input_files.h"

struct fixture {
    char folder[64], path[96];
    struct input_files files;
    struct arena arena;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/fairlead-input-files-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL)
        return -1;
    snprintf(fixture->path, sizeof(fixture->path), "%s/ca.pem", fixture->folder);
    input_files_init(&fixture->files);
    arena_init(&fixture->arena, 1024);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    unlink(fixture->path);
    rmdir(fixture->folder);
    input_files_deinit(&fixture->files);
    arena_deinit(&fixture->arena);
    free(fixture);
    return 0;
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_folder(struct fixture *fixture, size_t index, const char *expected) {
    assert_string_equal(input_file_folder(&fixture->files.items[index], &fixture->arena).data, expected);
}

static bool read_file(struct fixture *fixture, struct span *ret_text) {
    return input_files_read(&fixture->files, &fixture->arena, span_of(fixture->path), ret_text);
}

static void test_a_file_that_changes(void **state) {
    struct fixture *fixture = *state;
    struct span text = SPAN_EMPTY;
    write_text(fixture->path, "one");
    assert_true(read_file(fixture, &text));
    assert_true(span_equal(text, SPAN_LITERAL("one")));
    assert_true(read_file(fixture, &text));
    assert_int_equal(fixture->files.count, 1);
    assert_folder(fixture, 0, fixture->folder);
    assert_false(input_files_changed(&fixture->files));
    write_text(fixture->path, "two");
    assert_true(input_files_changed(&fixture->files));
    unlink(fixture->path);
    assert_true(input_files_changed(&fixture->files));
}

static void test_a_file_that_comes(void **state) {
    struct fixture *fixture = *state;
    struct span text = SPAN_LITERAL("as it was");
    assert_false(read_file(fixture, &text));
    assert_true(span_equal(text, SPAN_LITERAL("as it was")));
    assert_false(input_files_changed(&fixture->files));
    /* Empty is not the same as absent. */
    write_text(fixture->path, "");
    assert_true(input_files_changed(&fixture->files));
    input_files_reset(&fixture->files);
    assert_false(input_files_changed(&fixture->files));
    assert_int_equal(fixture->files.count, 0);
}

static void test_what_is_no_file(void **state) {
    struct fixture *fixture = *state;
    struct span text;
    assert_false(input_files_read(&fixture->files, &fixture->arena, span_of(fixture->folder), &text));
    assert_false(input_files_read(&fixture->files, &fixture->arena, SPAN_EMPTY, &text));
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_false(read_file(fixture, &text));
    assert_false(input_files_read(NULL, &fixture->arena, span_of("nowhere.pem"), &text));
    assert_false(input_files_read(&fixture->files, &fixture->arena, span_of("nowhere.pem"), &text));
    assert_folder(fixture, fixture->files.count - 1, ".");
    assert_false(input_files_read(&fixture->files, &fixture->arena, span_of("/nowhere.pem"), &text));
    assert_folder(fixture, fixture->files.count - 1, "/");
}

static void test_a_folder_that_comes_later(void **state) {
    struct fixture *fixture = *state;
    char path[128];
    struct span text;
    snprintf(path, sizeof(path), "%s/not/yet/ca.pem", fixture->folder);
    assert_false(input_files_read(&fixture->files, &fixture->arena, span_of(path), &text));
    assert_folder(fixture, 0, fixture->folder);
    assert_false(input_files_read(&fixture->files, &fixture->arena, span_of("not/yet/ca.pem"), &text));
    assert_folder(fixture, 1, ".");
    snprintf(path, sizeof(path), "%s/not", fixture->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_folder(fixture, 0, path);
    rmdir(path);
}

static void test_a_file_too_large(void **state) {
    struct fixture *fixture = *state;
    struct span text;
    write_text(fixture->path, "");
    assert_int_equal(truncate(fixture->path, TLS_FILE_BYTES_MAX + 1), 0);
    assert_false(read_file(fixture, &text));
    assert_int_equal(truncate(fixture->path, TLS_FILE_BYTES_MAX), 0);
    assert_true(input_files_changed(&fixture->files));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_file_that_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_too_large, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
