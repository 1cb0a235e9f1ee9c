#include "cli/command.h"
#include "explain/diff.h"
#include "server/configuration.h"

/* As diff(1). */
#define EXIT_SAME 0
#define EXIT_DIFFERENT 1
#define EXIT_TROUBLE 2

/* One of the two configurations. */
struct side {
    struct configuration configuration;
    struct configuration_load load;
};

/* A file that cannot be read or is broken: what would be compared is not what was meant. */
static bool is_whole(const struct diagnostic_list *diagnostics) {
    for (size_t i = 0; i < diagnostics->count; i++)
        if (diagnostics->items[i].severity == DIAGNOSTIC_ERROR && diagnostics->items[i].code < DIAGNOSTIC_KIND_SKIPPED)
            return false;
    return true;
}

static bool side_load(struct side *side, const struct options *options, const char *const *path) {
    struct compile_options compile_options = options_compile(options);
    configuration_init(&side->configuration, path, 1, &compile_options);
    configuration_load(&side->configuration, true, NULL, &side->load);
    bool loaded = side->load.snapshot != NULL && is_whole(&side->load.diagnostics);
    if (!loaded)
        diagnostic_list_print(&side->load.diagnostics, command_severity(options), stderr);
    return loaded;
}

static void side_deinit(struct side *side) {
    configuration_load_deinit(&side->load);
    configuration_deinit(&side->configuration);
}

static int compare(const struct options *options) {
    struct side before, after;
    struct builder text = {.data = NULL};
    bool loaded = side_load(&before, options, &options->operands[0]);
    loaded = side_load(&after, options, &options->operands[1]) && loaded;
    int code = EXIT_TROUBLE;
    if (loaded) {
        bool different = diff(before.load.snapshot, after.load.snapshot, options->prints_json, &text);
        code = different ? EXIT_DIFFERENT : EXIT_SAME;
        fwrite(text.data, 1, text.size, stdout);
    }
    builder_deinit(&text);
    side_deinit(&after);
    side_deinit(&before);
    return fflush(stdout) == 0 ? code : EXIT_TROUBLE;
}

int command_diff(int count, char *const *arguments) {
    struct arena arena;
    arena_init(&arena, 4096);
    struct options options;
    enum command_start start = command_start(OPTIONS_DIFF, "diff",
                                             "Says what changes in behaviour between two configurations, each a file or a folder: names and ports, requests,\n"
                                             "certificates, upstreams. Exit code 0: nothing; 1: something; 2: one of them cannot be read or served.",
                                             count, arguments, &arena, &options);
    int code = start == COMMAND_MISTAKE ? EXIT_USAGE : 0;
    if (start == COMMAND_GO)
        code = options.operand_count == 2 ? compare(&options) : command_mistake("diff", "want two configurations: OLD NEW");
    arena_deinit(&arena);
    return code;
}
