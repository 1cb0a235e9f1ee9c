#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/processor.h"
#include "os/signal.h"
#include "os/watch.h"

static char folder[64];

static const char *path_of(const char *name) {
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void file_put(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static int folder_make(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/fairlead-watch-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int folder_remove(void **state) {
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static void test_changes(void **state) {
    (void)state;
    struct watch *watch;
    assert_int_equal(watch_create(&watch), 0);
    const char *paths[] = {folder, path_of("absent"), folder};
    int error = 0;
    bool is_new = false;
    assert_int_equal(watch_set(watch, paths, 3, &error, &is_new), 1);
    assert_int_equal(error, -ENOENT);
    assert_true(is_new);
    assert_int_equal(watch_set(watch, paths, 3, &error, &is_new), 1);
    assert_false(is_new);
    assert_false(watch_read(watch, NULL));
    file_put("a", "1");
    assert_true(watch_read(watch, NULL));
    assert_false(watch_read(watch, NULL));
    assert_int_equal(rename(path_of("a"), path_of("b")), 0);
    assert_true(watch_read(watch, NULL));
    assert_int_equal(open(path_of("b"), O_RDONLY | O_CLOEXEC) < 0, 0); /* reading is no change */
    assert_false(watch_read(watch, NULL));
    assert_int_equal(unlink(path_of("b")), 0);
    assert_true(watch_read(watch, NULL));
    watch_destroy(watch);
    watch_destroy(NULL);
}

static void test_names_of_changes(void **state) {
    (void)state;
    struct watch *watch;
    struct watch_changes changes = {.count = 0};
    assert_int_equal(watch_create(&watch), 0);
    const char *paths[] = {folder};
    int error;
    bool is_new;
    assert_int_equal(watch_set(watch, paths, 1, &error, &is_new), 1);
    file_put("a", "1");
    file_put("a", "2");
    assert_int_equal(rename(path_of("a"), path_of("b")), 0);
    assert_true(watch_read(watch, &changes));
    assert_false(changes.incomplete);
    assert_int_equal(changes.count, 2);
    assert_string_equal(changes.paths[0], path_of("a"));
    assert_string_equal(changes.paths[1], path_of("b"));
    watch_changes_reset(&changes);
    assert_int_equal(changes.count, 0);
    /* A folder within may hold more than its name says. */
    assert_int_equal(mkdir(path_of("inner"), 0700), 0);
    assert_true(watch_read(watch, &changes));
    assert_true(changes.incomplete);
    watch_changes_reset(&changes);
    /* Too many to name, and a folder of two paths. */
    for (int i = 0; i <= WATCH_CHANGES_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "many-%d", i);
        file_put(name, "1");
    }
    assert_true(watch_read(watch, &changes));
    assert_true(changes.incomplete);
    watch_changes_reset(&changes);
    const char *twice[] = {folder, path_of("inner/..")};
    assert_int_equal(watch_set(watch, twice, 2, &error, &is_new), 1);
    file_put("a", "1");
    assert_true(watch_read(watch, &changes));
    assert_true(changes.incomplete);
    watch_changes_reset(&changes);
    watch_destroy(watch);
}

static void test_symlink_swap(void **state) {
    (void)state;
    struct watch *watch;
    assert_int_equal(watch_create(&watch), 0);
    const char *paths[] = {folder};
    int error;
    bool is_new;
    assert_int_equal(watch_set(watch, paths, 1, &error, &is_new), 1);
    assert_int_equal(error, 0);
    assert_int_equal(mkdir(path_of("..v1"), 0700), 0);
    assert_int_equal(mkdir(path_of("..v2"), 0700), 0);
    assert_int_equal(symlink("..v1", path_of("..data")), 0);
    assert_true(watch_read(watch, NULL));
    /* As the kubelet does: a new link, renamed over the old one. */
    assert_int_equal(symlink("..v2", path_of("..data_tmp")), 0);
    assert_int_equal(rename(path_of("..data_tmp"), path_of("..data")), 0);
    assert_true(watch_read(watch, NULL));
    /* Watching less: what is no longer named is silent. */
    const char *other[] = {path_of("..v1")};
    assert_int_equal(watch_set(watch, other, 1, &error, &is_new), 1);
    assert_true(is_new);
    (void)watch_read(watch, NULL);
    file_put("c", "1");
    assert_false(watch_read(watch, NULL));
    file_put("..v1/c", "1");
    assert_true(watch_read(watch, NULL));
    watch_destroy(watch);
}

static void test_quota(void **state) {
    (void)state;
    assert_true(processor_count() >= 1);
    assert_int_equal(processor_quota(folder, path_of("none")), 0);
    /* Version 2: the least of a group and its parents, rounded up. */
    file_put("membership", "0::/a/b\n");
    assert_int_equal(mkdir(path_of("a"), 0700), 0);
    assert_int_equal(mkdir(path_of("a/b"), 0700), 0);
    file_put("a/b/cpu.max", "max 100000\n");
    assert_int_equal(processor_quota(folder, path_of("membership")), 0);
    file_put("a/b/cpu.max", "400000 100000\n");
    assert_int_equal(processor_quota(folder, path_of("membership")), 4);
    file_put("a/cpu.max", "150000 100000\n");
    assert_int_equal(processor_quota(folder, path_of("membership")), 2);
    /* The group's path is outside of the mount: its root counts. */
    file_put("membership", "0::/../elsewhere\n");
    file_put("cpu.max", "250000 100000\n");
    assert_int_equal(processor_quota(folder, path_of("membership")), 3);
    assert_int_equal(unlink(path_of("cpu.max")), 0);
    /* Version 1. */
    file_put("membership", "4:cpu,cpuacct:/g\n1:name=systemd:/g\n");
    assert_int_equal(mkdir(path_of("cpu"), 0700), 0);
    assert_int_equal(mkdir(path_of("cpu/g"), 0700), 0);
    file_put("cpu/g/cpu.cfs_quota_us", "-1\n");
    file_put("cpu/g/cpu.cfs_period_us", "100000\n");
    assert_int_equal(processor_quota(folder, path_of("membership")), 0);
    file_put("cpu/g/cpu.cfs_quota_us", "50000\n");
    assert_int_equal(processor_quota(folder, path_of("membership")), 1);
    /* Nonsense is no quota. */
    file_put("membership", "nonsense\n0::/a\n::\n");
    file_put("a/cpu.max", "1 0\n");
    assert_int_equal(processor_quota(folder, path_of("membership")), 0);
}

static void test_signals(void **state) {
    (void)state;
    const int signals[] = {SIGUSR1, SIGHUP};
    int descriptor;
    assert_int_equal(signal_open(signals, 2, &descriptor), 0);
    assert_int_equal(signal_read(descriptor), 0);
    assert_int_equal(raise(SIGHUP), 0);
    assert_int_equal(signal_read(descriptor), SIGHUP);
    assert_int_equal(signal_read(descriptor), 0);
    assert_int_equal(raise(SIGPIPE), 0); /* ignored */
    close(descriptor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_of_changes, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_changes, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_symlink_swap, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_quota, folder_make, folder_remove),
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
