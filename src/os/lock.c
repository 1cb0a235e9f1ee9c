#include "os/lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"

int lock_take(struct span name, int *ret_descriptor) {
    ASSERT(name.size <= LOCK_NAME_MAX);
    /* An abstract socket address: its scope is the network namespace, as that of a port. The user is part of the name because the kernel shares
     * a port only between sockets of one user; another's instance is refused by bind(2) itself. */
    struct sockaddr_un address;
    memset(&address, 0, sizeof(address));
    address.sun_family = AF_UNIX;
    int size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "fairlead/%u/%.*s", (unsigned)geteuid(), SPAN_ARGUMENTS(name));
    ASSERT(size > 0 && (size_t)size < sizeof(address.sun_path) - 1);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    socklen_t address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
    if (bind(descriptor, (const struct sockaddr *)(const void *)&address, address_size) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    *ret_descriptor = descriptor;
    return 0;
}

void lock_release(int descriptor) {
    (void)close(descriptor);
}
