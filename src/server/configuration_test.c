#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/configuration.h"

#define GATEWAY                                                                                                                    \
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: g\n  namespace: istio-system\nspec:\n"                  \
    "  selector:\n    istio: ingressgateway\n  servers:\n    - hosts: [\"*\"]\n      port: {number: %s, name: http, protocol: HTTP}\n"
#define ENTRY                                                                                                           \
    "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: e\n  namespace: istio-system\nspec:\n" \
    "  hosts: [web.example]\n  location: MESH_EXTERNAL\n  resolution: STATIC\n  ports: [{number: 80, name: http, protocol: HTTP}]\n" \
    "  endpoints: [{address: 10.0.0.1}]\n"
#define ROUTE                                                                                                             \
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: v\n  namespace: istio-system\nspec:\n" \
    "  hosts: [\"*\"]\n  gateways: [g]\n  http:\n    - route: [{destination: {host: web.example, port: {number: 80}}}]\n"

struct fixture {
    char folder[64];
    char gateway[128], route[128];
    const char *paths[1];
    struct configuration configuration;
    char *dump;
};

static void write_file(const char *path, const char *format, const char *argument) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    struct span rest = span_of(format), part;
    for (bool first = true; span_split(&rest, '%', &part); first = false) {
        if (!first) {
            fputs(argument, file);
            part = span_from(part, 1);
        }
        fwrite(part.data, 1, part.size, file);
    }
    fclose(file);
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    snprintf(fixture->folder, sizeof(fixture->folder), "/tmp/fairlead-configuration-XXXXXX");
    if (mkdtemp(fixture->folder) == NULL)
        return -1;
    snprintf(fixture->gateway, sizeof(fixture->gateway), "%s/gateway.yaml", fixture->folder);
    snprintf(fixture->route, sizeof(fixture->route), "%s/route.yaml", fixture->folder);
    fixture->paths[0] = fixture->folder;
    write_file(fixture->gateway, GATEWAY, "80");
    write_file(fixture->route, ROUTE "---\n" ENTRY, "");
    struct compile_options options = {.allow_unsupported = false};
    configuration_init(&fixture->configuration, fixture->paths, 1, &options);
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    configuration_deinit(&fixture->configuration);
    unlink(fixture->gateway);
    unlink(fixture->route);
    rmdir(fixture->folder);
    free(fixture->dump);
    free(fixture);
    return 0;
}

struct result {
    bool unchanged;
    size_t errors, stale;
};

/* Loads, and keeps the dump of the snapshot. */
static struct result load(struct fixture *fixture, bool force) {
    struct configuration_load load;
    configuration_load(&fixture->configuration, force, NULL, &load);
    struct result result = {load.unchanged, load.diagnostics.counts[DIAGNOSTIC_ERROR], load.stale_count};
    size_t size = 0;
    free(fixture->dump);
    fixture->dump = NULL;
    FILE *output = open_memstream(&fixture->dump, &size);
    if (load.snapshot != NULL)
        snapshot_dump(load.snapshot, output);
    fclose(output);
    configuration_load_deinit(&load);
    return result;
}

static void test_a_load_that_is_good(void **state) {
    struct fixture *fixture = *state;
    struct result result = load(fixture, true);
    assert_int_equal(result.errors, 0);
    assert_int_equal(result.stale, 0);
    assert_non_null(strstr(fixture->dump, "outbound|80||web.example"));
}

static void test_the_same_bytes_are_not_compiled_again(void **state) {
    struct fixture *fixture = *state;
    assert_false(load(fixture, false).unchanged);
    assert_true(load(fixture, false).unchanged);
    assert_false(load(fixture, true).unchanged);
    write_file(fixture->gateway, GATEWAY, "443");
    assert_false(load(fixture, false).unchanged);
}

static void test_a_file_that_breaks_keeps_its_last_good_version(void **state) {
    struct fixture *fixture = *state;
    load(fixture, false);
    char *good = strdup(fixture->dump);
    write_file(fixture->route, "spec: [", "");
    for (int i = 0; i < 3; i++) {
        struct result result = load(fixture, true);
        assert_true(result.errors > 0);
        assert_int_equal(result.stale, 1);
        assert_string_equal(fixture->dump, good);
    }
    /* The other file still follows its changes. */
    unlink(fixture->gateway);
    load(fixture, false);
    assert_string_not_equal(fixture->dump, good);
    write_file(fixture->gateway, GATEWAY, "80");
    write_file(fixture->route, ROUTE "---\n" ENTRY, "");
    struct result result = load(fixture, false);
    assert_int_equal(result.errors, 0);
    assert_int_equal(result.stale, 0);
    assert_string_equal(fixture->dump, good);
    free(good);
}

static void test_an_object_that_turns_invalid_keeps_its_last_good_version(void **state) {
    struct fixture *fixture = *state;
    load(fixture, false);
    char *good = strdup(fixture->dump);
    write_file(fixture->gateway, GATEWAY, "eighty");
    for (int i = 0; i < 3; i++) {
        struct result result = load(fixture, true);
        assert_true(result.errors > 0);
        assert_int_equal(result.stale, 1);
        assert_string_equal(fixture->dump, good);
    }
    write_file(fixture->gateway, GATEWAY, "80");
    assert_int_equal(load(fixture, false).stale, 0);
    assert_string_equal(fixture->dump, good);
    free(good);
}

static void test_an_item_of_a_list_keeps_its_last_good_version(void **state) {
    struct fixture *fixture = *state;
    static const char list[] = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.istio.io/v1\n  kind: Gateway\n"
                               "  metadata: {name: g, namespace: istio-system}\n  spec:\n    selector: {istio: ingressgateway}\n"
                               "    servers:\n    - {hosts: [\"*\"], port: {number: %s, name: http, protocol: HTTP}}\n";
    write_file(fixture->gateway, list, "80");
    load(fixture, false);
    char *good = strdup(fixture->dump);
    write_file(fixture->gateway, list, "eighty");
    struct result result = load(fixture, false);
    assert_int_equal(result.stale, 1);
    assert_string_equal(fixture->dump, good);
    free(good);
}

static void test_what_is_broken_at_the_start_is_absent(void **state) {
    struct fixture *fixture = *state;
    write_file(fixture->gateway, GATEWAY, "eighty");
    struct result result = load(fixture, false);
    assert_true(result.errors > 0);
    assert_int_equal(result.stale, 0);
    assert_null(strstr(fixture->dump, "outbound|80||web.example"));
}

static void test_what_is_removed_is_gone(void **state) {
    struct fixture *fixture = *state;
    load(fixture, false);
    unlink(fixture->route);
    struct result result = load(fixture, false);
    assert_int_equal(result.stale, 0);
    assert_null(strstr(fixture->dump, "outbound|80||web.example"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_load_that_is_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_same_bytes_are_not_compiled_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_breaks_keeps_its_last_good_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_object_that_turns_invalid_keeps_its_last_good_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_item_of_a_list_keeps_its_last_good_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_broken_at_the_start_is_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_removed_is_gone, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
