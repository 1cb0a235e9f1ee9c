#include "os/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "os/system_call.h"

struct socket_name {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t size;
};

static struct socket_name socket_name_of(const struct network_address *address) {
    struct socket_name name;
    memset(&name, 0, sizeof(name));
    if (address->size == 4) {
        name.v4.sin_family = AF_INET;
        name.v4.sin_port = htons(address->port);
        memcpy(&name.v4.sin_addr, address->bytes, 4);
        name.size = sizeof(name.v4);
        return name;
    }
    ASSERT(address->size == 16 || address->size == 0);
    name.v6.sin6_family = AF_INET6;
    name.v6.sin6_port = htons(address->port);
    memcpy(&name.v6.sin6_addr, address->bytes, 16);
    if (address->size == 0)
        name.v6.sin6_addr = in6addr_any;
    name.size = sizeof(name.v6);
    return name;
}

static struct network_address socket_address_of(const struct socket_name *name) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct network_address address;
    memset(&address, 0, sizeof(address));
    if (name->any.sa_family == AF_INET) {
        address.size = 4;
        address.port = ntohs(name->v4.sin_port);
        memcpy(address.bytes, &name->v4.sin_addr, 4);
    } else if (name->any.sa_family == AF_INET6) {
        const uint8_t *bytes = name->v6.sin6_addr.s6_addr;
        bool is_mapped = memcmp(bytes, mapped, sizeof(mapped)) == 0;
        address.size = is_mapped ? 4 : 16;
        address.port = ntohs(name->v6.sin6_port);
        memcpy(address.bytes, is_mapped ? bytes + sizeof(mapped) : bytes, address.size);
    }
    return address;
}

static void socket_set(int descriptor, int level, int option, int value) {
    (void)setsockopt(descriptor, level, option, &value, sizeof(value));
}

static int socket_bind(const struct network_address *address, bool shares, int *ret_descriptor) {
    struct socket_name name = socket_name_of(address);
    int descriptor = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    socket_set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shares)
        socket_set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
    if (name.any.sa_family == AF_INET6)
        socket_set(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, address->size != 0);
    socket_set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    if (bind(descriptor, &name.any, name.size) != 0 || listen(descriptor, SOCKET_BACKLOG) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    *ret_descriptor = descriptor;
    return 0;
}

static int socket_bind_any(const struct network_address *address, bool shares, int *ret_descriptor) {
    int result = socket_bind(address, shares, ret_descriptor);
    if (address->size != 0 || (result != -EAFNOSUPPORT && result != -EADDRNOTAVAIL))
        return result;
    struct network_address every = {.size = 4, .port = address->port};
    return socket_bind(&every, shares, ret_descriptor);
}

int socket_listen(const struct network_address *address, int *ret_descriptor) {
    return socket_bind_any(address, true, ret_descriptor);
}

int socket_probe(const struct network_address *address) {
    int descriptor;
    int result = socket_bind_any(address, false, &descriptor);
    if (result == 0)
        close(descriptor);
    return result;
}

static int socket_open_path(const char *path, struct sockaddr_un *ret_name, int *ret_descriptor) {
    memset(ret_name, 0, sizeof(*ret_name));
    ret_name->sun_family = AF_UNIX;
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof(ret_name->sun_path))
        return -ENAMETOOLONG;
    memcpy(ret_name->sun_path, path, size);
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    *ret_descriptor = descriptor;
    return 0;
}

int socket_connect_path(const char *path, int *ret_descriptor) {
    struct sockaddr_un name;
    int descriptor;
    int result = socket_open_path(path, &name, &descriptor);
    if (result < 0)
        return result;
    if (connect(descriptor, (const struct sockaddr *)(const void *)&name, sizeof(name)) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    *ret_descriptor = descriptor;
    return 0;
}

/* What a gateway that was killed left behind is in the way of the next one; what is no socket, or is served, is not ours to remove. */
static int socket_clear_path(const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    int descriptor;
    int result = socket_connect_path(path, &descriptor);
    if (result == 0)
        close(descriptor);
    if (result != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(path) == 0 ? 0 : -errno;
}

int socket_listen_path(const char *path, int *ret_descriptor) {
    struct sockaddr_un name;
    int descriptor;
    int result = socket_open_path(path, &name, &descriptor);
    if (result < 0)
        return result;
    result = socket_clear_path(path);
    /* On Linux the mode of the open socket becomes that of the file: there is no moment at which others may connect. */
    if (result == 0 && (fchmod(descriptor, S_IRUSR | S_IWUSR) != 0 || bind(descriptor, (const struct sockaddr *)(const void *)&name, sizeof(name)) != 0 ||
                        listen(descriptor, SOCKET_BACKLOG) != 0))
        result = -errno;
    if (result < 0) {
        close(descriptor);
        return result;
    }
    *ret_descriptor = descriptor;
    return 0;
}

int socket_accept(int listener, int *ret_descriptor, struct network_address *ret_peer) {
    struct socket_name name;
    memset(&name, 0, sizeof(name));
    name.size = sizeof(name.v6);
    int descriptor = system_accept(listener, &name.any, &name.size);
    if (descriptor < 0)
        return -errno;
    *ret_descriptor = descriptor;
    *ret_peer = socket_address_of(&name);
    return 0;
}

int socket_connect(const struct network_address *address, int *ret_descriptor) {
    if (address->size == 0)
        return -EADDRNOTAVAIL;
    struct socket_name name = socket_name_of(address);
    int descriptor = socket(name.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    socket_set(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    int result = system_connect(descriptor, &name.any, name.size) == 0 ? 0 : -errno;
    if (result == 0 || result == -EINPROGRESS)
        *ret_descriptor = descriptor;
    else
        close(descriptor);
    return result;
}

int socket_error(int descriptor) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    return error;
}

ssize_t socket_read(int descriptor, char *ret_bytes, size_t capacity) {
    ssize_t size = system_receive(descriptor, ret_bytes, capacity);
    return size < 0 ? -errno : size;
}

ssize_t socket_write(int descriptor, const char *bytes, size_t size) {
    ssize_t written = system_send(descriptor, bytes, size);
    return written < 0 ? -errno : written;
}

ssize_t socket_write_vectors(int descriptor, const struct iovec *vectors, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)vectors, .msg_iovlen = (size_t)count};
    ssize_t written = system_send_message(descriptor, &message);
    return written < 0 ? -errno : written;
}

void socket_end(int descriptor) {
    (void)shutdown(descriptor, SHUT_WR);
}

void socket_set_reset(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

void socket_close(int descriptor) {
    (void)system_close(descriptor);
}

struct network_address socket_local_address(int descriptor) {
    struct socket_name name;
    memset(&name, 0, sizeof(name));
    name.size = sizeof(name.v6);
    if (getsockname(descriptor, &name.any, &name.size) != 0)
        return (struct network_address){.size = 0};
    return socket_address_of(&name);
}

struct network_address socket_peer_address(int descriptor) {
    struct socket_name name;
    memset(&name, 0, sizeof(name));
    name.size = sizeof(name.v6);
    if (getpeername(descriptor, &name.any, &name.size) != 0)
        return (struct network_address){.size = 0};
    return socket_address_of(&name);
}
