#include "snapshot/route_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "snapshot/route.h"

/* Exact and prefix texts, each as written or with its case folded. */
enum text_class { CLASS_EXACT, CLASS_EXACT_FOLDED, CLASS_PREFIX, CLASS_PREFIX_FOLDED, CLASS_COUNT };

/* Routes whose text has the same hash: route_index.ordinals[start ... start + count), ascending; a single one is `start` itself. */
struct bucket {
    uint64_t hash;
    uint32_t start;
    uint32_t count; /* 0: a free place */
};

struct route_index {
    const struct route *routes;
    uint32_t *ordinals;
    struct bucket *buckets; /* open addressing */
    size_t bucket_mask;
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

/* FNV-1a: it grows byte by byte, so that all prefixes of a path cost one walk. Two texts with one hash only cost a question more. */
#define HASH_START 0xcbf29ce484222325ULL
#define HASH_FACTOR 0x100000001b3ULL

static uint64_t hash_add(uint64_t hash, char byte) {
    return (hash ^ (uint8_t)byte) * HASH_FACTOR;
}

static uint64_t hash_finish(uint64_t hash, enum text_class class) {
    hash ^= (uint64_t)(class + 1) * 0x9e3779b97f4a7c15ULL;
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93ULL;
    return hash ^ hash >> 32;
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

static uint64_t hash_of(struct span text, enum text_class class) {
    bool folded = class == CLASS_EXACT_FOLDED || class == CLASS_PREFIX_FOLDED;
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < text.size; i++)
        hash = hash_add(hash, folded ? byte_to_lower(text.data[i]) : text.data[i]);
    return hash_finish(hash, class);
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

static void add_bucket(struct route_index *index, struct bucket bucket) {
    size_t place = bucket.hash & index->bucket_mask;
    while (index->buckets[place].count > 0)
        place = (place + 1) & index->bucket_mask;
    index->buckets[place] = bucket;
}

/* `entries` are sorted. */
static void fill_buckets(struct route_index *index, struct arena *arena, const struct entry *entries, size_t count) {
    size_t capacity = 4;
    while (capacity < 2 * count)
        capacity *= 2;
    index->buckets = arena_new_array(arena, struct bucket, capacity);
    index->bucket_mask = capacity - 1;
    index->ordinals = arena_new_array(arena, uint32_t, count + 1);
    for (size_t start = 0, end; start < count; start = end) {
        for (end = start; end < count && entries[end].hash == entries[start].hash; end++)
            index->ordinals[end] = entries[end].ordinal;
        uint32_t count_here = (uint32_t)(end - start);
        add_bucket(index, (struct bucket){entries[start].hash, count_here == 1 ? entries[start].ordinal : (uint32_t)start, count_here});
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

struct route_index *route_index_create(struct arena *arena, const struct route *routes, size_t count) {
    struct route_index *index = arena_new(arena, struct route_index);
    struct arena scratch;
    arena_init(&scratch, SNAPSHOT_ARENA_BLOCK_BYTES);
    struct entry *entries = arena_new_array(&scratch, struct entry, count + 1);
    uint32_t *patterns = arena_new_array(&scratch, uint32_t, count + 1);
    size_t entry_count = 0, pattern_count = 0;
    index->routes = routes;
    index->route_count = count;
    index->others = arena_new_array(arena, uint32_t, count + 1);
    index->prefix_sizes = arena_new_array(arena, uint32_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct route_match *match = &routes[i].match;
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
    fill_buckets(index, arena, entries, entry_count);
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
};

static void ask(struct search *search, const uint32_t *ordinals, size_t count) {
    for (size_t i = 0; i < count && ordinals[i] < search->best; i++)
        if (route_match_holds(&search->index->routes[ordinals[i]].match, search->request, NULL))
            search->best = ordinals[i];
}

static void ask_bucket(struct search *search, uint64_t hash) {
    const struct route_index *index = search->index;
    for (size_t place = hash & index->bucket_mask; index->buckets[place].count > 0; place = (place + 1) & index->bucket_mask) {
        const struct bucket *bucket = &index->buckets[place];
        if (bucket->hash != hash)
            continue;
        ask(search, bucket->count == 1 ? &bucket->start : index->ordinals + bucket->start, bucket->count);
        return;
    }
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

static void ask_texts(struct search *search, bool folded) {
    const struct route_index *index = search->index;
    struct span path = search->request->path;
    enum text_class exact = folded ? CLASS_EXACT_FOLDED : CLASS_EXACT, prefix = folded ? CLASS_PREFIX_FOLDED : CLASS_PREFIX;
    uint64_t hash = HASH_START;
    size_t walked = 0;
    for (size_t i = 0; i < index->prefix_size_count && index->prefix_sizes[i] <= path.size; i++) {
        for (; walked < index->prefix_sizes[i]; walked++)
            hash = hash_add(hash, folded ? byte_to_lower(path.data[walked]) : path.data[walked]);
        ask_bucket(search, hash_finish(hash, prefix));
    }
    for (; walked < path.size; walked++)
        hash = hash_add(hash, folded ? byte_to_lower(path.data[walked]) : path.data[walked]);
    ask_bucket(search, hash_finish(hash, exact));
}

const struct route *route_index_find(const struct route_index *index, const struct request_view *request) {
    struct search search = {index, request, (uint32_t)index->route_count};
    ask_texts(&search, false);
    if (index->has_folded)
        ask_texts(&search, true);
    /* The asterisk goes where the prefix "/" goes, though it does not begin with it. */
    if (span_equal(request->path, SPAN_LITERAL("*"))) {
        ask_bucket(&search, hash_of(SPAN_LITERAL("/"), CLASS_PREFIX));
        ask_bucket(&search, hash_of(SPAN_LITERAL("/"), CLASS_PREFIX_FOLDED));
    }
    ask(&search, index->others, index->other_count);
    for (size_t i = 0; i < index->pattern_set_count; i++)
        ask_patterns(&search, &index->pattern_sets[i]);
    return search.best < index->route_count ? &index->routes[search.best] : NULL;
}
