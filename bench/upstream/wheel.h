/* upstream/wheel.h: timers by the millisecond, up to WHEEL_SLOTS - 1 ms ahead; add, remove and fire cost a few
 * instructions however many there are. One thread; a timer lies inside what it wakes, the wheel allocates nothing. */
#ifndef BENCH_UPSTREAM_WHEEL_H
#define BENCH_UPSTREAM_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

enum { WHEEL_SLOTS = 8192 };

struct timer {
    struct timer *next, **link; /* link: NULL when it is not in the wheel */
    int64_t due_ms;
};

struct wheel {
    int64_t now_ms; /* all that was due then has been fired */
    uint64_t count;
    struct timer *slots[WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, int64_t now_ms);
void wheel_add(struct wheel *w, struct timer *t,
               int64_t due_ms);                      /* a moment that is past fires at the next */
void wheel_remove(struct wheel *w, struct timer *t); /* fine when it is not in the wheel */
/* The next timer that is due at now_ms, taken out; NULL: no more. */
struct timer *wheel_next(struct wheel *w, int64_t now_ms);

#endif
