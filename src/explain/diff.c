/* Which names on which ports are asked for, and what else is compared. */
#include "explain/diff.h"

#include <stdlib.h>

#include "base/limits.h"
#include "explain/diff_internal.h"
#include "explain/diff_print.h"
#include "tls/client_demand.h"
#include "tls/identity.h"

#define DIFF_ARENA_BLOCK_BYTES (64 * 1024)

/* A set of names in the order in which they came. */
struct name_set {
    struct map known;
    struct span *items;
    size_t count, capacity;
};

static void add_name(struct diff_state *state, struct name_set *set, struct span name) {
    if (map_get(&set->known, name) != NULL)
        return;
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 16 : 2 * set->capacity;
        struct span *grown = arena_new_array(&state->arena, struct span, set->capacity);
        for (size_t i = 0; i < set->count; i++)
            grown[i] = set->items[i];
        set->items = grown;
    }
    set->items[set->count++] = name;
    map_set(&set->known, name, set);
}

#define PROBE "fairlead-probe"
#define PROBE_OF_ANY SPAN_LITERAL(PROBE ".invalid")

/* Names that stand for a pattern: a wildcard covers one label and several, which certificates tell apart. */
static void add_pattern(struct diff_state *state, struct name_set *set, struct span pattern) {
    size_t slash;
    if (span_find_byte(pattern, '/', &slash))
        return; /* "namespace/host": no request has such a name */
    if (span_equal(pattern, SPAN_LITERAL("*"))) {
        add_name(state, set, PROBE_OF_ANY);
    } else if (span_starts_with(pattern, SPAN_LITERAL("*"))) {
        struct span suffix = span_make(pattern.data + 1, pattern.size - 1);
        add_name(state, set, arena_print(&state->arena, PROBE "%.*s", SPAN_ARGUMENTS(suffix)));
        add_name(state, set, arena_print(&state->arena, "a." PROBE "%.*s", SPAN_ARGUMENTS(suffix)));
    } else {
        add_name(state, set, pattern);
    }
}

static void add_chain_names(struct diff_state *state, struct name_set *set, const struct filter_chain *chain) {
    for (size_t i = 0; i < chain->server_name_count; i++)
        add_pattern(state, set, chain->server_names[i]);
    for (size_t i = 0; chain->routes != NULL && i < chain->routes->virtual_host_count; i++)
        add_pattern(state, set, chain->routes->virtual_hosts[i]->domain);
    for (size_t i = 0; chain->identity != NULL && i < tls_identity_name_count(chain->identity); i++)
        add_pattern(state, set, arena_lower(&state->arena, tls_identity_name(chain->identity, i)));
}

static uint16_t target_of(const struct snapshot *snapshot, uint16_t port) {
    for (size_t i = 0; i < snapshot->background->port_count; i++)
        if (snapshot->background->ports[i].service_port == port)
            return snapshot->background->ports[i].target_port;
    return port;
}

/* The names of all listeners that a client's port leads to, and whether one of them is for the mesh alone; false: none listens on either side. */
static bool gather_names(struct diff_state *state, uint16_t port, struct name_set *set, bool *ret_mesh) {
    bool found = false, mesh = false;
    for (int side = 0; side < 2; side++) {
        const struct snapshot *snapshot = state->sides[side].snapshot;
        uint16_t target = target_of(snapshot, port);
        for (size_t i = 0; i < snapshot->listener_count; i++) {
            const struct listener *listener = snapshot->listeners[i];
            for (size_t c = 0; listener->port == target && c < listener->filter_chain_count; c++, found = true) {
                add_chain_names(state, set, listener->filter_chains[c]);
                mesh |= listener->filter_chains[c]->wants_mesh_protocol;
            }
        }
    }
    add_pattern(state, set, SPAN_LITERAL("*"));
    *ret_mesh = mesh;
    return found;
}

/* --- Requests --- */

static bool is_served(const struct verdict *verdict) {
    if (verdict->kind == VERDICT_ANSWERED)
        return verdict->decision.virtual_host != NULL;
    return verdict->kind == VERDICT_FORWARD || verdict->kind == VERDICT_TUNNEL;
}

static uint32_t place_of(const struct verdict *verdict) {
    return verdict->decision.route != NULL ? verdict->decision.route->id : verdict->chain == NULL ? 0 : verdict->chain->id;
}

