#include "server/admin.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/log.h"
#include "server/admin_explain.h"
#include "server/exposition_text.h"
#include "server/figures.h"
#include "server/status.h"
#include "snapshot/dump_json.h"

#define TEXT_PLAIN "text/plain; charset=utf-8"
#define JSON_TYPE "application/json"

/* An endpoint is a row: it is called with its own method only, after the guard. */
struct admin_endpoint {
    const char *path;
    bool changes; /* POST alone; else GET and HEAD */
    void (*answer)(const struct admin *admin, const struct local_request *request, struct local_answer *answer);
    const char *help;
};

void admin_say(struct local_answer *answer, int status, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    answer->status = status;
    answer->content_type = TEXT_PLAIN;
    builder_put(&answer->text, span_of(text));
    builder_put_byte(&answer->text, '\n');
}

struct json_writer admin_answer_json(struct local_answer *answer) {
    answer->status = 200;
    answer->content_type = JSON_TYPE;
    return json_writer_make(&answer->text);
}

bool admin_query(const struct local_request *request, struct span name, struct span *ret_value) {
    struct span rest = request->query, part;
    while (span_split(&rest, '&', &part)) {
        if (!span_starts_with(part, name) || part.size == name.size || part.data[name.size] != '=')
            continue;
        *ret_value = span_from(part, name.size + 1);
        return true;
    }
    return false;
}

static void answer_ready(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    admin_say(answer, *admin->ready ? 200 : 503, "%s", *admin->ready ? "ready" : "not ready");
}

static void answer_stats(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    answer->status = 200;
    answer->content_type = TEXT_PLAIN;
    figures_write_plain(admin->publisher->workers, admin->publisher->worker_count, &answer->text);
}

static void answer_prometheus(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    answer->status = 200;
    answer->content_type = EXPOSITION_CONTENT_TYPE;
    exposition_write(admin->exposition, &answer->text);
}

static void answer_snapshot(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    const struct snapshot *snapshot = publisher_current(admin->publisher);
    struct json_writer json = admin_answer_json(answer);
    snapshot_dump_json(snapshot, &json);
    json_finish(&json);
}

static void answer_diagnostics(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    struct json_writer json = admin_answer_json(answer);
    json_object_begin(&json);
    json_put_number(&json, "generation", publisher_current(admin->publisher)->generation);
    reload_report_write(admin->report, &json);
    json_object_end(&json);
    json_finish(&json);
}

static void answer_drain(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    bool begun = !*admin->ready;
    admin->drain(admin->argument);
    admin_say(answer, 200, "%s", begun ? "draining already" : "draining: not ready any more, connections are asked to close; SIGTERM ends the gateway");
}

static void answer_logging(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)admin;
    struct span name;
    enum log_level level;
    if (request->query.size == 0) {
        admin_say(answer, 200, "level: %s", log_level_name(log_get_level()));
        return;
    }
    if (!admin_query(request, SPAN_LITERAL("level"), &name) || !log_level_of(name, &level)) {
        admin_say(answer, 400, "want ?level=debug, info, warning or error");
        return;
    }
    log_set_level(level);
    log_info("log level: %s, as the administration was asked", log_level_name(level));
    admin_say(answer, 200, "level: %s", log_level_name(level));
}

static void answer_help(const struct admin *admin, const struct local_request *request, struct local_answer *answer);

static const struct admin_endpoint endpoints[] = {
    {"/", false, answer_help, "this list"},
    {"/certs", false, admin_answer_certificates, "the certificates that clients are shown, with their expiry, as JSON"},
    {"/clusters", false, admin_answer_clusters, "the destinations of routes and their endpoints now, as JSON"},
    {"/diagnostics", false, answer_diagnostics, "what the last load of the configuration had to say, as JSON"},
    {"/drain", true, answer_drain, "as SIGTERM, without the end: not ready, connections are asked to close"},
    {"/explain", true, admin_explain, "what becomes of the request in the body, and why; ?format=json"},
    {"/listeners", false, admin_answer_listeners, "ports, whether they are bound, and their filter chains, as JSON"},
    {"/logging", true, answer_logging, "?level=debug, info, warning or error; without it: the present level"},
    {"/ready", false, answer_ready, "200 while the gateway serves, 503 when it drains"},
    {"/routes", false, admin_answer_routes, "virtual hosts and their routes, as JSON"},
    {"/snapshot", false, answer_snapshot, "what is served, as JSON"},
    {"/stats", false, answer_stats, "the gateway's counters, summed over its workers"},
    {"/stats/prometheus", false, answer_prometheus, "the same and Istio's standard metrics, for Prometheus"},
};

static void answer_help(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)admin;
    (void)request;
    answer->status = 200;
    answer->content_type = TEXT_PLAIN;
    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++)
        builder_print(&answer->text, "%-4s %-18s  %s\n", endpoints[i].changes ? "POST" : "GET", endpoints[i].path, endpoints[i].help);
}

/* A web page that the user of this machine visits must neither read nor change anything. Its requests bear the page's origin (or say that they
 * come from another site), and where a name of the page's was bent to this address (DNS rebinding), they bear that name as their Host: so
 * only addresses and "localhost" are names of ours. */
static bool is_own_host(struct span host) {
    struct network_address address;
    if (host.size == 0 || span_equal(host, SPAN_LITERAL("localhost")))
        return true;
    if (span_starts_with(host, SPAN_LITERAL("[")) && span_ends_with(host, SPAN_LITERAL("]")))
        host = span_make(host.data + 1, host.size - 2);
    return network_address_parse(host, 0, &address);
}

static bool is_from_page(const struct message_head *head) {
    if (message_head_has(head, HEADER_ORIGIN)) {
        struct span origin = message_head_value(head, HEADER_ORIGIN), http = SPAN_LITERAL("http://");
        if (!span_starts_with(origin, http) || !span_equal(span_from(origin, http.size), head->authority))
            return true;
    }
    const struct header *site = message_head_find_name(head, SPAN_LITERAL("sec-fetch-site"));
    return site != NULL && !span_equal(site->value, SPAN_LITERAL("same-origin")) && !span_equal(site->value, SPAN_LITERAL("none"));
}

static bool is_allowed(const struct admin_endpoint *endpoint, const struct local_request *request, struct local_answer *answer) {
    if (!endpoint->changes)
        return status_is_reading(request, answer);
    if (request->head->method_token == HTTP_METHOD_POST)
        return true;
    answer->status = 405;
    answer->allow = "POST";
    return false;
}

void admin_answer(void *argument, const struct local_request *request, struct local_answer *ret_answer) {
    const struct admin *admin = argument;
    if (!is_own_host(request->head->host)) {
        admin_say(ret_answer, 403, "forbidden: the Host must be localhost or an address");
        return;
    }
    if (is_from_page(request->head)) {
        admin_say(ret_answer, 403, "forbidden: this request comes from a web page");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
        if (!span_equal(request->path, span_of(endpoints[i].path)))
            continue;
        if (is_allowed(&endpoints[i], request, ret_answer))
            endpoints[i].answer(admin, request, ret_answer);
        return;
    }
    admin_say(ret_answer, 404, "no such endpoint; / lists them");
}
