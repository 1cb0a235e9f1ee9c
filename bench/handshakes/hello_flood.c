/* Opens TLS connections and says the same ClientHello on each: hello_flood PORT HELLO_FILE RATE SECONDS.
 *
 * RATE 0: 64 at a time, each closed once it is answered, the next at once: what the server can begin. Else RATE a second: answers are read, nothing
 * more is said, and the connection stays open until the server ends it or OPEN_MAX others came after it. Prints "SENT ANSWERED". */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { OPEN_MAX = 8192, MEASURED_MAX = 64, DESCRIPTORS_MAX = 65536, HELLO_BYTES_MAX = 16384, BURST = 256 };

static struct {
    int loop;
    struct sockaddr_in address;
    char hello[HELLO_BYTES_MAX];
    size_t hello_size;
    bool measures;
    bool said[DESCRIPTORS_MAX], open[DESCRIPTORS_MAX];
    int order[DESCRIPTORS_MAX]; /* a ring of descriptors by age; one that was closed may be in it again */
    size_t first, count, open_count;
    unsigned long sent, answered;
} flood;

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void end(int descriptor) {
    if (!flood.open[descriptor])
        return;
    flood.open[descriptor] = false;
    flood.open_count--;
    close(descriptor);
}

static bool begin(void) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (descriptor < 0 || descriptor >= DESCRIPTORS_MAX) {
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    struct linger linger = {.l_onoff = 1};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = descriptor};
    if ((connect(descriptor, (struct sockaddr *)&flood.address, sizeof(flood.address)) < 0 && errno != EINPROGRESS) ||
        epoll_ctl(flood.loop, EPOLL_CTL_ADD, descriptor, &event) < 0) {
        close(descriptor);
        return false;
    }
    flood.open[descriptor] = true;
    flood.said[descriptor] = false;
    flood.open_count++;
    flood.order[(flood.first + flood.count++) % DESCRIPTORS_MAX] = descriptor;
    while (flood.count > OPEN_MAX) {
        end(flood.order[flood.first]);
        flood.first = (flood.first + 1) % DESCRIPTORS_MAX;
        flood.count--;
    }
    return true;
}

static void happened(int descriptor, uint32_t events) {
    static char answer[65536];
    if (!flood.open[descriptor])
        return;
    if (events & (EPOLLERR | EPOLLHUP)) {
        end(descriptor);
        return;
    }
    if (!flood.said[descriptor] && (events & EPOLLOUT)) {
        flood.said[descriptor] = true;
        flood.sent++;
        if (send(descriptor, flood.hello, flood.hello_size, MSG_NOSIGNAL) < 0)
            end(descriptor);
        return;
    }
    if (events & EPOLLIN) {
        ssize_t size = recv(descriptor, answer, sizeof(answer), 0);
        flood.answered += size > 0;
        if (flood.measures || size <= 0)
            end(descriptor);
    }
}

static void run(double rate, double duration) {
    double start = seconds_now();
    unsigned long begun = 0;
    for (double now = start; now < start + duration; now = seconds_now()) {
        unsigned long due = flood.measures ? begun + MEASURED_MAX - flood.open_count : (unsigned long)((now - start) * rate);
        for (int i = 0; i < BURST && begun < due && begin(); i++)
            begun++;
        struct epoll_event events[BURST];
        int count = epoll_wait(flood.loop, events, BURST, 1);
        for (int i = 0; i < count; i++)
            happened(events[i].data.fd, events[i].events);
    }
}

int main(int argument_count, char **arguments) {
    struct rlimit limit;
    if (argument_count != 5) {
        fprintf(stderr, "usage: hello_flood PORT HELLO_FILE RATE SECONDS\n");
        return 2;
    }
    FILE *file = fopen(arguments[2], "re");
    if (file == NULL || (flood.hello_size = fread(flood.hello, 1, sizeof(flood.hello), file)) == 0) {
        perror(arguments[2]);
        return 1;
    }
    fclose(file);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    flood.address = (struct sockaddr_in){.sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)strtoul(arguments[1], NULL, 10)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    flood.loop = epoll_create1(EPOLL_CLOEXEC);
    flood.measures = strtod(arguments[3], NULL) <= 0;
    run(strtod(arguments[3], NULL), strtod(arguments[4], NULL));
    printf("%lu %lu\n", flood.sent, flood.answered);
    return 0;
}
