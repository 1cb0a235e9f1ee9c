#include "server/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "os/event.h"
#include "proxy/access_log.h"

struct log_writer {
    pthread_t thread;
    struct access_log_ring *const *rings;
    size_t ring_count;
    int event; /* wakes the thread when it is to stop or to open something */
    _Atomic bool stopping;
    pthread_mutex_t mutex; /* of the two below */
    char *path_wanted;     /* NUL-terminated; NULL: nothing new */
    bool reopen_wanted;
    /* The thread's own. */
    char *path;
    int descriptor;    /* -1: lines go nowhere */
    bool owned;        /* to be closed */
    size_t piece_size; /* one write at most: all at once to a file; to a pipe what it takes without blocking */
    uint64_t stop_at_ns;
    uint64_t lost_count; /* could not be written, in pieces */
    uint64_t lost_reported;
    uint64_t dropped_reported;
    uint64_t reported_at_ns;
    int error; /* errno of the last failed write */
};

static void writer_close(struct log_writer *writer) {
    if (writer->owned)
        close(writer->descriptor);
    writer->descriptor = -1;
    writer->owned = false;
}

static void writer_open(struct log_writer *writer) {
    writer_close(writer);
    struct span path = span_of(writer->path);
    if (path.size == 0)
        return;
    if (span_equal(path, SPAN_LITERAL("/dev/stdout"))) {
        writer->descriptor = STDOUT_FILENO;
    } else if (span_equal(path, SPAN_LITERAL("/dev/stderr"))) {
        writer->descriptor = STDERR_FILENO;
    } else {
        /* O_NONBLOCK: a FIFO without a reader must not hold the thread for ever. */
        writer->descriptor = open(writer->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
        writer->owned = writer->descriptor >= 0;
        if (writer->descriptor < 0) {
            log_error("access log: %s cannot be opened: %s", writer->path, strerror(errno));
            return;
        }
    }
    struct stat status;
    bool file = fstat(writer->descriptor, &status) == 0 && S_ISREG(status.st_mode);
    writer->piece_size = file ? ACCESS_LOG_RING_BYTES : PIPE_BUF;
}

static bool writer_gives_up(const struct log_writer *writer) {
    return atomic_load(&writer->stopping) && clock_monotonic_ns() >= writer->stop_at_ns;
}

/* True when there is room; false when the process ends and its reader is stuck. */
static bool writer_wait_writable(struct log_writer *writer) {
    while (!writer_gives_up(writer)) {
        struct pollfd poll_descriptor = {.fd = writer->descriptor, .events = POLLOUT};
        if (poll(&poll_descriptor, 1, 100) > 0)
            return true;
    }
    return false;
}

static void writer_lose(struct log_writer *writer, size_t size, int error) {
    if (size != 0)
        writer->lost_count++;
    writer->error = error;
}

static void writer_obey(struct log_writer *writer) {
    pthread_mutex_lock(&writer->mutex);
    char *path = writer->path_wanted;
    bool reopen = writer->reopen_wanted;
    writer->path_wanted = NULL;
    writer->reopen_wanted = false;
    pthread_mutex_unlock(&writer->mutex);
    bool changed = path != NULL && strcmp(path, writer->path) != 0;
    if (path != NULL) {
        free(writer->path);
        writer->path = path;
    }
    if (changed || reopen || (path != NULL && writer->descriptor < 0))
        writer_open(writer);
}

static void writer_write(struct log_writer *writer, const char *bytes, size_t size) {
    if (writer->descriptor < 0) {
        writer_lose(writer, writer->path[0] == '\0' ? 0 : size, 0);
        return;
    }
    size_t done = 0;
    while (done < size) {
        if (!writer_wait_writable(writer))
            return;
        ssize_t written = write(writer->descriptor, bytes + done, size - done);
        if (written >= 0) {
            done += (size_t)written;
        } else if (errno != EINTR && errno != EAGAIN) {
            writer_lose(writer, size - done, errno);
            return;
        }
    }
}

/* What lies in all rings now, ring after ring, so that a busy one does not hold back the others and no line is cut by another's. Returns the bytes
 * that there were. */
static size_t writer_drain(struct log_writer *writer) {
    size_t total = 0;
    for (size_t i = 0; i < writer->ring_count; i++) {
        struct access_log_ring *ring = writer->rings[i];
        size_t size = access_log_ring_size(ring);
        total += size;
        /* The first lines may come before this thread has looked for the first path. */
        if (writer->descriptor < 0 && size > 0)
            writer_obey(writer);
        while (size > 0) {
            struct span part = access_log_ring_front(ring, size < writer->piece_size ? size : writer->piece_size);
            writer_write(writer, part.data, part.size);
            access_log_ring_consume(ring, part.size);
            size -= part.size;
        }
    }
    return total;
}

/* Waits for a wish, or until it is time to look again: soon when the rings fill fast, never while there is no log to write. */
static void writer_wait(struct log_writer *writer, size_t moved) {
    uint64_t wait_ns = moved > ACCESS_LOG_RING_BYTES / 16 ? LOG_WRITER_BUSY_WAIT_NS : LOG_WRITER_WAIT_NS;
    bool idle = writer->path[0] == '\0' && moved == 0;
    struct pollfd poll_descriptor = {.fd = writer->event, .events = POLLIN};
    if (poll(&poll_descriptor, 1, idle ? -1 : (int)(wait_ns / NANOSECONDS_PER_MILLISECOND)) > 0)
        event_clear(writer->event);
}

static void writer_report(struct log_writer *writer) {
    uint64_t dropped = 0, now_ns = clock_monotonic_ns();
    for (size_t i = 0; i < writer->ring_count; i++)
        dropped += access_log_ring_dropped(writer->rings[i]);
    if (dropped == writer->dropped_reported && writer->lost_count == writer->lost_reported)
        return;
    if (writer->reported_at_ns != 0 && now_ns - writer->reported_at_ns < LOG_WRITER_REPORT_NS && !atomic_load(&writer->stopping))
        return;
    if (dropped != writer->dropped_reported)
        log_warning("access log: %llu lines were dropped because the log is not read fast enough",
                    (unsigned long long)(dropped - writer->dropped_reported));
    if (writer->lost_count != writer->lost_reported)
        log_error("access log: lines could not be written to %s: %s", writer->path,
                  writer->error == 0 ? "it is not open" : strerror(writer->error));
    writer->dropped_reported = dropped;
    writer->lost_reported = writer->lost_count;
    writer->reported_at_ns = now_ns;
}

static void *writer_run(void *argument) {
    struct log_writer *writer = argument;
    for (;;) {
        bool stopping = atomic_load(&writer->stopping);
        if (stopping && writer->stop_at_ns == 0)
            writer->stop_at_ns = clock_monotonic_ns() + LOG_WRITER_END_NS;
        size_t moved = 0, got;
        /* What came while a little was written waits for the next time: else a busy gateway would have it written in ever smaller pieces, without a rest. */
        do
            moved += got = writer_drain(writer);
        while (got > (stopping ? 0 : ACCESS_LOG_RING_BYTES / 4) && !writer_gives_up(writer));
        writer_report(writer);
        if (stopping)
            return NULL;
        writer_obey(writer);
        writer_wait(writer, moved);
    }
}

static void writer_free(struct log_writer *writer) {
    writer_close(writer);
    event_close(writer->event);
    pthread_mutex_destroy(&writer->mutex);
    free(writer->path_wanted);
    free(writer->path);
    free(writer);
}

int log_writer_create(struct access_log_ring *const *rings, size_t ring_count, struct log_writer **ret_writer) {
    int event;
    int result = event_open(&event);
    if (result < 0)
        return result;
    struct log_writer *writer = memory_allocate_zeroed(1, sizeof(*writer));
    writer->rings = rings;
    writer->ring_count = ring_count;
    writer->event = event;
    writer->descriptor = -1;
    writer->piece_size = ACCESS_LOG_RING_BYTES;
    writer->path = memory_allocate_zeroed(1, 1);
    pthread_mutex_init(&writer->mutex, NULL);
    result = pthread_create(&writer->thread, NULL, writer_run, writer);
    if (result != 0) {
        writer_free(writer);
        return -result;
    }
    *ret_writer = writer;
    return 0;
}

bool log_writer_destroy(struct log_writer *writer) {
    if (writer == NULL)
        return true;
    atomic_store(&writer->stopping, true);
    event_signal(writer->event);
    /* The thread gives up by itself unless the kernel holds it in a write: then it is left to the end of the process. */
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += (time_t)(LOG_WRITER_END_NS / NANOSECONDS_PER_SECOND) + 1;
    if (pthread_timedjoin_np(writer->thread, NULL, &deadline) != 0)
        return false;
    writer_free(writer);
    return true;
}

static void writer_wish(struct log_writer *writer, char *path) {
    pthread_mutex_lock(&writer->mutex);
    if (path != NULL) {
        free(writer->path_wanted);
        writer->path_wanted = path;
    } else {
        writer->reopen_wanted = true;
    }
    pthread_mutex_unlock(&writer->mutex);
    event_signal(writer->event);
}

void log_writer_set_path(struct log_writer *writer, struct span path) {
    char *copy = memory_allocate_zeroed(1, path.size + 1);
    if (path.size != 0)
        memcpy(copy, path.data, path.size);
    writer_wish(writer, copy);
}

void log_writer_reopen(struct log_writer *writer) {
    writer_wish(writer, NULL);
}
