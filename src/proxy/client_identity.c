#include "proxy/client_identity.h"

#include <stdlib.h>

#include "base/memory.h"
#include "tls/identity.h"

/* A certificate of ECDSA fits one block, its PEM included. */
#define CLIENT_ARENA_BLOCK_BYTES 3072

/* An element on its way; each value may double by its escapes. */
struct writer {
    char *text;
    size_t size;
};

static void put(struct writer *writer, struct span text) {
    if (text.size > 0)
        memcpy(writer->text + writer->size, text.data, text.size);
    writer->size += text.size;
}

static void put_key(struct writer *writer, struct span key) {
    if (writer->size > 0)
        put(writer, SPAN_LITERAL(";"));
    put(writer, key);
}

/* Bytes that mean something between values. */
static bool needs_quotes(struct span value) {
    static const char bytes[] = ",;=\"\\";
    for (size_t i = 0; i < value.size; i++)
        if (memchr(bytes, value.data[i], sizeof(bytes) - 1) != NULL)
            return true;
    return false;
}

static void put_value(struct writer *writer, struct span value) {
    if (!needs_quotes(value)) {
        put(writer, value);
        return;
    }
    put(writer, SPAN_LITERAL("\""));
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            put(writer, SPAN_LITERAL("\\"));
        put(writer, span_make(value.data + i, 1));
    }
    put(writer, SPAN_LITERAL("\""));
}

static void put_values(struct writer *writer, struct span key, const struct span *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        put_key(writer, key);
        put_value(writer, values[i]);
    }
}

/* RFC 2253 has escaped the quotes in it already. */
static void put_quoted(struct writer *writer, struct span key, struct span value) {
    put_key(writer, key);
    put(writer, SPAN_LITERAL("\""));
    put(writer, value);
    put(writer, SPAN_LITERAL("\""));
}

/* ";" KEY "=" and quotes. */
#define KEY_BYTES_MAX 16

static size_t size_max(const struct span *values, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += KEY_BYTES_MAX + 2 * values[i].size;
    return size;
}

struct span client_identity_print(struct arena *arena, const struct tls_peer *peer, const struct span *own_uris, size_t own_uri_count) {
    const struct span texts[] = {peer->fingerprint_256, peer->certificate, peer->subject, SPAN_EMPTY};
    size_t capacity = size_max(texts, ARRAY_SIZE(texts)) + size_max(own_uris, own_uri_count) + size_max(peer->uris, peer->uri_count) +
                      size_max(peer->dns_names, peer->dns_name_count);
    struct writer writer = {.text = arena_new_array(arena, char, capacity)};
    put_values(&writer, SPAN_LITERAL("By="), own_uris, own_uri_count);
    put_key(&writer, SPAN_LITERAL("Hash="));
    put(&writer, peer->fingerprint_256);
    put_quoted(&writer, SPAN_LITERAL("Cert="), peer->certificate);
    put_quoted(&writer, SPAN_LITERAL("Subject="), peer->subject);
    put_values(&writer, SPAN_LITERAL("URI="), peer->uris, peer->uri_count);
    /* The key is there even when there is no name. */
    if (peer->uri_count == 0)
        put_key(&writer, SPAN_LITERAL("URI="));
    put_values(&writer, SPAN_LITERAL("DNS="), peer->dns_names, peer->dns_name_count);
    return span_make(writer.text, writer.size);
}

struct span client_identity_print_for(struct arena *arena, const struct tls_peer *peer, const struct tls_identity *own) {
    size_t uri_count = tls_identity_uri_count(own);
    struct span *uris = arena_new_array(arena, struct span, uri_count);
    for (size_t i = 0; i < uri_count; i++)
        uris[i] = tls_identity_uri(own, i);
    return client_identity_print(arena, peer, uris, uri_count);
}

struct client_identity *client_identity_create(const struct tls_session *session, const struct tls_identity *own) {
    struct client_identity *client = memory_allocate_zeroed(1, sizeof(*client));
    struct arena scratch CLEANUP(arena_deinit);
    arena_init(&scratch, CLIENT_ARENA_BLOCK_BYTES);
    arena_init(&client->arena, CLIENT_ARENA_BLOCK_BYTES);
    if (!tls_peer_describe(session, &client->arena, &client->peer)) {
        client_identity_destroy(client);
        return NULL;
    }
    client->peer.certificate = tls_peer_print_certificate(session, &scratch);
    client->forwarded = arena_copy(&client->arena, client_identity_print_for(&scratch, &client->peer, own));
    /* The certificate is the largest part by far: it is kept once, inside the element, where nothing like it stands before it. */
    const char *start = memmem(client->forwarded.data, client->forwarded.size, client->peer.certificate.data, client->peer.certificate.size);
    client->peer.certificate = span_make(start, client->peer.certificate.size);
    return client;
}

void client_identity_destroy(struct client_identity *client) {
    if (client == NULL)
        return;
    arena_deinit(&client->arena);
    free(client);
}
