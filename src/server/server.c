#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "compile/identity_cache.h"
#include "compile/upstream_cache.h"
#include "os/processor.h"
#include "os/signal.h"
#include "server/admin.h"
#include "server/configuration.h"
#include "server/drain.h"
#include "server/destination_registry.h"
#include "server/exposition.h"
#include "server/listener_sockets.h"
#include "server/log_writer.h"
#include "server/publish.h"
#include "server/reload.h"
#include "server/reload_report.h"
#include "server/resolution.h"
#include "server/own_port.h"
#include "server/status.h"
#include "tls/tickets.h"

/* How often an address that could not be bound, or input that could not be read, is tried again. */
#define RETRY_NS SECONDS(1)

/* The gateway's own ports. */
enum server_port { SERVER_PORT_STATUS, SERVER_PORT_ADMIN, SERVER_PORT_METRICS, SERVER_PORTS = SERVER_PORT_METRICS + METRICS_PORTS_MAX };

struct server {
    const struct server_options *options;
    struct loop *loop;
    struct timer_wheel timers;
    int signal_descriptor; /* -1: none */
    struct loop_source signals;
    struct timer poll;  /* while old snapshots or connections are waited for */
    struct timer retry; /* while some address is not bound */
    struct timer ticket_keys; /* until the shared one is stale */
    struct tls_tickets *tickets;
    struct identity_cache *identities;
    struct upstream_cache *upstreams;
    struct configuration configuration;
    char *told; /* the diagnostics as they were printed last */
    bool force_load;
    uint64_t grafted_ns; /* when a snapshot was grafted on a former one since everything was compiled; 0: never */
    struct worker **workers;
    struct access_log_ring **rings;
    size_t worker_count;
    struct listener_sockets sockets;
    struct publisher publisher;
    struct log_writer *log_writer;
    struct own_port ports[SERVER_PORTS];
    bool ready;
    struct admin admin;
    struct reload_report report;
    struct destination_registry destinations;
    size_t swept_live_count; /* of snapshots at the last sweep of `destinations` */
    struct exposition exposition;
    struct reload reload;
    struct resolution resolution;
    struct drain drain;
    bool ended;
};

/* --- Configuration --- */

static enum diagnostic_severity severity_shown(void) {
    enum log_level level = log_get_level();
    return level == LOG_ERROR ? DIAGNOSTIC_ERROR : level == LOG_WARNING ? DIAGNOSTIC_WARNING : DIAGNOSTIC_INFO;
}

/* Every reload finds the same mistakes again: they are printed when they change. */
static void server_tell(struct server *server, struct diagnostic_list *diagnostics) {
    char *text = NULL;
    size_t size = 0;
    FILE *output = open_memstream(&text, &size);
    ASSERT(output != NULL);
    diagnostic_list_print(diagnostics, severity_shown(), output);
    fclose(output);
    if (server->told != NULL && strcmp(server->told, text) == 0) {
        free(text);
        return;
    }
    if (size == 0 && server->told != NULL && server->told[0] != '\0')
        log_info("configuration: nothing is wrong any more");
    fputs(text, stderr);
    free(server->told);
    server->told = text;
}

static void server_publish(struct server *server, struct configuration_load *load) {
    struct snapshot *snapshot = load->snapshot;
    load->snapshot = NULL;
    /* Before any worker can write a line under it. */
    log_writer_set_path(server->log_writer, snapshot->access_log == NULL ? SPAN_EMPTY : snapshot->settings.access_log_path);
    resolution_follow(&server->resolution, snapshot);
    destination_registry_follow(&server->destinations, snapshot);
    publisher_publish(&server->publisher, snapshot);
    log_info("configuration %llu: gateway %.*s/%.*s, %zu listeners, %zu route tables, %zu clusters, %zu errors, %zu warnings%s",
             (unsigned long long)snapshot->generation, SPAN_ARGUMENTS(snapshot->settings.gateway_namespace),
             SPAN_ARGUMENTS(snapshot->settings.gateway_name), snapshot->listener_count, snapshot->route_table_count,
             snapshot->cluster_count, load->diagnostics.counts[DIAGNOSTIC_ERROR], load->diagnostics.counts[DIAGNOSTIC_WARNING],
             load->stale_count == 0 ? "" : ", partly stale");
}

/* Snapshots that go may have been the last to name a destination. */
static void server_sweep_destinations(struct server *server) {
    const struct publisher *publisher = &server->publisher;
    if (publisher->live_count < server->swept_live_count || publisher->live_count == 1)
        destination_registry_sweep(&server->destinations, publisher->live, publisher->live_count);
    server->swept_live_count = publisher->live_count;
}

