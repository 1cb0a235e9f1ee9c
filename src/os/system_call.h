/* The system calls of each request, straight to the kernel. The C library makes them cancellation points, which in a process of several threads takes two
 * atomic operations each; no thread here is ever cancelled. As the functions of the same names: -1 and errno. */
#ifndef FAIRLEAD_OS_SYSTEM_CALL_H
#define FAIRLEAD_OS_SYSTEM_CALL_H

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/poison.h"

static inline ssize_t system_receive(int descriptor, char *ret_bytes, size_t capacity) {
    if (SANITIZER_WATCHES)
        return recv(descriptor, ret_bytes, capacity, 0);
    return syscall(SYS_recvfrom, descriptor, ret_bytes, capacity, 0, NULL, NULL);
}

static inline ssize_t system_send(int descriptor, const char *bytes, size_t size) {
    if (SANITIZER_WATCHES)
        return send(descriptor, bytes, size, MSG_NOSIGNAL);
    return syscall(SYS_sendto, descriptor, bytes, size, MSG_NOSIGNAL, NULL, 0);
}

static inline ssize_t system_send_message(int descriptor, const struct msghdr *message) {
    if (SANITIZER_WATCHES)
        return sendmsg(descriptor, message, MSG_NOSIGNAL);
    return syscall(SYS_sendmsg, descriptor, message, MSG_NOSIGNAL);
}

static inline int system_wait(int descriptor, struct epoll_event *ret_events, int count_max, int wait_ms) {
    if (SANITIZER_WATCHES)
        return epoll_wait(descriptor, ret_events, count_max, wait_ms);
    return (int)syscall(SYS_epoll_pwait, descriptor, ret_events, count_max, wait_ms, NULL, 0);
}

static inline int system_accept(int descriptor, struct sockaddr *ret_name, socklen_t *ret_size) {
    if (SANITIZER_WATCHES)
        return accept4(descriptor, ret_name, ret_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return (int)syscall(SYS_accept4, descriptor, ret_name, ret_size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int system_connect(int descriptor, const struct sockaddr *name, socklen_t size) {
    if (SANITIZER_WATCHES)
        return connect(descriptor, name, size);
    return (int)syscall(SYS_connect, descriptor, name, size);
}

static inline int system_close(int descriptor) {
    if (SANITIZER_WATCHES)
        return close(descriptor);
    return (int)syscall(SYS_close, descriptor);
}

#endif
