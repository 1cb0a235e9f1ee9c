#include "snapshot/route_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/limits.h"
#include "snapshot/route.h"

/* Exact and prefix texts, each as written or with its case folded. */
enum text_class { CLASS_EXACT, CLASS_EXACT_FOLDED, CLASS_PREFIX, CLASS_PREFIX_FOLDED, CLASS_COUNT };

/* A route that a hash leads to; the bytes of its text lie behind it. Those of one hash follow each other, ascending by ordinal. */
struct record {
    struct route_text text; /* its key is the route's ordinal */
    char bytes[];
};
#define RECORD_UNIT 8 /* of the memory of records */

struct bucket {
    uint32_t hash;   /* its upper half; the lower one leads to the bucket */
    uint32_t record; /* the first of that hash, in units */
};
#define BUCKET_FREE UINT32_MAX

struct route_index {
    const struct route *routes;
    const struct weighted_cluster *destinations;
    /* A bit for each hash that there is, so many that the one of another hash is rarely set: small enough for a core's first cache, it spares most
     * of the looks at buckets. */
    uint64_t *filter;
    struct bucket *buckets; /* open addressing */
    size_t bucket_mask;
    char *records;
    uint32_t *prefix_sizes; /* those that occur, ascending; for CLASS_PREFIX and CLASS_PREFIX_FOLDED together */
    size_t prefix_size_count;
    uint32_t *others; /* ordinals of the routes that neither hash nor automaton finds, ascending */
    size_t other_count;
    struct pattern_set *pattern_sets;
    size_t pattern_set_count;
    size_t route_count;
    bool has_folded;
};

/* Routes with a regular expression: the automaton says which of them to ask. */
struct pattern_set {
    struct regex_set *automaton;
    const uint32_t *ordinals; /* of its patterns */
    size_t count;
};

struct entry {
    uint64_t hash;
    uint32_t ordinal;
};

/* --- Hashing --- */

/* A hash of each prefix of a text that is asked for, shortest first: whole words are walked once, the rest of a prefix is mixed in apart. Two texts
 * with one hash only cost a comparison more. */
struct hash_walk {
    struct span text;
    uint64_t state;
    size_t walked; /* bytes, in whole words */
    bool folded;
};

/* There are two buckets a hash or more, so one bit of 16 is set at most. */
#define FILTER_BITS_OF_BUCKET 8
#define HASH_FACTOR 0x9e3779b97f4a7c15ULL

/* 'A' to 'Z' in each byte become lower-case. */
static uint64_t word_to_lower(uint64_t word) {
    const uint64_t ones = 0x0101010101010101ULL, low = word & 0x7f * ones;
    uint64_t from_a = low + (0x80 - 'A') * ones, beyond_z = low + (0x80 - 'Z' - 1) * ones;
    return word | ((from_a & ~beyond_z & ~word & 0x80 * ones) >> 2);
}

static uint64_t hash_mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * HASH_FACTOR;
    return hash ^ hash >> 32;
}

static ALWAYS_INLINE uint64_t hash_walk_to(struct hash_walk *walk, size_t size, enum text_class class) {
    for (; walk->walked + sizeof(uint64_t) <= size; walk->walked += sizeof(uint64_t)) {
        uint64_t word = route_text_word(walk->text.data + walk->walked);
        walk->state = hash_mix(walk->state, walk->folded ? word_to_lower(word) : word);
    }
    uint64_t rest = route_text_part(walk->text, walk->walked, size - walk->walked);
    /* The size and the class go where a text's bytes do not count alone. */
    return hash_mix(walk->state, (walk->folded ? word_to_lower(rest) : rest) + HASH_FACTOR * (size << 2 | class));
}

static bool class_of(const struct route_match *match, enum text_class *ret_class) {
    if (match->path_match == PATH_MATCH_EXACT)
        *ret_class = match->ignore_case ? CLASS_EXACT_FOLDED : CLASS_EXACT;
    else if (match->path_match == PATH_MATCH_PREFIX)
        *ret_class = match->ignore_case ? CLASS_PREFIX_FOLDED : CLASS_PREFIX;
    else
        return false;
    return true;
}