static void server_schedule(struct server *server) {
    size_t locked;
    bool old_ones_are_left = publisher_collect(&server->publisher);
    server_sweep_destinations(server);
    if (old_ones_are_left || server->drain.started) {
        if (!timer_is_set(&server->poll))
            timer_set(&server->timers, &server->poll, clock_monotonic_ns(), SERVER_POLL_NS);
    }
    bool unbound = listener_sockets_failed(&server->sockets, &locked) != 0;
    for (size_t i = 0; i < SERVER_PORTS; i++)
        unbound = unbound || own_port_is_missing(&server->ports[i]);
    if (unbound && !timer_is_set(&server->retry))
        timer_set(&server->timers, &server->retry, clock_monotonic_ns(), RETRY_NS);
}

/* When the present ticket key turns stale, a load says so. */
static void server_watch_ticket_keys(struct server *server, const struct configuration_load *load) {
    if (load->ticket_keys_left_ns > 0)
        timer_set(&server->timers, &server->ticket_keys, clock_monotonic_ns(), load->ticket_keys_left_ns);
}

static void server_reload(void *argument) {
    struct server *server = argument;
    if (server->drain.started)
        return;
    if (!publisher_has_room(&server->publisher) && publisher_collect(&server->publisher) && !publisher_has_room(&server->publisher)) {
        reload_later(&server->reload, SERVER_POLL_NS);
        return;
    }
    struct configuration_load load;
    bool settled = server->grafted_ns != 0 && clock_monotonic_ns() - server->grafted_ns >= RELOAD_SETTLED_NS;
    configuration_load(&server->configuration, server->force_load || settled, &server->reload.changes, &load);
    watch_changes_reset(&server->reload.changes);
    server->force_load = false;
    if (!load.unchanged)
        server->grafted_ns = load.grafted ? clock_monotonic_ns() : 0;
    if (!load.unchanged) {
        server_watch_ticket_keys(server, &load);
        reload_report_take(&server->report, &load);
        server_tell(server, &load.diagnostics);
        if (load.snapshot != NULL)
            server_publish(server, &load);
        else
            log_error("configuration: nothing can be served from it; the former one stays in use");
    }
    if (!load.same_folders)
        reload_watch(&server->reload, load.sources.watch_directories, load.sources.watch_directory_count);
    /* What could not be read (descriptors may have run out) is not sure to be told of again. */
    if (!load.sources.complete)
        reload_later(&server->reload, RETRY_NS);
    if (server->grafted_ns != 0)
        reload_later(&server->reload, RELOAD_SETTLED_NS);
    configuration_load_deinit(&load);
    server_schedule(server);
}

/* --- Timers and signals --- */

static void server_bind_ports(struct server *server) {
    for (size_t i = 0; i < SERVER_PORTS; i++)
        own_port_bind(&server->ports[i]);
}

static void server_retry(struct timer *timer) {
    struct server *server = CONTAINER_OF(timer, struct server, retry);
    if (server->drain.started)
        return;
    if (listener_sockets_retry(&server->sockets))
        listener_sockets_hand_over(&server->sockets);
    server_bind_ports(server);
    server_schedule(server);
}

static void server_ticket_keys_stale(struct timer *timer) {
    struct server *server = CONTAINER_OF(timer, struct server, ticket_keys);
    server->force_load = true;
    server_reload(server);
}

static void server_poll(struct timer *timer) {
    struct server *server = CONTAINER_OF(timer, struct server, poll);
    if (drain_is_over(&server->drain, clock_monotonic_ns()))
        server->ended = true;
    server_schedule(server);
}

static uint64_t drain_duration_ns(const struct server *server) {
    return publisher_current(&server->publisher)->settings.termination_drain_duration_ns;
}

static void server_drain(struct server *server, uint64_t duration_ns) {
    server->ready = false;
    drain_start(&server->drain, clock_monotonic_ns(), duration_ns);
    server_schedule(server);
}

/* The administration's drain has no end of its own: the SIGTERM that follows it sets one. */
static void server_drain_asked(void *argument) {
    struct server *server = argument;
    if (server->drain.started)
        return;
    log_info("draining %llu connections until SIGTERM", (unsigned long long)drain_connections(&server->drain));
    server_drain(server, DRAIN_FOR_EVER);
}

static void server_terminate(struct server *server) {
    if (server->drain.started && server->drain.deadline_ns != DRAIN_FOR_EVER) {
        log_info("ending at once: %llu connections are cut", (unsigned long long)drain_connections(&server->drain));
        server->ended = true;
        return;
    }
    uint64_t duration_ns = drain_duration_ns(server);
    log_info("draining %llu connections for at most %llu ms", (unsigned long long)drain_connections(&server->drain),
             (unsigned long long)(duration_ns / NANOSECONDS_PER_MILLISECOND));
    server_drain(server, duration_ns);
}

