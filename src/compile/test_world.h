/* For the tests of compile: YAML text in, snapshot and diagnostics out. Header only, so that no test code is in the library. */
#ifndef FAIRLEAD_COMPILE_TEST_WORLD_H
#define FAIRLEAD_COMPILE_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "compile/compile.h"
#include "text/yaml.h"

struct world {
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct resource_set resources;
    struct compile_options options;
    struct snapshot *snapshot; /* NULL: compile refused */
};

static inline void world_open(struct world *world) {
    memset(world, 0, sizeof(*world));
    arena_init(&world->arena, SNAPSHOT_ARENA_BLOCK_BYTES);
    diagnostic_list_init(&world->diagnostics);
    resource_set_init(&world->resources, &world->arena);
}

static inline void world_add(struct world *world, const char *yaml) {
    struct document_list documents;
    bool parsed = yaml_parse(&world->arena, &world->arena, "input.yaml", arena_copy(&world->arena, span_of(yaml)), &world->diagnostics, &documents);
    assert_true(parsed);
    resource_set_add_documents(&world->resources, &documents, &world->diagnostics);
}

static inline void world_compile(struct world *world) {
    if (!compile(&world->resources, &world->options, &world->diagnostics, &world->snapshot))
        world->snapshot = NULL;
}

static inline void world_close(struct world *world) {
    snapshot_destroy(world->snapshot);
    resource_set_deinit(&world->resources);
    diagnostic_list_deinit(&world->diagnostics);
    arena_deinit(&world->arena);
}

static inline struct world *world_of(struct world *world, const char *yaml) {
    world_open(world);
    world_add(world, yaml);
    world_compile(world);
    return world;
}

static inline size_t world_count(const struct world *world, enum diagnostic_code code) {
    size_t count = 0;
    for (size_t i = 0; i < world->diagnostics.count; i++)
        count += world->diagnostics.items[i].code == code ? 1 : 0;
    return count;
}

static inline const struct diagnostic *world_find(const struct world *world, enum diagnostic_code code) {
    for (size_t i = 0; i < world->diagnostics.count; i++)
        if (world->diagnostics.items[i].code == code)
            return &world->diagnostics.items[i];
    return NULL;
}

static inline const struct listener *world_listener(const struct world *world, uint16_t port) {
    for (size_t i = 0; i < world->snapshot->listener_count; i++)
        if (world->snapshot->listeners[i]->port == port)
            return world->snapshot->listeners[i];
    return NULL;
}

/* The chain that a server name finds on a port. */
static inline const struct filter_chain *world_chain(const struct world *world, uint16_t port, const char *server_name) {
    const struct listener *listener = world_listener(world, port);
    return listener == NULL ? NULL : listener_match(listener, span_of(server_name));
}

/* The route that a plaintext or decrypted request finds. */
static inline const struct route *world_route(const struct world *world, uint16_t port, const char *server_name,
                                              const char *host, const char *path) {
    const struct filter_chain *chain = world_chain(world, port, server_name);
    if (chain == NULL || chain->routes == NULL)
        return NULL;
    const struct route_finder *finder = route_table_find(chain->routes, span_of(host));
    if (finder == NULL)
        return NULL;
    struct message_head head = {.path = span_of(path)};
    return route_finder_match(finder, &head).route;
}

static inline void assert_span(struct span actual, const char *expected) {
    char text[512];
    snprintf(text, sizeof(text), "%.*s", SPAN_ARGUMENTS(actual));
    assert_string_equal(text, expected);
}

static inline char *world_dump(const struct world *world) {
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    assert_non_null(output);
    snapshot_dump(world->snapshot, output);
    fclose(output);
    return text;
}

#endif
