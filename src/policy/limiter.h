/* policy/limiter.h: how many requests one principal (or team, model, provider, client address) may
 * start per minute, hour and day: one bucket per window, taken all or none. What a caller is told
 * (headers, Retry-After) comes in the verdict. No clock, no lock, no allocation, like bucket.h.
 * Several limiters for one request: take one after the other, and on a refusal give back what was taken. */
#ifndef WEIR_POLICY_LIMITER_H
#define WEIR_POLICY_LIMITER_H

#include "policy/bucket.h"

/*    id            window in ms  in option names */
#define LIMIT_WINDOWS(X)                                                                                     \
    X(LIMIT_MINUTE, 60000, "minute")                                                                         \
    X(LIMIT_HOUR, 3600000, "hour")                                                                           \
    X(LIMIT_DAY, 86400000, "day")

#define LIMIT_AS_ENUM(id, window_ms, name) id,
enum limit_window { LIMIT_WINDOWS(LIMIT_AS_ENUM) LIMIT_WINDOW_COUNT };

struct limiter_cfg {
    uint32_t requests[LIMIT_WINDOW_COUNT]; /* per window; 0: no limit */
};

struct limiter {
    struct bucket _buckets[LIMIT_WINDOW_COUNT];
};

struct limit_verdict {
    struct limit_state {
        uint32_t limit;     /* 0: this window has none, and the rest is 0 */
        uint32_t remaining; /* after this take */
        int64_t reset_s;    /* Unix seconds when it is full again */
    } windows[LIMIT_WINDOW_COUNT];
    bool is_allowed;
    bool is_impossible;           /* refused, and will always be: more at once than a window holds */
    enum limit_window refused_by; /* when refused: the window that makes wait longest */
    uint32_t retry_after_s;       /* when refused: whole seconds, ≥ 1 */
};

void limiter_init(struct limiter *l, const struct limiter_cfg *cfg, msec_t now);
/* After a reload: what was used stays used. */
void limiter_resize(struct limiter *l, const struct limiter_cfg *cfg, msec_t now);
/* Takes `requests` from every window or from none; fills *out either way and returns out->is_allowed.
 * wall_ms: Unix milliseconds at `now`, for reset_s. */
bool limiter_take(struct limiter *l, uint32_t requests, msec_t now, int64_t wall_ms,
                  struct limit_verdict *out);
/* Undoes a take, for a request that something else refused. */
void limiter_give_back(struct limiter *l, uint32_t requests, msec_t now);
/* Full in every window: forgetting it changes nothing (for tables with a ceiling on their entries). */
bool limiter_is_idle(const struct limiter *l, msec_t now);

#endif