static void server_signalled(struct loop_source *source, unsigned events) {
    (void)events;
    struct server *server = CONTAINER_OF(source, struct server, signals);
    int number;
    while ((number = signal_read(source->descriptor)) != 0) {
        switch (number) {
        case SIGHUP:
            log_info("SIGHUP: loading the configuration again");
            server->force_load = true;
            server_reload(server);
            break;
        case SIGUSR1:
            log_writer_reopen(server->log_writer);
            break;
        default:
            server_terminate(server);
            break;
        }
    }
}

/* --- Start and end --- */

/* Each connection takes a descriptor, and one for its upstream. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warning("the limit of open files cannot be raised: %s", strerror(errno));
}

static void answer_status(void *argument, const struct local_request *request, struct local_answer *ret_answer) {
    const struct server *server = argument;
    status_answer(request, server->ready, ret_answer);
}

static void server_init_ports(struct server *server) {
    own_port_init(&server->ports[SERVER_PORT_STATUS], "status port", server->loop, &server->timers, answer_status, server);
    own_port_init(&server->ports[SERVER_PORT_ADMIN], "administration", server->loop, &server->timers, admin_answer, &server->admin);
    for (size_t i = 0; i < METRICS_PORTS_MAX; i++)
        own_port_init(&server->ports[SERVER_PORT_METRICS + i], "metrics port", server->loop, &server->timers, exposition_answer,
                      &server->exposition);
}

static int server_start_machine(struct server *server) {
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
    int result = signal_open(signals, ARRAY_SIZE(signals), &server->signal_descriptor);
    if (result < 0)
        return result;
    raise_descriptor_limit();
    result = loop_create(&server->loop);
    if (result < 0)
        return result;
    timer_wheel_init(&server->timers, clock_monotonic_ns());
    server_init_ports(server);
    timer_init(&server->poll, server_poll);
    timer_init(&server->retry, server_retry);
    timer_init(&server->ticket_keys, server_ticket_keys_stale);
    result = loop_add_level(server->loop, &server->signals, server->signal_descriptor, server_signalled);
    if (result < 0)
        return result;
    result = resolution_init(&server->resolution, server->loop, &server->timers, server->options->dns_servers);
    if (result == -EINVAL)
        log_error("--dns-server %s: want address or address:port, several separated by commas", server->options->dns_servers);
    if (result < 0)
        return result;
    return reload_init(&server->reload, server->loop, &server->timers, server_reload, server);
}

static int server_start_workers(struct server *server) {
    unsigned wanted = server->options->concurrency != 0 ? server->options->concurrency : processor_count();
    if (wanted > WORKER_THREADS_MAX)
        wanted = WORKER_THREADS_MAX;
    server->workers = memory_allocate_zeroed(wanted, sizeof(struct worker *));
    server->rings = memory_allocate_zeroed(wanted, sizeof(struct access_log_ring *));
    for (unsigned i = 0; i < wanted; i++) {
        int result = worker_create(i, &server->workers[i]);
        if (result < 0)
            return result;
        server->rings[i] = worker_access_log(server->workers[i]);
        server->worker_count++;
    }
    listener_sockets_init(&server->sockets, server->workers, server->worker_count, &server->options->bind);
    destination_registry_init(&server->destinations, (unsigned)server->worker_count);
    listener_sockets_reserve(&server->sockets, server->options->status_port);
    listener_sockets_reserve(&server->sockets, server->options->admin.address.port);
    for (size_t i = 0; i < METRICS_PORTS_MAX; i++)
        listener_sockets_reserve(&server->sockets, server->options->metrics_ports[i]);
    publisher_init(&server->publisher, server->workers, server->worker_count, &server->sockets);
    resolution_set_workers(&server->resolution, server->workers, server->worker_count);
    drain_init(&server->drain, server->workers, server->worker_count);
    return log_writer_create(server->rings, server->worker_count, &server->log_writer);
}

static void server_set_ports(struct server *server) {
    const struct server_options *options = server->options;
    struct network_address address = options->bind;
    address.port = options->status_port;
    own_port_set(&server->ports[SERVER_PORT_STATUS], &address);
    for (size_t i = 0; i < METRICS_PORTS_MAX; i++) {
        address.port = options->metrics_ports[i];
        own_port_set(&server->ports[SERVER_PORT_METRICS + i], &address);
    }
    own_port_set_admin(&server->ports[SERVER_PORT_ADMIN], &options->admin);
    if (!admin_address_is_local(&options->admin))
        log_warning("the administration is asked to listen where others may reach it: whoever does sees the configuration and can drain the gateway");
    server->exposition = (struct exposition){.publisher = &server->publisher,
                                             .registry = &server->destinations,
                                             .identities = server->identities,
                                             .report = &server->report,
                                             .ready = &server->ready,
                                             .start_wall_ns = clock_wall_ns()};
    server->admin = (struct admin){.publisher = &server->publisher,
                                   .resolution = &server->resolution,
                                   .sockets = &server->sockets,
                                   .exposition = &server->exposition,
                                   .report = &server->report,
                                   .ready = &server->ready,
                                   .drain = server_drain_asked,
                                   .argument = server};
}

/* True when it serves. */
static bool server_start(struct server *server) {
    struct configuration_load load;
    configuration_load(&server->configuration, true, NULL, &load);
    reload_report_take(&server->report, &load);
    server_tell(server, &load.diagnostics);
    server_watch_ticket_keys(server, &load);
    /* A path that cannot be read is most likely a slip of the pen; an empty folder may be filled later. */
    bool unreadable = load.sources.file_count == 0 && load.diagnostics.counts[DIAGNOSTIC_ERROR] > 0;
    bool serves = load.snapshot != NULL && !unreadable;
    if (!serves)
        log_error(unreadable ? "no configuration could be read: check the paths of -f" : "nothing can be served from this configuration");
    int result = serves ? server_start_workers(server) : 0;
    if (result < 0)
        log_error("cannot start: %s", strerror(-result));
    serves = serves && result == 0;
    if (serves) {
        server_set_ports(server);
        server_bind_ports(server);
        server_publish(server, &load);
        reload_watch(&server->reload, load.sources.watch_directories, load.sources.watch_directory_count);
    }
    configuration_load_deinit(&load);
    size_t locked = 0;
    if (serves && listener_sockets_failed(&server->sockets, &locked) != 0 && locked != 0) {
        log_error("another instance serves %zu of these addresses: not starting beside it", locked);
        serves = false;
    }
    return serves;
}

