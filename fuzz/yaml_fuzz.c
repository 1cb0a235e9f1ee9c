/* Configuration text all the way: YAML, objects, snapshot, diagnostics. Nothing that a user writes may end the process. */
#include <stdlib.h>

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
    compile_once(&set, &diagnostics);
    print_diagnostics(&diagnostics);
    resource_set_deinit(&set);
    diagnostic_list_deinit(&diagnostics);
    arena_deinit(&arena);
    return 0;
}
