/* For the tests of tls: a server session and a client of the library's own, joined in memory. Header only. */
#ifndef FAIRLEAD_TLS_TEST_PAIR_H
#define FAIRLEAD_TLS_TEST_PAIR_H

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/assert.h"
#include "tls/session.h"
#include "tls/test_pem.h"

#define TEST_WINDOW_BYTES 65536
#define TEST_STEPS_MAX    2000000

struct test_pair {
    SSL_CTX *client_context;
    SSL *client;
    struct tls_session *server;
    SSL_SESSION *ticket; /* the last that the client got */
    size_t tickets_got;
    /* From the client to the server, not yet taken. */
    char *inbound;
    size_t inbound_size;
    /* How coarse the transport is. */
    size_t input_chunk;
    size_t window;
};

static inline int test_pair_keep_ticket(SSL *ssl, SSL_SESSION *ticket)
{
    struct test_pair *pair = SSL_get_app_data(ssl);
    SSL_SESSION_free(pair->ticket);
    pair->ticket = ticket;
    pair->tickets_got++;
    return 1;
}

/* The client can be adjusted through pair->client before the first step. */
static inline void test_pair_init(struct test_pair *pair, struct tls_server_policy *policy,
                                  struct tls_identity *identity, const char *server_name)
{
    memset(pair, 0, sizeof(*pair));
    pair->input_chunk = TEST_WINDOW_BYTES;
    pair->window = TEST_WINDOW_BYTES;
    pair->client_context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_session_cache_mode(pair->client_context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(pair->client_context, test_pair_keep_ticket);
    pair->client = SSL_new(pair->client_context);
    SSL_set_app_data(pair->client, pair);
    SSL_set_connect_state(pair->client);
    SSL_set_bio(pair->client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (server_name != NULL)
        ASSERT(SSL_set_tlsext_host_name(pair->client, server_name) == 1);
    pair->server = tls_session_create_server(&(struct tls_server_options){.policy = policy, .identity = identity});
}

/* Keeps the ticket, which the caller frees. */
static inline SSL_SESSION *test_pair_deinit(struct test_pair *pair)
{
    SSL_free(pair->client);
    SSL_CTX_free(pair->client_context);
    tls_session_destroy(pair->server);
    free(pair->inbound);
    return pair->ticket;
}

static inline void test_pair_inject(struct test_pair *pair, const void *bytes, size_t size)
{
    pair->inbound = realloc(pair->inbound, pair->inbound_size + size + 1);
    ASSERT(pair->inbound != NULL);
    memcpy(pair->inbound + pair->inbound_size, bytes, size);
    pair->inbound_size += size;
}

/* What the client wrote becomes the server's input. */
static inline void test_pair_collect(struct test_pair *pair)
{
    char bytes[4096];
    int size;
    while ((size = BIO_read(SSL_get_wbio(pair->client), bytes, sizeof(bytes))) > 0)
        test_pair_inject(pair, bytes, (size_t)size);
}

/* An input of at most input_chunk bytes, copied to its exact size so that a sanitizer sees a read past it, and an empty
 * window. */
struct test_exchange {
    struct tls_io io;
    char *input;
    size_t offered;
};

static inline void test_exchange_begin(struct test_pair *pair, struct test_exchange *exchange)
{
    test_pair_collect(pair);
    size_t offered = pair->inbound_size < pair->input_chunk ? pair->inbound_size : pair->input_chunk;
    exchange->offered = offered;
    exchange->input = malloc(offered + (offered == 0));
    ASSERT(exchange->input != NULL);
    if (offered > 0)
        memcpy(exchange->input, pair->inbound, offered);
    exchange->io = (struct tls_io){
        .input = span_make(exchange->input, offered), .output = malloc(pair->window), .output_capacity = pair->window};
}

/* Removes what was taken and hands the output to the client. */
static inline void test_exchange_end(struct test_pair *pair, struct test_exchange *exchange)
{
    size_t taken = exchange->offered - exchange->io.input.size;
    if (taken > 0)
        memmove(pair->inbound, pair->inbound + taken, pair->inbound_size - taken);
    pair->inbound_size -= taken;
    ASSERT(exchange->io.output_size <= exchange->io.output_capacity);
    if (exchange->io.output_size > 0)
        ASSERT(BIO_write(SSL_get_rbio(pair->client), exchange->io.output, (int)exchange->io.output_size) ==
               (int)exchange->io.output_size);
    free(exchange->io.output);
    free(exchange->input);
}

static inline enum tls_status test_pair_server_handshake(struct test_pair *pair)
{
    struct test_exchange exchange;
    test_exchange_begin(pair, &exchange);
    enum tls_status status = tls_session_handshake(pair->server, &exchange.io);
    if (status == TLS_STATUS_WANT_INPUT)
        ASSERT(exchange.io.input.size == 0);
    test_exchange_end(pair, &exchange);
    return status;
}

/* Until both sides are done, or one failed, or neither can go on. */
static inline enum tls_status test_pair_handshake(struct test_pair *pair)
{
    enum tls_status status = TLS_STATUS_WANT_INPUT;
    for (size_t i = 0; i < TEST_STEPS_MAX; i++) {
        int client_result = SSL_do_handshake(pair->client);
        bool client_failed = client_result != 1 && SSL_get_error(pair->client, client_result) != SSL_ERROR_WANT_READ;
        ERR_clear_error();
        status = test_pair_server_handshake(pair);
        bool is_stuck = status == TLS_STATUS_WANT_INPUT && pair->inbound_size == 0;
        if (status == TLS_STATUS_FAILED || (client_failed && is_stuck) ||
            (status == TLS_STATUS_OK && client_result == 1))
            return status;
    }
    return status;
}

static inline enum tls_status test_pair_server_read(struct test_pair *pair, char *ret_bytes, size_t capacity,
                                                    size_t *ret_size)
{
    struct test_exchange exchange;
    test_exchange_begin(pair, &exchange);
    enum tls_status status = tls_session_read(pair->server, &exchange.io, ret_bytes, capacity, ret_size);
    if (status == TLS_STATUS_WANT_INPUT)
        ASSERT(exchange.io.input.size == 0);
    test_exchange_end(pair, &exchange);
    return status;
}

static inline enum tls_status test_pair_server_write(struct test_pair *pair, struct span plain, size_t *ret_consumed)
{
    struct test_exchange exchange;
    test_exchange_begin(pair, &exchange);
    enum tls_status status = tls_session_write(pair->server, &exchange.io, plain, ret_consumed);
    ASSERT(exchange.io.input.size == exchange.offered);
    test_exchange_end(pair, &exchange);
    return status;
}

static inline enum tls_status test_pair_server_shutdown(struct test_pair *pair)
{
    struct test_exchange exchange;
    test_exchange_begin(pair, &exchange);
    enum tls_status status = tls_session_shutdown(pair->server, &exchange.io);
    test_exchange_end(pair, &exchange);
    return status;
}

/* Sends the ticket and lets the client take it. */
static inline void test_pair_flush_ticket(struct test_pair *pair)
{
    size_t consumed = 0;
    char byte;
    ASSERT(test_pair_server_write(pair, SPAN_EMPTY, &consumed) == TLS_STATUS_OK);
    ASSERT(SSL_read(pair->client, &byte, 1) <= 0);
    ERR_clear_error();
}

#endif