static bool class_is_folded(enum text_class class) {
    return class == CLASS_EXACT_FOLDED || class == CLASS_PREFIX_FOLDED;
}

static uint64_t hash_of(struct span text, enum text_class class) {
    struct hash_walk walk = {.text = text, .folded = class_is_folded(class)};
    return hash_walk_to(&walk, text.size, class);
}

/* --- Making --- */

static int compare_entries(const void *left, const void *right) {
    const struct entry *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static int compare_sizes(const void *left, const void *right) {
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static size_t filter_bit(const struct route_index *index, uint64_t hash) {
    return hash >> 24 & ((index->bucket_mask + 1) * FILTER_BITS_OF_BUCKET - 1);
}

static void add_bucket(struct route_index *index, uint64_t hash, size_t record) {
    size_t place = hash & index->bucket_mask, bit = filter_bit(index, hash);
    while (index->buckets[place].record != BUCKET_FREE)
        place = (place + 1) & index->bucket_mask;
    index->buckets[place] = (struct bucket){(uint32_t)(hash >> 32), (uint32_t)record};
    index->filter[bit / 64] |= 1ULL << bit % 64;
}

static void make_buckets(struct route_index *index, struct arena *arena, size_t count) {
    size_t capacity = 64 / FILTER_BITS_OF_BUCKET;
    while (capacity < 2 * count)
        capacity *= 2;
    index->buckets = arena_new_array(arena, struct bucket, capacity);
    index->filter = arena_new_array(arena, uint64_t, capacity * FILTER_BITS_OF_BUCKET / 64);
    index->bucket_mask = capacity - 1;
    for (size_t i = 0; i < capacity; i++)
        index->buckets[i].record = BUCKET_FREE;
}

static size_t record_units(struct route_text text) {
    return (sizeof(struct record) + text.size + RECORD_UNIT - 1) / RECORD_UNIT;
}

static struct route_text text_of(const struct virtual_host *host, uint32_t ordinal) {
    struct route_text text = route_text_of(&host->routes[ordinal], host->destinations == NULL ? NULL : &host->destinations[ordinal]);
    text.key = ordinal;
    return text;
}

/* `entries` are sorted. */
static void add_entries(struct route_index *index, struct arena *arena, const struct virtual_host *host, const struct entry *entries,
                        size_t count) {
    size_t units = 0, at = 0;
    make_buckets(index, arena, count);
    for (size_t i = 0; i < count; i++)
        units += record_units(text_of(host, entries[i].ordinal));
    ASSERT(units < BUCKET_FREE);
    index->records = (char *)arena_new_array(arena, uint64_t, units);
    for (size_t i = 0; i < count; i++) {
        struct record *record = (struct record *)(void *)(index->records + at * RECORD_UNIT);
        record->text = text_of(host, entries[i].ordinal);
        if (record->text.size > 0)
            memcpy(record->bytes, host->routes[entries[i].ordinal].match.path.data, record->text.size);
        if (i == 0 || entries[i].hash != entries[i - 1].hash)
            add_bucket(index, entries[i].hash, at);
        if (i + 1 < count && entries[i].hash == entries[i + 1].hash)
            record->text.properties |= ROUTE_TEXT_CONTINUES;
        at += record_units(record->text);
    }
}

static void keep_distinct_sizes(struct route_index *index) {
    qsort(index->prefix_sizes, index->prefix_size_count, sizeof(*index->prefix_sizes), compare_sizes);
    size_t kept = 0;
    for (size_t i = 0; i < index->prefix_size_count; i++)
        if (kept == 0 || index->prefix_sizes[kept - 1] != index->prefix_sizes[i])
            index->prefix_sizes[kept++] = index->prefix_sizes[i];
    index->prefix_size_count = kept;
}

static void destroy_set(void *set) {
    regex_set_destroy(set);
}

static bool add_pattern_set(struct route_index *index, struct arena *arena, const uint32_t *ordinals, size_t count) {
    struct span patterns[REGEX_SET_PATTERNS_MAX];
    for (size_t i = 0; i < count; i++)
        patterns[i] = index->routes[ordinals[i]].match.path;
    struct regex_set *automaton = regex_set_create(patterns, count);
    if (automaton == NULL)
        return false;
    arena_on_destroy(arena, destroy_set, automaton);
    index->pattern_sets[index->pattern_set_count++] = (struct pattern_set){automaton, ordinals, count};
    return true;
}

static int compare_ordinals(const void *left, const void *right) {
    const uint32_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* `patterns`: ordinals of the routes with a regular expression; those that go into no set are among the others. */
static void make_pattern_sets(struct route_index *index, struct arena *arena, const uint32_t *patterns, size_t count) {
    uint32_t *ordinals = arena_new_array(arena, uint32_t, count);
    if (count > 0)
        memcpy(ordinals, patterns, count * sizeof(*ordinals));
    index->pattern_sets = arena_new_array(arena, struct pattern_set, count / REGEX_SET_PATTERNS_MAX + 1);
    for (size_t start = 0; start < count;) {
        size_t size = count - start < REGEX_SET_PATTERNS_MAX ? count - start : REGEX_SET_PATTERNS_MAX;
        bool added = size >= REGEX_SET_PATTERNS_MIN && add_pattern_set(index, arena, ordinals + start, size);
        for (size_t i = 0; !added && i < size; i++)
            index->others[index->other_count++] = ordinals[start + i];
        start += size;
    }
    qsort(index->others, index->other_count, sizeof(*index->others), compare_ordinals);
}

struct route_index *route_index_create(struct arena *arena, const struct virtual_host *host) {
    struct route_index *index = arena_new(arena, struct route_index);
    struct arena scratch;
    arena_init(&scratch, SNAPSHOT_ARENA_BLOCK_BYTES);
    size_t count = host->route_count, entry_count = 0, pattern_count = 0;
    struct entry *entries = arena_new_array(&scratch, struct entry, count + 1);
    uint32_t *patterns = arena_new_array(&scratch, uint32_t, count + 1);
    index->routes = host->routes;
    index->destinations = host->destinations;
    index->route_count = count;
    index->others = arena_new_array(arena, uint32_t, count + 1);
    index->prefix_sizes = arena_new_array(arena, uint32_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct route_match *match = &index->routes[i].match;
        enum text_class class;
        if (match->path_match == PATH_MATCH_REGEX) {
            patterns[pattern_count++] = (uint32_t)i;
            continue;
        }
        if (!class_of(match, &class)) {
            index->others[index->other_count++] = (uint32_t)i;
            continue;
        }
        entries[entry_count++] = (struct entry){hash_of(match->path, class), (uint32_t)i};
        index->has_folded |= match->ignore_case;
        if (match->path_match == PATH_MATCH_PREFIX)
            index->prefix_sizes[index->prefix_size_count++] = (uint32_t)match->path.size;
    }
    qsort(entries, entry_count, sizeof(*entries), compare_entries);
    add_entries(index, arena, host, entries, entry_count);
    keep_distinct_sizes(index);
    make_pattern_sets(index, arena, patterns, pattern_count);
    arena_deinit(&scratch);
    return index;
}

/* --- Finding --- */

struct search {
    const struct route_index *index;
    const struct request_view *request;
    uint32_t best; /* the lowest ordinal that holds so far; route_count: none */
    bool forwards; /* it does, to its single destination */
};

/* Of routes that only their predicate judges. */
static void ask(struct search *search, const uint32_t *ordinals, size_t count) {
    for (size_t i = 0; i < count && ordinals[i] < search->best; i++) {
        if (!route_match_holds(&search->index->routes[ordinals[i]].match, search->request, NULL))
            continue;
        search->best = ordinals[i];
        search->forwards = false;
    }
}

static bool record_holds(const struct record *record, const struct route_match *match, const struct request_view *request) {
    struct route_text text = record->text;
    if (!route_text_decides(text, request))
        return route_match_holds(match, request, NULL);
    size_t condition_count = route_text_condition_count(text);
    return route_text_holds(text, record->bytes, request->path) &&
           (condition_count == 0 || match_conditions_hold(match->conditions, condition_count, request, NULL));
}

static void ask_records(struct search *search, size_t at) {
    for (bool continues = true; continues;) {
        const struct record *record = (const struct record *)(const void *)(search->index->records + at * RECORD_UNIT);
        struct route_text text = record->text;
        if (text.key >= search->best)
            return;
        if (record_holds(record, &search->index->routes[text.key].match, search->request)) {
            search->best = text.key;
            search->forwards = (text.properties & ROUTE_TEXT_FORWARDS) != 0;
            return;
        }
        continues = (text.properties & ROUTE_TEXT_CONTINUES) != 0;
        at += record_units(text);
    }
}

static bool is_likely(const struct route_index *index, uint64_t hash) {
    size_t bit = filter_bit(index, hash);
    return (index->filter[bit / 64] >> bit % 64 & 1) != 0;
}

static void ask_bucket(struct search *search, uint64_t hash) {
    const struct route_index *index = search->index;
    for (size_t place = hash & index->bucket_mask; index->buckets[place].record != BUCKET_FREE; place = (place + 1) & index->bucket_mask)
        if (index->buckets[place].hash == (uint32_t)(hash >> 32))
            ask_records(search, index->buckets[place].record);
}

static void ask_buckets(struct search *search, const uint64_t *hashes, size_t *count) {
    for (size_t i = 0; i < *count; i++)
        ask_bucket(search, hashes[i]);
    *count = 0;
}

static void ask_patterns(struct search *search, const struct pattern_set *set) {
    const int *numbers;
    size_t number_count;
    if (!regex_set_match(set->automaton, search->request->path, &numbers, &number_count)) {
        ask(search, set->ordinals, set->count);
        return;
    }
    for (size_t i = 0; i < number_count; i++)
        ask(search, &set->ordinals[numbers[i]], 1);
}

/* Hashes that the filter let pass and that have not been looked up yet. */
#define LIKELY_MAX 8

/* Hashes first, then the few that the filter lets pass: which of them do is hard to foretell. */
static void ask_texts(struct search *search, bool folded) {
    const struct route_index *index = search->index;
    struct span path = search->request->path;
    struct hash_walk walk = {.text = path, .folded = folded};
    enum text_class prefix = folded ? CLASS_PREFIX_FOLDED : CLASS_PREFIX, exact = folded ? CLASS_EXACT_FOLDED : CLASS_EXACT;
    uint64_t likely[LIKELY_MAX];
    size_t likely_count = 0;
    for (size_t i = 0; i < index->prefix_size_count && index->prefix_sizes[i] <= path.size; i++) {
        likely[likely_count] = hash_walk_to(&walk, index->prefix_sizes[i], prefix);
        likely_count += is_likely(index, likely[likely_count]);
        if (likely_count == LIKELY_MAX)
            ask_buckets(search, likely, &likely_count);
    }
    likely[likely_count] = hash_walk_to(&walk, path.size, exact);
    likely_count += is_likely(index, likely[likely_count]);
    ask_buckets(search, likely, &likely_count);
}

struct route_found route_index_find(const struct route_index *index, const struct request_view *request) {
    struct search search = {.index = index, .request = request, .best = (uint32_t)index->route_count};
    ask_texts(&search, false);
    if (index->has_folded)
        ask_texts(&search, true);
    if (request->is_asterisk) {
        ask_bucket(&search, hash_of(SPAN_LITERAL("/"), CLASS_PREFIX));
        ask_bucket(&search, hash_of(SPAN_LITERAL("/"), CLASS_PREFIX_FOLDED));
    }
    ask(&search, index->others, index->other_count);
    for (size_t i = 0; i < index->pattern_set_count; i++)
        ask_patterns(&search, &index->pattern_sets[i]);
    if (search.best == index->route_count)
        return (struct route_found){NULL, NULL};
    return (struct route_found){&index->routes[search.best], search.forwards ? &index->destinations[search.best] : NULL};
}
