#include <inttypes.h>

#include "base/clock.h"
#include "snapshot/access_log_operator_table.h"
#include "snapshot/dump_names.h"
#include "snapshot/snapshot.h"
#include "tls/client_demand.h"
#include "tls/identity.h"

static void print_duration(FILE *output, uint64_t duration_ns) {
    if (duration_ns % SECONDS(1) == 0)
        fprintf(output, "%llus", duration_ns / SECONDS(1));
    else if (duration_ns % MILLISECONDS(1) == 0)
        fprintf(output, "%llums", duration_ns / MILLISECONDS(1));
    else
        fprintf(output, "%" PRIu64 "ns", duration_ns);
}

/* Names and texts come from the configuration: control bytes must not move the reader's cursor. */
static void print_text(FILE *output, struct span text) {
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte == '\n')
            fputs("\\n", output);
        else if (byte < 0x20 || byte == 0x7f)
            fprintf(output, "\\x%02x", byte);
        else
            fputc(byte, output);
    }
}

static void print_line(FILE *output, const char *label, struct span text) {
    fputs(label, output);
    print_text(output, text);
    fputc('\n', output);
}

static void dump_settings(const struct gateway_settings *settings, FILE *output) {
    fputs("gateway ", output);
    print_text(output, settings->gateway_namespace);
    fputc('/', output);
    print_text(output, settings->gateway_name);
    fprintf(output, "\n  trusted proxies: %u\n", settings->trusted_proxy_count);
    if (settings->server_header_passes)
        fputs("  server header: the upstream's\n", output);
    else
        print_line(output, "  server header: ", settings->server_header);
    fprintf(output, "  path normalization: %s\n", path_normalization_name(settings->path_normalization));
    if (settings->client_certificate_forwarding != CLIENT_CERTIFICATE_SANITIZE_SET)
        fprintf(output, "  x-forwarded-client-cert: %s\n", client_certificate_forwarding_name(settings->client_certificate_forwarding));
    fputs("  drain: ", output);
    print_duration(output, settings->termination_drain_duration_ns);
    fputc('\n', output);
    static const char *const names[] = {"request id disabled", "attempt count disabled", "debug headers disabled",
                                        "x-forwarded-host added", "x-forwarded-port added"};
    const bool flags[] = {settings->request_id_disabled, settings->attempt_count_disabled,
                          settings->envoy_debug_headers_disabled, settings->x_forwarded_host_enabled,
                          settings->x_forwarded_port_enabled};
    for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
        if (flags[i])
            fprintf(output, "  %s\n", names[i]);
}

static void dump_log_item(const struct access_log_item *item, FILE *output) {
    if (item->operator_ == ACCESS_LOG_LITERAL) {
        print_text(output, item->argument);
        return;
    }
    fprintf(output, "%%%s", access_log_operator_name(item->operator_));
    if (item->argument.size > 0 || item->alternative.size > 0) {
        fputc('(', output);
        print_text(output, item->argument);
        if (item->alternative.size > 0)
            fputc('?', output);
        print_text(output, item->alternative);
        fputc(')', output);
    }
    if (item->size_max > 0)
        fprintf(output, ":%zu", item->size_max);
    fputc('%', output);
}

static void dump_log_value(const struct access_log_value *value, FILE *output) {
    for (size_t i = 0; i < value->item_count; i++)
        dump_log_item(&value->items[i], output);
    fputc('\n', output);
}

static void dump_log_fields(const struct access_log_field *fields, size_t count, int depth, FILE *output) {
    for (size_t i = 0; i < count; i++) {
        fprintf(output, "%*s", 2 * depth, "");
        print_text(output, fields[i].key_json);
        if (fields[i].field_count > 0) {
            fputc('\n', output);
            dump_log_fields(fields[i].fields, fields[i].field_count, depth + 1, output);
        } else {
            fputc(' ', output);
            dump_log_value(&fields[i].value, output);
        }
    }
}

static void dump_access_log(const struct snapshot *snapshot, FILE *output) {
    if (snapshot->access_log == NULL) {
        fputs("access log: none\n", output);
        return;
    }
    fprintf(output, "access log: %s to ", snapshot->access_log->json ? "JSON" : "TEXT");
    print_line(output, "", snapshot->settings.access_log_path);
    if (snapshot->access_log->json) {
        dump_log_fields(snapshot->access_log->fields, snapshot->access_log->field_count, 1, output);
    } else {
        fputs("  ", output);
        dump_log_value(&snapshot->access_log->text, output);
    }
}

static void dump_headers(const struct header_action *action, const char *indent, FILE *output);

