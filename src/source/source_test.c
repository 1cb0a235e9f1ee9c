#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/source.h"

struct fixture {
    char root[64];
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct source_set set;
};

static int set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/fairlead-source-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    assert_int_equal(chdir(fixture->root), 0);
    arena_init(&fixture->arena, 4096);
    diagnostic_list_init(&fixture->diagnostics);
    *state = fixture;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    diagnostic_list_deinit(&fixture->diagnostics);
    arena_deinit(&fixture->arena);
    assert_int_equal(chdir("/"), 0);
    nftw(fixture->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

static void write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool load(struct fixture *fixture, const char *path) {
    return source_load(&path, 1, &fixture->arena, &fixture->diagnostics, &fixture->set);
}

static bool watches(const struct fixture *fixture, const char *path) {
    size_t found = 0;
    for (size_t i = 0; i < fixture->set.watch_directory_count; i++)
        found += strcmp(fixture->set.watch_directories[i], path) == 0;
    assert_true(found <= 1);
    return found == 1;
}

static void reads_a_file(void **state) {
    struct fixture *fixture = *state;
    write_text("a.txt", "one: 1\n");
    assert_true(load(fixture, "a.txt"));
    assert_int_equal(fixture->set.file_count, 1);
    assert_string_equal(fixture->set.files[0].path, "a.txt");
    assert_string_equal(fixture->set.files[0].text.data, "one: 1\n");
    assert_true(watches(fixture, "."));
    assert_int_equal(fixture->diagnostics.count, 0);
}

static void equal_texts_have_equal_hashes(void **state) {
    struct fixture *fixture = *state;
    mkdir("d", 0700);
    write_text("d/a.yaml", "x");
    write_text("d/b.yaml", "x");
    write_text("d/c.yaml", "y");
    assert_true(load(fixture, "d"));
    assert_true(fixture->set.files[0].content_hash == fixture->set.files[1].content_hash);
    assert_true(fixture->set.files[0].content_hash != fixture->set.files[2].content_hash);
}

static void reads_a_folder_sorted_and_deep(void **state) {
    struct fixture *fixture = *state;
    mkdir("d", 0700);
    mkdir("d/m", 0700);
    mkdir("d/.hidden", 0700);
    write_text("d/z.json", "{}");
    write_text("d/a.yml", "a");
    write_text("d/m/b.yaml", "b");
    write_text("d/readme.md", "no");
    write_text("d/.b.yaml", "no");
    write_text("d/.hidden/c.yaml", "no");
    assert_true(load(fixture, "d/"));
    assert_int_equal(fixture->set.file_count, 3);
    assert_string_equal(fixture->set.files[0].path, "d/a.yml");
    assert_string_equal(fixture->set.files[1].path, "d/m/b.yaml");
    assert_string_equal(fixture->set.files[2].path, "d/z.json");
    assert_true(watches(fixture, "d/m"));
    assert_false(watches(fixture, "d/.hidden"));
}

static void follows_kubernetes_links(void **state) {
    struct fixture *fixture = *state;
    mkdir("v", 0700);
    mkdir("v/..2024_01", 0700);
    write_text("v/..2024_01/a.yaml", "kind: A\n");
    assert_int_equal(symlink("..2024_01", "v/..data"), 0);
    assert_int_equal(symlink("..data/a.yaml", "v/a.yaml"), 0);
    assert_true(load(fixture, "v"));
    assert_int_equal(fixture->set.file_count, 1);
    assert_string_equal(fixture->set.files[0].path, "v/a.yaml");
    assert_true(watches(fixture, "v"));
}

static void circles_of_links_end(void **state) {
    struct fixture *fixture = *state;
    mkdir("d", 0700);
    write_text("d/a.yaml", "a");
    assert_int_equal(symlink("../d", "d/loop"), 0);
    assert_true(load(fixture, "d"));
    assert_int_equal(fixture->set.file_count, 1);
}

static void a_missing_path_is_an_error_and_the_rest_is_read(void **state) {
    struct fixture *fixture = *state;
    write_text("a.yaml", "a");
    const char *paths[] = {"missing/x.yaml", "a.yaml"};
    assert_false(source_load(paths, 2, &fixture->arena, &fixture->diagnostics, &fixture->set));
    assert_int_equal(fixture->set.file_count, 1);
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 1);
    assert_string_equal(fixture->diagnostics.items[0].position.file, "missing/x.yaml");
    assert_true(watches(fixture, "missing"));
}

static void a_dangling_link_is_an_error(void **state) {
    struct fixture *fixture = *state;
    mkdir("d", 0700);
    assert_int_equal(symlink("nowhere", "d/a.yaml"), 0);
    assert_int_equal(symlink("nowhere", "d/other"), 0);
    assert_false(load(fixture, "d"));
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_ERROR], 1);
}

static void an_empty_folder_is_a_warning(void **state) {
    struct fixture *fixture = *state;
    mkdir("d", 0700);
    assert_true(load(fixture, "d"));
    assert_int_equal(fixture->diagnostics.counts[DIAGNOSTIC_WARNING], 1);
}

static void reads_standard_input(void **state) {
    struct fixture *fixture = *state;
    write_text("in", "kind: X\n");
    int former = dup(STDIN_FILENO);
    int input = open("in", O_RDONLY);
    assert_true(dup2(input, STDIN_FILENO) == STDIN_FILENO);
    assert_true(load(fixture, "-"));
    dup2(former, STDIN_FILENO);
    close(former);
    close(input);
    assert_true(fixture->set.reads_stdin);
    assert_string_equal(fixture->set.files[0].path, "<stdin>");
    assert_int_equal(fixture->set.files[0].text.size, 8);
}

static void a_huge_file_is_refused(void **state) {
    struct fixture *fixture = *state;
    write_text("a.yaml", "");
    assert_int_equal(truncate("a.yaml", 65L * 1024 * 1024), 0);
    assert_false(load(fixture, "a.yaml"));
    assert_int_equal(fixture->set.file_count, 0);
    assert_int_equal(fixture->diagnostics.items[0].code, DIAGNOSTIC_SOURCE_TOO_LARGE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(reads_a_file),
        TEST(equal_texts_have_equal_hashes),
        TEST(reads_a_folder_sorted_and_deep),
        TEST(follows_kubernetes_links),
        TEST(circles_of_links_end),
        TEST(a_missing_path_is_an_error_and_the_rest_is_read),
        TEST(a_dangling_link_is_an_error),
        TEST(an_empty_folder_is_a_warning),
        TEST(reads_standard_input),
        TEST(a_huge_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
