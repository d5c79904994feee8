/* policy/limiter.c: ask every window first, then take from all: that is what makes "rejected requests
 * consume nothing" true. */
#include "policy/limiter.h"

#include "base/check.h"

#define WINDOW_AS_MS(id, window_ms, name) [id] = window_ms,
static const uint32_t limiter_window_ms[LIMIT_WINDOW_COUNT] = {LIMIT_WINDOWS(WINDOW_AS_MS)};

void limiter_init(struct limiter *l, const struct limiter_cfg *cfg, msec_t now)
{
    for (int i = 0; i < LIMIT_WINDOW_COUNT; i++)
        bucket_init(&l->_buckets[i], cfg->requests[i], limiter_window_ms[i], now);
}

void limiter_resize(struct limiter *l, const struct limiter_cfg *cfg, msec_t now)
{
    for (int i = 0; i < LIMIT_WINDOW_COUNT; i++)
        if (l->_buckets[i]._capacity != cfg->requests[i])
            bucket_resize(&l->_buckets[i], cfg->requests[i], now);
}

/* The longest wait of all windows decides; one that can never hold so many counts as its whole window. */
static void limiter_judge(const struct limiter *l, uint32_t requests, msec_t now, struct limit_verdict *out)
{
    msec_t longest_ms = 0;
    for (int i = 0; i < LIMIT_WINDOW_COUNT; i++) {
        msec_t wait_ms = bucket_wait_ms(&l->_buckets[i], requests, now);
        if (wait_ms == BUCKET_NEVER) {
            out->is_impossible = true;
            wait_ms = limiter_window_ms[i];
        }
        if (wait_ms <= longest_ms) continue;
        longest_ms = wait_ms;
        out->refused_by = (enum limit_window)i;
    }
    out->is_allowed = longest_ms == 0;
    out->retry_after_s = (uint32_t)((longest_ms + 999) / 1000);
}

bool limiter_take(struct limiter *l, uint32_t requests, msec_t now, int64_t wall_ms,
                  struct limit_verdict *out)
{
    *out = (struct limit_verdict){0};
    limiter_judge(l, requests, now, out);
    for (int i = 0; i < LIMIT_WINDOW_COUNT; i++) {
        struct bucket *b = &l->_buckets[i];
        if (b->_capacity == 0) continue;
        bool is_taken = out->is_allowed && bucket_take(b, requests, now);
        require(is_taken == out->is_allowed);
        out->windows[i] = (struct limit_state){
            .limit = b->_capacity,
            .remaining = bucket_remaining(b, now),
            .reset_s = (wall_ms + bucket_full_at(b, now) - now + 999) / 1000,
        };
    }
    return out->is_allowed;
}

void limiter_give_back(struct limiter *l, uint32_t requests, msec_t now)
{
    for (int i = 0; i < LIMIT_WINDOW_COUNT; i++) bucket_give_back(&l->_buckets[i], requests, now);
}

bool limiter_is_idle(const struct limiter *l, msec_t now)
{
    for (int i = 0; i < LIMIT_WINDOW_COUNT; i++)
        if (bucket_full_at(&l->_buckets[i], now) > now) return false;
    return true;
}
