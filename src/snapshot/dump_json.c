#include "snapshot/dump_json.h"

#include "snapshot/access_log_operator_table.h"
#include "snapshot/dump_names.h"
#include "tls/client_demand.h"
#include "tls/identity.h"

static void put_text_unless_empty(struct json_writer *json, const char *key, struct span text) {
    if (text.size > 0)
        json_put_text(json, key, text);
}

static void put_number_unless_zero(struct json_writer *json, const char *key, uint64_t number) {
    if (number > 0)
        json_put_number(json, key, number);
}

static void put_texts(struct json_writer *json, const char *key, const struct span *items, size_t count) {
    if (count == 0)
        return;
    json_put_array(json, key);
    for (size_t i = 0; i < count; i++)
        json_text(json, items[i]);
    json_array_end(json);
}

static void put_origin(const struct snapshot *snapshot, uint32_t id, struct json_writer *json) {
    struct origin origin = snapshot_origin(snapshot, id);
    if (origin.object.size == 0)
        return;
    json_put_object(json, "origin");
    json_put_text(json, "object", origin.object);
    put_text_unless_empty(json, "file", origin.file);
    put_number_unless_zero(json, "line", origin.line);
    json_object_end(json);
}

/* --- Headers --- */

static void put_log_value(struct json_writer *json, const char *key, const struct access_log_value *value) {
    struct builder text = {.data = NULL};
    for (size_t i = 0; i < value->item_count; i++) {
        const struct access_log_item *item = &value->items[i];
        if (item->operator_ == ACCESS_LOG_LITERAL) {
            builder_put(&text, item->argument);
            continue;
        }
        builder_print(&text, "%%%s", access_log_operator_name(item->operator_));
        if (item->argument.size > 0 || item->alternative.size > 0)
            builder_print(&text, "(%.*s%s%.*s)", SPAN_ARGUMENTS(item->argument), item->alternative.size > 0 ? "?" : "",
                          SPAN_ARGUMENTS(item->alternative));
        if (item->size_max > 0)
            builder_print(&text, ":%zu", item->size_max);
        builder_put_byte(&text, '%');
    }
    json_put_text(json, key, builder_span(&text));
    builder_deinit(&text);
}

