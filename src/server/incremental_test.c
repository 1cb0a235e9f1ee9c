#include "server/incremental.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "server/configuration.h"

enum { SERVICES = 6, ROUNDS = 600, UPSTREAMS = 4 };

#define BASE                                                                                                                  \
    "apiVersion: v1\nkind: Service\nmetadata: {name: istio-ingressgateway, namespace: istio-system}\nspec:\n"                \
    "  selector: {istio: ingressgateway}\n  ports: [{name: http2, port: 80, targetPort: 8080}, {name: other, port: 81, targetPort: 8081}]\n" \
    "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g, namespace: shop}\nspec:\n"                  \
    "  selector: {istio: ingressgateway}\n  servers:\n"                                                                       \
    "    - {hosts: ['*'], port: {number: 80, name: http, protocol: HTTP}}\n"                                                  \
    "    - {hosts: ['*.a.com'], port: {number: 81, name: http-81, protocol: HTTP}, tls: {httpsRedirect: true}}\n"
#define UPSTREAM                                                                                                       \
    "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: up%d, namespace: shop}\nspec:\n"   \
    "  hosts: [up%d.example]\n  resolution: STATIC\n  ports: [{number: 80, name: http, protocol: HTTP}]\n  endpoints: [{address: 10.0.0.%d}]\n"
#define SERVICE "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v%d, namespace: shop}\nspec:\n"

static struct random dice;

static size_t roll(size_t sides) {
    return (size_t)random_below(&dice, sides);
}

struct world {
    char folder[64];
    const char *paths[1];
    struct configuration configuration;
};

static FILE *open_file(const struct world *world, const char *name, int number) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s%d.yaml", world->folder, name, number);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    return file;
}

/* Upstreams, and a VirtualService that keeps all of their clusters in use. */
static void write_base(const struct world *world) {
    FILE *file = open_file(world, "base", 0);
    fputs(BASE, file);
    for (int i = 0; i < UPSTREAMS; i++)
        fprintf(file, UPSTREAM, i, i, i + 1 + (int)roll(100));
    fprintf(file, "---\n" SERVICE "  hosts: [all.example]\n  gateways: [g]\n  http:\n", 99);
    for (int i = 0; i < UPSTREAMS; i++)
        fprintf(file, "    - {match: [{uri: {prefix: /%d}}], route: [{destination: {host: up%d.example}}]}\n", i, i);
    fclose(file);
}

static void write_rule(FILE *file) {
    static const char *const matches[] = {"", "match: [{uri: {prefix: /a}}], ", "match: [{uri: {exact: /b}, port: 81}], ",
                                          "match: [{uri: {regex: '/c.*'}}, {headers: {x: {exact: z}}}], ", "match: [{uri: {prefix: /a/b}}], "};
    static const char *const extras[] = {"", ", timeout: 3s", ", mirror: {host: up1.example}", ", rewrite: {uri: /r}", ", headers: {request: {set: {x: z}}}",
                                         ", mirror: {host: nowhere.example}"};
    fprintf(file, "    - {%s", matches[roll(5)]);
    if (roll(8) == 0)
        fputs("directResponse: {status: 204}}\n", file);
    else if (roll(12) == 0)
        fputs("route: [{destination: {host: nowhere.example}}]}\n", file);
    else
        fprintf(file, "route: [{destination: {host: up%zu.example}}]%s}\n", roll(UPSTREAMS), extras[roll(6)]);
}

/* Each has hosts of its own, but the last two, and now and then another. */
static void write_service(const struct world *world, int number) {
    static const char *const shared[] = {"'*.a.com'", "x.a.com, y.a.com", "'*'", "shared.a.com"};
    FILE *file = open_file(world, "v", number);
    if (roll(4) == 0)
        fputs("# a line more\n", file);
    fprintf(file, SERVICE, number);
    if (number >= SERVICES - 2 || roll(20) == 0)
        fprintf(file, "  hosts: [%s]\n", shared[number >= SERVICES - 2 ? 3 : roll(4)]);
    else
        fprintf(file, "  hosts: [h%d.a.com, '*.h%d.b.com']\n", number, number);
    fputs("  gateways: [g]\n  http:\n", file);
    for (size_t i = roll(4); i < 5; i++)
        write_rule(file);
    if (roll(30) == 0)
        fputs("    - {match: [{uri: {regex: '('}}], directResponse: {status: 200}}\n", file);
    if (roll(60) == 0)
        fputs("  broken: [\n", file);
    fclose(file);
}

struct outcome {
    char *dump, *origins, *diagnostics;
    bool unchanged, grafted, stale;
};

