/* From the client's connection to a filter chain and its certificate. */
#include <time.h>

#include "base/clock.h"
#include "explain/tell.h"
#include "tls/client_demand.h"
#include "tls/identity.h"

bool tell_name_covers(struct span pattern, struct span name) {
    if (span_equal(pattern, SPAN_LITERAL("*")))
        return true;
    if (span_starts_with(pattern, SPAN_LITERAL("*")))
        return name.size > pattern.size - 1 && span_ends_with(name, span_from(pattern, 1));
    return span_equal(pattern, name);
}

static struct span bind_text(const struct listener *listener) {
    return listener->bind.size == 0 ? SPAN_LITERAL("*") : listener->bind;
}

void tell_listener(const struct telling *telling) {
    const struct verdict *verdict = telling->verdict;
    struct story *story = telling->story;
    if (verdict->service_port != NULL)
        story_add(story, STORY_LISTENER, STORY_PLAIN, verdict->service_port->id, "port %u of the gateway's Service leads to port %u",
                  verdict->service_port->service_port, verdict->port);
    else
        story_add(story, STORY_LISTENER, STORY_CONCERN, 0, "no Service of the gateway has port %u: it is taken for the gateway's own",
                  telling->request->port);
    if (verdict->listener == NULL)
        story_add(story, STORY_LISTENER, STORY_REJECTED, 0, "nothing listens on port %u", verdict->port);
    else
        story_add(story, STORY_LISTENER, STORY_CHOSEN, verdict->listener->filter_chains[0]->id, "listener %.*s:%u%s",
                  SPAN_ARGUMENTS(bind_text(verdict->listener)), verdict->port,
                  verdict->listener->inspects_tls ? ", which looks at the server name of TLS" : "");
}

/* --- Filter chains --- */

static const char *kind_text(enum filter_chain_kind kind) {
    switch (kind) {
    case FILTER_CHAIN_HTTP: return "plaintext HTTP";
    case FILTER_CHAIN_HTTPS: return "HTTPS, ended here";
    case FILTER_CHAIN_TCP: return "TCP";
    case FILTER_CHAIN_TLS_TCP: return "TLS, ended here";
    case FILTER_CHAIN_PASSTHROUGH: return "TLS, passed through";
    }
    return "";
}

/* How well a chain's names fit: the size of the longest pattern that covers, an exact one above all; 0: none does. */
static size_t chain_rank(const struct filter_chain *chain, struct span name, struct span *ret_pattern) {
    size_t best = 0;
    *ret_pattern = SPAN_LITERAL("*");
    if (chain->server_name_count == 0)
        return 1;
    for (size_t i = 0; i < chain->server_name_count; i++) {
        struct span pattern = chain->server_names[i];
        size_t rank = span_equal(pattern, name) ? SIZE_MAX : pattern.size + 1;
        if (name.size == 0 || !tell_name_covers(pattern, name) || rank <= best)
            continue;
        best = rank;
        *ret_pattern = pattern;
    }
    return best;
}

static struct span names_text(struct arena *arena, const struct filter_chain *chain) {
    struct span text = SPAN_EMPTY;
    for (size_t i = 0; i < chain->server_name_count && i < 5; i++)
        text = arena_print(arena, "%.*s%s%.*s", SPAN_ARGUMENTS(text), i == 0 ? "" : ", ", SPAN_ARGUMENTS(chain->server_names[i]));
    if (chain->server_name_count > 5)
        text = arena_print(arena, "%.*s and %zu more", SPAN_ARGUMENTS(text), chain->server_name_count - 5);
    return text;
}

static void tell_chain(const struct telling *telling, const struct filter_chain *chain, struct span name, size_t rank, struct span pattern) {
    struct story *story = telling->story;
    const char *kind = kind_text(chain->kind);
    if (chain == telling->verdict->chain) {
        story_add(story, STORY_CHAIN, STORY_CHOSEN, chain->id, "%.*s (%s): %s%.*s%s", SPAN_ARGUMENTS(chain->name), kind,
                  chain->server_name_count == 0 ? "takes every connection" : "\"", chain->server_name_count == 0 ? 0 : (int)pattern.size,
                  pattern.data, chain->server_name_count == 0 ? "" : "\" fits best");
        if (chain->wants_mesh_protocol && telling->verdict->kind == VERDICT_NO_CHAIN)
            story_add(story, STORY_CHAIN, STORY_REJECTED, chain->id, "it takes connections of the mesh only, and the client offers no ALPN of Istio's");
        if (chain->refusal.size > 0)
            story_add(story, STORY_CHAIN, STORY_REJECTED, chain->id, "its connections are closed: %.*s", SPAN_ARGUMENTS(chain->refusal));
    } else if (rank == 0) {
        struct span names = names_text(telling->arena, chain);
        story_add(story, STORY_CHAIN, STORY_REJECTED, chain->id, "%.*s (%s): %s%.*s%s of %.*s", SPAN_ARGUMENTS(chain->name), kind,
                  name.size == 0 ? "no server name" : "\"", SPAN_ARGUMENTS(name), name.size == 0 ? "" : "\" is none", SPAN_ARGUMENTS(names));
    } else {
        story_add(story, STORY_CHAIN, STORY_REJECTED, chain->id, "%.*s (%s): \"%.*s\" fits less well", SPAN_ARGUMENTS(chain->name), kind,
                  SPAN_ARGUMENTS(pattern));
    }
}