static void put_assignments(struct json_writer *json, const char *key, const struct header_assignment *items, size_t count) {
    if (count == 0)
        return;
    json_put_array(json, key);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(json);
        json_put_text(json, "name", items[i].name);
        put_log_value(json, "value", &items[i].value);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_header_rules(struct json_writer *json, const char *key, const struct header_rules *rules) {
    if (rules->remove_count + rules->set_count + rules->add_count == 0)
        return;
    json_put_object(json, key);
    put_texts(json, "remove", rules->remove, rules->remove_count);
    put_assignments(json, "set", rules->set, rules->set_count);
    put_assignments(json, "add", rules->add, rules->add_count);
    json_object_end(json);
}

static void put_headers(struct json_writer *json, const struct header_action *action) {
    if (action == NULL)
        return;
    json_put_object(json, "headers");
    put_text_unless_empty(json, "authority", action->authority);
    put_header_rules(json, "request", &action->request);
    put_header_rules(json, "response", &action->response);
    json_object_end(json);
}

static void put_destinations(struct json_writer *json, const struct destinations *destinations) {
    if (destinations->count == 0)
        return;
    json_put_array(json, "destinations");
    for (size_t i = 0; i < destinations->count; i++) {
        const struct weighted_cluster *item = &destinations->items[i];
        json_object_begin(json);
        json_put_text(json, "cluster", item->cluster_name);
        json_put_bool(json, "exists", item->cluster != NULL);
        json_put_number(json, "weight", item->weight);
        put_headers(json, item->headers);
        json_object_end(json);
    }
    json_array_end(json);
}

/* --- Listeners --- */

static void put_identity(struct json_writer *json, const char *key, const struct tls_identity *identity) {
    json_put_object(json, key);
    json_put_text(json, "serial", tls_identity_serial(identity));
    json_put_text(json, "key_type", tls_identity_key_type(identity));
    json_put_array(json, "names");
    for (size_t i = 0; i < tls_identity_name_count(identity); i++)
        json_text(json, tls_identity_name(identity, i));
    for (size_t i = 0; i < tls_identity_uri_count(identity); i++)
        json_text(json, tls_identity_uri(identity, i));
    json_array_end(json);
    json_object_end(json);
}

static void put_client_certificate(struct json_writer *json, const struct filter_chain *chain) {
    struct arena arena CLEANUP(arena_deinit);
    arena_init(&arena, 1024);
    if (chain->lacks_trust)
        json_put_text(json, "client_certificate", SPAN_LITERAL("nothing to trust, handshakes are closed"));
    else if (chain->client_demand != NULL)
        json_put_text(json, "client_certificate", tls_client_demand_describe(chain->client_demand, &arena));
}

static void put_certificates(struct json_writer *json, const struct filter_chain *chain) {
    if (!filter_chain_terminates_tls(chain))
        return;
    put_text_unless_empty(json, "credential", chain->credential_name);
    if (chain->identity != NULL) {
        put_identity(json, "certificate", chain->identity);
    } else {
        json_key(json, "certificate");
        json_null(json);
    }
    if (chain->second_identity != NULL)
        put_identity(json, "second_certificate", chain->second_identity);
    put_client_certificate(json, chain);
}

static void put_filter_chain(const struct snapshot *snapshot, const struct filter_chain *chain, struct json_writer *json) {
    json_object_begin(json);
    json_put_text(json, "name", chain->name);
    json_put_text(json, "kind", span_of(filter_chain_kind_name(chain->kind)));
    put_origin(snapshot, chain->id, json);
    put_texts(json, "server_names", chain->server_names, chain->server_name_count);
    put_text_unless_empty(json, "refused", chain->refusal);
    put_certificates(json, chain);
    if (chain->routes != NULL)
        json_put_text(json, "routes", chain->routes->name);
    put_destinations(json, &chain->destinations);
    json_object_end(json);
}

void listener_dump_json_open(const struct snapshot *snapshot, const struct listener *listener, struct json_writer *json) {
    json_object_begin(json);
    json_put_text(json, "bind", listener->bind);
    json_put_number(json, "port", listener->port);
    json_put_bool(json, "inspects_tls", listener->inspects_tls);
    json_put_array(json, "filter_chains");
    for (size_t i = 0; i < listener->filter_chain_count; i++)
        put_filter_chain(snapshot, listener->filter_chains[i], json);
    json_array_end(json);
}

/* --- Routes --- */

static void put_text_match(struct json_writer *json, const struct text_match *match) {
    static const char *const kinds[] = {"present", "exact", "prefix", "regex"};
    if (match->kind == TEXT_MATCH_PRESENT)
        json_put_bool(json, kinds[match->kind], true);
    else
        json_put_text(json, kinds[match->kind], match->value);
}

static void put_match(struct json_writer *json, const struct route_match *match) {
    static const char *const kinds[] = {"any", "exact", "prefix", "regex"};
    static const char *const subjects[] = {"scheme", "method", "authority", "header", "query_parameter"};
    json_put_object(json, "match");
    if (match->path_match == PATH_MATCH_ANY)
        json_put_bool(json, kinds[match->path_match], true);
    else
        json_put_text(json, kinds[match->path_match], match->path);
    if (match->ignore_case)
        json_put_bool(json, "ignore_case", true);
    if (match->condition_count > 0)
        json_put_array(json, "conditions");
    for (size_t i = 0; i < match->condition_count; i++) {
        const struct match_condition *condition = &match->conditions[i];
        json_object_begin(json);
        json_put_text(json, "subject", span_of(subjects[condition->subject]));
        put_text_unless_empty(json, "name", condition->name);
        put_text_match(json, &condition->text);
        if (condition->inverted)
            json_put_bool(json, "inverted", true);
        json_object_end(json);
    }
    if (match->condition_count > 0)
        json_array_end(json);
    json_object_end(json);
}

static void put_path_rewrite(struct json_writer *json, const struct path_rewrite *rewrite) {
    static const char *const kinds[] = {"none", "prefix", "whole", "regex"};
    if (rewrite->kind == PATH_REWRITE_NONE)
        return;
    json_put_object(json, "path");
    json_put_text(json, "kind", span_of(kinds[rewrite->kind]));
    put_number_unless_zero(json, "prefix_bytes", rewrite->prefix_size);
    json_put_text(json, "becomes", rewrite->text);
    json_object_end(json);
}

static void put_retry(struct json_writer *json, const struct retry_policy *retry) {
    json_put_object(json, "retry");
    json_put_number(json, "attempts", retry->attempts);
    if (retry->attempts > 0) {
        json_put_array(json, "on");
        for (size_t i = 0; i < RETRY_ON_COUNT; i++)
            if ((retry->retry_on & (1u << i)) != 0)
                json_text(json, span_of(retry_on_name(i)));
        json_array_end(json);
        json_put_array(json, "status_codes");
        for (size_t i = 0; i < retry->status_code_count; i++)
            json_number(json, retry->status_codes[i]);
        json_array_end(json);
        put_number_unless_zero(json, "per_try_timeout_ns", retry->per_try_timeout_ns);
        json_put_number(json, "backoff_base_ns", retry->backoff_base_ns);
        json_put_number(json, "backoff_max_ns", retry->backoff_max_ns);
    }
    json_object_end(json);
}

static void put_fault(struct json_writer *json, const struct fault_action *fault) {
    if (fault == NULL)
        return;
    json_put_object(json, "fault");
    if (fault->delay_ns > 0) {
        json_put_number(json, "delay_ns", fault->delay_ns);
        json_put_number(json, "delay_millionths", fault->delay_share);
    }
    if (fault->abort_status != 0) {
        json_put_number(json, "abort_status", (uint64_t)fault->abort_status);
        json_put_number(json, "abort_millionths", fault->abort_share);
    }
    json_object_end(json);
}

static void put_cors(struct json_writer *json, const struct cors_policy *cors) {
    if (cors == NULL)
        return;
    json_put_object(json, "cors");
    json_put_array(json, "origins");
    for (size_t i = 0; i < cors->origin_count; i++) {
        json_object_begin(json);
        put_text_match(json, &cors->origins[i]);
        json_object_end(json);
    }
    json_array_end(json);
    json_put_bool(json, "credentials", cors->allows_credentials);
    put_text_unless_empty(json, "methods", cors->allow_methods);
    put_text_unless_empty(json, "headers", cors->allow_headers);
    put_text_unless_empty(json, "exposes", cors->expose_headers);
    put_text_unless_empty(json, "max_age", cors->max_age);
    json_object_end(json);
}

static void put_mirrors(struct json_writer *json, const struct route *route) {
    if (route->mirror_count == 0)
        return;
    json_put_array(json, "mirrors");
    for (size_t i = 0; i < route->mirror_count; i++) {
        json_object_begin(json);
        json_put_text(json, "cluster", route->mirrors[i].cluster_name);
        json_put_bool(json, "exists", route->mirrors[i].cluster != NULL);
        json_put_number(json, "millionths", route->mirrors[i].share);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_forward(struct json_writer *json, const struct route *route) {
    put_destinations(json, &route->destinations);
    if (route->rewrite != NULL) {
        json_put_object(json, "rewrite");
        put_text_unless_empty(json, "authority", route->rewrite->authority);
        put_path_rewrite(json, &route->rewrite->path);
        json_object_end(json);
    }
    put_fault(json, route->fault);
    put_cors(json, route->cors);
    put_mirrors(json, route);
    put_retry(json, &route->retry);
    put_number_unless_zero(json, "timeout_ns", route->timeout_ns);
}

static void put_redirect(struct json_writer *json, const struct redirect_action *redirect) {
    json_put_number(json, "status", (uint64_t)redirect->status);
    put_text_unless_empty(json, "scheme", redirect->scheme);
    put_text_unless_empty(json, "authority", redirect->authority);
    put_number_unless_zero(json, "port", redirect->port);
    put_path_rewrite(json, &redirect->path);
}

static void put_route(const struct snapshot *snapshot, const struct route *route, struct json_writer *json) {
    static const char *const actions[] = {"forward", "refuse", "redirect", "direct_response"};
    json_object_begin(json);
    put_text_unless_empty(json, "name", route->name);
    put_origin(snapshot, route->id, json);
    put_match(json, &route->match);
    json_put_text(json, "action", span_of(actions[route->action]));
    switch (route->action) {
    case ROUTE_FORWARD: put_forward(json, route); break;
    case ROUTE_REFUSE: json_put_text(json, "refused", route->refusal); break;
    case ROUTE_REDIRECT: put_redirect(json, route->redirect); break;
    case ROUTE_DIRECT_RESPONSE:
        json_put_number(json, "status", (uint64_t)route->direct_response->status);
        json_put_number(json, "body_bytes", route->direct_response->body.size);
        break;
    }
    put_headers(json, route->headers);
    json_object_end(json);
}

static void put_route_table(const struct snapshot *snapshot, const struct route_table *table, struct json_writer *json) {
    json_object_begin(json);
    json_put_text(json, "name", table->name);
    json_put_array(json, "virtual_hosts");
    for (size_t i = 0; i < table->virtual_host_count; i++) {
        const struct virtual_host *host = table->virtual_hosts[i];
        json_object_begin(json);
        json_put_text(json, "domain", host->domain);
        json_put_bool(json, "redirects_to_https", host->require_tls);
        json_put_array(json, "routes");
        for (size_t route = 0; route < host->route_count; route++)
            put_route(snapshot, &host->routes[route], json);
        json_array_end(json);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

/* --- Clusters --- */

void cluster_dump_json_open(const struct cluster *cluster, struct json_writer *json) {
    json_object_begin(json);
    json_put_text(json, "name", cluster->name);
    json_put_text(json, "host", cluster->host);
    json_put_number(json, "port", cluster->port);
    json_put_text(json, "protocol", cluster_protocol_name(cluster->protocol));
    json_put_number(json, "connect_timeout_ns", cluster->connect_timeout_ns);
    put_text_unless_empty(json, "destination_rule", cluster->destination_rule);
    if (cluster->tls != NULL)
        json_put_text(json, cluster->tls_by_endpoint ? "tls_of_some_endpoints" : "tls", cluster->tls->description);
    put_text_unless_empty(json, "refused", cluster->refusal);
    if (cluster->name_count == 0)
        return;
    json_put_bool(json, "first_address_only", cluster->takes_first_address);
    json_put_array(json, "resolves");
    for (size_t i = 0; i < cluster->name_count; i++) {
        json_object_begin(json);
        json_put_text(json, "host", cluster->names[i].host);
        json_put_number(json, "port", cluster->names[i].port);
        json_put_number(json, "weight", cluster->names[i].weight);
        if (cluster->tls_by_endpoint)
            json_put_bool(json, "tls", cluster->names[i].uses_tls);
        json_object_end(json);
    }
    json_array_end(json);
}

static void put_cluster(const struct cluster *cluster, struct json_writer *json) {
    cluster_dump_json_open(cluster, json);
    json_put_array(json, "endpoints");
    for (size_t i = 0; i < cluster->endpoint_count; i++) {
        json_object_begin(json);
        json_put_text(json, "address", cluster->endpoints[i].address_text);
        if (cluster->weight_total > 0)
            json_put_number(json, "weight", cluster->endpoints[i].weight);
        if (cluster->tls_by_endpoint)
            json_put_bool(json, "tls", cluster->endpoints[i].uses_tls);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

static void put_settings(struct json_writer *json, const struct gateway_settings *settings) {
    json_put_object(json, "settings");
    json_put_number(json, "trusted_proxies", settings->trusted_proxy_count);
    if (settings->server_header_passes)
        json_put_bool(json, "server_header_passes", true);
    else
        json_put_text(json, "server_header", settings->server_header);
    json_put_text(json, "path_normalization", span_of(path_normalization_name(settings->path_normalization)));
    json_put_text(json, "x_forwarded_client_cert", span_of(client_certificate_forwarding_name(settings->client_certificate_forwarding)));
    json_put_number(json, "termination_drain_duration_ns", settings->termination_drain_duration_ns);
    json_put_bool(json, "request_id", !settings->request_id_disabled);
    json_put_bool(json, "attempt_count", !settings->attempt_count_disabled);
    json_put_bool(json, "envoy_debug_headers", !settings->envoy_debug_headers_disabled);
    json_put_bool(json, "strict_sni", settings->strict_sni);
    json_put_bool(json, "x_forwarded_host", settings->x_forwarded_host_enabled);
    json_put_bool(json, "x_forwarded_port", settings->x_forwarded_port_enabled);
    put_text_unless_empty(json, "access_log_path", settings->access_log_path);
    json_object_end(json);
}

void route_tables_dump_json(const struct snapshot *snapshot, struct json_writer *json) {
    json_array_begin(json);
    for (size_t i = 0; i < snapshot->route_table_count; i++)
        put_route_table(snapshot, snapshot->route_tables[i], json);
    json_array_end(json);
}

void snapshot_dump_json(const struct snapshot *snapshot, struct json_writer *json) {
    json_object_begin(json);
    json_put_number(json, "generation", snapshot->generation);
    json_put_object(json, "gateway");
    json_put_text(json, "namespace", snapshot->settings.gateway_namespace);
    json_put_text(json, "name", snapshot->settings.gateway_name);
    json_object_end(json);
    put_settings(json, &snapshot->settings);
    json_put_array(json, "listeners");
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        listener_dump_json_open(snapshot, snapshot->listeners[i], json);
        json_object_end(json);
    }
    json_array_end(json);
    json_key(json, "route_tables");
    route_tables_dump_json(snapshot, json);
    json_put_array(json, "clusters");
    for (size_t i = 0; i < snapshot->cluster_count; i++)
        put_cluster(snapshot->clusters[i], json);
    json_array_end(json);
    json_object_end(json);
}