static void dump_destinations(const struct destinations *destinations, const char *indent, FILE *output) {
    for (size_t i = 0; i < destinations->count; i++) {
        const struct weighted_cluster *item = &destinations->items[i];
        fprintf(output, "%sto ", indent);
        print_text(output, item->cluster_name);
        if (destinations->count > 1)
            fprintf(output, " weight %u of %" PRIu64, item->weight, destinations->weight_total);
        fprintf(output, "%s\n", item->cluster == NULL ? " (no such cluster)" : "");
        dump_headers(item->headers, "        ", output);
    }
}

static void dump_identity(const struct tls_identity *identity, FILE *output) {
    fputs("    certificate: ", output);
    print_text(output, tls_identity_key_type(identity));
    fputs(", chain of ", output);
    fprintf(output, "%zu, for", tls_identity_chain_size(identity));
    size_t name_count = tls_identity_name_count(identity);
    for (size_t i = 0; i < name_count + tls_identity_uri_count(identity); i++) {
        fputs(i == 0 ? " " : ", ", output);
        print_text(output, i < name_count ? tls_identity_name(identity, i) : tls_identity_uri(identity, i - name_count));
    }
    fputc('\n', output);
}

static void dump_certificates(const struct filter_chain *chain, FILE *output) {
    print_line(output, "    credential: ", chain->credential_name);
    if (chain->identity == NULL)
        fputs("    certificate: none, handshakes are closed\n", output);
    else
        dump_identity(chain->identity, output);
    if (chain->second_identity != NULL)
        dump_identity(chain->second_identity, output);
    if (chain->lacks_trust)
        fputs("    client certificate: nothing to trust, handshakes are closed\n", output);
    if (chain->client_demand == NULL)
        return;
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, 1024);
    print_line(output, "    client certificate: ", tls_client_demand_describe(chain->client_demand, &arena));
}

static void dump_filter_chain(const struct filter_chain *chain, FILE *output) {
    fprintf(output, "  chain %s of ", filter_chain_kind_name(chain->kind));
    print_line(output, "", chain->name);
    if (chain->server_name_count == 0)
        fputs("    sni: any or none\n", output);
    for (size_t i = 0; i < chain->server_name_count; i++)
        print_line(output, "    sni: ", chain->server_names[i]);
    if (chain->refusal.size > 0)
        print_line(output, "    refused: ", chain->refusal);
    else if (filter_chain_terminates_tls(chain))
        dump_certificates(chain, output);
    if (chain->routes != NULL)
        print_line(output, "    routes: ", chain->routes->name);
    if (chain->wants_mesh_protocol)
        fputs("    alpn: one of Istio's\n", output);
    dump_destinations(&chain->destinations, "    ", output);
}

static void dump_listener(const struct listener *listener, FILE *output) {
    fputs("listener ", output);
    print_text(output, listener->bind.size == 0 ? SPAN_LITERAL("*") : listener->bind);
    fprintf(output, " port %u%s\n", listener->port, listener->inspects_tls ? ", inspects TLS" : "");
    for (size_t i = 0; i < listener->filter_chain_count; i++)
        dump_filter_chain(listener->filter_chains[i], output);
}

static void dump_retry(const struct retry_policy *retry, FILE *output) {
    fprintf(output, "      retries: %u", retry->attempts);
    const char *separator = " on ";
    for (size_t i = 0; i < RETRY_ON_COUNT && retry->attempts > 0; i++) {
        if ((retry->retry_on & (1u << i)) == 0)
            continue;
        fprintf(output, "%s%s", separator, retry_on_name(i));
        separator = ",";
    }
    for (size_t i = 0; i < retry->status_code_count && retry->attempts > 0; i++)
        fprintf(output, ",%u", retry->status_codes[i]);
    if (retry->attempts > 0 && retry->per_try_timeout_ns > 0) {
        fputs(", per try ", output);
        print_duration(output, retry->per_try_timeout_ns);
    }
    if (retry->attempts > 0 && retry->revisits_endpoints)
        fputs(", also where it failed", output);
    fputc('\n', output);
}

static void dump_text_match(const struct text_match *match, FILE *output) {
    static const char *const kinds[] = {"present", "exact ", "prefix ", "regex "};
    fputs(kinds[match->kind], output);
    if (match->kind != TEXT_MATCH_PRESENT)
        print_text(output, match->value);
}

static void dump_condition(const struct match_condition *condition, FILE *output) {
    static const char *const subjects[] = {"scheme", "method", "authority", "header ", "query "};
    fprintf(output, "      %s %s", condition->inverted ? "unless" : "if", subjects[condition->subject]);
    print_text(output, condition->name);
    fputc(' ', output);
    dump_text_match(&condition->text, output);
    fputc('\n', output);
}

