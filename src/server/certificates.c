#include "server/certificates.h"

#include "tls/client_policy.h"
#include "tls/identity.h"

struct certificate_search {
    struct arena *arena;
    struct map seen; /* direction, serial number and credential -> struct shown_certificate */
    struct shown_certificate *first, **end;
};

static void find_one(struct certificate_search *search, const struct tls_identity *identity, struct span credential, bool to_upstreams,
                     struct span user) {
    struct span serial = identity == NULL ? SPAN_EMPTY : tls_identity_serial(identity);
    struct span key = arena_print(search->arena, "%d/%.*s/%.*s", to_upstreams, SPAN_ARGUMENTS(serial), SPAN_ARGUMENTS(credential));
    struct shown_certificate *certificate = map_get(&search->seen, key);
    if (certificate == NULL) {
        certificate = arena_new(search->arena, struct shown_certificate);
        *certificate = (struct shown_certificate){.credential = credential, .identity = identity, .to_upstreams = to_upstreams};
        certificate->users_end = &certificate->users;
        map_set(&search->seen, key, certificate);
        *search->end = certificate;
        search->end = &certificate->next;
    }
    struct certificate_user *item = arena_new(search->arena, struct certificate_user);
    item->name = user;
    *certificate->users_end = item;
    certificate->users_end = &item->next;
}

static void find_in_chain(struct certificate_search *search, const struct filter_chain *chain) {
    if (!filter_chain_terminates_tls(chain))
        return;
    find_one(search, chain->identity, chain->credential_name, false, chain->name);
    if (chain->second_identity != NULL)
        find_one(search, chain->second_identity, chain->credential_name, false, chain->name);
}

static void find_in_cluster(struct certificate_search *search, const struct cluster *cluster) {
    const struct tls_identity *identity = cluster->tls == NULL ? NULL : tls_client_policy_identity(cluster->tls->policy);
    if (identity != NULL)
        find_one(search, identity, SPAN_EMPTY, true, cluster->name);
}

struct shown_certificate *certificates_find(const struct snapshot *snapshot, struct arena *arena) {
    struct certificate_search search = {.arena = arena};
    map_init(&search.seen);
    search.end = &search.first;
    for (size_t i = 0; i < snapshot->listener_count; i++)
        for (size_t j = 0; j < snapshot->listeners[i]->filter_chain_count; j++)
            find_in_chain(&search, snapshot->listeners[i]->filter_chains[j]);
    for (size_t i = 0; i < snapshot->cluster_count; i++)
        find_in_cluster(&search, snapshot->clusters[i]);
    map_deinit(&search.seen);
    return search.first;
}
