#include "server/ticket_keys.h"

#include <sys/stat.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

#define SECRET_PREFIX SPAN_LITERAL("secret:")
#define HINT "openssl rand 80 makes one; see docs/tls.md"

enum { CURRENT, PREVIOUS, NEXT, KEY_COUNT };

static const char *const names[KEY_COUNT] = {"current", "previous", "next"};

struct reading {
    struct ticket_keys *keys;
    struct diagnostic_list *diagnostics;
    struct arena arena; /* of what was read; wiped */
    struct position positions[KEY_COUNT];
    struct span values[KEY_COUNT]; /* empty: there is none */
    uint64_t changed_wall_ns;      /* of the file of the present key; 0: unknown */
};

static void report(struct reading *reading, size_t key, enum diagnostic_severity severity, const char *hint, const char *what) {
    diagnostic_add(reading->diagnostics, severity, DIAGNOSTIC_TICKET_KEYS, reading->positions[key], SPAN_EMPTY, span_of(hint),
                   "session ticket key \"%s\" of --ticket-keys %.*s: %s", names[key], SPAN_ARGUMENTS(reading->keys->place), what);
}

static void read_folder(struct reading *reading, struct input_files *files) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        struct span path = arena_print(&reading->arena, "%.*s/%s", SPAN_ARGUMENTS(reading->keys->place), names[i]);
        struct stat status;
        reading->positions[i].file = arena_copy(&reading->diagnostics->arena, path).data;
        if (!input_files_read(files, &reading->arena, path, &reading->values[i]))
            reading->values[i] = SPAN_EMPTY;
        else if (i == CURRENT && stat(path.data, &status) == 0)
            reading->changed_wall_ns = (uint64_t)status.st_mtim.tv_sec * NANOSECONDS_PER_SECOND;
    }
}

static void read_secret(struct reading *reading, const struct resource_set *set, struct span namespace) {
    struct span name = span_from(reading->keys->place, SECRET_PREFIX.size);
    const struct secret *secret = resource_set_find_secret(set, namespace, name);
    for (size_t i = 0; i < KEY_COUNT && secret != NULL; i++) {
        const struct secret_entry *entry = secret_get(secret, span_of(names[i]));
        reading->positions[i] = entry != NULL ? entry->position : secret->meta.position;
        if (entry != NULL && !entry->invalid)
            reading->values[i] = entry->value;
    }
}

/* True when the present key can be used; others that cannot are left out. */
static bool judge(struct reading *reading) {
    if (reading->values[CURRENT].size == 0) {
        report(reading, CURRENT, DIAGNOSTIC_ERROR, HINT, "it is missing; the former keys stay in use");
        return false;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (reading->values[i].size == 0 || reading->values[i].size == TLS_TICKET_KEY_SIZE)
            continue;
        report(reading, i, DIAGNOSTIC_ERROR, HINT,
               i == CURRENT ? "it does not have 80 bytes; the former keys stay in use" : "it does not have 80 bytes and is left out");
        reading->values[i] = SPAN_EMPTY;
    }
    for (size_t i = PREVIOUS; i < KEY_COUNT; i++) {
        if (reading->values[i].size == 0 || !span_equal(reading->values[i], reading->values[CURRENT]))
            continue;
        report(reading, i, DIAGNOSTIC_WARNING, "at a rotation: previous = current, current = next, next = a new one", "it is the current one again");
        reading->values[i] = SPAN_EMPTY;
    }
    return reading->values[CURRENT].size > 0;
}

static const uint8_t *bytes_of(struct span value) {
    return value.size == 0 ? NULL : (const uint8_t *)(const void *)value.data;
}

/* How long the present key is still fresh: since its file was written, or since this process saw it first. */
static uint64_t judge_age(struct reading *reading) {
    struct ticket_keys *keys = reading->keys;
    uint64_t now_ns = clock_wall_ns(), hash = span_hash(reading->values[CURRENT]) | 1;
    if (hash != keys->present_hash)
        keys->since_wall_ns = reading->changed_wall_ns != 0 ? reading->changed_wall_ns : now_ns;
    keys->present_hash = hash;
    uint64_t age_ns = now_ns > keys->since_wall_ns ? now_ns - keys->since_wall_ns : 0;
    if (age_ns < TLS_TICKET_STALE_NS)
        return TLS_TICKET_STALE_NS - age_ns;
    char text[160];
    snprintf(text, sizeof(text), "it is stale: unchanged for %llu hours, and whoever learns it can read that long a time's resumed sessions",
             (unsigned long long)(age_ns / SECONDS(3600)));
    report(reading, CURRENT, DIAGNOSTIC_WARNING, "replace the keys every day: previous = current, current = next, next = a new one", text);
    return 0;
}

static void reading_wipe(struct reading *reading) {
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (reading->values[i].size > 0 && !span_starts_with(reading->keys->place, SECRET_PREFIX))
            memory_wipe((void *)(uintptr_t)reading->values[i].data, reading->values[i].size);
    arena_deinit(&reading->arena);
}

uint64_t ticket_keys_load(struct ticket_keys *keys, struct tls_tickets *tickets, const struct resource_set *set, struct span namespace,
                          struct input_files *files, struct diagnostic_list *diagnostics) {
    struct reading reading = {.keys = keys, .diagnostics = diagnostics};
    uint64_t left_ns = 0;
    if (keys->place.size == 0)
        return 0;
    arena_init(&reading.arena, 1024);
    if (span_starts_with(keys->place, SECRET_PREFIX))
        read_secret(&reading, set, namespace);
    else
        read_folder(&reading, files);
    if (judge(&reading)) {
        const struct tls_shared_keys shared = {bytes_of(reading.values[CURRENT]), bytes_of(reading.values[PREVIOUS]), bytes_of(reading.values[NEXT])};
        if (tickets != NULL)
            tls_tickets_share(tickets, &shared);
        left_ns = judge_age(&reading);
    }
    reading_wipe(&reading);
    return left_ns;
}
