#include "cli/command.h"
#include "server/server.h"

int command_run(int count, char *const *arguments) {
    struct arena arena;
    arena_init(&arena, 4096);
    struct options options;
    enum command_start start = command_start(OPTIONS_RUN, "run",
                                             "Serves the configuration. SIGHUP or a changed file reloads it, SIGUSR1 reopens the access log,\n"
                                             "SIGTERM or SIGINT drains and ends, a second one ends at once.",
                                             count, arguments, &arena, &options);
    int code = start == COMMAND_MISTAKE ? EXIT_USAGE : 0;
    if (start == COMMAND_GO) {
        struct server_options server = {
            .paths = options.paths,
            .path_count = options.path_count,
            .compile = options_compile(&options),
            .concurrency = options.concurrency,
            .bind = options.bind,
            .status_port = options.status_port,
            .admin = options.admin,
            .metrics_ports = {options.metrics_ports[0], options.metrics_ports[1]},
            .dns_servers = options.dns_servers,
        };
        code = server_run(&server);
    }
    arena_deinit(&arena);
    return code;
}
