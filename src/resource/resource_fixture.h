/* For the unit tests of this folder: YAML text in, a filled set and its diagnostics out. */
#ifndef FAIRLEAD_RESOURCE_RESOURCE_FIXTURE_H
#define FAIRLEAD_RESOURCE_RESOURCE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "resource/resource_set.h"
#include "text/yaml.h"

struct fixture {
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct resource_set set;
};

static inline int fixture_set_up(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    arena_init(&fixture->arena, 4096);
    diagnostic_list_init(&fixture->diagnostics);
    resource_set_init(&fixture->set, &fixture->arena);
    *state = fixture;
    return 0;
}

static inline int fixture_tear_down(void **state) {
    struct fixture *fixture = *state;
    resource_set_deinit(&fixture->set);
    diagnostic_list_deinit(&fixture->diagnostics);
    arena_deinit(&fixture->arena);
    free(fixture);
    return 0;
}

static inline void fixture_load(struct fixture *fixture, const char *text) {
    struct document_list documents;
    diagnostic_list_add_source(&fixture->diagnostics, "f.yaml", span_of(text));
    assert_true(yaml_parse(&fixture->arena, &fixture->arena, "f.yaml", span_of(text), &fixture->diagnostics, &documents));
    resource_set_add_documents(&fixture->set, &documents, &fixture->diagnostics);
}

static inline void fixture_assert_clean(struct fixture *fixture) {
    if (fixture->diagnostics.count > 0)
        diagnostic_list_print(&fixture->diagnostics, DIAGNOSTIC_INFO, stderr);
    assert_int_equal(fixture->diagnostics.count, 0);
}

/* Exactly one diagnostic, at this place. */
static inline const struct diagnostic *fixture_assert_one(struct fixture *fixture, enum diagnostic_severity severity,
                                                          enum diagnostic_code code, uint32_t line, uint32_t column) {
    if (fixture->diagnostics.count != 1)
        diagnostic_list_print(&fixture->diagnostics, DIAGNOSTIC_INFO, stderr);
    assert_int_equal(fixture->diagnostics.count, 1);
    const struct diagnostic *item = &fixture->diagnostics.items[0];
    assert_int_equal(item->severity, severity);
    assert_int_equal(item->code, code);
    assert_int_equal(item->position.line, line);
    assert_int_equal(item->position.column, column);
    return item;
}

static inline void assert_text(struct span text, const char *expected) {
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static inline void assert_holds(struct span text, const char *part) {
    assert_non_null(memmem(text.data, text.size, part, strlen(part)));
}

#define FIXTURE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

#endif
