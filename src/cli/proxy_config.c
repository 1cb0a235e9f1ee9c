/* fairlead proxy-config: what a running gateway serves, in istioctl's columns. */
#include <string.h>

#include "cli/admin_client.h"
#include "cli/columns.h"
#include "cli/command.h"
#include "text/json.h"

/* istioctl's. */
#define PADDING 5
#define PADDING_OF_LISTENERS 1

struct listing {
    struct arena *arena;
    struct columns columns;
};

/* --- The answer's members --- */

static struct span text_of(const struct node *node, const char *key) {
    struct span text = SPAN_EMPTY;
    const struct node *value = node_get_present(node, key);
    return value != NULL && node_as_string(value, &text) ? text : SPAN_EMPTY;
}

static bool bool_of(const struct node *node, const char *key) {
    bool value = false;
    const struct node *member = node_get_present(node, key);
    return member != NULL && node_as_bool(member, &value) && value;
}

static struct span number_text(struct listing *listing, const struct node *node, const char *key) {
    int64_t number = 0;
    const struct node *value = node_get_present(node, key);
    return value != NULL && node_as_integer(value, &number) ? arena_print(listing->arena, "%lld", (long long)number) : SPAN_EMPTY;
}

static size_t item_count(const struct node *node) {
    return node_is_sequence(node) ? node->count : 0;
}

static struct span joined(struct listing *listing, const struct node *items) {
    struct span all = SPAN_EMPTY, item;
    for (size_t i = 0; i < item_count(items); i++)
        if (node_as_string(items->items[i], &item))
            all = i == 0 ? item : arena_print(listing->arena, "%.*s,%.*s", SPAN_ARGUMENTS(all), SPAN_ARGUMENTS(item));
    return all;
}

/* "VirtualService shop/web" or "shop/web" as istioctl has it: "web.shop". */
static struct span object_name(struct listing *listing, struct span object) {
    size_t at;
    if (span_find_byte(object, ' ', &at))
        object = span_from(object, at + 1);
    if (!span_find_byte(object, '/', &at))
        return object;
    return arena_print(listing->arena, "%.*s.%.*s", SPAN_ARGUMENTS(span_from(object, at + 1)), SPAN_ARGUMENTS(span_first(object, at)));
}

/* --- Listeners --- */

static struct span chain_match(struct listing *listing, const struct node *chain) {
    const struct node *names = node_get_present(chain, "server_names");
    if (item_count(names) > 0)
        return arena_print(listing->arena, "SNI: %.*s", SPAN_ARGUMENTS(joined(listing, names)));
    struct span kind = text_of(chain, "kind");
    bool plain = span_equal(kind, SPAN_LITERAL("HTTP")) || span_equal(kind, SPAN_LITERAL("TCP"));
    return plain ? SPAN_LITERAL("ALL") : SPAN_LITERAL("Trans: tls");
}

static struct span chain_destination(struct listing *listing, const struct node *chain) {
    struct span refused = text_of(chain, "refused"), routes = text_of(chain, "routes"), all = SPAN_EMPTY;
    if (refused.size > 0)
        return arena_print(listing->arena, "Refused: %.*s", SPAN_ARGUMENTS(refused));
    if (routes.size > 0)
        return arena_print(listing->arena, "Route: %.*s", SPAN_ARGUMENTS(routes));
    const struct node *destinations = node_get_present(chain, "destinations");
    for (size_t i = 0; i < item_count(destinations); i++) {
        struct span cluster = text_of(destinations->items[i], "cluster");
        all = i == 0 ? arena_print(listing->arena, "Cluster: %.*s", SPAN_ARGUMENTS(cluster))
                     : arena_print(listing->arena, "%.*s,%.*s", SPAN_ARGUMENTS(all), SPAN_ARGUMENTS(cluster));
    }
    return all;
}

static void list_listener(struct listing *listing, const struct node *listener) {
    struct span bind = text_of(listener, "bind");
    const struct node *chains = node_get_present(listener, "filter_chains");
    for (size_t i = 0; i < item_count(chains); i++) {
        const struct span cells[] = {bind.size > 0 ? bind : SPAN_LITERAL("0.0.0.0"), number_text(listing, listener, "port"),
                                     chain_match(listing, chains->items[i]), chain_destination(listing, chains->items[i])};
        columns_add(&listing->columns, cells);
    }
}

