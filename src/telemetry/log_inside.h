/* telemetry/log_inside.h: what log.c (the writer), log_ring.c and log_line.c share.
 *
 * A ring's positions only grow; their low bits are the place in `bytes`. A line is never split: one that begins near
 * the end runs into the slack behind it, and the next line begins a new lap at place 0. Where the old lap's lines
 * ended stands in lap_end; one number is enough, because head and tail are never more than a lap apart.
 *
 *     bytes  [ lap n+1: head ▸ ... free ... tail ▸ lap n: lines lines lines ][ slack: ...lap_end ] */
#ifndef WEIR_TELEMETRY_LOG_INSIDE_H
#define WEIR_TELEMETRY_LOG_INSIDE_H

#include "base/clock.h"
#include "telemetry/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

enum { CACHE_LINE_BYTES = 64 };

struct log_line {
    struct log_ring *ring;
    char *start, *at, *limit; /* behind the limit is room for the line's end */
    bool is_text, is_truncated;
};

struct log_ring {
    /* the producer's own */
    struct log *log;
    char *bytes;
    uint64_t size, pos, seen_tail; /* pos: head, not yet shown while a line is built */
    struct log_line line;
    int64_t stamp_s; /* the second that `stamp` shows */
    char stamp[CLOCK_ISO_BYTES];
    /* written by the producer, read by the writer */
    char _apart[CACHE_LINE_BYTES];
    _Atomic uint64_t head, lap_end, dropped;
    /* written by the writer, read by the producer */
    char _apart_too[CACHE_LINE_BYTES];
    _Atomic uint64_t tail;
};

struct log {
    /* set once */
    bool is_text;
    int fd, wake_fd;
    unsigned ring_count;
    pthread_t thread;
    struct iovec *pieces; /* the writer's own, like the next two */
    uint64_t *heads;
    bool is_torn; /* the output ends within a line */
    atomic_int level;
    atomic_bool is_asleep, is_woken, is_stopping;
    _Atomic uint64_t refused; /* lines that the descriptor did not take */
    struct log_ring *rings[];
};

struct log_ring *log_ring_new(struct log *l, uint64_t size);
void log_ring_free(struct log_ring *r);

/* The producer: room for a line of LOG_LINE_MAX_BYTES, or NULL (counted as dropped). */
char *log_ring_reserve(struct log_ring *r);
/* Shows the `bytes` just written there to the writer. */
void log_ring_commit(struct log_ring *r, size_t bytes);

/* The writer: up to two pieces of whole lines, and the position to release when they are done with. */
unsigned log_ring_peek(const struct log_ring *r, struct iovec pieces[2], uint64_t *head);
void log_ring_release(struct log_ring *r, uint64_t head);

#endif
