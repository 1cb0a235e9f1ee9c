#include "cli/admin_client.h"
#include "cli/command.h"
#include "explain/explain.h"
#include "server/configuration.h"

#include <stdlib.h>
#include <string.h>

/* A chain of certificates; what is behind is not read. */
#define CLIENT_CERTIFICATE_FILE_BYTES_MAX (48 * 1024)
/* The narration and the data plane disagreed. */
#define EXIT_DISAGREEMENT 3

/* Writes an explanation to standard output. */
static int tell(const struct snapshot *snapshot, const struct explain_request *request, enum explain_format format) {
    struct builder text = {.data = NULL};
    bool agreed = explain(snapshot, NULL, request, format, &text);
    fwrite(text.data, 1, text.size, stdout);
    builder_deinit(&text);
    return agreed ? 0 : EXIT_DISAGREEMENT;
}

/* The whole of a small file, in the arena. */
static bool read_file(struct arena *arena, struct span path, struct span *ret_text, struct explain_request_error *error) {
    FILE *input = fopen(arena_copy(arena, path).data, "re");
    char *text = arena_allocate_aligned(arena, CLIENT_CERTIFICATE_FILE_BYTES_MAX, 1);
    size_t size = input == NULL ? 0 : fread(text, 1, CLIENT_CERTIFICATE_FILE_BYTES_MAX, input);
    if (input != NULL)
        fclose(input);
    *ret_text = span_make(text, size);
    if (size > 0)
        return true;
    snprintf(error->text, sizeof(error->text), "--client-cert %.*s cannot be read", SPAN_ARGUMENTS(path));
    return false;
}

static bool refine(struct arena *arena, const struct options_request *options, struct explain_request *request, struct explain_request_error *error) {
    uint64_t port;
    if (options->method.size > 0 && !explain_request_set_method(request, options->method, error))
        return false;
    for (size_t i = 0; i < options->header_count; i++)
        if (!explain_request_add_header(arena, request, options->headers[i], error))
            return false;
    if (options->sni.size > 0)
        request->sni = arena_lower(arena, options->sni);
    if (options->client_certificate.size > 0 && !read_file(arena, options->client_certificate, &request->client_certificate_pem, error))
        return false;
    if (options->alpn.size > 0 && !explain_request_set_alpn(request, options->alpn, error))
        return false;
    if (options->from.size > 0 && !explain_request_set_from(request, options->from, error))
        return false;
    if (options->connection_for.size > 0)
        explain_request_set_connection_for(arena, request, options->connection_for);
    if (options->port.size == 0)
        return true;
    if (!span_to_u64(options->port, &port) || port == 0 || port > UINT16_MAX) {
        snprintf(error->text, sizeof(error->text), "--port wants a port number");
        return false;
    }
    request->port = (uint16_t)port;
    return true;
}

/* One JSON object a line; empty lines are passed over. */
static int explain_all(const struct snapshot *snapshot, FILE *input) {
    char *line = NULL;
    size_t capacity = 0;
    int code = 0;
    ssize_t size;
    while ((size = getline(&line, &capacity, input)) >= 0) {
        struct arena arena;
        struct explain_request request;
        struct explain_request_error error;
        struct span text = span_make(line, (size_t)size);
        while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]) != NULL)
            text.size--;
        if (text.size == 0)
            continue;
        arena_init(&arena, 4096);
        if (!explain_request_parse_json(&arena, text, &request, &error)) {
            fprintf(stderr, "fairlead explain: %s\n", error.text);
            code = EXIT_USAGE;
        } else if (tell(snapshot, &request, EXPLAIN_VERDICT) != 0) {
            code = EXIT_DISAGREEMENT;
        }
        arena_deinit(&arena);
        if (code == EXIT_USAGE)
            break;
    }
    free(line);
    return code;
}

