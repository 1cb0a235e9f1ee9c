#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "analysis/message_print.h"
#include "analysis/own_diagnostics.h"
#include "cli/command.h"
#include "source/source.h"
#include "text/yaml.h"

/* istioctl's, which took them from sysexits.h. */
#define EXIT_ANALYZE_USAGE 64
#define EXIT_ANALYZE_DATA 65     /* a document does not parse */
#define EXIT_ANALYZE_FOUND 79    /* a message at or above the threshold */
#define INPUT_ARENA_BLOCK_BYTES (256 * 1024)

/* What is judged. */
struct input {
    struct arena arena;
    struct diagnostic_list diagnostics;
    struct source_set sources;
    struct resource_set resources;
    struct other_object_list others;
    bool is_whole; /* every file could be read and parsed */
};

static void input_deinit(struct input *input) {
    resource_set_deinit(&input->resources);
    diagnostic_list_deinit(&input->diagnostics);
    arena_deinit(&input->arena);
}

/* Before anything looks at them. Those of a cluster do not care. */
static void set_namespace(struct arena *arena, const struct node *object, struct span namespace) {
    const struct node *metadata = node_get_present(object, "metadata"), *items = node_get_present(object, "items");
    for (uint32_t i = 0; node_is_sequence(items) && i < items->count; i++)
        set_namespace(arena, items->items[i], namespace);
    if (node_is_mapping(metadata) && node_get_present(metadata, "namespace") == NULL)
        node_set(arena, (struct node *)(uintptr_t)metadata, SPAN_LITERAL("namespace"), node_new_string(arena, namespace, POSITION_NONE));
}

static void add_file(struct input *input, const struct source_file *file, const struct options *options) {
    struct document_list documents = {0};
    if (!yaml_parse(&input->arena, &input->arena, file->path, file->text, &input->diagnostics, &documents))
        input->is_whole = false;
    for (size_t i = 0; i < documents.count; i++) {
        if (options->analyzed_namespace.size > 0)
            set_namespace(&input->arena, documents.items[i].root, options->analyzed_namespace);
        other_objects_add(&input->others, &input->arena, documents.items[i].root);
    }
    resource_set_add_documents(&input->resources, &documents, &input->diagnostics);
}

static void input_load(struct input *input, const struct options *options) {
    *input = (struct input){.is_whole = false};
    arena_init(&input->arena, INPUT_ARENA_BLOCK_BYTES);
    diagnostic_list_init(&input->diagnostics);
    resource_set_init(&input->resources, &input->arena);
    input->is_whole = source_load(options->paths, options->path_count, &input->arena, &input->diagnostics, &input->sources);
    for (size_t i = 0; i < input->sources.file_count; i++)
        add_file(input, &input->sources.files[i], options);
}

/* What the gateway would drop of it. That it is not clear which gateway is meant is no fault of a whole mesh. */
static void add_own(struct analysis *analysis, struct input *input, const struct options *options) {
    struct compile_options compile_options = options_compile(options);
    struct snapshot *snapshot;
    size_t first = input->diagnostics.count;
    if (!compile(&input->resources, &compile_options, &input->diagnostics, &snapshot))
        return;
    own_diagnostics_add(analysis, &input->diagnostics, first);
    snapshot_destroy(snapshot);
}

static void print_success(const struct options *options) {
    fprintf(stderr, "\xe2\x9c\x94 No validation issues found when analyzing");
    if (options->path_count == 1) {
        fprintf(stderr, " %s.\n", options->paths[0]);
        return;
    }
    fprintf(stderr, ":\n");
    for (size_t i = 0; i < options->path_count; i++)
        fprintf(stderr, "  %s\n", options->paths[i]);
}

static void print(const struct message_list *messages, bool is_whole, const struct options *options) {
    const char *terminal = getenv("TERM");
    bool color = isatty(STDOUT_FILENO) && terminal != NULL && strcmp(terminal, "dumb") != 0;
    switch (options->output) {
    case OUTPUT_LOG:
        message_print_log(messages, color, stdout);
        break;
    case OUTPUT_JSON:
        message_print_json(messages, stdout);
        break;
    case OUTPUT_YAML:
        message_print_yaml(messages, stdout);
        break;
    }
    if (messages->dropped_count > 0)
        fprintf(stderr, "fairlead analyze: %zu more messages are left out\n", messages->dropped_count);
    if (messages->count == 0 && is_whole && options->output == OUTPUT_LOG)
        print_success(options);
}

static int exit_code(const struct message_list *messages, bool is_whole, const struct options *options) {
    bool found = false;
    for (size_t i = 0; i < messages->count; i++)
        found |= messages->items[i].level >= options->failure_threshold;
    if (fflush(stdout) != 0)
        return 1;
    if (options->output != OUTPUT_LOG)
        return 0;
    return found || messages->dropped_count > 0 ? EXIT_ANALYZE_FOUND : is_whole ? 0 : EXIT_ANALYZE_DATA;
}

static void report_unread(struct input *input) {
    for (size_t i = 0; i < input->diagnostics.count; i++) {
        const struct diagnostic *diagnostic = &input->diagnostics.items[i];
        if (!analysis_is_unread(diagnostic))
            continue;
        input->is_whole = false;
        fprintf(stderr, "%.*s\n", SPAN_ARGUMENTS(diagnostic_line(&input->diagnostics, diagnostic)));
    }
}

/* As istioctl: it may be one that another version has. */
static void warn_of_suppressions(const struct options *options) {
    for (size_t i = 0; i < options->suppression_count; i++)
        if (!message_code_is_known(options->suppressions[i].code))
            fprintf(stderr, "fairlead analyze: --suppress %.*s: no message has this code\n",
                    SPAN_ARGUMENTS(span_excerpt(options->suppressions[i].code, 80)));
}

static int analyze(const struct options *options) {
    struct input input;
    struct analysis analysis;
    input_load(&input, options);
    report_unread(&input);
    warn_of_suppressions(options);
    analysis_init(&analysis, &input.resources, &input.others, &input.diagnostics);
    analysis_run(&analysis);
    add_own(&analysis, &input, options);
    analysis.messages.dropped_count += input.diagnostics.dropped_count;
    message_list_filter(&analysis.messages, options->suppressions, options->suppression_count,
                        options->all_namespaces ? SPAN_EMPTY : options->analyzed_namespace);
    message_list_sort(&analysis.messages);
    print(&analysis.messages, input.is_whole, options);
    int code = exit_code(&analysis.messages, input.is_whole, options);
    analysis_deinit(&analysis);
    input_deinit(&input);
    return code;
}

int command_analyze(int count, char *const *arguments) {
    struct arena arena;
    arena_init(&arena, 4096);
    struct options options;
    enum command_start start = command_start(OPTIONS_ANALYZE, "analyze",
                                             "Judges the configuration: Istio's analysis messages that concern an ingress gateway, and what the gateway\n"
                                             "itself drops or does differently. Exit code 79: an error (see --failure-threshold); 65: a file does not\n"
                                             "parse; 64: a mistake on the command line; 0 otherwise.",
                                             count, arguments, &arena, &options);
    int code = start == COMMAND_MISTAKE ? EXIT_ANALYZE_USAGE : start == COMMAND_HELP_SHOWN ? 0 : analyze(&options);
    arena_deinit(&arena);
    return code;
}
