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
    bool complete = yaml_parse(&arena, "fuzz.yaml", text, &diagnostics, &documents);
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
