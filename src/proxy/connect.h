/* One attempt to reach an address: a non-blocking connect under a deadline. Used by tunnels and by the upstream pool. One thread. */
#ifndef FAIRLEAD_PROXY_CONNECT_H
#define FAIRLEAD_PROXY_CONNECT_H

#include <stdint.h>

#include "base/network_address.h"
#include "base/span.h"
#include "proxy/context.h"
#include "proxy/transport.h"

enum connect_outcome {
    CONNECT_DONE,      /* connected; the callee takes the socket by connect_take */
    CONNECT_TIMED_OUT, /* the deadline passed (Envoy: flag UF, connection_timeout) */
    CONNECT_FAILED,    /* `error` says why */
};

/* Embedded in whatever connects. Unused until connect_start; may be started again once it is done. */
struct connect {
    struct proxy_context *context;
    struct loop_source source;
    struct timer timer;
    struct ready_link ready;
    int descriptor; /* -1: none */
    int error;      /* positive errno of CONNECT_FAILED, for connect_reason */
    unsigned events; /* of the loop, seen so far */
    bool delayed;   /* the failure came after connect(2) returned */
    enum connect_outcome outcome;
    /* Called exactly once for each start that is not cancelled, from the loop, a timer or the ready list: never from within connect_start.
     * The callee may free the owner's memory only through context_bury. */
    void (*done)(struct connect *connect, enum connect_outcome outcome);
};

void connect_init(struct connect *connect, struct proxy_context *context, void (*done)(struct connect *connect, enum connect_outcome outcome));
/* `timeout_ns` is cluster.connect_timeout_ns; 0: no deadline of ours. */
void connect_start(struct connect *connect, const struct network_address *address, uint64_t timeout_ns);
/* Within `done`, after CONNECT_DONE, exactly once: hands the socket (connected, non-blocking, TCP_NODELAY) to a transport that is not initialised. */
void connect_take(struct connect *connect, struct transport *transport);
/* Gives up; `done` is not called. Harmless when nothing is under way. Also what the owner calls before it dies. */
void connect_cancel(struct connect *connect);
/* The value of %UPSTREAM_TRANSPORT_FAILURE_REASON% after a failure, as Envoy words it: "delayed_connect_error:_Connection_refused",
 * "immediate_connect_error:_Network_is_unreachable"; empty after a time-out. Never empty otherwise. A static string. */
struct span connect_reason(const struct connect *connect);

#endif