static int explain_file(const struct snapshot *snapshot, const char *path) {
    if (strcmp(path, "-") == 0)
        return explain_all(snapshot, stdin);
    FILE *input = fopen(path, "re");
    if (input == NULL) {
        fprintf(stderr, "fairlead explain: cannot read %s\n", path);
        return 1;
    }
    int code = explain_all(snapshot, input);
    fclose(input);
    return code;
}

static int explain_one(const struct snapshot *snapshot, const struct options *options, const struct explain_request *request) {
    return tell(snapshot, request, options->prints_json ? EXPLAIN_JSON : EXPLAIN_TEXT);
}

static int explain_loaded(const struct options *options, const struct explain_request *request) {
    struct compile_options compile_options = options_compile(options);
    struct configuration configuration;
    struct configuration_load load;
    int code = 1;
    configuration_init(&configuration, options->paths, options->path_count, &compile_options);
    configuration_load(&configuration, true, NULL, &load);
    if (load.snapshot == NULL)
        diagnostic_list_print(&load.diagnostics, command_severity(options), stderr);
    else if (options->requests_path != NULL)
        code = explain_file(load.snapshot, options->requests_path);
    else
        code = explain_one(load.snapshot, options, request);
    configuration_load_deinit(&load);
    configuration_deinit(&configuration);
    return fflush(stdout) == 0 ? code : 1;
}

/* The running gateway's own words, from the snapshot that it serves and the endpoints that it knows. */
static int explain_live(struct arena *arena, const struct options *options, const struct explain_request *request) {
    struct builder body = {.data = NULL};
    struct json_writer json = json_writer_make(&body);
    struct admin_reply reply;
    bool wants_json = options->prints_json;
    json.compact = true;
    explain_request_write_json(arena, request, &json);
    admin_ask(&options->admin, "POST", wants_json ? SPAN_LITERAL("/explain?format=json") : SPAN_LITERAL("/explain"), builder_span(&body), &reply);
    struct span text = builder_span(&reply.text);
    bool disagreed = reply.status == 500;
    if (reply.status == 200 || disagreed)
        fwrite(text.data, 1, text.size, stdout);
    else
        fprintf(stderr, "fairlead explain: %.*s\n", SPAN_ARGUMENTS(text));
    int code = fflush(stdout) != 0 ? 1 : reply.status == 200 ? 0 : disagreed ? EXIT_DISAGREEMENT : 1;
    admin_reply_deinit(&reply);
    builder_deinit(&body);
    return code;
}

static int start(struct arena *arena, const struct options *options) {
    struct explain_request request = {.port = 0};
    struct explain_request_error error;
    if ((options->operand_count == 1) == (options->requests_path != NULL))
        return command_mistake("explain", options->operand_count > 1 ? "want one request" : "want a request, such as https://host/path, or --requests FILE");
    if (options->operand_count == 1 && (!explain_request_parse(arena, span_of(options->operands[0]), &request, &error) ||
                                        !refine(arena, &options->request, &request, &error)))
        return command_mistake("explain", error.text);
    if (options->asks_admin && options->requests_path != NULL)
        return command_mistake("explain", "--requests is for files; with --admin give one request");
    return options->asks_admin ? explain_live(arena, options, &request) : explain_loaded(options, &request);
}

int command_explain(int count, char *const *arguments) {
    struct arena arena;
    arena_init(&arena, 4096);
    struct options options;
    enum command_start started = command_start(OPTIONS_EXPLAIN, "explain",
                                               "Says what becomes of a request, why, and what would have to change; then each step of the decision.\n"
                                               "REQUEST is a URL: http://, https://, or tls:// and tcp:// for connections without HTTP.\n"
                                               "Exit code 1: there is nothing to serve, or no gateway answers; 3: the walk and the decision disagree.",
                                               count, arguments, &arena, &options);
    int code = started == COMMAND_MISTAKE ? EXIT_USAGE : started == COMMAND_HELP_SHOWN ? 0 : start(&arena, &options);
    arena_deinit(&arena);
    return code;
}
