#include "compile/delegates.h"

#include "compile/compiler.h"
#include "compile/host_name.h"
#include "compile/virtual_services.h"

/* A rule that delegates, and the delegate whose rules replace it. */
struct delegation {
    struct compiler *compiler;
    const struct http_route *rule; /* of the root, its gateways resolved */
    const struct virtual_service *delegate;
    const struct object_meta *meta; /* of what is merged */
};

struct located delegate_names_join(struct arena *arena, const struct located *root, const struct located *delegate) {
    if (root->text.size == 0 || delegate->text.size == 0)
        return root->text.size == 0 ? *delegate : *root;
    struct span name = arena_print(arena, "%.*s-%.*s", SPAN_ARGUMENTS(root->text), SPAN_ARGUMENTS(delegate->text));
    return (struct located){name, delegate->position};
}

/* --- Names of the one namespace made good for the other --- */

static struct http_match *resolve_matches(struct arena *arena, const struct http_route *rule, struct span namespace) {
    struct http_match *matches = arena_new_array(arena, struct http_match, rule->match_count);
    for (size_t i = 0; i < rule->match_count; i++) {
        matches[i] = rule->matches[i];
        struct located_list *gateways = &matches[i].gateways;
        const struct located *written = gateways->items;
        gateways->items = arena_new_array(arena, struct located, gateways->count);
        for (size_t name = 0; name < gateways->count; name++)
            gateways->items[name] =
                (struct located){gateway_name_resolve(arena, written[name].text, namespace), written[name].position};
    }
    return matches;
}

static void resolve_destination(const struct delegation *delegation, struct route_destination *destination) {
    struct compiler *compiler = delegation->compiler;
    destination->host.text = host_name_resolve(&compiler->scratch, destination->host.text, delegation->delegate->meta.namespace,
                                               compiler->mesh.domain_suffix);
}

static void resolve_destinations(const struct delegation *delegation, struct http_route *rule) {
    struct arena *arena = &delegation->compiler->scratch;
    const struct route_destination *destinations = rule->destinations;
    const struct http_mirrors *written = rule->mirrors;
    rule->destinations = arena_new_array(arena, struct route_destination, rule->destination_count);
    for (size_t i = 0; i < rule->destination_count; i++) {
        rule->destinations[i] = destinations[i];
        resolve_destination(delegation, &rule->destinations[i]);
    }
    struct http_mirrors *mirrors = arena_new(arena, struct http_mirrors);
    *mirrors = *written;
    mirrors->items = arena_new_array(arena, struct http_mirror, written->count);
    for (size_t i = 0; i < written->count; i++) {
        mirrors->items[i] = written->items[i];
        resolve_destination(delegation, &mirrors->items[i].destination);
    }
    if (mirrors->single.is_set)
        resolve_destination(delegation, &mirrors->single.destination);
    rule->mirrors = mirrors;
}

/* --- Merging --- */

static const struct http_mirrors *inherit_mirrors(struct arena *arena, const struct http_mirrors *root, const struct http_mirrors *own) {
    struct http_mirrors *merged = arena_new(arena, struct http_mirrors);
    struct located_number share = own->single.share.is_set ? own->single.share : root->single.share;
    *merged = *own;
    if (!merged->single.is_set)
        merged->single = root->single;
    merged->single.share = share;
    if (!merged->deprecated_share.is_set)
        merged->deprecated_share = root->deprecated_share;
    if (merged->count == 0) {
        merged->items = root->items;
        merged->count = root->count;
    }
    return merged;
}

/* What the delegate's rule does not say is as the root's rule has it. */
static void inherit(struct arena *arena, const struct http_route *root, struct http_route *merged) {
    if (!merged->rewrite->is_set)
        merged->rewrite = root->rewrite;
    if (!merged->direct_response->is_set)
        merged->direct_response = root->direct_response;
    if (!merged->timeout_ns.is_set)
        merged->timeout_ns = root->timeout_ns;
    if (!merged->retries->is_set)
        merged->retries = root->retries;
    if (!merged->fault->is_set)
        merged->fault = root->fault;
    if (!merged->cors->is_set)
        merged->cors = root->cors;
    if (!merged->has_headers)
        merged->headers = root->headers;
    merged->mirrors = inherit_mirrors(arena, root->mirrors, merged->mirrors);
}

