/* A doubly linked list through its members. A head is a link to itself; a link outside any list also points to itself. */
#ifndef FAIRLEAD_BASE_LIST_H
#define FAIRLEAD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

static inline void list_init(struct list *link) {
    link->next = link;
    link->previous = link;
}

static inline bool list_is_empty(const struct list *head) {
    return head->next == head;
}

static inline bool list_is_linked(const struct list *link) {
    return link->next != link;
}

static inline void list_insert_before(struct list *position, struct list *link) {
    link->next = position;
    link->previous = position->previous;
    position->previous->next = link;
    position->previous = link;
}

static inline void list_push_back(struct list *head, struct list *link) {
    list_insert_before(head, link);
}

static inline void list_push_front(struct list *head, struct list *link) {
    list_insert_before(head->next, link);
}

/* Unlinks; harmless on a link that is in no list. */
static inline void list_remove(struct list *link) {
    link->next->previous = link->previous;
    link->previous->next = link->next;
    list_init(link);
}

/* Takes the first link out, NULL when the list is empty. */
static inline struct list *list_pop_front(struct list *head) {
    if (list_is_empty(head))
        return NULL;
    struct list *first = head->next;
    list_remove(first);
    return first;
}

#define LIST_FOR_EACH(variable, head) \
    for (struct list *variable = (head)->next; variable != (head); variable = variable->next)
/* The current link may be removed inside. */
#define LIST_FOR_EACH_SAFE(variable, head)                                                                \
    for (struct list *variable = (head)->next, *variable##_next = variable->next; variable != (head);      \
         variable = variable##_next, variable##_next = variable->next)

#endif
