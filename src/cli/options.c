#include "cli/options.h"

#include <string.h>

#include "base/assert.h"
#include "base/limits.h"

#define STATUS_PORT_DEFAULT 15021

struct options_parser {
    enum options_command command;
    struct arena *arena;
    struct options *options;
    struct options_error *error;
};

struct option_row {
    const char *name;
    unsigned commands;
    const char *value; /* its name in help; NULL: a flag */
    bool (*set)(struct options_parser *parser, const char *value);
    const char *help;
};

static bool fail(struct options_parser *parser, const char *option, const char *value, const char *reason) {
    snprintf(parser->error->text, sizeof(parser->error->text), "%s %.80s: %s", option, value, reason);
    return false;
}

static bool set_path(struct options_parser *parser, const char *value) {
    if (value[0] == '\0')
        return fail(parser, "-f", "\"\"", "the path is empty");
    parser->options->paths[parser->options->path_count++] = value;
    return true;
}

static bool set_gateway(struct options_parser *parser, const char *value) {
    parser->options->gateway = span_of(value);
    return value[0] != '\0' || fail(parser, "--gateway", "\"\"", "the name is empty");
}

static bool set_namespace(struct options_parser *parser, const char *value) {
    parser->options->namespace = span_of(value);
    return value[0] != '\0' || fail(parser, "--namespace", "\"\"", "the name is empty");
}

static bool set_labels(struct options_parser *parser, const char *value) {
    struct span rest = span_of(value), pair, count_rest = rest;
    size_t count = 0;
    while (span_split(&count_rest, ',', &pair))
        count++;
    struct label *items = arena_new_array(parser->arena, struct label, count);
    for (size_t i = 0; span_split(&rest, ',', &pair); i++) {
        size_t equal;
        if (!span_find_byte(pair, '=', &equal) || equal == 0)
            return fail(parser, "--labels", value, "want key=value,...");
        items[i] = (struct label){.key = span_first(pair, equal), .value = span_from(pair, equal + 1), .position = POSITION_NONE};
    }
    parser->options->labels = (struct label_set){.items = items, .count = count};
    return true;
}

static bool set_allow_unsupported(struct options_parser *parser, const char *value) {
    (void)value;
    parser->options->allow_unsupported = true;
    return true;
}

static bool set_strict_sni(struct options_parser *parser, const char *value) {
    (void)value;
    parser->options->strict_sni = true;
    return true;
}

static bool set_concurrency(struct options_parser *parser, const char *value) {
    uint64_t number;
    if (!span_to_u64(span_of(value), &number) || number == 0 || number > WORKER_THREADS_MAX)
        return fail(parser, "--concurrency", value, "want a number from 1 to 256");
    parser->options->concurrency = (unsigned)number;
    return true;
}

static bool set_bind(struct options_parser *parser, const char *value) {
    struct span text = span_of(value);
    if (span_starts_with(text, SPAN_LITERAL("[")) && span_ends_with(text, SPAN_LITERAL("]")))
        text = span_make(text.data + 1, text.size - 2);
    if (!network_address_parse(text, 0, &parser->options->bind))
        return fail(parser, "--bind", value, "want an IPv4 or IPv6 address without port");
    return true;
}

static bool set_status_port(struct options_parser *parser, const char *value) {
    uint64_t number;
    if (!span_to_u64(span_of(value), &number) || number > 65535)
        return fail(parser, "--status-port", value, "want a port number, or 0 for none");
    parser->options->status_port = (uint16_t)number;
    return true;
}

static bool set_admin(struct options_parser *parser, const char *value) {
    parser->options->asks_admin = true;
    return admin_address_parse(value, &parser->options->admin) ||
           fail(parser, "--admin", value, "want address:port, port (on 127.0.0.1), unix:/path or off");
}

static bool set_listing_format(struct options_parser *parser, const char *value) {
    parser->options->prints_json = strcmp(value, "json") == 0;
    return parser->options->prints_json || strcmp(value, "short") == 0 || fail(parser, "-o", value, "want short or json");
}

static bool set_metrics_port(struct options_parser *parser, const char *value) {
    struct span rest = span_of(value), part;
    size_t count = 0;
    memset(parser->options->metrics_ports, 0, sizeof(parser->options->metrics_ports));
    while (span_split(&rest, ',', &part)) {
        uint64_t number;
        if (count == METRICS_PORTS_MAX || !span_to_u64(part, &number) || number > 65535)
            return fail(parser, "--metrics-port", value, "want a port number or two with a comma between them, or 0 for none");
        parser->options->metrics_ports[count++] = (uint16_t)number;
    }
    return true;
}