static void outcome_deinit(struct outcome *outcome) {
    free(outcome->dump);
    free(outcome->origins);
    free(outcome->diagnostics);
}

static void print_origin(const struct snapshot *snapshot, uint32_t id, FILE *output) {
    struct origin origin = snapshot_origin(snapshot, id);
    fprintf(output, " %.*s:%u", SPAN_ARGUMENTS(origin.file), origin.line);
}

/* Where each route and each of its destinations comes from. */
static void print_origins(const struct snapshot *snapshot, FILE *output) {
    for (size_t table = 0; table < snapshot->route_table_count; table++)
        for (size_t i = 0; i < snapshot->route_tables[table]->virtual_host_count; i++) {
            const struct virtual_host *host = snapshot->route_tables[table]->virtual_hosts[i];
            for (const struct route *route = host->routes; route < host->routes + host->route_count; route++) {
                print_origin(snapshot, route->id, output);
                for (size_t item = 0; item < route->destinations.count; item++)
                    print_origin(snapshot, route->destinations.items[item].id, output);
                fputs("\n", output);
            }
        }
}

static struct outcome load(struct configuration *configuration, bool force, struct watch_changes *changes) {
    struct configuration_load load;
    struct outcome outcome = {.dump = NULL};
    size_t size;
    configuration_load(configuration, force, changes, &load);
    assert_true(load.unchanged == (load.snapshot == NULL));
    outcome.unchanged = load.unchanged;
    outcome.grafted = load.grafted;
    outcome.stale = load.stale_count > 0;
    FILE *output = open_memstream(&outcome.dump, &size);
    if (load.snapshot != NULL)
        snapshot_dump(load.snapshot, output);
    fclose(output);
    output = open_memstream(&outcome.origins, &size);
    if (load.snapshot != NULL)
        print_origins(load.snapshot, output);
    fclose(output);
    output = open_memstream(&outcome.diagnostics, &size);
    diagnostic_list_print(&load.diagnostics, DIAGNOSTIC_INFO, output);
    fclose(output);
    configuration_load_deinit(&load);
    return outcome;
}

/* What is loaded change by change serves and says the same as what is loaded at once. */
static void agrees_with_a_load_of_everything(void **state) {
    struct world *world = *state;
    struct compile_options options = {.allow_unsupported = false};
    size_t grafts = 0;
    struct watch *watch;
    struct watch_changes changes = {.count = 0};
    int error;
    bool is_new;
    assert_int_equal(watch_create(&watch), 0);
    assert_int_equal(watch_set(watch, world->paths, 1, &error, &is_new), 1);
    write_base(world);
    for (int i = 0; i < SERVICES; i++)
        write_service(world, i);
    configuration_init(&world->configuration, world->paths, 1, &options);
    for (int round = 0; round < ROUNDS; round++) {
        if (roll(40) == 0)
            write_base(world);
        for (size_t i = roll(8) == 0 ? 2 : 1; i > 0; i--)
            write_service(world, (int)roll(SERVICES));
        /* Told what was written, or left to look. */
        bool told = watch_read(watch, &changes) && roll(3) > 0;
        struct outcome changed CLEANUP(outcome_deinit) = load(&world->configuration, false, told ? &changes : NULL);
        watch_changes_reset(&changes);
        struct configuration fresh;
        configuration_init(&fresh, world->paths, 1, &options);
        struct outcome whole CLEANUP(outcome_deinit) = load(&fresh, true, NULL);
        configuration_deinit(&fresh);
        grafts += changed.grafted;
        if (changed.stale || changed.unchanged)
            continue;
        assert_string_equal(changed.dump, whole.dump);
        assert_string_equal(changed.origins, whole.origins);
        assert_string_equal(changed.diagnostics, whole.diagnostics);
    }
    configuration_deinit(&world->configuration);
    watch_destroy(watch);
    assert_true(grafts > ROUNDS / 10);
}

static int setup(void **state) {
    struct world *world = calloc(1, sizeof(*world));
    random_init(&dice);
    snprintf(world->folder, sizeof(world->folder), "/tmp/fairlead-incremental-XXXXXX");
    if (mkdtemp(world->folder) == NULL)
        return -1;
    world->paths[0] = world->folder;
    *state = world;
    return 0;
}

static int teardown(void **state) {
    struct world *world = *state;
    char path[128];
    for (int i = -1; i < SERVICES; i++) {
        snprintf(path, sizeof(path), i < 0 ? "%s/base0.yaml" : "%s/v%d.yaml", world->folder, i);
        unlink(path);
    }
    rmdir(world->folder);
    free(world);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(agrees_with_a_load_of_everything, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
