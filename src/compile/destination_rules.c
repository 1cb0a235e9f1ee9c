#include "compile/destination_rules.h"

#include "compile/compiler.h"
#include "compile/host_name.h"

enum rule_scope { SCOPE_PRIVATE, SCOPE_OWN, SCOPE_EXPORTED };

struct rule_list {
    const struct destination_rule **items;
    size_t count;
    size_t capacity;
};

static bool exported_privately(const struct compiler *compiler, const struct destination_rule *rule) {
    const struct located_list *list = rule->export_to.count > 0 ? &rule->export_to
                                                                 : &compiler->mesh.default_destination_rule_export_to;
    return list->count == 1 && (span_equal(list->items[0].text, SPAN_LITERAL(".")) ||
                                span_equal(list->items[0].text, rule->meta.namespace));
}

static bool policy_protects(const struct traffic_policy *policy) {
    if (policy == NULL)
        return false;
    if (policy->tls != NULL && (policy->tls->broken || policy->tls->mode != CLIENT_TLS_DISABLE))
        return true;
    for (const struct unsupported *item = policy->unsupported.first; item != NULL; item = item->next)
        if (item->restricts_or_encrypts)
            return true;
    for (size_t i = 0; i < policy->port_level_count; i++)
        if (policy_protects(&policy->port_level[i]))
            return true;
    return false;
}

/* An invalid rule is as good as absent, but for one that may have asked for encryption: without it requests would go in clear text. */
static bool rule_counts(const struct destination_rule *rule) {
    if (!rule->meta.invalid || policy_protects(rule->traffic_policy))
        return true;
    for (size_t i = 0; i < rule->subset_count; i++)
        if (policy_protects(rule->subsets[i].traffic_policy))
            return true;
    return false;
}

static bool in_scope(const struct compiler *compiler, const struct destination_rule *rule, enum rule_scope scope,
                     struct span namespace) {
    if (!span_equal(rule->meta.namespace, namespace) || !rule_counts(rule))
        return false;
    if (rule->has_workload_selector && (!span_equal(rule->meta.namespace, compiler->gateway_namespace) ||
                                        !label_set_contains(&compiler->gateway_labels, &rule->workload_selector)))
        return false;
    switch (scope) {
    case SCOPE_PRIVATE:
        return exported_privately(compiler, rule);
    case SCOPE_OWN:
    case SCOPE_EXPORTED:
        return compiler_exported(compiler, &rule->export_to, &compiler->mesh.default_destination_rule_export_to,
                                 rule->meta.namespace);
    }
    return false;
}

/* The rules' hosts in full, by index; resolved once. */
static const struct span *rule_hosts(struct compiler *compiler) {
    size_t count = compiler->resources->destination_rules.count;
    if (compiler->rule_hosts != NULL)
        return compiler->rule_hosts;
    compiler->rule_hosts = arena_new_array(&compiler->scratch, struct span, count);
    for (size_t i = 0; i < count; i++) {
        const struct destination_rule *rule = compiler->resources->destination_rules.items[i];
        compiler->rule_hosts[i] = host_name_resolve(&compiler->scratch, rule->host.text, rule->meta.namespace,
                                                    compiler->mesh.domain_suffix);
    }
    return compiler->rule_hosts;
}

/* Exact beats wildcard, the longer wildcard the shorter; a rule that selects this workload beats one that selects all. */
static size_t specificity(struct span host, const struct destination_rule *rule) {
    return (host_name_is_wildcard(host) ? host.size : SIZE_MAX / 4) * 2 + (rule->has_workload_selector ? 1 : 0);
}

static int compare_rules(const void *left, const void *right) {
    return object_meta_compare_age(&(*(const struct destination_rule *const *)left)->meta,
                                   &(*(const struct destination_rule *const *)right)->meta);
}