static bool set_mesh_identity(struct options_parser *parser, const char *value) {
    parser->options->mesh_identity = span_of(value);
    return value[0] != '\0' || fail(parser, "--mesh-identity", "\"\"", "the path is empty");
}

static bool set_ticket_keys(struct options_parser *parser, const char *value) {
    parser->options->ticket_keys = span_of(value);
    return value[0] != '\0' || fail(parser, "--ticket-keys", "\"\"", "want a folder or secret:NAME");
}

/* The servers are looked at when the resolver is made. */
static bool set_dns_server(struct options_parser *parser, const char *value) {
    parser->options->dns_servers = value;
    return value[0] != '\0' || fail(parser, "--dns-server", "\"\"", "the address is empty");
}

static bool set_output(struct options_parser *parser, const char *value) {
    static const char *const names[] = {"log", "json", "yaml"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(value, names[i]) == 0) {
            parser->options->output = (enum output_format)i;
            return true;
        }
    }
    return fail(parser, "-o", value, "want log, json or yaml");
}

static bool set_analyzed_namespace(struct options_parser *parser, const char *value) {
    parser->options->analyzed_namespace = span_of(value);
    return value[0] != '\0' || fail(parser, "--namespace", "\"\"", "the name is empty");
}

static bool set_all_namespaces(struct options_parser *parser, const char *value) {
    (void)value;
    parser->options->all_namespaces = true;
    return true;
}

static bool set_failure_threshold(struct options_parser *parser, const char *value) {
    static const char *const names[DIAGNOSTIC_SEVERITIES] = {"Info", "Warning", "Error"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (span_equal_ignore_case(span_of(value), span_of(names[i]))) {
            parser->options->failure_threshold = (enum diagnostic_severity)i;
            return true;
        }
    }
    return fail(parser, "--failure-threshold", value, "want Info, Warning or Error");
}

static bool add_suppression(struct options_parser *parser, const char *value) {
    struct options *options = parser->options;
    return message_suppression_parse(span_of(value), &options->suppressions[options->suppression_count++]) ||
           fail(parser, "--suppress", value, "want CODE=RESOURCE, as in IST0118=Service shop/*");
}

static bool set_log_level(struct options_parser *parser, const char *value) {
    if (log_level_of(span_of(value), &parser->options->log_level))
        return true;
    return fail(parser, "--log-level", value, "want debug, info, warning or error");
}

static bool set_text(struct options_parser *parser, struct span *text, const char *name, const char *value) {
    *text = span_of(value);
    return value[0] != '\0' || fail(parser, name, "\"\"", "the value is empty");
}

static bool set_method(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.method, "-X", value);
}

static bool set_header(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.headers[parser->options->request.header_count++], "-H", value);
}

static bool set_sni(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.sni, "--sni", value);
}

static bool set_alpn(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.alpn, "--alpn", value);
}

static bool set_from(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.from, "--from", value);
}

static bool set_client_certificate(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.client_certificate, "--client-cert", value);
}

static bool set_request_port(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.port, "--port", value);
}

static bool set_connection_for(struct options_parser *parser, const char *value) {
    return set_text(parser, &parser->options->request.connection_for, "--http2-on-connection-for", value);
}

static bool set_requests(struct options_parser *parser, const char *value) {
    parser->options->requests_path = value;
    return value[0] != '\0' || fail(parser, "--requests", "\"\"", "the path is empty");
}

static bool set_text_or_json(struct options_parser *parser, const char *value) {
    parser->options->prints_json = strcmp(value, "json") == 0;
    return parser->options->prints_json || strcmp(value, "text") == 0 || fail(parser, "-o", value, "want text or json");
}

#define EVERY (COMPILING | OPTIONS_ANALYZE)
#define COMPILING (OPTIONS_RUN | OPTIONS_CHECK | OPTIONS_DUMP | OPTIONS_EXPLAIN | OPTIONS_DIFF)
#define WITH_OPERANDS (OPTIONS_EXPLAIN | OPTIONS_DIFF)

