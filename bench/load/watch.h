/* load/watch.h: what watched processes cost: CPU time to the nanosecond and resident memory. One thread, no heap. */
#ifndef BENCH_LOAD_WATCH_H
#define BENCH_LOAD_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { WATCH_MAX = 8 };

struct watch {
    int pids[WATCH_MAX];
    unsigned count;
};

bool watch_add(struct watch *w, const char *pids); /* "12,34"; false: not numbers, or too many */
int64_t watch_cpu_ns(
    const struct watch *w); /* user + system of all threads, past ones too; 0 of a process that is gone */
int64_t watch_rss_kb(const struct watch *w);

#endif
