/* policy/bucket.c: a token bucket in whole numbers.
 *
 * A bucket of C tokens that refills in W ms gains C/W tokens a millisecond, which is no whole number. In
 * units of 1/W token it is one: a token is W units, a millisecond brings C, full is C × W < 2^64. So two
 * takes one millisecond apart and one take after two see the same level to the last unit, and the promise
 * "never more than capacity + rate × elapsed" holds exactly, which the tests check against every stretch of
 * a random run. Time is only looked at when somebody asks: an idle bucket costs nothing. */
#include "policy/bucket.h"

#include "base/check.h"

static uint64_t bucket_full_level(const struct bucket *b)
{
    return (uint64_t)b->_capacity * b->_window_ms;
}

static uint64_t bucket_level(const struct bucket *b, msec_t now)
{
    if (now <= b->_at) return b->_level;
    uint64_t elapsed = (uint64_t)now - (uint64_t)b->_at;
    if (elapsed >= b->_window_ms) return bucket_full_level(b);
    uint64_t gain = elapsed * b->_capacity, missing = bucket_full_level(b) - b->_level;
    return b->_level + (gain < missing ? gain : missing);
}

static void bucket_set_level(struct bucket *b, uint64_t level, msec_t now)
{
    b->_level = level;
    if (now > b->_at) b->_at = now;
}

/* Milliseconds until the level has risen by `units`. */
static msec_t bucket_refill_ms(const struct bucket *b, uint64_t units)
{
    return (msec_t)(units / b->_capacity + (units % b->_capacity != 0));
}

/* Of a `now` that lies before _at nothing refills until _at has come. */
static msec_t bucket_lag_ms(const struct bucket *b, msec_t now)
{
    return now < b->_at ? b->_at - now : 0;
}

void bucket_init(struct bucket *b, uint32_t capacity, uint32_t window_ms, msec_t now)
{
    require(window_ms > 0);
    *b = (struct bucket){._at = now, ._capacity = capacity, ._window_ms = window_ms};
    b->_level = bucket_full_level(b);
}

void bucket_resize(struct bucket *b, uint32_t capacity, msec_t now)
{
    uint64_t used = bucket_full_level(b) - bucket_level(b, now);
    b->_capacity = capacity;
    uint64_t full = bucket_full_level(b);
    bucket_set_level(b, full > used ? full - used : 0, now);
}

bool bucket_take(struct bucket *b, uint32_t tokens, msec_t now)
{
    if (b->_capacity == 0) return true;
    uint64_t level = bucket_level(b, now), units = (uint64_t)tokens * b->_window_ms;
    if (units > level) return false;
    bucket_set_level(b, level - units, now);
    return true;
}

void bucket_give_back(struct bucket *b, uint32_t tokens, msec_t now)
{
    uint64_t level = bucket_level(b, now), missing = bucket_full_level(b) - level;
    uint64_t units = (uint64_t)tokens * b->_window_ms;
    bucket_set_level(b, level + (units < missing ? units : missing), now);
}

uint32_t bucket_remaining(const struct bucket *b, msec_t now)
{
    if (b->_capacity == 0) return UINT32_MAX;
    return (uint32_t)(bucket_level(b, now) / b->_window_ms);
}

msec_t bucket_wait_ms(const struct bucket *b, uint32_t tokens, msec_t now)
{
    if (b->_capacity == 0) return 0;
    if (tokens > b->_capacity) return BUCKET_NEVER;
    uint64_t level = bucket_level(b, now), units = (uint64_t)tokens * b->_window_ms;
    return units <= level ? 0 : bucket_lag_ms(b, now) + bucket_refill_ms(b, units - level);
}

msec_t bucket_full_at(const struct bucket *b, msec_t now)
{
    uint64_t missing = bucket_full_level(b) - bucket_level(b, now);
    return missing == 0 ? now : now + bucket_lag_ms(b, now) + bucket_refill_ms(b, missing);
}