static void dump_route_match(const struct route_match *match, FILE *output) {
    static const char *const kinds[] = {"any", "exact", "prefix", "regex"};
    fprintf(output, "    route %s%s", kinds[match->path_match], match->path.size > 0 ? " " : "");
    print_text(output, match->path);
    if (match->ignore_case)
        fputs(" in any case", output);
}

static void dump_path_rewrite(const struct path_rewrite *rewrite, FILE *output) {
    if (rewrite->kind == PATH_REWRITE_NONE)
        return;
    if (rewrite->kind == PATH_REWRITE_PREFIX)
        fprintf(output, "      first %zu bytes of the path become: ", rewrite->prefix_size);
    else
        fputs(rewrite->kind == PATH_REWRITE_WHOLE ? "      path becomes: " : "      matches in the path become: ", output);
    print_line(output, "", rewrite->text);
}

static void dump_authority(struct span authority, const char *indent, FILE *output) {
    if (authority.size == 0)
        return;
    fprintf(output, "%sauthority becomes: ", indent);
    print_line(output, "", authority);
}

static void dump_header_rules(const struct header_rules *rules, const char *indent, const char *what, FILE *output) {
    for (size_t i = 0; i < rules->remove_count; i++) {
        fprintf(output, "%s%s header removed: ", indent, what);
        print_line(output, "", rules->remove[i]);
    }
    for (size_t i = 0; i < rules->set_count + rules->add_count; i++) {
        bool sets = i < rules->set_count;
        const struct header_assignment *item = sets ? &rules->set[i] : &rules->add[i - rules->set_count];
        fprintf(output, "%s%s header %s: ", indent, what, sets ? "set" : "added");
        print_text(output, item->name);
        fputs(": ", output);
        dump_log_value(&item->value, output);
    }
}

static void dump_headers(const struct header_action *action, const char *indent, FILE *output) {
    if (action == NULL)
        return;
    dump_authority(action->authority, indent, output);
    dump_header_rules(&action->request, indent, "request", output);
    dump_header_rules(&action->response, indent, "response", output);
}

static void dump_redirect(const struct redirect_action *action, FILE *output) {
    fprintf(output, "      redirects with %d\n", action->status);
    if (action->scheme.size > 0)
        print_line(output, "      scheme becomes: ", action->scheme);
    dump_authority(action->authority, "      ", output);
    if (action->port > 0)
        fprintf(output, "      port becomes: %u\n", action->port);
    dump_path_rewrite(&action->path, output);
}

/* In percent, as it was written. */
static void print_share(FILE *output, uint32_t share) {
    fprintf(output, "%g%%", share / 1e4);
}

static void dump_fault(const struct fault_action *fault, FILE *output) {
    if (fault != NULL && fault->delay_ns > 0) {
        fputs("      delays ", output);
        print_share(output, fault->delay_share);
        fputs(" by ", output);
        print_duration(output, fault->delay_ns);
        fputc('\n', output);
    }
    if (fault == NULL || fault->abort_status == 0)
        return;
    fputs("      aborts ", output);
    print_share(output, fault->abort_share);
    fprintf(output, " with %d", fault->abort_status);
    if (fault->grpc_status >= 0)
        fprintf(output, ", gRPC status %d", fault->grpc_status);
    fputc('\n', output);
}

static void dump_mirrors(const struct route *route, FILE *output) {
    for (size_t i = 0; i < route->mirror_count; i++) {
        fputs("      mirrors ", output);
        print_share(output, route->mirrors[i].share);
        fputs(" to ", output);
        print_text(output, route->mirrors[i].cluster_name);
        fputs(route->mirrors[i].cluster == NULL ? " (no such cluster)\n" : "\n", output);
    }
}

static void dump_cors(const struct cors_policy *cors, FILE *output) {
    if (cors == NULL)
        return;
    fprintf(output, "      cors%s%s\n", cors->allows_credentials ? ", credentials allowed" : "",
            cors->answers_unmatched_preflights ? ", answers every preflight" : "");
    for (size_t i = 0; i < cors->origin_count; i++) {
        fputs("        origin ", output);
        dump_text_match(&cors->origins[i], output);
        fputc('\n', output);
    }
    const char *const labels[] = {"        methods ", "        headers ", "        exposes ", "        max age "};
    const struct span values[] = {cors->allow_methods, cors->allow_headers, cors->expose_headers, cors->max_age};
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
        if (values[i].size > 0)
            print_line(output, labels[i], values[i]);
}