/* The name, or the pattern that it stands for, and the port unless it is the usual one: "https://a.example.com:8443". */
static struct span entrance_text(struct arena *arena, const struct explain_request *request) {
    bool secure = explain_request_has_tls(request), is_usual = request->port == (secure ? 443 : 80);
    struct span host = request->host, port = is_usual ? SPAN_LITERAL("") : arena_print(arena, ":%u", request->port);
    const char *scheme = secure ? "https" : "http";
    if (span_equal(host, PROBE_OF_ANY))
        return arena_print(arena, "%s://*%.*s", scheme, SPAN_ARGUMENTS(port));
    bool is_pattern = span_starts_with(host, SPAN_LITERAL(PROBE));
    if (is_pattern)
        host = span_from(host, sizeof(PROBE) - 1);
    return arena_print(arena, "%s://%s%.*s%.*s", scheme, is_pattern ? "*" : "", SPAN_ARGUMENTS(host), SPAN_ARGUMENTS(port));
}

static void note_name(struct diff_state *state, const struct explain_request *request, const struct verdict verdicts[2]) {
    bool before = is_served(&verdicts[0]), after = is_served(&verdicts[1]);
    if (before == after || span_starts_with(request->host, SPAN_LITERAL("a." PROBE)))
        return;
    struct diff_item *item = diff_add(state, DIFF_NAMES, entrance_text(&state->scratch, request));
    if (before) {
        item->before = SPAN_LITERAL("served");
        item->before_id = place_of(&verdicts[0]);
    } else {
        item->after = SPAN_LITERAL("served");
        item->after_id = place_of(&verdicts[1]);
    }
}

static bool was_compared(struct diff_state *state, const struct explain_request *request, const struct verdict verdicts[2]) {
    struct span key = arena_print(&state->arena, "%d %p %p %d %d", (int)request->scheme, (const void *)verdicts[0].decision.virtual_host,
                                  (const void *)verdicts[1].decision.virtual_host, verdict_status(&verdicts[0]) == 421,
                                  verdict_status(&verdicts[1]) == 421);
    return map_set(&state->compared, key, state) != NULL;
}

/* What keeps the request from its routes, though others get there: a certificate that the client would have to show, and those of servers
 * where neither side has any Secret. True: asked once more without that. */
static bool pass_handshake(struct diff_state *state, struct explain_request *request, struct verdict verdicts[2]) {
    bool refused = verdicts[0].kind == VERDICT_CLIENT_REFUSED || verdicts[1].kind == VERDICT_CLIENT_REFUSED;
    bool lacking = state->sides[0].snapshot->background->lacks_secrets && state->sides[1].snapshot->background->lacks_secrets &&
                   (verdicts[0].kind == VERDICT_NO_CERTIFICATE || verdicts[1].kind == VERDICT_NO_CERTIFICATE);
    if (!refused && !lacking)
        return false;
    if (!diff_verdicts_equal(state, verdicts))
        diff_note_request(state, request, verdicts);
    request->client_is_trusted |= refused;
    request->certificate_is_assumed |= lacking;
    diff_ask(state, request, verdicts);
    return true;
}

/* One name by one entrance: first whatever it comes to, then all that its routes can tell apart. */
static void compare_name(struct diff_state *state, const struct explain_request *asked, bool names) {
    struct verdict verdicts[2];
    struct explain_request passing = *asked;
    diff_ask(state, asked, verdicts);
    const struct explain_request *request = pass_handshake(state, &passing, verdicts) ? &passing : asked;
    if (names)
        note_name(state, request, verdicts);
    const struct virtual_host *hosts[2] = {verdicts[0].decision.virtual_host, verdicts[1].decision.virtual_host};
    bool routed = hosts[0] != NULL || hosts[1] != NULL;
    if (!diff_verdicts_equal(state, verdicts) && !routed)
        diff_note_request(state, request, verdicts);
    bool compared = !routed || was_compared(state, request, verdicts);
    /* Compared by another name: this one may differ all the same in where it ends. */
    if (routed && compared && !diff_verdicts_equal(state, verdicts))
        diff_note_request(state, request, verdicts);
    arena_reset(&state->scratch);
    if (!compared)
        diff_virtual_hosts(state, request, hosts);
}

static struct explain_request request_for(enum explain_scheme scheme, uint16_t port, struct span host, struct span server_name) {
    struct explain_request request = {.scheme = scheme, .port = port, .authority = host, .host = host, .path = SPAN_LITERAL("/"),
                                      .method = SPAN_LITERAL("GET"), .sni = server_name};
    if (!network_address_parse(SPAN_LITERAL("192.0.2.1"), 40000, &request.from))
        request.from.size = 0;
    return request;
}