static void find_in(struct compiler *compiler, struct span host, enum rule_scope scope, struct span namespace,
                    struct rule_list *rules) {
    size_t best = 0;
    const struct span *hosts = rule_hosts(compiler);
    for (size_t i = 0; i < compiler->resources->destination_rules.count; i++) {
        const struct destination_rule *rule = compiler->resources->destination_rules.items[i];
        if (!host_name_is_subset(host, hosts[i]) || !in_scope(compiler, rule, scope, namespace))
            continue;
        size_t rank = specificity(hosts[i], rule);
        if (rank < best)
            continue;
        if (rank > best)
            rules->count = 0;
        best = rank;
        ARRAY_APPEND(&compiler->scratch, rules, rule);
    }
    array_sort(rules->items, rules->count, sizeof(rules->items[0]), compare_rules);
}

static void find_rules(struct compiler *compiler, struct span host, struct span service_namespace, struct rule_list *rules) {
    struct span root = compiler->mesh.root_namespace;
    bool in_root = span_equal(compiler->gateway_namespace, root);
    find_in(compiler, host, in_root ? SCOPE_PRIVATE : SCOPE_OWN, compiler->gateway_namespace, rules);
    if (rules->count == 0)
        find_in(compiler, host, SCOPE_EXPORTED, service_namespace, rules);
    if (rules->count == 0)
        find_in(compiler, host, SCOPE_EXPORTED, root, rules);
}

static const struct traffic_policy *policy_for_port(const struct traffic_policy *policy, uint16_t port) {
    for (size_t i = 0; i < policy->port_level_count; i++)
        if (policy->port_level[i].port.value == port)
            return &policy->port_level[i];
    return NULL;
}

void destination_policy_refuse(struct compiler *compiler, const struct destination_rule *rule, struct position position,
                               const char *what, struct destination_policy *policy) {
    bool allowed = compiler->options->allow_unsupported;
    if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_RESTRICTION, position, &rule->meta))
        compiler_report(compiler, compiler_restriction_severity(compiler), DIAGNOSTIC_UNSUPPORTED_RESTRICTION, position,
                        &rule->meta, allowed ? "" : "--allow-unsupported ignores it", "%s is not supported yet: %s", what,
                        allowed ? "it is ignored" : "what goes to this host is refused");
    if (!allowed && policy->refusal.size == 0)
        policy->refusal = arena_print(compiler->arena, "%.*s: %s is not supported", SPAN_ARGUMENTS(rule->meta.title), what);
}

static void report_unsupported(struct compiler *compiler, const struct destination_rule *rule,
                               const struct traffic_policy *written, struct destination_policy *policy) {
    for (const struct unsupported *item = written->unsupported.first; item != NULL; item = item->next) {
        if (item->restricts_or_encrypts)
            destination_policy_refuse(compiler, rule, item->position, arena_copy(&compiler->scratch, item->path).data, policy);
        else if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_FIELD, item->position, &rule->meta))
            compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_UNSUPPORTED_FIELD, item->position, &rule->meta, "",
                            "%.*s is not supported yet and has no effect", SPAN_ARGUMENTS(item->path));
    }
}

/* One level over what is there. Fields that no block holds are the level's own (unsupported ones) and add up. */
static void apply_level(struct compiler *compiler, const struct destination_rule *rule, const struct traffic_policy *written,
                        uint16_t port, struct destination_policy *policy) {
    const struct traffic_policy *port_level = policy_for_port(written, port);
    const struct traffic_policy *effective = port_level != NULL ? port_level : written;
    struct policy_part part = {rule, effective};
    struct policy_part none = {0};
    if (effective->tls != NULL || port_level != NULL)
        policy->tls = effective->tls != NULL ? part : none;
    if (effective->load_balancer != LOAD_BALANCER_UNSET || port_level != NULL)
        policy->load_balancer = effective->load_balancer != LOAD_BALANCER_UNSET ? part : none;
    if (effective->connection_pool != NULL || port_level != NULL)
        policy->connection_pool = effective->connection_pool != NULL ? part : none;
    report_unsupported(compiler, rule, effective, policy);
}