static void server_serve(struct server *server) {
    server->ready = true;
    log_info("ready, %zu workers", server->worker_count);
    server_schedule(server);
    while (!server->ended) {
        int result = loop_turn(server->loop, timer_wheel_wait_ns(&server->timers, clock_monotonic_ns()));
        ASSERT(result >= 0);
        timer_wheel_advance(&server->timers, clock_monotonic_ns());
        for (size_t i = 0; i < SERVER_PORTS; i++)
            local_service_collect(&server->ports[i].service);
    }
}

static void server_stop_workers(struct server *server) {
    listener_sockets_deinit(&server->sockets);
    for (size_t i = 0; i < server->worker_count; i++)
        worker_stop(server->workers[i]);
    bool log_ended = log_writer_destroy(server->log_writer);
    /* A writer that is stuck in the kernel still reads the rings: they are left to the end of the process. */
    for (size_t i = 0; log_ended && i < server->worker_count; i++)
        worker_destroy(server->workers[i]);
    publisher_deinit(&server->publisher);
    destination_registry_deinit(&server->destinations);
    free(server->workers);
    if (log_ended)
        free(server->rings);
}

static void server_stop(struct server *server) {
    for (size_t i = 0; i < SERVER_PORTS; i++)
        own_port_deinit(&server->ports[i]);
    reload_report_deinit(&server->report);
    reload_deinit(&server->reload);
    resolution_deinit(&server->resolution);
    server_stop_workers(server);
    configuration_deinit(&server->configuration);
    identity_cache_destroy(server->identities);
    upstream_cache_destroy(server->upstreams);
    tls_tickets_destroy(server->tickets);
    free(server->told);
    if (server->loop != NULL) {
        loop_remove(server->loop, &server->signals);
        loop_destroy(server->loop);
    }
    if (server->signal_descriptor >= 0)
        close(server->signal_descriptor);
}

int server_run(const struct server_options *options) {
    struct server *server = memory_allocate_zeroed(1, sizeof(*server));
    server->options = options;
    server->signal_descriptor = -1;
    server->signals.descriptor = -1;
    server->tickets = tls_tickets_create();
    server->identities = identity_cache_create();
    server->upstreams = upstream_cache_create();
    struct compile_options compile_options = options->compile;
    compile_options.tickets = server->tickets;
    compile_options.identities = server->identities;
    compile_options.upstreams = server->upstreams;
    configuration_init(&server->configuration, options->paths, options->path_count, &compile_options);
    int result = server_start_machine(server);
    bool served = false;
    if (result < 0) {
        log_error("cannot start: %s", strerror(-result));
    } else if (server_start(server)) {
        server_serve(server);
        served = true;
    }
    server_stop(server);
    if (served)
        log_info("ended");
    free(server);
    return served ? 0 : 1;
}