static void compare_port(struct diff_state *state, uint16_t port) {
    struct name_set names = {.count = 0};
    bool mesh;
    map_init(&names.known);
    if (gather_names(state, port, &names, &mesh)) {
        bool pairs = names.count * names.count <= DIFF_NAME_PAIRS_MAX;
        for (size_t i = 0; i < names.count; i++) {
            struct explain_request plain = request_for(EXPLAIN_HTTP, port, names.items[i], SPAN_EMPTY);
            struct explain_request secure = request_for(EXPLAIN_HTTPS, port, names.items[i], names.items[i]);
            compare_name(state, &plain, true);
            compare_name(state, &secure, true);
            /* As another cluster's gateway of the mesh comes in. */
            struct explain_request of_mesh = request_for(EXPLAIN_TLS, port, names.items[i], names.items[i]);
            of_mesh.alpn = SPAN_LITERAL("istio");
            of_mesh.mesh = true;
            if (mesh)
                compare_name(state, &of_mesh, true);
        }
        /* On connections that were opened for another name, or for none. */
        for (size_t i = 0; i < names.count; i++) {
            struct explain_request secure = request_for(EXPLAIN_HTTPS, port, names.items[i], SPAN_EMPTY);
            compare_name(state, &secure, false);
            for (size_t other = 0; pairs && other < names.count; other++) {
                secure.sni = names.items[other];
                if (other != i)
                    compare_name(state, &secure, false);
            }
        }
        state->incomplete |= !pairs;
    }
    map_deinit(&names.known);
}

/* Ports by which clients come in: those of the Service, and what listens without one. */
static void compare_ports(struct diff_state *state) {
    bool *done = arena_new_array(&state->arena, bool, UINT16_MAX + 1), *reached = arena_new_array(&state->arena, bool, UINT16_MAX + 1);
    for (int side = 0; side < 2; side++) {
        const struct background *background = state->sides[side].snapshot->background;
        for (size_t i = 0; i < background->port_count; i++) {
            reached[background->ports[i].target_port] = true;
            if (!done[background->ports[i].service_port])
                compare_port(state, background->ports[i].service_port);
            done[background->ports[i].service_port] = true;
        }
    }
    for (int side = 0; side < 2; side++) {
        const struct snapshot *snapshot = state->sides[side].snapshot;
        for (size_t i = 0; i < snapshot->listener_count; i++) {
            uint16_t port = snapshot->listeners[i]->port;
            if (!done[port] && !reached[port])
                compare_port(state, port);
            done[port] = true;
        }
    }
}

/* --- Certificates and upstreams --- */

static struct span certificate_text(struct diff_state *state, const struct tls_identity *identity) {
    if (identity == NULL)
        return SPAN_LITERAL("none: handshakes are closed");
    return arena_print(&state->arena, "%.*s, serial %.*s, issued by %.*s", SPAN_ARGUMENTS(tls_identity_subject(identity)),
                       SPAN_ARGUMENTS(tls_identity_serial(identity)), SPAN_ARGUMENTS(tls_identity_issuer(identity)));
}

static struct span demand_text(struct diff_state *state, const struct filter_chain *chain) {
    if (chain->client_demand == NULL)
        return chain->lacks_trust ? SPAN_LITERAL("it is not known whom to trust") : SPAN_LITERAL("none is asked for");
    struct span text = tls_client_demand_describe(chain->client_demand, &state->arena);
    const uint8_t *hash = tls_client_demand_hash(chain->client_demand);
    /* Two that read the same may trust others. */
    return arena_print(&state->arena, "%.*s (%02x%02x%02x%02x)", SPAN_ARGUMENTS(text), hash[0], hash[1], hash[2], hash[3]);
}

static void note_certificate(struct diff_state *state, struct span name, const char *what, struct span before, struct span after, uint32_t before_id,
                             uint32_t after_id) {
    struct diff_item *item = diff_add(state, DIFF_CERTIFICATES, arena_print(&state->scratch, "%.*s%s", SPAN_ARGUMENTS(name), what));
    item->before = before;
    item->after = after;
    item->before_id = before_id;
    item->after_id = after_id;
}

static bool same_certificate(const struct tls_identity *a, const struct tls_identity *b) {
    if (a == NULL || b == NULL)
        return a == b;
    return memcmp(tls_identity_fingerprint(a), tls_identity_fingerprint(b), TLS_SHA256_SIZE) == 0;
}

