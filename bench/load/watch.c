/* load/watch.c: the CPU clock of a process is exact where /proc/PID/stat counts ticks of 10 ms. Its id is made from the
 * pid as clock_getcpuclockid() makes it, which refuses some pids that the kernel would answer for. */
#include "load/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

bool watch_add(struct watch *w, const char *pids)
{
    while (*pids) {
        char *end;
        long pid = strtol(pids, &end, 10);
        if (end == pids || pid <= 0 || w->count == WATCH_MAX || (*end && *end != ',')) return false;
        w->pids[w->count++] = (int)pid;
        pids = *end ? end + 1 : end;
    }
    return true;
}

int64_t watch_cpu_ns(const struct watch *w)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < w->count; i++) {
        struct timespec t;
        clockid_t clock = (clockid_t)((~(unsigned)w->pids[i] << 3) | 2);
        if (clock_gettime(clock, &t) == 0) sum += t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    }
    return sum;
}

static int64_t rss_kb(int pid)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    char *second;
    (void)strtoll(text, &second, 10);
    return strtoll(second, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024);
}

int64_t watch_rss_kb(const struct watch *w)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < w->count; i++) sum += rss_kb(w->pids[i]);
    return sum;
}
