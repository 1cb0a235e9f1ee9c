#include "tls/tickets.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/cipher.h>
#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/limits.h"
#include "base/memory.h"
#include "tls/tickets_library.h"

#define TICKET_NAME_SIZE 16
#define TICKET_IV_SIZE   16

/* AES-256-CBC with HMAC-SHA-256, the construction of RFC 5077 section 4. */
struct ticket_key {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t cipher_key[32];
    uint8_t mac_key[32];
};

struct tls_tickets {
    pthread_rwlock_t lock; /* guards all below; taken once a handshake, never per request */
    uint64_t sealing_since_ns;
    bool is_shared; /* the keys are given from outside */
    bool has_former;
    bool has_next;
    struct ticket_key sealing;
    struct ticket_key former;
    struct ticket_key next;
};

static void wipe_key(struct ticket_key *key)
{
    memory_wipe(key, sizeof(*key));
}

static void make_key(struct ticket_key *key)
{
    ASSERT(RAND_bytes((uint8_t *)key, sizeof(*key)) == 1);
}

struct tls_tickets *tls_tickets_create(void)
{
    struct tls_tickets *tickets = memory_allocate_zeroed(1, sizeof(*tickets));
    ASSERT(pthread_rwlock_init(&tickets->lock, NULL) == 0);
    make_key(&tickets->sealing);
    tickets->sealing_since_ns = clock_monotonic_ns();
    return tickets;
}

void tls_tickets_destroy(struct tls_tickets *tickets)
{
    if (tickets == NULL)
        return;
    ASSERT(pthread_rwlock_destroy(&tickets->lock) == 0);
    memory_wipe(tickets, sizeof(*tickets));
    free(tickets);
}

static void rotate_locked(struct tls_tickets *tickets, uint64_t now_ns)
{
    tickets->former = tickets->sealing;
    tickets->has_former = true;
    tickets->is_shared = false;
    make_key(&tickets->sealing);
    tickets->sealing_since_ns = now_ns;
}

void tls_tickets_rotate(struct tls_tickets *tickets)
{
    ASSERT(pthread_rwlock_wrlock(&tickets->lock) == 0);
    rotate_locked(tickets, clock_monotonic_ns());
    ASSERT(pthread_rwlock_unlock(&tickets->lock) == 0);
}

/* As nginx and Envoy divide the bytes. */
static void read_key(const uint8_t *bytes, struct ticket_key *ret_key)
{
    memcpy(ret_key->name, bytes, TICKET_NAME_SIZE);
    memcpy(ret_key->mac_key, bytes + TICKET_NAME_SIZE, sizeof(ret_key->mac_key));
    memcpy(ret_key->cipher_key, bytes + TICKET_NAME_SIZE + sizeof(ret_key->mac_key), sizeof(ret_key->cipher_key));
}

void tls_tickets_share(struct tls_tickets *tickets, const struct tls_shared_keys *keys)
{
    ASSERT(sizeof(struct ticket_key) == TLS_TICKET_KEY_SIZE);
    ASSERT(pthread_rwlock_wrlock(&tickets->lock) == 0);
    wipe_key(&tickets->former);
    wipe_key(&tickets->next);
    tickets->is_shared = true;
    tickets->has_former = keys->previous != NULL;
    tickets->has_next = keys->next != NULL;
    read_key(keys->present, &tickets->sealing);
    if (tickets->has_former)
        read_key(keys->previous, &tickets->former);
    if (tickets->has_next)
        read_key(keys->next, &tickets->next);
    ASSERT(pthread_rwlock_unlock(&tickets->lock) == 0);
}

static uint64_t sealing_age_ns(const struct tls_tickets *tickets, uint64_t now_ns)
{
    return now_ns > tickets->sealing_since_ns && !tickets->is_shared ? now_ns - tickets->sealing_since_ns : 0;
}

