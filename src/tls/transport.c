#include "tls/transport.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "base/assert.h"
#include "base/memory.h"

/* The held front of a record grows in steps of this, so that a peer of single bytes does not cost an allocation each.
 */
#define HELD_STEP_BYTES 512

/* The table of functions, the same for all sessions; it lives until exit. */
static BIO_METHOD *transport_method;
static pthread_once_t transport_method_once = PTHREAD_ONCE_INIT;

static size_t held_rest(const struct tls_transport *transport)
{
    return transport->held_size - transport->held_taken;
}

/* Takes all input into the held front of a record. */
static void hold_input(struct tls_transport *transport)
{
    struct span input = transport->io->input;
    if (input.size == 0)
        return;
    ASSERT(transport->held_taken == 0);
    size_t size = transport->held_size + input.size;
    if (size > transport->held_capacity) {
        size_t capacity = (size + HELD_STEP_BYTES - 1) / HELD_STEP_BYTES * HELD_STEP_BYTES;
        transport->held = memory_resize(transport->held, capacity);
        transport->held_capacity = (uint32_t)capacity;
    }
    memcpy(transport->held + transport->held_size, input.data, input.size);
    transport->held_size = (uint32_t)size;
    transport->io->input = span_from(input, input.size);
}

/* Moves up to `capacity` bytes, first of what is held, then of the input. */
static size_t take(struct tls_transport *transport, char *ret_bytes, size_t capacity)
{
    size_t from_held = held_rest(transport) < capacity ? held_rest(transport) : capacity;
    if (from_held > 0) {
        memcpy(ret_bytes, transport->held + transport->held_taken, from_held);
        transport->held_taken += (uint32_t)from_held;
        if (held_rest(transport) == 0)
            tls_transport_deinit(transport);
    }
    struct span from_input = span_first(transport->io->input, capacity - from_held);
    if (from_input.size > 0) {
        memcpy(ret_bytes + from_held, from_input.data, from_input.size);
        transport->io->input = span_from(transport->io->input, from_input.size);
    }
    return from_held + from_input.size;
}

static uint8_t peek(const struct tls_transport *transport, size_t offset)
{
    size_t rest = held_rest(transport);
    return (uint8_t)(offset < rest ? transport->held[transport->held_taken + offset]
                                   : transport->io->input.data[offset - rest]);
}

/* RFC 8446 section 5.1: type, version, length. */
static bool is_record_header(const struct tls_transport *transport, size_t body_size)
{
    uint8_t type = peek(transport, 0);
    return type >= SSL3_RT_CHANGE_CIPHER_SPEC && type <= SSL3_RT_APPLICATION_DATA && peek(transport, 1) == 3 &&
           body_size <= SSL3_RT_MAX_ENCRYPTED_LENGTH;
}

/* True when the next record is all there, or what is there is no record. */
static bool open_record(struct tls_transport *transport)
{
    size_t available = held_rest(transport) + transport->io->input.size;
    if (available >= SSL3_RT_HEADER_LENGTH) {
        size_t body_size = (size_t)peek(transport, 3) << 8 | peek(transport, 4);
        if (!is_record_header(transport, body_size)) {
            transport->is_unframed = true;
            return true;
        }
        if (available >= SSL3_RT_HEADER_LENGTH + body_size) {
            transport->record_rest = (uint32_t)(SSL3_RT_HEADER_LENGTH + body_size);
            return true;
        }
    }
    hold_input(transport);
    return false;
}

static int transport_read(BIO *bio, char *ret_bytes, int capacity)
{
    struct tls_transport *transport = BIO_get_data(bio);
    ASSERT(transport->io != NULL);
    BIO_clear_retry_flags(bio);
    if (capacity <= 0)
        return 0;
    if (transport->record_rest == 0 && !transport->is_unframed && !open_record(transport)) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (transport->is_unframed) {
        size_t taken = take(transport, ret_bytes, (size_t)capacity);
        if (taken > 0)
            return (int)taken;
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t wanted = (size_t)capacity < transport->record_rest ? (size_t)capacity : transport->record_rest;
    size_t taken = take(transport, ret_bytes, wanted);
    ASSERT(taken == wanted);
    transport->record_rest -= (uint32_t)taken;
    return (int)taken;
}

static int transport_write(BIO *bio, const char *bytes, int size)
{
    const struct tls_transport *transport = BIO_get_data(bio);
    struct tls_io *io = transport->io;
    ASSERT(io != NULL);
    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    ASSERT(io->output_size <= io->output_capacity);
    size_t room = io->output_capacity - io->output_size;
    if (room == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    size_t written = room < (size_t)size ? room : (size_t)size;
    memcpy(io->output + io->output_size, bytes, written);
    io->output_size += written;
    return (int)written;
}

static long transport_control(BIO *bio UNUSED, int command, long number UNUSED, void *argument UNUSED)
{
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void make_transport_method(void)
{
    transport_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fairlead transport");
    ASSERT(transport_method != NULL);
    ASSERT(BIO_meth_set_read(transport_method, transport_read) == 1);
    ASSERT(BIO_meth_set_write(transport_method, transport_write) == 1);
    ASSERT(BIO_meth_set_ctrl(transport_method, transport_control) == 1);
}

BIO *tls_transport_create(struct tls_transport *transport)
{
    pthread_once(&transport_method_once, make_transport_method);
    BIO *bio = BIO_new(transport_method);
    ASSERT(bio != NULL);
    BIO_set_data(bio, transport);
    BIO_set_init(bio, 1);
    return bio;
}

bool tls_transport_is_empty(const struct tls_transport *transport)
{
    return transport->io->input.size == 0 && held_rest(transport) == 0;
}

void tls_transport_deinit(struct tls_transport *transport)
{
    free(transport->held);
    transport->held = NULL;
    transport->held_size = 0;
    transport->held_taken = 0;
    transport->held_capacity = 0;
}
