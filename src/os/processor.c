#include "os/processor.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"

static void file_close(FILE **file) {
    if (*file != NULL)
        (void)fclose(*file);
}

/* The first line without its end; false when there is none. */
static bool file_line(const char *path, char *ret_line, size_t capacity) {
    FILE *file CLEANUP(file_close) = fopen(path, "re");
    if (file == NULL || fgets(ret_line, (int)capacity, file) == NULL)
        return false;
    ret_line[strcspn(ret_line, "\n")] = '\0';
    return true;
}

/* ceil(quota / period); 0 when either is not a positive number ("max", "-1"). */
static unsigned quota_of(struct span quota, struct span period) {
    uint64_t quota_us, period_us;
    if (!span_to_u64(quota, &quota_us) || !span_to_u64(period, &period_us) || quota_us == 0 || period_us == 0)
        return 0;
    uint64_t count = quota_us / period_us + (quota_us % period_us != 0);
    return count > UINT_MAX ? UINT_MAX : (unsigned)count;
}

static unsigned quota_v2(const char *folder) {
    char path[PATH_MAX], line[128];
    (void)snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (!file_line(path, line, sizeof(line)))
        return 0;
    struct span rest = span_of(line), quota = SPAN_EMPTY, period = SPAN_EMPTY;
    if (!span_split(&rest, ' ', &quota) || !span_split(&rest, ' ', &period))
        return 0;
    return quota_of(quota, period);
}

static unsigned quota_v1(const char *folder) {
    char path[PATH_MAX], quota[128], period[128];
    (void)snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
    if (!file_line(path, quota, sizeof(quota)))
        return 0;
    (void)snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
    if (!file_line(path, period, sizeof(period)))
        return 0;
    return quota_of(span_of(quota), span_of(period));
}

static unsigned quota_least(unsigned a, unsigned b) {
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* The least quota of a group and all above it: a parent's binds its children. Inside a container the group's path may not exist under the
 * mount, whose root is then the group itself. */
static unsigned quota_upwards(const char *root, const char *group, unsigned (*quota)(const char *folder)) {
    char folder[PATH_MAX];
    int size = snprintf(folder, sizeof(folder), "%s%s", root, group);
    if (size < 0 || (size_t)size >= sizeof(folder))
        return quota(root);
    unsigned least = 0;
    for (;;) {
        least = quota_least(least, quota(folder));
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < strlen(root))
            return least;
        *slash = '\0';
    }
}

static bool names_cpu(struct span controllers) {
    struct span controller;
    while (span_split(&controllers, ',', &controller))
        if (span_equal(controller, SPAN_LITERAL("cpu")))
            return true;
    return false;
}

/* One line of /proc/self/cgroup: "0::/group" (v2) or "4:cpu,cpuacct:/group" (v1). */
static unsigned quota_of_membership(const char *mount, const char *line) {
    struct span rest = span_of(line), hierarchy, controllers;
    if (!span_split(&rest, ':', &hierarchy) || !span_split(&rest, ':', &controllers) || rest.data == NULL)
        return 0;
    const char *group = rest.data; /* runs to the line's end */
    if (controllers.size == 0) {
        char unified[PATH_MAX];
        (void)snprintf(unified, sizeof(unified), "%s/unified", mount);
        return quota_least(quota_upwards(mount, group, quota_v2), quota_upwards(unified, group, quota_v2));
    }
    if (!names_cpu(controllers))
        return 0;
    char root[PATH_MAX], joint[PATH_MAX];
    (void)snprintf(root, sizeof(root), "%s/cpu", mount);
    (void)snprintf(joint, sizeof(joint), "%s/cpu,cpuacct", mount);
    return quota_least(quota_upwards(root, group, quota_v1), quota_upwards(joint, group, quota_v1));
}

unsigned processor_quota(const char *mount, const char *membership) {
    FILE *file CLEANUP(file_close) = fopen(membership, "re");
    if (file == NULL)
        return 0;
    unsigned least = 0;
    char line[PATH_MAX];
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        least = quota_least(least, quota_of_membership(mount, line));
    }
    return least;
}

unsigned processor_count(void) {
    cpu_set_t set;
    unsigned count = 1;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0)
        count = (unsigned)CPU_COUNT(&set);
    return quota_least(count, processor_quota("/sys/fs/cgroup", "/proc/self/cgroup"));
}

int processor_pin_thread(unsigned index) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return -errno;
    int count = CPU_COUNT(&set);
    if (count <= 0)
        return -EINVAL;
    int wanted = (int)(index % (unsigned)count);
    for (int processor = 0; processor < CPU_SETSIZE; processor++) {
        if (!CPU_ISSET(processor, &set) || wanted-- > 0)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        return -pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
    }
    return -EINVAL;
}