static const struct destination_subset *find_subset(const struct rule_list *rules, struct span name,
                                                    const struct destination_rule **ret_rule) {
    for (size_t i = 0; i < rules->count; i++) {
        for (size_t subset = 0; subset < rules->items[i]->subset_count; subset++) {
            if (!span_equal(rules->items[i]->subsets[subset].name.text, name))
                continue;
            *ret_rule = rules->items[i];
            return &rules->items[i]->subsets[subset];
        }
    }
    return NULL;
}

static void refuse_invalid(struct compiler *compiler, const struct destination_rule *rule, struct destination_policy *policy) {
    bool allowed = compiler->options->allow_unsupported;
    if (compiler_first_report(compiler, DIAGNOSTIC_UNSUPPORTED_RESTRICTION, rule->meta.name_position, &rule->meta))
        compiler_report(compiler, compiler_restriction_severity(compiler), DIAGNOSTIC_UNSUPPORTED_RESTRICTION, rule->meta.name_position,
                        &rule->meta, allowed ? "" : "mend it; --allow-unsupported ignores it",
                        "the object is invalid and asks for encryption or a restriction: %s",
                        allowed ? "it is ignored" : "what goes to this host is refused");
    if (!allowed)
        policy->refusal = arena_print(compiler->arena, "%.*s: it is invalid", SPAN_ARGUMENTS(rule->meta.title));
}

static void refuse_tls(struct compiler *compiler, struct destination_policy *policy) {
    const struct client_tls *tls = policy->tls.rule == NULL ? NULL : policy->tls.policy->tls;
    if (tls != NULL && tls->mode == CLIENT_TLS_ISTIO_MUTUAL && compiler->options->mesh_identity.size == 0)
        destination_policy_refuse(compiler, policy->tls.rule, tls->position, "trafficPolicy.tls of mode ISTIO_MUTUAL without --mesh-identity",
                                  policy);
}

void destination_policy_find(struct compiler *compiler, struct span host, struct span service_namespace, uint16_t port,
                             struct span subset, struct destination_policy *ret_policy) {
    struct destination_policy policy = {.has_subset = subset.size == 0};
    struct rule_list rules = {0};
    find_rules(compiler, host, service_namespace, &rules);
    for (size_t i = 0; i < rules.count; i++) {
        if (!rules.items[i]->meta.invalid)
            continue;
        refuse_invalid(compiler, rules.items[i], &policy);
        *ret_policy = policy;
        return;
    }
    for (size_t i = 0; i < rules.count; i++) {
        if (rules.items[i]->traffic_policy == NULL)
            continue;
        apply_level(compiler, rules.items[i], rules.items[i]->traffic_policy, port, &policy);
        break;
    }
    if (subset.size > 0)
        policy.subset = find_subset(&rules, subset, &policy.rule);
    if (policy.subset != NULL) {
        policy.has_subset = true;
        if (policy.subset->traffic_policy != NULL)
            apply_level(compiler, policy.rule, policy.subset->traffic_policy, port, &policy);
    }
    refuse_tls(compiler, &policy);
    *ret_policy = policy;
}

static bool has_subset(const struct destination_subset_list *list, struct span name) {
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(list->items[i]->name.text, name))
            return true;
    return false;
}

void destination_subsets_find(struct compiler *compiler, struct span host, struct span service_namespace,
                              struct destination_subset_list *ret_subsets) {
    struct rule_list rules = {0};
    find_rules(compiler, host, service_namespace, &rules);
    for (size_t i = 0; i < rules.count; i++)
        for (size_t j = 0; j < rules.items[i]->subset_count; j++)
            if (!has_subset(ret_subsets, rules.items[i]->subsets[j].name.text))
                ARRAY_APPEND(&compiler->scratch, ret_subsets, &rules.items[i]->subsets[j]);
}
