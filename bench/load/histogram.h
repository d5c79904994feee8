/* load/histogram.h: how often a time of so many nanoseconds was seen, from 0 to 2^63, within 1.6 %.
 *
 * Log-linear: 64 buckets of equal width for each power of two, so a note costs a shift and an add and no memory.
 * One thread; 30 KB, so it belongs on the heap or in static storage. */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_SUB_BITS = 6, HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) << HISTOGRAM_SUB_BITS };

struct histogram {
    uint64_t count, max_ns;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_note(struct histogram *h, int64_t ns); /* below zero counts as zero */
/* The time that `part` (0 to 1) of all notes do not exceed, in microseconds; 0 when nothing was noted. */
double histogram_part_us(const struct histogram *h, double part);

#endif
