/* A small HTTP/1.1 server for what the gateway answers about itself (status, metrics, administration): on the server's thread and loop, one
 * request a connection, with ceilings and deadlines of its own. The bytes are read and written by http/http1_server. */
#ifndef FAIRLEAD_SERVER_LOCAL_SERVICE_H
#define FAIRLEAD_SERVER_LOCAL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/builder.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/timer.h"
#include "os/loop.h"
#include "wire/message.h"

struct local_request {
    const struct message_head *head;
    struct span path;  /* as written, without the query */
    struct span query; /* behind the "?"; empty without one */
    struct span body;
    struct arena *arena; /* until the answer is sent */
};

struct local_answer {
    int status;
    const char *content_type; /* NULL: none is said. Static */
    const char *allow;        /* of 405. Static; NULL: none */
    struct builder text;      /* the content; the service frees it */
};

/* `ret_answer` is zeroed. Called once a request, when it is whole. */
typedef void local_service_function(void *argument, const struct local_request *request, struct local_answer *ret_answer);

struct local_service {
    struct loop *loop;
    struct timer_wheel *timers;
    local_service_function *function;
    void *argument;
    struct loop_source source;
    bool listening;
    struct list connections; /* struct local_connection, oldest first */
    struct list ended;       /* to be freed by local_service_collect */
    uint32_t connection_count;
    size_t answer_bytes; /* of all connections */
    struct pool chunks;
};

void local_service_init(struct local_service *service, struct loop *loop, struct timer_wheel *timers, local_service_function *function,
                        void *argument);
/* Serves a listening, non-blocking socket, which it closes in the end. Negative errno: the descriptor stays the caller's. */
MUST_USE int local_service_listen(struct local_service *service, int descriptor);
/* Cuts what is under way. Harmless when it never listened. */
void local_service_deinit(struct local_service *service);
/* Frees what ended in this turn; call it after loop_turn and timer_wheel_advance. */
void local_service_collect(struct local_service *service);

#endif