/* --- Routes --- */

static struct span route_match_text(struct listing *listing, const struct node *match) {
    struct span exact = text_of(match, "exact"), prefix = text_of(match, "prefix"), regex = text_of(match, "regex");
    if (exact.size > 0)
        return exact;
    if (regex.size > 0)
        return arena_print(listing->arena, "regex %.*s", SPAN_ARGUMENTS(regex));
    return prefix.size > 0 ? arena_print(listing->arena, "%.*s*", SPAN_ARGUMENTS(prefix)) : SPAN_LITERAL("/*");
}

static void list_virtual_host(struct listing *listing, struct span table, const struct node *host) {
    struct span domain = text_of(host, "domain");
    const struct node *routes = node_get_present(host, "routes");
    if (item_count(routes) == 0) {
        bool redirects = bool_of(host, "redirects_to_https");
        const struct span cells[] = {table, domain, domain, SPAN_LITERAL("/*"), redirects ? SPAN_LITERAL("301") : SPAN_LITERAL("404")};
        columns_add(&listing->columns, cells);
    }
    for (size_t i = 0; i < item_count(routes); i++) {
        struct span object = text_of(node_get_present(routes->items[i], "origin"), "object");
        const struct span cells[] = {table, domain, domain, route_match_text(listing, node_get_present(routes->items[i], "match")),
                                     object_name(listing, object)};
        columns_add(&listing->columns, cells);
    }
}

static void list_route_table(struct listing *listing, const struct node *table) {
    const struct node *hosts = node_get_present(table, "virtual_hosts");
    for (size_t i = 0; i < item_count(hosts); i++)
        list_virtual_host(listing, text_of(table, "name"), hosts->items[i]);
}

/* --- Clusters and endpoints --- */

static struct span cluster_type(const struct node *cluster) {
    if (item_count(node_get_present(cluster, "resolves")) == 0)
        return SPAN_LITERAL("EDS");
    return bool_of(cluster, "first_address_only") ? SPAN_LITERAL("LOGICAL_DNS") : SPAN_LITERAL("STRICT_DNS");
}

/* "outbound|80|v1|web.shop.svc.cluster.local" */
static void list_cluster(struct listing *listing, const struct node *cluster) {
    struct span rest = text_of(cluster, "name"), parts[4] = {SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY, SPAN_EMPTY};
    for (size_t i = 0; i < ARRAY_SIZE(parts) && span_split(&rest, '|', &parts[i]); i++)
        continue;
    const struct span cells[] = {parts[3],
                                 parts[1],
                                 parts[2].size > 0 ? parts[2] : SPAN_LITERAL("-"),
                                 parts[0],
                                 cluster_type(cluster),
                                 object_name(listing, text_of(cluster, "destination_rule"))};
    columns_add(&listing->columns, cells);
}

static void list_endpoints(struct listing *listing, const struct node *cluster) {
    const struct node *endpoints = node_get_present(cluster, "endpoints");
    for (size_t i = 0; i < item_count(endpoints); i++) {
        const struct span cells[] = {text_of(endpoints->items[i], "address"), text_of(endpoints->items[i], "status"), SPAN_LITERAL("OK"),
                                     text_of(cluster, "name")};
        columns_add(&listing->columns, cells);
    }
}

/* --- Secrets --- */

/* Without the fraction of the second. */
static struct span date_of(struct listing *listing, const struct node *certificate, const char *key) {
    struct span text = text_of(certificate, key);
    size_t dot;
    return span_find_byte(text, '.', &dot) ? arena_print(listing->arena, "%.*sZ", SPAN_ARGUMENTS(span_first(text, dot))) : text;
}

/* What is shown to upstreams has no credential's name: the mesh's is "default" in Istio, too. */
static struct span certificate_name(struct listing *listing, const struct node *certificate) {
    struct span credential = text_of(certificate, "credential");
    return credential.size > 0 ? arena_print(listing->arena, "kubernetes://%.*s", SPAN_ARGUMENTS(credential)) : SPAN_LITERAL("default");
}

