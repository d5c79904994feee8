/* policy/bucket.h: a token bucket of its window's size. In any stretch of time it gives at most
 * capacity + capacity × elapsed / window tokens. Whole numbers only, so nothing drifts: it counts in
 * token × millisecond of the window, of which one millisecond refills `capacity`.
 * No clock, no lock: `now` is a monotonic moment (one that lies in the past counts as no time gone);
 * who shares a bucket between threads holds a lock. */
#ifndef WEIR_POLICY_BUCKET_H
#define WEIR_POLICY_BUCKET_H

#include "base/attributes.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_NEVER INT64_MAX

struct bucket {
    uint64_t _level;    /* tokens × window_ms; at most _capacity × _window_ms, which fits 64 bits */
    msec_t _at;         /* when _level was true */
    uint32_t _capacity; /* tokens; 0: no limit */
    uint32_t _window_ms;
};

/* Full. capacity 0: no limit, takes always succeed. window_ms > 0. */
void bucket_init(struct bucket *b, uint32_t capacity, uint32_t window_ms, msec_t now);
/* Another capacity, same window: what was used stays used. */
void bucket_resize(struct bucket *b, uint32_t capacity, msec_t now);
/* False: nothing was taken. */
MUST_CHECK bool bucket_take(struct bucket *b, uint32_t tokens, msec_t now);
/* Undoes a take; never above full. */
void bucket_give_back(struct bucket *b, uint32_t tokens, msec_t now);

/* Whole tokens that could be taken now; UINT32_MAX without a limit. */
uint32_t bucket_remaining(const struct bucket *b, msec_t now);
/* How long until bucket_take(tokens) would succeed: 0 = now, BUCKET_NEVER = more than it ever holds. */
msec_t bucket_wait_ms(const struct bucket *b, uint32_t tokens, msec_t now);
/* The moment at which it is full again if nobody takes; `now` when it is. */
msec_t bucket_full_at(const struct bucket *b, msec_t now);

#endif
