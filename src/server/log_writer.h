/* The access log's writer: a thread of its own that empties the workers' rings to standard output, standard error or a file, ring after ring, without a copy. A
 * slow or stuck reader of the log costs lines, never a worker's time. */
#ifndef FAIRLEAD_SERVER_LOG_WRITER_H
#define FAIRLEAD_SERVER_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"
#include "base/span.h"

struct access_log_ring;
struct log_writer;

/* Starts the thread. The rings must outlive the writer. Negative errno. */
MUST_USE int log_writer_create(struct access_log_ring *const *rings, size_t ring_count, struct log_writer **ret_writer);
/* Writes what is left, for at most LOG_WRITER_END_NS, and ends the thread. NULL is harmless. False: its output is stuck, so that the thread
 * was left behind and the rings must not be freed. */
bool log_writer_destroy(struct log_writer *writer);
/* Where lines go from now on: "/dev/stdout", "/dev/stderr", a file (appended to, created), or empty: nowhere. What is in the rings goes to
 * the former place first. A file that cannot be opened is an error in the log, and tried again at the next call or reopen. */
void log_writer_set_path(struct log_writer *writer, struct span path);
/* Opens the file again, after logrotate moved it away. */
void log_writer_reopen(struct log_writer *writer);

#endif
