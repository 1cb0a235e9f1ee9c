/* Configuration text all the way: YAML, objects, analysis, snapshot, diagnostics. Nothing that a user writes may end the process. */
#include <stdlib.h>

#include "analysis/analysis.h"
#include "analysis/message_print.h"
#include "analysis/own_diagnostics.h"
#include "base/assert.h"
#include "compile/compile.h"
#include "resource/resource_set.h"
#include "snapshot/snapshot.h"
#include "text/yaml.h"
#include "text/yaml_library.h"
#include "text/yaml_subset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_diagnostics(struct diagnostic_list *diagnostics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    ASSERT(output != NULL);
    diagnostic_list_print(diagnostics, DIAGNOSTIC_INFO, output);
    fclose(output);
    free(text);
}

static void compile_once(const struct resource_set *set, struct diagnostic_list *diagnostics)
{
    struct compile_options options = {.allow_unsupported = false};
    struct snapshot *snapshot = NULL;
    if (compile(set, &options, diagnostics, &snapshot))
        snapshot_destroy(snapshot);
}

static void print_messages(const struct message_list *messages)
{
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    ASSERT(output != NULL);
    message_print_log(messages, false, output);
    message_print_json(messages, output);
    fclose(output);
    free(text);
}

/* As the program does it: what the compiler says comes after Istio's messages. */
static void analyze_once(const struct resource_set *set, struct arena *arena, const struct document_list *documents, struct diagnostic_list *diagnostics)
{
    struct analysis analysis;
    struct other_object_list others = {0};
    size_t first = diagnostics->count;
    for (size_t i = 0; i < documents->count; i++)
        other_objects_add(&others, arena, documents->items[i].root);
    analysis_init(&analysis, set, &others, diagnostics);
    analysis_run(&analysis);
    compile_once(set, diagnostics);
    own_diagnostics_add(&analysis, diagnostics, first);
    message_list_sort(&analysis.messages);
    print_messages(&analysis.messages);
    analysis_deinit(&analysis);
}

static bool same_position(struct position a, struct position b)
{
    return a.line == b.line && a.column == b.column;
}

static bool same_tree(const struct node *a, const struct node *b)
{
    if (a->kind != b->kind || a->plain != b->plain || a->count != b->count || a->height != b->height || a->weight != b->weight ||
        !same_position(a->position, b->position) || (a->kind == NODE_SCALAR && !span_equal(a->scalar, b->scalar)))
        return false;
    for (uint32_t i = 0; a->kind == NODE_SEQUENCE && i < a->count; i++)
        if (!same_tree(a->items[i], b->items[i]))
            return false;
    for (uint32_t i = 0; a->kind == NODE_MAPPING && i < a->count; i++)
        if (!span_equal(a->fields[i].key, b->fields[i].key) || !same_position(a->fields[i].key_position, b->fields[i].key_position) ||
            !same_tree(a->fields[i].value, b->fields[i].value))
            return false;
    return true;
}

/* What the quick reader makes of a text is what libyaml makes of it. */
static void compare_readers(struct arena *arena, struct span text)
{
    struct document_list quick, whole;
    struct diagnostic_list diagnostics;
    diagnostic_list_init(&diagnostics);
    if (yaml_subset_parse(arena, arena, "fuzz.yaml", text, &quick)) {
        ASSERT(yaml_library_parse(arena, arena, "fuzz.yaml", text, &diagnostics, &whole));
        ASSERT(diagnostics.count == 0 && quick.count == whole.count);
        for (size_t i = 0; i < quick.count; i++)
            ASSERT(same_tree(quick.items[i].root, whole.items[i].root));
    }
    diagnostic_list_deinit(&diagnostics);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct resource_set set;
    struct document_list documents;
    arena_init(&arena, 4096);
    diagnostic_list_init(&diagnostics);
    resource_set_init(&set, &arena);
    struct span text = span_make(data, size);
    diagnostic_list_add_source(&diagnostics, "fuzz.yaml", text);
    compare_readers(&arena, text);
    bool complete = yaml_parse(&arena, &arena, "fuzz.yaml", text, &diagnostics, &documents);
    /* What is left out is always said. */
    ASSERT(complete || diagnostic_list_errors(&diagnostics) > 0);
    resource_set_add_documents(&set, &documents, &diagnostics);
    analyze_once(&set, &arena, &documents, &diagnostics);
    print_diagnostics(&diagnostics);
    resource_set_deinit(&set);
    diagnostic_list_deinit(&diagnostics);
    arena_deinit(&arena);
    return 0;
}
