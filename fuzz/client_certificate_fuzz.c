// A client's certificate: what it says is described, told to the upstream, and printed for logs. Whatever is in it, the element of
// x-forwarded-client-cert is one element of the keys that it should have, and all of it is what a header can carry.
#include <string.h>

#include "base/assert.h"
#include "proxy/client_identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Parts between separators outside of quotes.
static size_t count_parts(struct span text, char separator)
{
    size_t count = 1;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        if (quoted && text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            quoted = !quoted;
        else if (!quoted && text.data[i] == separator)
            count++;
    }
    ASSERT(!quoted);
    return count;
}

static void print_alternatives(struct span der, enum tls_alternative kind)
{
    char text[64];
    size_t size = tls_print_alternatives(der, kind, text, sizeof(text));
    ASSERT(size <= sizeof(text));
    for (size_t i = 0; i < size; i++)
        ASSERT(text[i] >= ' ' && text[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct tls_peer peer;
    struct span own = SPAN_LITERAL("spiffe://cluster.local/ns/istio-system/sa/gateway");
    arena_init(&arena, 4096);
    if (tls_peer_describe_encoded(span_make(data, size), &arena, &peer)) {
        struct span element = client_identity_print(&arena, &peer, &own, 1);
        size_t uri_count = peer.uri_count == 0 ? 1 : peer.uri_count;
        ASSERT(count_parts(element, ',') == 1);
        ASSERT(count_parts(element, ';') == 4 + uri_count + peer.dns_name_count);
        for (size_t i = 0; i < element.size; i++)
            ASSERT(element.data[i] >= ' ' && element.data[i] < 0x7f);
    }
    arena_deinit(&arena);
    print_alternatives(span_make(data, size), TLS_ALTERNATIVE_EMAIL);
    print_alternatives(span_make(data, size), TLS_ALTERNATIVE_OTHER);
    return 0;
}
