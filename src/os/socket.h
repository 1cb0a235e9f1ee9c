/* TCP (and UNIX stream) sockets, non-blocking and closed on exec, without a system header for the callers. IPv4 and IPv6; an IPv4-mapped IPv6 address is given
 * as the IPv4 address that it is. Any thread. */
#ifndef FAIRLEAD_OS_SOCKET_H
#define FAIRLEAD_OS_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/compiler.h"
#include "base/network_address.h"

/* Listens with SO_REUSEPORT and SO_REUSEADDR. An address of size 0 means every address: [::] taking IPv4 too, or 0.0.0.0 where the machine has
 * no IPv6. Port 0: one of the kernel's choice. Accepted sockets inherit TCP_NODELAY. Negative errno. */
MUST_USE int socket_listen(const struct network_address *address, int *ret_descriptor);
/* Listens at a UNIX socket in the file system that only its owner may connect to (mode 0600). A socket there that nobody serves any more is
 * replaced; one that is served is -EADDRINUSE, another file -EEXIST. */
MUST_USE int socket_listen_path(const char *path, int *ret_descriptor);
/* A connection to the UNIX socket at `path`, connected at once or not at all. Negative errno. */
MUST_USE int socket_connect_path(const char *path, int *ret_descriptor);
/* 0; -EAGAIN when none waits; -EMFILE and -ENFILE when descriptors ran out; another negative errno concerns one connection only, or memory. */
MUST_USE int socket_accept(int listener, int *ret_descriptor, struct network_address *ret_peer);
/* Opens a socket and begins to connect it. 0: connected; -EINPROGRESS: under way, writable when it is decided (then socket_error). Both write
 * ret_descriptor; other negative errnos do not. */
MUST_USE int socket_connect(const struct network_address *address, int *ret_descriptor);
/* The pending error as a positive errno, 0 when there is none. Takes it. */
int socket_error(int descriptor);
/* Bytes moved, 0 at the end of input, negative errno (-EAGAIN: nothing now). Never raises SIGPIPE. */
MUST_USE ssize_t socket_read(int descriptor, char *ret_bytes, size_t capacity);
MUST_USE ssize_t socket_write(int descriptor, const char *bytes, size_t size);
MUST_USE ssize_t socket_write_vectors(int descriptor, const struct iovec *vectors, int count);
/* FIN, reading goes on. Harmless when the peer is gone. */
void socket_end(int descriptor);
/* The following close sends a reset. */
void socket_set_reset(int descriptor);
void socket_close(int descriptor);
/* Of size 0 when the kernel does not say. */
struct network_address socket_local_address(int descriptor);
struct network_address socket_peer_address(int descriptor);
/* No listener of this process or another user is at the address now, or the errno of trying; SO_REUSEPORT is not asked for. */
MUST_USE int socket_probe(const struct network_address *address);

#endif
