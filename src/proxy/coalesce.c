#include "proxy/coalesce.h"

#include "tls/client_demand.h"

/* Both servers demand the same of a client's certificate: trust, revocation lists, names and pins. A server that refuses all connections, for what it asks or for
 * want of an authority to trust, is served in nobody's name. */
static bool same_client_policy(const struct filter_chain *own, const struct filter_chain *owner) {
    return own->refusal.size == 0 && owner->refusal.size == 0 && !owner->lacks_trust &&
           tls_client_demand_equal(own->client_demand, owner->client_demand);
}

enum coalesce_verdict coalesce(const struct listener *listener, const struct filter_chain *own, const struct tls_identity *shown,
                               struct span host, const struct filter_chain **ret_owner) {
    const struct filter_chain *owner = listener_match(listener, host);
    if (owner == NULL || owner == own)
        return COALESCE_NO_OWNER;
    *ret_owner = owner;
    if (owner->kind != FILTER_CHAIN_HTTPS)
        return COALESCE_PASSTHROUGH;
    if (!same_client_policy(own, owner))
        return COALESCE_POLICY;
    /* A server without a usable certificate closes its connections: it is not to be reached by another's. */
    if (owner->identity == NULL || shown == NULL || !tls_identity_covers(shown, host))
        return COALESCE_CERTIFICATE;
    return COALESCE_SERVE;
}

static void misdirect(struct decision *decision, struct span why) {
    decision->kind = DECISION_MISDIRECTED;
    decision->refusal = why;
}

void coalesce_route(const struct gateway_settings *settings, const struct listener *listener, const struct filter_chain *own,
                    const struct tls_identity *shown, const struct message_head *request, uint64_t draw, struct decision *decision) {
    const struct filter_chain *owner;
    if (settings->strict_sni || request->host.size == 0)
        return;
    switch (coalesce(listener, own, shown, request->host, &owner)) {
    case COALESCE_NO_OWNER: return;
    case COALESCE_SERVE:
        decide(owner->routes, request, draw, decision);
        decision->coalesced = true;
        return;
    case COALESCE_PASSTHROUGH: misdirect(decision, SPAN_LITERAL("misdirected_request{not_terminated_here}")); return;
    case COALESCE_POLICY: misdirect(decision, SPAN_LITERAL("misdirected_request{other_client_policy}")); return;
    case COALESCE_CERTIFICATE: misdirect(decision, SPAN_LITERAL("misdirected_request{certificate_not_for_host}")); return;
    }
}