static const struct option_row option_rows[] = {
    {"-X", OPTIONS_EXPLAIN, "METHOD", set_method, "default GET"},
    {"-H", OPTIONS_EXPLAIN, "'NAME: VALUE'", set_header, "a header of the request; may repeat"},
    {"--sni", OPTIONS_EXPLAIN, "NAME", set_sni, "the server name of TLS; default: the URL's host"},
    {"--alpn", OPTIONS_EXPLAIN, "NAME,...", set_alpn, "what the client offers: h2, http/1.1"},
    {"--from", OPTIONS_EXPLAIN, "ADDRESS", set_from, "the client's address"},
    {"--client-cert", OPTIONS_EXPLAIN, "FILE", set_client_certificate, "PEM of the certificate that the client shows"},
    {"--port", OPTIONS_EXPLAIN, "PORT", set_request_port, "the port, whatever the URL says"},
    {"--http2-on-connection-for", OPTIONS_EXPLAIN, "HOST", set_connection_for, "over HTTP/2, on a connection that was opened for this host"},
    {"--requests", OPTIONS_EXPLAIN, "FILE", set_requests, "many requests, one JSON object a line (- for standard input); one verdict a line"},
    {"-o", WITH_OPERANDS, "FORMAT", set_text_or_json, "text or json; default text"},
    {"-f", EVERY & ~OPTIONS_DIFF, "PATH...", set_path, "files, folders (recursive: *.yaml, *.yml, *.json) or - for standard input; may repeat"},
    {"--gateway", EVERY, "NAME", set_gateway, "the ingress gateway to serve, name or namespace/name, when the input holds several"},
    {"--concurrency", OPTIONS_RUN, "N", set_concurrency, "worker threads; default: what affinity and the CPU quota leave"},
    {"--bind", OPTIONS_RUN, "ADDRESS", set_bind, "address of the listeners, the status port and the metrics ports; default: every address, IPv4 and IPv6"},
    {"--status-port", OPTIONS_RUN, "PORT", set_status_port, "port of /healthz/ready; default 15021, 0 for none"},
    {"--admin", OPTIONS_EXPLAIN, "ADDRESS", set_admin, "ask the gateway that runs there instead of files: address:port, port or unix:/path"},
    {"--admin", OPTIONS_RUN | OPTIONS_PROXY_CONFIG, "ADDRESS", set_admin, "the administration: address:port, unix:/path or off; default " ADMIN_ADDRESS_DEFAULT},
    {"-o", OPTIONS_PROXY_CONFIG, "FORMAT", set_listing_format, "short (columns, the default) or json"},
    {"--metrics-port", OPTIONS_RUN, "PORT,...", set_metrics_port, "ports of /stats/prometheus; default 15090,15020, 0 for none"},
    {"--dns-server", OPTIONS_RUN, "ADDRESS,...", set_dns_server, "DNS servers, each address or address:port; default: those of /etc/resolv.conf"},
    {"--mesh-identity", EVERY, "DIR", set_mesh_identity, "the gateway's certificate in the mesh: cert-chain.pem, key.pem, root-cert.pem; watched"},
    {"--ticket-keys", EVERY, "DIR", set_ticket_keys, "session ticket keys that replicas share: current, previous, next in a folder, or secret:NAME; watched"},
    {"--namespace", COMPILING, "NS", set_namespace, "the gateway's namespace, whatever the input says"},
    {"--labels", EVERY, "K=V,...", set_labels, "labels of the gateway's pods, instead of those in the input"},
    {"--strict-sni", COMPILING, NULL, set_strict_sni, "a name of another server than the connection's SNI gets 404, as in Istio, rather than its routes or 421"},
    {"--allow-unsupported", EVERY, NULL, set_allow_unsupported,
     "serve without a restriction or encryption that is asked for but not supported, instead of answering 503"},
    {"-o", OPTIONS_ANALYZE, "FORMAT", set_output, "log, json or yaml; default log. With json and yaml the exit code is 0 whatever was found"},
    {"--namespace", OPTIONS_ANALYZE, "NS", set_analyzed_namespace, "objects that name no namespace are of this one, and only messages about it are printed"},
    {"-n", OPTIONS_ANALYZE, "NS", set_analyzed_namespace, "as --namespace"},
    {"-A", OPTIONS_ANALYZE, NULL, set_all_namespaces, "messages about every namespace, also with --namespace"},
    {"--failure-threshold", OPTIONS_ANALYZE, "LEVEL", set_failure_threshold, "Info, Warning or Error: exit with 79 from this level on; default Error"},
    {"--suppress", OPTIONS_ANALYZE, "CODE=RES", add_suppression, "no messages of this code about resources like \"Kind namespace/name\", where * is any text; may repeat"},
    {"-S", OPTIONS_ANALYZE, "CODE=RES", add_suppression, "as --suppress"},
    {"--log-level", COMPILING, "LEVEL", set_log_level, "debug, info, warning or error; default info"},
};

static const struct option_row *find_option(struct span name, enum options_command command) {
    for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++)
        if (span_equal(name, span_of(option_rows[i].name)) && (option_rows[i].commands & command) != 0)
            return &option_rows[i];
    return NULL;
}