/* As many as a person reads. */
#define CHAINS_TOLD_MAX 50

void tell_chains(const struct telling *telling) {
    const struct listener *listener = telling->verdict->listener;
    const struct filter_chain *best_chain = NULL;
    size_t best = 0, untold = 0;
    if (listener == NULL)
        return;
    bool tls = explain_request_has_tls(telling->request);
    struct span name = tls && listener->inspects_tls ? telling->request->sni : SPAN_EMPTY;
    if (listener->inspects_tls)
        story_add(telling->story, STORY_CHAIN, STORY_PLAIN, 0, "%s%.*s%s", !tls ? "no TLS" : name.size == 0 ? "TLS without a server name" : "TLS for \"",
                  SPAN_ARGUMENTS(name), name.size == 0 ? "" : "\"");
    for (size_t i = 0; i < listener->filter_chain_count; i++) {
        const struct filter_chain *chain = listener->filter_chains[i];
        struct span pattern;
        size_t rank = chain_rank(chain, name, &pattern);
        if (rank > best) {
            best = rank;
            best_chain = chain;
        }
        if (i < CHAINS_TOLD_MAX || chain == telling->verdict->chain)
            tell_chain(telling, chain, name, rank, pattern);
        else
            untold++;
    }
    if (untold > 0)
        story_add(telling->story, STORY_CHAIN, STORY_REJECTED, 0, "and %zu more", untold);
    if (best_chain != telling->verdict->chain)
        story_disagree(telling->story, "the walk over the filter chains ends at %.*s, the index at %.*s",
                       SPAN_ARGUMENTS(best_chain == NULL ? SPAN_LITERAL("none") : best_chain->name),
                       SPAN_ARGUMENTS(telling->verdict->chain == NULL ? SPAN_LITERAL("none") : telling->verdict->chain->name));
}

/* --- Certificate --- */

static struct span date_text(struct arena *arena, int64_t seconds) {
    time_t time = (time_t)seconds;
    struct tm parts;
    char text[32];
    if (gmtime_r(&time, &parts) == NULL || strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
        return SPAN_LITERAL("an unknown date");
    return arena_copy(arena, span_of(text));
}

void tell_certificate(const struct telling *telling) {
    const struct filter_chain *chain = telling->verdict->chain;
    struct story *story = telling->story;
    if (chain == NULL || !filter_chain_terminates_tls(chain))
        return;
    const struct tls_identity *identity = chain->identity;
    if (identity == NULL) {
        story_add(story, STORY_CERTIFICATE, STORY_REJECTED, chain->credential_id, "credentialName \"%.*s\" leads to no usable certificate",
                  SPAN_ARGUMENTS(chain->credential_name));
        return;
    }
    struct span names = SPAN_EMPTY, until = date_text(telling->arena, tls_identity_not_after(identity));
    for (size_t i = 0; i < tls_identity_name_count(identity) && i < 10; i++)
        names = arena_print(telling->arena, "%.*s%s%.*s", SPAN_ARGUMENTS(names), i == 0 ? "" : ", ", SPAN_ARGUMENTS(tls_identity_name(identity, i)));
    story_add(story, STORY_CERTIFICATE, STORY_CHOSEN, chain->credential_id, "%.*s: %.*s for %.*s, valid until %.*s",
              SPAN_ARGUMENTS(chain->credential_name), SPAN_ARGUMENTS(tls_identity_key_type(identity)), SPAN_ARGUMENTS(names), SPAN_ARGUMENTS(until));
    story_add(story, STORY_CERTIFICATE, STORY_PLAIN, chain->id, "%.*s", SPAN_ARGUMENTS(chain->tls_settings));
    if (chain->client_demand != NULL) {
        struct span demand = tls_client_demand_describe(chain->client_demand, telling->arena);
        bool refused = telling->verdict->kind == VERDICT_CLIENT_REFUSED;
        story_add(story, STORY_CERTIFICATE, refused ? STORY_REJECTED : STORY_CHOSEN, chain->id, "the client's certificate: %.*s%s%s",
                  SPAN_ARGUMENTS(demand), refused ? ": " : "", refused ? telling->verdict->client_error.text : "");
    }
    int64_t now_s = (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND);
    if (tls_identity_not_after(identity) < now_s)
        story_note(story, chain->credential_id, "the certificate of \"%.*s\" expired on %.*s: clients will refuse it",
                   SPAN_ARGUMENTS(chain->credential_name), SPAN_ARGUMENTS(until));
    struct span name = telling->request->sni;
    if (name.size > 0 && !tls_identity_covers(identity, name))
        story_note(story, chain->credential_id, "the certificate of \"%.*s\" is for %.*s, not for \"%.*s\": clients will refuse it",
                   SPAN_ARGUMENTS(chain->credential_name), SPAN_ARGUMENTS(names), SPAN_ARGUMENTS(name));
}
