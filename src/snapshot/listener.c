#include "snapshot/listener.h"

const struct filter_chain *listener_match(const struct listener *listener, struct span server_name) {
    return host_index_find(&listener->server_names, server_name);
}

bool filter_chain_terminates_tls(const struct filter_chain *chain) {
    return chain->kind == FILTER_CHAIN_HTTPS || chain->kind == FILTER_CHAIN_TLS_TCP;
}

bool filter_chain_is_http(const struct filter_chain *chain) {
    return chain->kind == FILTER_CHAIN_HTTP || chain->kind == FILTER_CHAIN_HTTPS;
}

bool filter_chain_can_shake_hands(const struct filter_chain *chain) {
    return chain->identity != NULL && chain->tls_policy != NULL && !chain->lacks_trust;
}