/* "https://...": no path among those of -f. */
static bool is_request(const struct options_parser *parser, const char *argument) {
    return (parser->command & OPTIONS_EXPLAIN) != 0 && strstr(argument, "://") != NULL;
}

static bool is_option(const char *argument) {
    return argument[0] == '-' && argument[1] != '\0';
}

/* "--option=value" or "--option", then the value in the next argument; -f takes all that follow up to the next option. */
static bool parse_option(struct options_parser *parser, int count, char *const *arguments, int *index) {
    const char *argument = arguments[(*index)++];
    struct span name = span_of(argument);
    const char *value = NULL;
    size_t equal;
    if (span_starts_with(name, SPAN_LITERAL("--")) && span_find_byte(name, '=', &equal)) {
        value = argument + equal + 1;
        name = span_first(name, equal);
    }
    const struct option_row *row = find_option(name, parser->command);
    if (row == NULL) {
        snprintf(parser->error->text, sizeof(parser->error->text), "unknown option %.80s", argument);
        return false;
    }
    if (row->value == NULL)
        return value == NULL ? row->set(parser, NULL) : fail(parser, row->name, value, "the option takes no value");
    if (value == NULL) {
        if (*index == count || is_option(arguments[*index])) {
            snprintf(parser->error->text, sizeof(parser->error->text), "%s needs a value: %s %s", row->name, row->name, row->value);
            return false;
        }
        value = arguments[(*index)++];
    }
    if (!row->set(parser, value))
        return false;
    while (row->set == set_path && *index < count && !is_option(arguments[*index]) && !is_request(parser, arguments[*index]))
        if (!row->set(parser, arguments[(*index)++]))
            return false;
    return true;
}

static bool wants_help(int count, char *const *arguments) {
    for (int i = 0; i < count; i++)
        if (strcmp(arguments[i], "--help") == 0 || strcmp(arguments[i], "-h") == 0)
            return true;
    return false;
}

bool options_parse(enum options_command command, int count, char *const *arguments, struct arena *arena, struct options *ret_options,
                   struct options_error *ret_error) {
    struct options options = {.status_port = STATUS_PORT_DEFAULT,
                              .metrics_ports = {15090, 15020},
                              .log_level = LOG_INFO,
                              .failure_threshold = DIAGNOSTIC_ERROR};
    bool parsed = admin_address_parse(ADMIN_ADDRESS_DEFAULT, &options.admin);
    ASSERT(parsed);
    options.help = wants_help(count, arguments);
    options.paths = arena_new_array(arena, const char *, (size_t)count + 1);
    options.suppressions = arena_new_array(arena, struct message_suppression, (size_t)count + 1);
    options.operands = arena_new_array(arena, const char *, (size_t)count + 1);
    options.request.headers = arena_new_array(arena, struct span, (size_t)count + 1);
    struct options_parser parser = {.command = command, .arena = arena, .options = &options, .error = ret_error};
    for (int index = 0; index < count && !options.help;) {
        if (!is_option(arguments[index]) && (command & WITH_OPERANDS) != 0) {
            options.operands[options.operand_count++] = arguments[index++];
            continue;
        }
        if (!is_option(arguments[index])) {
            snprintf(ret_error->text, sizeof(ret_error->text), "unexpected argument %.80s (paths follow -f)", arguments[index]);
            return false;
        }
        if (!parse_option(&parser, count, arguments, &index))
            return false;
    }
    bool wants_paths = command != OPTIONS_PROXY_CONFIG && command != OPTIONS_DIFF && !(command == OPTIONS_EXPLAIN && options.asks_admin);
    if (options.path_count == 0 && !options.help && wants_paths) {
        snprintf(ret_error->text, sizeof(ret_error->text), "no configuration: say -f PATH...");
        return false;
    }
    *ret_options = options;
    return true;
}

void options_print_help(enum options_command command, FILE *output) {
    for (size_t i = 0; i < ARRAY_SIZE(option_rows); i++) {
        const struct option_row *row = &option_rows[i];
        if ((row->commands & command) == 0)
            continue;
        char left[48];
        snprintf(left, sizeof(left), "%s%s%s", row->name, row->value == NULL ? "" : " ", row->value == NULL ? "" : row->value);
        fprintf(output, "  %-22s %s\n", left, row->help);
    }
    fprintf(output, "  %-22s %s\n", "--help", "this text");
}

struct compile_options options_compile(const struct options *options) {
    return (struct compile_options){
        .gateway_name = options->gateway,
        .namespace_override = options->namespace,
        .labels = options->labels,
        .allow_unsupported = options->allow_unsupported,
        .strict_sni = options->strict_sni,
        .mesh_identity = options->mesh_identity,
        .ticket_keys = options->ticket_keys,
    };
}