/* What one name is shown and asked for, where both sides end its TLS. */
static void compare_chains(struct diff_state *state, struct span name, const struct filter_chain *old, const struct filter_chain *new) {
    if (!same_certificate(old->identity, new->identity))
        note_certificate(state, name, "", certificate_text(state, old->identity), certificate_text(state, new->identity), old->credential_id,
                         new->credential_id);
    if (!same_certificate(old->second_identity, new->second_identity))
        note_certificate(state, name, ", second certificate", certificate_text(state, old->second_identity),
                         certificate_text(state, new->second_identity), old->credential_id, new->credential_id);
    if (!tls_client_demand_equal(old->client_demand, new->client_demand) || old->lacks_trust != new->lacks_trust)
        note_certificate(state, name, ", the client's certificate", demand_text(state, old), demand_text(state, new), old->id, new->id);
    if (!span_equal(old->tls_settings, new->tls_settings))
        note_certificate(state, name, ", TLS settings", old->tls_settings, new->tls_settings, old->id, new->id);
}

static void compare_listeners(struct diff_state *state, const struct listener *before, const struct listener *after) {
    struct name_set names = {.count = 0};
    map_init(&names.known);
    for (size_t i = 0; i < before->filter_chain_count; i++)
        add_chain_names(state, &names, before->filter_chains[i]);
    for (size_t i = 0; i < after->filter_chain_count; i++)
        add_chain_names(state, &names, after->filter_chains[i]);
    for (size_t i = 0; i < names.count; i++) {
        const struct filter_chain *old = listener_match(before, names.items[i]), *new = listener_match(after, names.items[i]);
        if (old != NULL && new != NULL && filter_chain_terminates_tls(old) && filter_chain_terminates_tls(new))
            compare_chains(state, names.items[i], old, new);
        arena_reset(&state->scratch);
    }
    map_deinit(&names.known);
}

static void compare_certificates(struct diff_state *state) {
    const struct snapshot *before = state->sides[0].snapshot, *after = state->sides[1].snapshot;
    for (size_t i = 0; i < before->listener_count; i++)
        for (size_t j = 0; j < after->listener_count; j++)
            if (before->listeners[i]->port == after->listeners[j]->port && span_equal(before->listeners[i]->bind, after->listeners[j]->bind))
                compare_listeners(state, before->listeners[i], after->listeners[j]);
}

static void compare_upstreams(struct diff_state *state) {
    const struct snapshot *before = state->sides[0].snapshot, *after = state->sides[1].snapshot;
    for (size_t i = 0; i < before->cluster_count; i++) {
        const struct cluster *old = before->clusters[i], *new = snapshot_find_cluster(after, old->name);
        if (new == NULL)
            continue;
        struct span old_text = diff_cluster_content(&state->sides[0], old), new_text = diff_cluster_content(&state->sides[1], new);
        if (span_equal(old_text, new_text))
            continue;
        struct diff_item *item = diff_add(state, DIFF_UPSTREAMS, old->name);
        item->before = diff_lines_only_in(state, old_text, new_text);
        item->after = diff_lines_only_in(state, new_text, old_text);
        item->before_id = old->policy_id != 0 ? old->policy_id : old->id;
        item->after_id = new->policy_id != 0 ? new->policy_id : new->id;
    }
}

/* --- The whole --- */

/* The dump of a cluster without its name. */
static void set_contents(struct diff_state *state, struct diff_side *side, const struct snapshot *snapshot) {
    side->snapshot = snapshot;
    map_init(&side->contents);
    for (size_t i = 0; i < snapshot->cluster_count; i++) {
        char *text = NULL;
        size_t size = 0, line = 0;
        FILE *output = open_memstream(&text, &size);
        snapshot_dump_cluster(snapshot->clusters[i], output);
        fclose(output);
        struct span *content = arena_new(&state->arena, struct span);
        if (!span_find_byte(span_make(text, size), '\n', &line))
            line = size;
        *content = arena_copy(&state->arena, span_from(span_make(text, size), line + 1));
        map_set(&side->contents, snapshot->clusters[i]->name, content);
        free(text);
    }
}

bool diff(const struct snapshot *before, const struct snapshot *after, bool json, struct builder *output) {
    struct diff_state state = {.first = NULL};
    arena_init(&state.arena, DIFF_ARENA_BLOCK_BYTES);
    arena_init(&state.scratch, DIFF_ARENA_BLOCK_BYTES);
    map_init(&state.groups);
    map_init(&state.compared);
    set_contents(&state, &state.sides[0], before);
    set_contents(&state, &state.sides[1], after);
    compare_ports(&state);
    compare_certificates(&state);
    compare_upstreams(&state);
    bool different = state.first != NULL;
    if (json)
        diff_print_json(&state, output);
    else
        diff_print_text(&state, output);
    map_deinit(&state.sides[0].contents);
    map_deinit(&state.sides[1].contents);
    map_deinit(&state.compared);
    map_deinit(&state.groups);
    arena_deinit(&state.scratch);
    arena_deinit(&state.arena);
    return different;
}