static void dump_treatment(const struct route *route, FILE *output) {
    dump_fault(route->fault, output);
    dump_cors(route->cors, output);
    dump_mirrors(route, output);
    dump_retry(&route->retry, output);
    if (route->timeout_ns == 0)
        return;
    fputs("      timeout: ", output);
    print_duration(output, route->timeout_ns);
    fputc('\n', output);
}

static void dump_forward(const struct route *route, FILE *output) {
    dump_destinations(&route->destinations, "      ", output);
    if (route->rewrite != NULL) {
        dump_authority(route->rewrite->authority, "      ", output);
        dump_path_rewrite(&route->rewrite->path, output);
    }
    dump_treatment(route, output);
}

void snapshot_dump_treatment(const struct route *route, FILE *output) {
    if (route->action == ROUTE_FORWARD)
        dump_treatment(route, output);
    dump_headers(route->headers, "      ", output);
}

void snapshot_dump_action(const struct route *route, FILE *output) {
    switch (route->action) {
    case ROUTE_REFUSE:
        print_line(output, "      refused: ", route->refusal);
        return;
    case ROUTE_FORWARD:
        dump_forward(route, output);
        break;
    case ROUTE_REDIRECT:
        dump_redirect(route->redirect, output);
        break;
    case ROUTE_DIRECT_RESPONSE:
        fprintf(output, "      answers %d with %zu bytes\n", route->direct_response->status, route->direct_response->body.size);
        break;
    }
    dump_headers(route->headers, "      ", output);
}

static void dump_route(const struct route *route, FILE *output) {
    dump_route_match(&route->match, output);
    if (route->name.size > 0) {
        fputs(" named ", output);
        print_text(output, route->name);
    }
    fputc('\n', output);
    for (size_t i = 0; i < route->match.condition_count; i++)
        dump_condition(&route->match.conditions[i], output);
    snapshot_dump_action(route, output);
}

static void dump_route_table(const struct route_table *table, FILE *output) {
    print_line(output, "routes ", table->name);
    for (size_t i = 0; i < table->virtual_host_count; i++) {
        const struct virtual_host *host = table->virtual_hosts[i];
        fputs("  host ", output);
        print_text(output, host->domain);
        fprintf(output, "%s\n", host->require_tls ? ", redirects to https" : "");
        for (size_t route = 0; route < host->route_count; route++)
            dump_route(&host->routes[route], output);
    }
}

void snapshot_dump_cluster(const struct cluster *cluster, FILE *output) {
    print_line(output, "cluster ", cluster->name);
    fprintf(output, "  protocol: %.*s\n  connect timeout: ", SPAN_ARGUMENTS(cluster_protocol_name(cluster->protocol)));
    print_duration(output, cluster->connect_timeout_ns);
    fputc('\n', output);
    if (cluster->tls != NULL)
        print_line(output, cluster->tls_by_endpoint ? "  tls of some endpoints: " : "  tls: ", cluster->tls->description);
    if (cluster->refusal.size > 0)
        print_line(output, "  refused: ", cluster->refusal);
    for (size_t i = 0; i < cluster->endpoint_count; i++) {
        fprintf(output, "  endpoint %.*s", SPAN_ARGUMENTS(cluster->endpoints[i].address_text));
        if (cluster->weight_total > 0)
            fprintf(output, " weight %u of %" PRIu64, cluster->endpoints[i].weight, cluster->weight_total);
        fputs(cluster->tls_by_endpoint && cluster->endpoints[i].uses_tls ? " tls\n" : "\n", output);
    }
    for (size_t i = 0; i < cluster->name_count; i++)
        fprintf(output, "  resolves %.*s port %u weight %u%s%s\n", SPAN_ARGUMENTS(cluster->names[i].host), cluster->names[i].port,
                cluster->names[i].weight, cluster->takes_first_address ? ", first address" : "",
                cluster->tls_by_endpoint && cluster->names[i].uses_tls ? ", tls" : "");
    if (cluster->endpoint_count == 0 && cluster->name_count == 0)
        fputs("  no endpoint\n", output);
}

void snapshot_dump(const struct snapshot *snapshot, FILE *output) {
    dump_settings(&snapshot->settings, output);
    dump_access_log(snapshot, output);
    for (size_t i = 0; i < snapshot->listener_count; i++)
        dump_listener(snapshot->listeners[i], output);
    for (size_t i = 0; i < snapshot->route_table_count; i++)
        dump_route_table(snapshot->route_tables[i], output);
    for (size_t i = 0; i < snapshot->cluster_count; i++)
        snapshot_dump_cluster(snapshot->clusters[i], output);
}
