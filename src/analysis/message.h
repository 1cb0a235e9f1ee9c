/* What the analysis has to say: messages with istioctl's codes, and the program's own diagnostics with theirs. One thread. */
#ifndef FAIRLEAD_ANALYSIS_MESSAGE_H
#define FAIRLEAD_ANALYSIS_MESSAGE_H

#include "analysis/message_code.h"
#include "base/arena.h"
#include "compile/array.h"
#include "resource/object.h"

struct message {
    struct span code; /* "IST0101", "FL0203" */
    enum diagnostic_severity level;
    struct span origin;    /* "Kind namespace/name", "Kind name"; empty: about no object */
    struct span namespace; /* of the object; empty: cluster-wide */
    struct position position; /* unknown: none */
    struct span text;
};

struct message_list {
    struct arena *arena;
    struct message *items;
    size_t count;
    size_t capacity;
    size_t counts[MESSAGE_CODE_MAX + 1]; /* by code */
    size_t dropped_count;                /* past ANALYSIS_MESSAGES_MAX of a code */
};

/* Names that a message lists: those that do not fit are counted. */
struct message_names {
    struct span text;
    size_t count;
    size_t omitted;
};
/* Whether the next one is only counted: it may be empty then. */
bool message_names_are_full(const struct message_names *names);
void message_names_add(struct message_names *names, struct arena *arena, const char *separator, struct span name);
/* "a,b", "a,b and 7 more". */
struct span message_names_print(const struct message_names *names, struct arena *arena);

/* The object's own `suppress` annotation is obeyed, and nothing is said of objects in Kubernetes' own namespaces. At `position`, or where that is unknown, at the object. Copied. */
void message_add(struct message_list *list, enum message_code code, const struct object_meta *meta, struct position position,
                 const char *format, ...) PRINTF_LIKE(5, 6);
/* A diagnostic of the program about an object (NULL: about none), under its own code. */
void message_add_diagnostic(struct message_list *list, const struct diagnostic *diagnostic, const struct object_meta *meta);

/* Whether any message has the code: "IST0101", "FL0203". */
bool message_code_is_known(struct span code);

/* "CODE=GLOB": no message of the code about objects whose origin the glob matches ('*' is the only wildcard). */
struct message_suppression {
    struct span code;
    struct span glob;
};
/* False: there is no '='. */
MUST_USE bool message_suppression_parse(struct span text, struct message_suppression *ret_suppression);

/* What is left of the messages: without those suppressed, and, unless it is empty, without those of other namespaces than `namespace`. */
void message_list_filter(struct message_list *list, const struct message_suppression *suppressions, size_t suppression_count,
                         struct span namespace);
/* istioctl's order (level, code, object, text); equal ones become one. */
void message_list_sort(struct message_list *list);

#endif
