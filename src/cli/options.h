/* The command line: one table of options for all commands, parsed without side effects. */
#ifndef FAIRLEAD_CLI_OPTIONS_H
#define FAIRLEAD_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "analysis/message.h"
#include "base/arena.h"
#include "base/compiler.h"
#include "base/log.h"
#include "base/network_address.h"
#include "compile/compile.h"
#include "server/server.h"

/* Bits: which commands take an option. */
enum options_command {
    OPTIONS_RUN = 1 << 0,
    OPTIONS_CHECK = 1 << 1,
    OPTIONS_DUMP = 1 << 2,
    OPTIONS_ANALYZE = 1 << 3,
    OPTIONS_EXPLAIN = 1 << 4,
    OPTIONS_DIFF = 1 << 5,
    OPTIONS_PROXY_CONFIG = 1 << 8
};

enum output_format { OUTPUT_LOG, OUTPUT_JSON, OUTPUT_YAML };

/* A request as the command line gives it; what is empty was not given. */
struct options_request {
    struct span method, sni, alpn, client_certificate, from, port, connection_for;
    struct span *headers; /* "name: value" */
    size_t header_count;
};

struct options {
    const char **paths;
    size_t path_count;
    struct span gateway;
    struct span namespace;
    struct label_set labels;
    bool allow_unsupported;
    bool strict_sni;
    unsigned concurrency;        /* 0: not given */
    struct network_address bind; /* size 0: not given */
    uint16_t status_port;        /* 15021 */
    struct admin_address admin;  /* ADMIN_ADDRESS_DEFAULT */
    bool asks_admin;             /* --admin was given */
    uint16_t metrics_ports[METRICS_PORTS_MAX]; /* 15090, 15020 */
    struct span mesh_identity;
    struct span ticket_keys;
    const char *dns_servers;     /* NULL: the system's */
    enum log_level log_level;    /* info */
    bool prints_json;            /* -o json of proxy-config, explain and diff */
    /* explain, diff */
    const char **operands;       /* what stands alone: the request of explain, the two configurations of diff */
    size_t operand_count;
    struct options_request request;
    const char *requests_path;   /* --requests; NULL: not given */
    /* analyze */
    enum output_format output; /* log */
    struct span analyzed_namespace;
    bool all_namespaces;
    enum diagnostic_severity failure_threshold; /* error */
    struct message_suppression *suppressions;
    size_t suppression_count;
    bool help;                   /* --help: nothing else was looked at */
};

struct options_error {
    char text[256];
};

/* Parses what follows the command's name. Values are borrowed from `arguments`, lists are in the arena. False: a sentence for the user. */
MUST_USE bool options_parse(enum options_command command, int count, char *const *arguments, struct arena *arena, struct options *ret_options,
                            struct options_error *ret_error);
/* The options of one command, a line or two each. */
void options_print_help(enum options_command command, FILE *output);
/* What the compiler is asked for. */
struct compile_options options_compile(const struct options *options);

#endif