void tls_tickets_advance(struct tls_tickets *tickets, uint64_t now_ns)
{
    ASSERT(pthread_rwlock_rdlock(&tickets->lock) == 0);
    bool is_due = sealing_age_ns(tickets, now_ns) >= TLS_TICKET_ROTATION_NS;
    ASSERT(pthread_rwlock_unlock(&tickets->lock) == 0);
    if (LIKELY(!is_due))
        return;
    ASSERT(pthread_rwlock_wrlock(&tickets->lock) == 0);
    /* Asked again: another thread may have been first. */
    uint64_t age_ns = sealing_age_ns(tickets, now_ns);
    if (age_ns >= TLS_TICKET_ROTATION_NS)
        rotate_locked(tickets, now_ns);
    if (age_ns >= 2 * TLS_TICKET_ROTATION_NS) {
        wipe_key(&tickets->former);
        tickets->has_former = false;
    }
    ASSERT(pthread_rwlock_unlock(&tickets->lock) == 0);
}

enum key_found { KEY_UNKNOWN, KEY_SEALING, KEY_FORMER, KEY_NEXT };

static enum key_found find_key(struct tls_tickets *tickets, const uint8_t name[TICKET_NAME_SIZE],
                               struct ticket_key *ret_key)
{
    enum key_found found = KEY_UNKNOWN;
    ASSERT(pthread_rwlock_rdlock(&tickets->lock) == 0);
    if (CRYPTO_memcmp(name, tickets->sealing.name, TICKET_NAME_SIZE) == 0) {
        *ret_key = tickets->sealing;
        found = KEY_SEALING;
    } else if (tickets->has_former && CRYPTO_memcmp(name, tickets->former.name, TICKET_NAME_SIZE) == 0) {
        *ret_key = tickets->former;
        found = KEY_FORMER;
    } else if (tickets->has_next && CRYPTO_memcmp(name, tickets->next.name, TICKET_NAME_SIZE) == 0) {
        *ret_key = tickets->next;
        found = KEY_NEXT;
    }
    ASSERT(pthread_rwlock_unlock(&tickets->lock) == 0);
    return found;
}

static int seal_set_up(struct tls_tickets *tickets, uint8_t name[TICKET_NAME_SIZE], uint8_t *iv, EVP_CIPHER_CTX *cipher,
                       HMAC_CTX *mac)
{
    struct ticket_key key CLEANUP(wipe_key);
    ASSERT(pthread_rwlock_rdlock(&tickets->lock) == 0);
    key = tickets->sealing;
    ASSERT(pthread_rwlock_unlock(&tickets->lock) == 0);
    memcpy(name, key.name, TICKET_NAME_SIZE);
    bool is_ready = RAND_bytes(iv, TICKET_IV_SIZE) == 1 &&
                    EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher_key, iv) == 1 &&
                    HMAC_Init_ex(mac, key.mac_key, sizeof(key.mac_key), EVP_sha256(), NULL) == 1;
    return is_ready ? 1 : -1;
}

static int open_set_up(struct tls_tickets *tickets, const uint8_t name[TICKET_NAME_SIZE], const uint8_t *iv,
                       EVP_CIPHER_CTX *cipher, HMAC_CTX *mac)
{
    struct ticket_key key CLEANUP(wipe_key) = {0};
    enum key_found found = find_key(tickets, name, &key);
    if (found == KEY_UNKNOWN)
        return 0;
    bool is_ready = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher_key, iv) == 1 &&
                    HMAC_Init_ex(mac, key.mac_key, sizeof(key.mac_key), EVP_sha256(), NULL) == 1;
    if (!is_ready)
        return -1;
    return found == KEY_FORMER ? 2 : 1;
}

int tls_tickets_set_up(struct tls_tickets *tickets, uint8_t name[TICKET_NAME_SIZE], uint8_t *iv, EVP_CIPHER_CTX *cipher,
                       HMAC_CTX *mac, int is_sealing)
{
    tls_tickets_advance(tickets, clock_monotonic_ns());
    return is_sealing ? seal_set_up(tickets, name, iv, cipher, mac) : open_set_up(tickets, name, iv, cipher, mac);
}
