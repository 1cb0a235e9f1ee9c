/* What many routes cost: from YAML text to the sealed snapshot, in memory, and for a request to find its route. Compares with a configuration of
 * ten routes, and one virtual host of many routes with one of ten. Prints a line a measurement. */
#include <fcntl.h>
#include <malloc.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analysis/route_report.h"
#include "base/clock.h"
#include "compile/compile.h"
#include "proxy/decide.h"
#include "server/configuration.h"
#include "text/yaml.h"
#include "wire/header.h"

#define BATCH_REQUESTS 32 /* whose heads fit a core's first cache */
#define BATCHES 20000
#define TEXT_BYTES_MAX (64u * 1024 * 1024)

struct world {
    size_t services; /* VirtualServices, each of one host */
    size_t routes;   /* of each */
    bool expressions; /* a regular expression in place of each prefix */
};

struct text {
    char *data;
    size_t size;
};

/* CPU time: others may use the machine, too. */
static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static long status_kib(const char *key) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long value = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = atol(line + strlen(key) + 1);
    if (file != NULL)
        fclose(file);
    return value;
}

static void print(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
static void print(struct text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text->size += (size_t)vsnprintf(text->data + text->size, TEXT_BYTES_MAX - text->size, format, arguments);
    va_end(arguments);
}

/* --- The input --- */

static void print_base(struct text *text) {
    print(text, "apiVersion: v1\nkind: Service\nmetadata:\n  name: istio-ingressgateway\n  namespace: istio-system\n"
                "spec:\n  selector:\n    istio: ingressgateway\n  ports:\n    - name: http2\n      port: 80\n      targetPort: 8080\n---\n"
                "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: web\n  namespace: shop\n"
                "spec:\n  selector:\n    istio: ingressgateway\n  servers:\n    - hosts:\n        - '*'\n"
                "      port:\n        number: 80\n        name: http\n        protocol: HTTP\n");
    for (int i = 0; i < 20; i++)
        print(text, "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata:\n  name: up-%d\n  namespace: shop\n"
                    "spec:\n  hosts:\n    - up-%d.example.net\n  resolution: STATIC\n  ports:\n    - number: 80\n      name: http\n"
                    "      protocol: HTTP\n  endpoints:\n    - address: 10.0.0.%d\n", i, i, i + 1);
}

/* Six prefixes, an exact path and one with a header of every eight; the last takes the rest. */
static void print_route(struct text *text, const struct world *world, size_t index) {
    size_t count = world->routes;
    print(text, "    - name: route-%zu\n", index);
    if (index + 1 < count && index % 8 == 5)
        print(text, "      match:\n        - uri:\n            exact: /api/v%zu/exact-%zu\n", index % 3, index);
    else if (index + 1 < count && index % 8 == 6)
        print(text, "      match:\n        - uri:\n            prefix: /api/v%zu/team-%zu/\n          headers:\n            x-team:\n"
                    "              exact: team-%zu\n", index % 3, index, index);
    else if (index + 1 < count && world->expressions)
        print(text, "      match:\n        - uri:\n            regex: /api/v[0-9]+/part-%zu/.*\n", index);
    else if (index + 1 < count)
        print(text, "      match:\n        - uri:\n            prefix: /api/v%zu/part-%zu/\n", index % 3, index);
    print(text, "      route:\n        - destination:\n            host: up-%zu.example.net\n            port:\n              number: 80\n", index % 20);
}

static void print_service(struct text *text, const struct world *world, size_t number) {
    print(text, "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata:\n  name: host-%zu\n  namespace: shop\n"
                "spec:\n  gateways:\n    - web\n  hosts:\n    - host-%zu.example.com\n  http:\n", number, number);
    for (size_t i = 0; i < world->routes; i++)
        print_route(text, world, i);
}

static void write_file(const char *folder, const char *name, const struct text *text) {
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, text->data, text->size) != (ssize_t)text->size || close(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* One file a VirtualService. Returns the bytes written. */
static size_t write_world(const struct world *world, const char *folder) {
    struct text text = {.data = malloc(TEXT_BYTES_MAX)};
    size_t total = 0;
    if (text.data == NULL || (mkdir(folder, 0700) != 0 && access(folder, W_OK) != 0)) {
        perror(folder);
        exit(1);
    }
    print_base(&text);
    write_file(folder, "base.yaml", &text);
    total += text.size;
    for (size_t i = 0; i < world->services; i++) {
        char name[64];
        snprintf(name, sizeof(name), "host-%zu.yaml", i);
        text.size = 0;
        print_service(&text, world, i);
        write_file(folder, name, &text);
        total += text.size;
    }
    free(text.data);
    return total;
}

static void remove_world(const struct world *world, const char *folder) {
    char path[512];
    for (size_t i = 0; i < world->services; i++) {
        snprintf(path, sizeof(path), "%s/host-%zu.yaml", folder, i);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/base.yaml", folder);
    unlink(path);
    rmdir(folder);
}

/* --- Requests --- */

/* A request of a random host and path into `head`: a quarter of the paths are of the last route. */
static void make_request(struct arena *arena, const struct world *world, struct message_head *head) {
    size_t host = (size_t)rand() % world->services, route = (size_t)rand() % world->routes;
    const char *kind = route % 8 == 5 ? "exact" : route % 8 == 6 ? "team" : "part";
    message_head_init(head, arena, 8);
    message_head_set_method(head, SPAN_LITERAL("GET"));
    if (!message_head_set_authority(head, arena_print(arena, "host-%zu.example.com", host)))
        abort();
    head->path = rand() % 4 == 0 ? arena_print(arena, "/other/path-%zu?query=%zu", route, host)
                                 : arena_print(arena, "/api/v%zu/%s-%zu%s", route % 3, kind, route, route % 8 == 5 ? "" : "/and/more");
}

static int compare_costs(const void *left, const void *right) {
    const double *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* The gateway decides on a head that it has just parsed, so the heads of a batch are few and always in the same memory, and no two batches are
 * alike; only the decisions are timed. The median of the batches. */
static double lookup_ns(const struct snapshot *snapshot, const struct world *world) {
    static double costs[BATCHES];
    struct message_head heads[BATCH_REQUESTS];
    srand(1);
    for (size_t batch = 0; batch < BATCHES; batch++) {
        alignas(max_align_t) char memory[BATCH_REQUESTS * 640];
        struct arena arena;
        arena_init_with(&arena, memory, sizeof(memory), 65536);
        size_t found = 0;
        for (size_t i = 0; i < BATCH_REQUESTS; i++)
            make_request(&arena, world, &heads[i]);
        uint64_t start_ns = clock_monotonic_ns();
        for (size_t i = 0; i < BATCH_REQUESTS; i++) {
            struct decision decision;
            decide(snapshot->route_tables[0], &heads[i], i, &decision);
            found += decision.kind == DECISION_FORWARD;
        }
        costs[batch] = (double)(clock_monotonic_ns() - start_ns) / BATCH_REQUESTS;
        if (found != BATCH_REQUESTS) {
            fprintf(stderr, "only %zu of %d requests found a route\n", found, BATCH_REQUESTS);
            exit(1);
        }
        arena_deinit(&arena);
    }
    qsort(costs, BATCHES, sizeof(costs[0]), compare_costs);
    return costs[BATCHES / 2];
}

/* --- Measuring --- */

/* The parts of a load, each for itself. */
static void measure_parts(const char *folder) {
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct source_set sources;
    struct resource_set set;
    struct snapshot *snapshot;
    struct compile_options options = {0};
    double times[6] = {now_ms()};
    arena_init(&arena, 256 * 1024);
    diagnostic_list_init(&diagnostics);
    resource_set_init(&set, &arena);
    if (!source_load(&folder, 1, &arena, &diagnostics, &sources))
        exit(1);
    times[1] = now_ms();
    struct document_list *documents = arena_new_array(&arena, struct document_list, sources.file_count);
    for (size_t i = 0; i < sources.file_count; i++)
        if (!yaml_parse(&arena, &arena, sources.files[i].path, sources.files[i].text, &diagnostics, &documents[i]))
            exit(1);
    times[2] = now_ms();
    for (size_t i = 0; i < sources.file_count; i++)
        resource_set_add_documents(&set, &documents[i], &diagnostics);
    times[3] = now_ms();
    route_report(&set, &diagnostics);
    times[4] = now_ms();
    if (!compile(&set, &options, &diagnostics, &snapshot))
        exit(1);
    times[5] = now_ms();
    printf("       read %.0f ms, parse %.0f ms, decode %.0f ms, overlaps %.0f ms, compile %.0f ms\n", times[1] - times[0], times[2] - times[1],
           times[3] - times[2], times[4] - times[3], times[5] - times[4]);
    snapshot_destroy(snapshot);
    resource_set_deinit(&set);
    diagnostic_list_deinit(&diagnostics);
    arena_deinit(&arena);
}

static double measure(const struct world *world, const char *folder) {
    size_t bytes = write_world(world, folder);
    long before_kib = status_kib("VmRSS:");
    struct compile_options options = {0};
    struct configuration configuration;
    struct configuration_load load;
    configuration_init(&configuration, &folder, 1, &options);
    double start = now_ms();
    configuration_load(&configuration, true, NULL, &load);
    double loaded_ms = now_ms() - start;
    if (load.snapshot == NULL || diagnostic_list_errors(&load.diagnostics) > 0) {
        diagnostic_list_print(&load.diagnostics, DIAGNOSTIC_WARNING, stderr);
        exit(1);
    }
    struct snapshot *snapshot = load.snapshot;
    load.snapshot = NULL;
    configuration_load_deinit(&load);
    double lookup = lookup_ns(snapshot, world);
    struct mallinfo2 heap = mallinfo2();
    printf("%6zu VirtualServices, %6zu routes, %5.1f MiB of YAML: loaded in %7.1f ms of CPU, %5.1f MiB in use, %6.1f MiB more resident (peak %6.1f MiB), snapshot %5.1f MiB, lookup %4.0f ns\n",
           world->services, world->services * world->routes, (double)bytes / 1048576, loaded_ms, (double)(heap.uordblks + heap.hblkhd) / 1048576,
           (double)(status_kib("VmRSS:") - before_kib) / 1024, (double)status_kib("VmHWM:") / 1024,
           (double)snapshot->arena.allocated_bytes / 1048576, lookup);
    fflush(stdout);
    snapshot_destroy(snapshot);
    configuration_deinit(&configuration);
    measure_parts(folder);
    remove_world(world, folder);
    return lookup;
}

int main(int count, char **arguments) {
    static const struct world small = {1, 10, false}, many = {5000, 8, false}, wide = {1, 5000, false}, expressions = {1, 1000, true};
    char folder[256];
    snprintf(folder, sizeof(folder), "%s/routes-%d", count > 1 ? arguments[1] : "/tmp", (int)getpid());
    double base = measure(&small, folder), hosts = measure(&many, folder), routes = measure(&wide, folder);
    double patterns = measure(&expressions, folder);
    printf("lookup against 10 routes: 5,000 hosts %.2f, one host with 5,000 routes %.2f, with 1,000 most of which are regular expressions %.2f\n",
           hosts / base, routes / base, patterns / base);
    return 0;
}
