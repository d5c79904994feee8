/* load/histogram.c: bucket i below 128 holds exactly i ns; above, the i-th holds (64 + i % 64) << (i / 64 - 1) and the
 * few nanoseconds up to the next. What is told of a bucket is its upper edge, so quantiles err high. */
#include "load/histogram.h"

#include <stddef.h>

enum { SUB = 1 << HISTOGRAM_SUB_BITS };

static size_t bucket_of(uint64_t ns)
{
    if (ns < 2 * SUB) return ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - HISTOGRAM_SUB_BITS;
    return (size_t)shift * SUB + (size_t)(ns >> shift);
}

static uint64_t upper_edge_ns(size_t bucket)
{
    if (bucket < 2 * SUB) return bucket;
    unsigned shift = (unsigned)(bucket / SUB) - 1;
    return ((uint64_t)(bucket - (size_t)shift * SUB + 1) << shift) - 1;
}

void histogram_note(struct histogram *h, int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    h->count++;
    h->buckets[bucket_of(value)]++;
    if (value > h->max_ns) h->max_ns = value;
}

double histogram_part_us(const struct histogram *h, double part)
{
    if (h->count == 0) return 0;
    uint64_t wanted = (uint64_t)(part * (double)h->count), seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen < wanted || seen == 0) continue;
        uint64_t edge = upper_edge_ns(i);
        return (double)(edge < h->max_ns ? edge : h->max_ns) / 1000;
    }
    return (double)h->max_ns / 1000;
}