static void merge_rule(const struct delegation *delegation, const struct http_route *written, struct bound_rule_list *rules) {
    struct compiler *compiler = delegation->compiler;
    struct arena *arena = &compiler->scratch;
    const struct http_route *root = delegation->rule;
    struct http_route *merged = arena_new(arena, struct http_route);
    *merged = *written;
    merged->matches = resolve_matches(arena, written, delegation->delegate->meta.namespace);
    if (!delegate_matches_merge(arena, root, merged, &merged->matches, &merged->match_count)) {
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_ROUTE_MATCH, written->position, delegation->meta,
                        "let each of its matches be a part of one of the delegating rule's",
                        "a match of the rule fits no match of the rule that delegates to it; the rule is left out");
        return;
    }
    merged->name = delegate_names_join(arena, &root->name, &written->name);
    resolve_destinations(delegation, merged);
    inherit(arena, root, merged);
    ARRAY_APPEND(arena, rules, ((struct bound_rule){merged, delegation->meta}));
}

static const struct object_meta *merged_meta(struct compiler *compiler, const struct object_meta *root, const struct object_meta *delegate) {
    struct arena *arena = &compiler->scratch;
    struct object_meta *meta = arena_new(arena, struct object_meta);
    *meta = *delegate;
    meta->namespace = root->namespace;
    meta->title = arena_print(arena, "%.*s, delegate of %.*s/%.*s", SPAN_ARGUMENTS(delegate->title), SPAN_ARGUMENTS(root->namespace),
                              SPAN_ARGUMENTS(root->name));
    return meta;
}

/* --- Finding --- */

static bool is_exported(const struct compiler *compiler, const struct virtual_service *delegate, struct span namespace) {
    const struct located_list *list = &delegate->export_to;
    if (list->count == 0)
        list = &compiler->mesh.default_virtual_service_export_to;
    bool exported = list->count == 0;
    for (size_t i = 0; i < list->count; i++) {
        struct span name = list->items[i].text;
        bool is_own = span_equal(name, SPAN_LITERAL(".")) && span_equal(namespace, delegate->meta.namespace);
        exported |= is_own || span_equal(name, SPAN_LITERAL("*")) || span_equal(name, namespace);
    }
    return exported;
}

static const struct virtual_service *find_delegate(struct compiler *compiler, const struct virtual_service *root,
                                                   const struct http_delegate *written) {
    struct span namespace = written->namespace.text.size > 0 ? written->namespace.text : root->meta.namespace;
    struct object_meta *meta =
        resource_set_find(compiler->resources, RESOURCE_VIRTUAL_SERVICE, namespace, written->name.text);
    const struct virtual_service *delegate = meta == NULL ? NULL : CONTAINER_OF(meta, struct virtual_service, meta);
    const char *fault = NULL, *hint = "correct the name, or add the VirtualService";
    if (delegate == NULL) {
        fault = "is not in the input";
    } else if (meta->invalid) {
        fault = "is not valid", hint = "mend it";
    } else if (delegate->hosts.count > 0) {
        fault = "has hosts, so it is no delegate", hint = "remove its hosts and gateways";
    } else if (!is_exported(compiler, delegate, root->meta.namespace)) {
        fault = "is not exported to this namespace", hint = "add the namespace to its exportTo";
    }
    if (fault == NULL)
        return delegate;
    compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_ROUTE_DELEGATE, written->position, &root->meta, hint,
                    "VirtualService %.*s/%.*s %s; the rule that delegates to it is left out", SPAN_ARGUMENTS(namespace),
                    SPAN_ARGUMENTS(written->name.text), fault);
    return NULL;
}

static void bind_delegate(struct compiler *compiler, const struct virtual_service *root, const struct http_route *rule,
                          struct bound_rule_list *rules) {
    const struct virtual_service *delegate = find_delegate(compiler, root, rule->delegate);
    if (delegate == NULL)
        return;
    struct http_route resolved = *rule;
    resolved.matches = resolve_matches(&compiler->scratch, rule, root->meta.namespace);
    struct delegation delegation = {.compiler = compiler, .rule = &resolved, .delegate = delegate,
                                    .meta = merged_meta(compiler, &root->meta, &delegate->meta)};
    for (size_t i = 0; i < delegate->http_count; i++)
        merge_rule(&delegation, &delegate->http[i], rules);
}

void delegates_bind(struct compiler *compiler, const struct virtual_service *service, struct bound_rule_list *ret_rules) {
    struct bound_rule_list rules = {0};
    for (size_t i = 0; i < service->http_count; i++) {
        const struct http_route *rule = &service->http[i];
        if (rule->delegate->is_set)
            bind_delegate(compiler, service, rule, &rules);
        else
            ARRAY_APPEND(&compiler->scratch, &rules, ((struct bound_rule){rule, &service->meta}));
    }
    *ret_rules = rules;
}
