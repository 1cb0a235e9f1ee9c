"""What the kernel says of processes, and what the figures of a few rounds say together."""
import glob
import math
import os
import statistics
import subprocess

PROXY_CORE, LOAD_CORE = "0", "1"
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
# Student's t for 95 %, two-sided, by degrees of freedom; beyond the table 2.
STUDENT_T = (0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)


def pinned(core, *command, output=None):
    """Starts a program on one processor."""
    streams = dict(QUIET)
    if output is not None:
        streams.update(stdout=output, stderr=output)
    return subprocess.Popen(["taskset", "-c", core, *command], **streams)


def end(process):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def family(pid):
    """The process and what it started, at any depth."""
    parents = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="latin1") as file:
                head, tail = file.read().rsplit(")", 1)
        except OSError:
            continue
        parents.setdefault(int(tail.split()[1]), []).append(int(head.split("(", 1)[0]))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += parents.get(found[-1], [])
    return found


def cpu_seconds(pid):
    """Time on a processor of all threads of a process and of its children, from the scheduler's own accounting (nanoseconds)."""
    total = 0
    for member in family(pid):
        for path in glob.glob(f"/proc/{member}/task/*/schedstat"):
            try:
                with open(path, encoding="ascii") as file:
                    total += int(file.read().split()[0])
            except OSError:
                continue
    return total / 1e9


def memory_kib(pid):
    """Memory that would be free if the process and its children were not there (proportional set size, so shared pages count once)."""
    total = 0
    for member in family(pid):
        try:
            with open(f"/proc/{member}/smaps_rollup", encoding="ascii") as file:
                total += next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            continue
    return total


def resident_kib(pid):
    """What top shows as RES, summed over the process and its children: shared pages count each time."""
    total = 0
    for member in family(pid):
        try:
            with open(f"/proc/{member}/status", encoding="ascii") as file:
                total += next((int(line.split()[1]) for line in file if line.startswith("VmRSS")), 0)
        except OSError:
            continue
    return total


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def interval(values):
    """(low, median, high): the 95 % interval of the geometric mean by Student's t, about the median."""
    middle = statistics.median(values)
    if len(values) < 2 or min(values) <= 0:
        return middle, middle, middle
    degrees = len(values) - 1
    t = STUDENT_T[degrees] if degrees < len(STUDENT_T) else 2
    spread = math.exp(t * statistics.stdev(map(math.log, values)) / math.sqrt(len(values)))
    return middle / spread, middle, middle * spread
