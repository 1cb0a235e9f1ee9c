/* The predicate of a route: what a request must look like (HTTPMatchRequest). Immutable after the snapshot is sealed; the regular
 * expressions belong to the snapshot's arena. */
#ifndef FAIRLEAD_SNAPSHOT_ROUTE_MATCH_H
#define FAIRLEAD_SNAPSHOT_ROUTE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "regex/regex.h"
#include "wire/message.h"

enum path_match { PATH_MATCH_ANY, PATH_MATCH_EXACT, PATH_MATCH_PREFIX, PATH_MATCH_REGEX };

/* Of StringMatch; an empty one, and the regex "*", is TEXT_MATCH_PRESENT. */
enum text_match_kind { TEXT_MATCH_PRESENT, TEXT_MATCH_EXACT, TEXT_MATCH_PREFIX, TEXT_MATCH_REGEX };

struct text_match {
    enum text_match_kind kind;
    struct span value;         /* as written; compared by bytes */
    const struct regex *regex; /* of TEXT_MATCH_REGEX */
};

bool text_match_holds(const struct text_match *match, struct span text);

enum match_subject { MATCH_SCHEME, MATCH_METHOD, MATCH_AUTHORITY, MATCH_HEADER, MATCH_QUERY_PARAMETER };

struct match_condition {
    struct span name; /* of a header (lower-case) or a query parameter (raw) */
    struct text_match text;
    enum match_subject subject;
    bool inverted; /* withoutHeaders: holds when the text does not match; a missing header is the empty text then */
};

struct route_match {
    enum path_match path_match;
    bool ignore_case; /* of exact and prefix */
    struct span path; /* compared with the path without its query; a prefix is a string prefix; a regex as written */
    const struct regex *regex; /* of PATH_MATCH_REGEX: matches the whole path */
    struct match_condition *conditions; /* all must hold */
    size_t condition_count;
};

/* What of a request is looked at more than once, so that it is found once. */
struct request_view {
    const struct message_head *head;
    struct span path; /* without its query */
    struct span query;
    /* The form "*" (OPTIONS, RFC 9112 section 3.2.4) is about the whole server: it goes where the prefix "/" goes, though it does not begin with it. */
    bool is_asterisk;
};

/* Borrows the head. */
struct request_view request_view_of(const struct message_head *head);

/* Why a predicate did not hold: its first condition that failed. */
struct match_trace {
    const struct match_condition *condition; /* NULL: it was the path */
    struct span text;                        /* what the request has in its place */
    bool found;                              /* false: it has nothing there */
};

/* Envoy's rules: the authority is the one received, its port included; a repeated header is its values joined with ","; "host" and
 * ":authority" are the authority, ":method", ":scheme" and ":path" (with its query) headers like others; of a repeated query parameter the first counts, and nothing is percent-decoded. May allocate in the head's arena.
 * `ret_trace` is written when it does not hold; NULL: nobody asks why. */
bool route_match_holds(const struct route_match *match, const struct request_view *request, struct match_trace *ret_trace);
/* The part of it that all of these are. */
bool match_conditions_hold(const struct match_condition *conditions, size_t count, const struct request_view *request,
                           struct match_trace *ret_trace);

/* Everything passes: prefix "/" or the regex ".*", and no condition beside it. Such routes go behind those of other VirtualServices
 * (Istio's IsCatchAllRoute). */
bool route_match_is_catch_all(const struct route_match *match);

#endif