static void list_certificate(struct listing *listing, const struct node *certificate) {
    bool active = span_equal(text_of(certificate, "status"), SPAN_LITERAL("ACTIVE"));
    const struct span cells[] = {
        certificate_name(listing, certificate),
        SPAN_LITERAL("Cert Chain"),
        active ? SPAN_LITERAL("ACTIVE") : SPAN_LITERAL("WARMING"),
        bool_of(certificate, "valid") ? SPAN_LITERAL("true") : SPAN_LITERAL("false"),
        text_of(certificate, "serial"),
        date_of(listing, certificate, "not_after"),
        date_of(listing, certificate, "not_before"),
    };
    columns_add(&listing->columns, cells);
}

/* --- The command --- */

static const struct section {
    const char *names[3]; /* istioctl's, with its abbreviations */
    const char *path;
    size_t padding;
    size_t column_count;
    const char *titles[COLUMNS_MAX];
    void (*list)(struct listing *listing, const struct node *item);
} sections[] = {
    {{"listeners", "listener", "l"}, "/listeners", PADDING_OF_LISTENERS, 4, {"ADDRESSES", "PORT", "MATCH", "DESTINATION"}, list_listener},
    {{"routes", "route", "r"}, "/routes", PADDING, 5, {"NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"}, list_route_table},
    {{"clusters", "cluster", "c"}, "/clusters", PADDING, 6, {"SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"}, list_cluster},
    {{"endpoints", "endpoint", "ep"}, "/clusters", PADDING, 4, {"ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"}, list_endpoints},
    {{"secrets", "secret", "s"},
     "/certs",
     PADDING,
     7,
     {"RESOURCE NAME", "TYPE", "STATUS", "VALID CERT", "SERIAL NUMBER", "NOT AFTER", "NOT BEFORE"},
     list_certificate},
};

static const struct section *section_of(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
        for (size_t j = 0; j < ARRAY_SIZE(sections[i].names); j++)
            if (strcmp(sections[i].names[j], name) == 0)
                return &sections[i];
    return NULL;
}

/* False: the answer is not what a gateway of this version gives. */
static bool print_section(const struct section *section, struct span text, struct arena *arena) {
    struct node *root;
    struct listing listing = {.arena = arena};
    if (!json_parse(arena, text, POSITION_NONE, NULL, &root) || !node_is_sequence(root))
        return false;
    columns_init(&listing.columns, arena, section->column_count);
    struct span titles[COLUMNS_MAX];
    for (size_t i = 0; i < section->column_count; i++)
        titles[i] = span_of(section->titles[i]);
    columns_add(&listing.columns, titles);
    for (size_t i = 0; i < root->count; i++)
        section->list(&listing, root->items[i]);
    columns_print(&listing.columns, section->padding, stdout);
    return true;
}

static int show(const struct section *section, const struct options *options, struct arena *arena) {
    struct admin_reply reply;
    admin_ask(&options->admin, "GET", span_of(section->path), SPAN_EMPTY, &reply);
    bool good = reply.status == 200;
    if (!good)
        fprintf(stderr, "fairlead proxy-config: %.*s\n", SPAN_ARGUMENTS(builder_span(&reply.text)));
    else if (options->prints_json)
        fwrite(reply.text.data, 1, reply.text.size, stdout);
    else if (!(good = print_section(section, builder_span(&reply.text), arena)))
        fprintf(stderr, "fairlead proxy-config: the answer of %s cannot be read: is the gateway of another version?\n", section->path);
    admin_reply_deinit(&reply);
    return good && fflush(stdout) == 0 ? 0 : 1;
}

int command_proxy_config(int count, char *const *arguments) {
    bool named = count > 0 && arguments[0][0] != '-';
    const struct section *section = named ? section_of(arguments[0]) : NULL;
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    struct options options;
    enum command_start start = command_start(OPTIONS_PROXY_CONFIG, "proxy-config", "Prints what a running gateway serves, asked of its administration.",
                                             named ? count - 1 : count, named ? arguments + 1 : arguments, &arena, &options);
    int code = start == COMMAND_MISTAKE ? EXIT_USAGE : 0;
    if (start == COMMAND_GO && section == NULL) {
        fprintf(stderr, "fairlead proxy-config: want listeners, routes, clusters, endpoints or secrets; see fairlead proxy-config --help\n");
        code = EXIT_USAGE;
    } else if (start == COMMAND_GO) {
        code = show(section, &options, &arena);
    }
    arena_deinit(&arena);
    return code;
}
