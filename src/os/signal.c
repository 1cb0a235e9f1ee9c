#include "os/signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int signal_open(const int *signals, size_t count, int *ret_descriptor) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error != 0)
        return -error;
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return -errno;
    int descriptor = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (descriptor < 0)
        return -errno;
    *ret_descriptor = descriptor;
    return 0;
}

int signal_read(int descriptor) {
    struct signalfd_siginfo information;
    if (read(descriptor, &information, sizeof(information)) != (ssize_t)sizeof(information))
        return 0;
    return (int)information.ssi_signo;
}
