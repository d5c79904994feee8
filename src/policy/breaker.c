/* policy/breaker.c: see the picture in breaker.h.
 *
 * "Half-open" is not stored: it is an open breaker whose time has come, so no timer has to fire. The spell
 * number is what keeps late reports out: it grows whenever the breaker opens, closes or is reset, and a
 * report with an older number is only thanked for. A probe of the present spell is the only one that can be
 * out, so its ticket needs no number of its own. */
#include "policy/breaker.h"

#include "base/check.h"

static void window_clear(struct breaker *b)
{
    b->_window_calls = b->_window_failures = b->_window_next = 0;
    b->_failures_in_a_row = 0;
}

static bool window_bit(const struct breaker *b, uint32_t at)
{
    return b->_window[at / 64] >> (at % 64) & 1;
}

static void window_add(struct breaker *b, bool is_failure)
{
    uint32_t at = b->_window_next;
    uint64_t mask = (uint64_t)1 << (at % 64);
    if (b->_window_calls == b->_cfg.window_size)
        b->_window_failures -= window_bit(b, at);
    else
        b->_window_calls++;
    b->_window[at / 64] = is_failure ? b->_window[at / 64] | mask : b->_window[at / 64] & ~mask;
    b->_window_failures += is_failure;
    b->_window_next = at + 1 == b->_cfg.window_size ? 0 : at + 1;
}

static bool breaker_is_failing(const struct breaker *b)
{
    const struct breaker_cfg *cfg = &b->_cfg;
    if (b->_failures_in_a_row >= cfg->failure_threshold) return true;
    return b->_window_failures >= cfg->failure_threshold &&
           (double)b->_window_failures >= cfg->failure_rate * (double)b->_window_calls;
}

static void breaker_open(struct breaker *b, msec_t now)
{
    b->_is_open = true;
    b->_is_probing = false;
    b->_probe_successes = 0;
    b->_open_until = now + b->_cfg.timeout_ms;
    b->_spell++;
}

static void breaker_close(struct breaker *b)
{
    b->_is_open = b->_is_probing = false;
    b->_probe_successes = 0;
    b->_spell++;
    window_clear(b);
}

static void breaker_cfg_check(const struct breaker_cfg *cfg)
{
    require(cfg->failure_threshold >= 1 && cfg->success_threshold >= 1 && cfg->timeout_ms >= 0);
    require(cfg->window_size >= 1 && cfg->window_size <= BREAKER_MAX_WINDOW);
}

void breaker_init(struct breaker *b, const struct breaker_cfg *cfg)
{
    breaker_cfg_check(cfg);
    *b = (struct breaker){._cfg = *cfg};
}

void breaker_configure(struct breaker *b, const struct breaker_cfg *cfg)
{
    breaker_cfg_check(cfg);
    struct breaker old = *b;
    uint32_t calls = old._window_calls < cfg->window_size ? old._window_calls : cfg->window_size;
    b->_cfg = *cfg;
    b->_window_calls = b->_window_failures = b->_window_next = 0;
    for (uint32_t age = calls; age > 0; age--) /* oldest first */
        window_add(b,
                   window_bit(&old, (old._window_next + old._cfg.window_size - age) % old._cfg.window_size));
}

bool breaker_allows(struct breaker *b, msec_t now, struct breaker_ticket *ticket)
{
    if (b->_is_open && (b->_is_probing || now < b->_open_until)) return false;
    b->_is_probing = b->_is_open;
    b->_total_calls++;
    *ticket = (struct breaker_ticket){._spell = b->_spell, ._is_probe = b->_is_open};
    return true;
}

/* Whether it closed or opened again. */
static bool breaker_report_probe(struct breaker *b, enum judgement j, msec_t now)
{
    b->_is_probing = false;
    if (j == NOT_JUDGED) return false;
    window_add(b, j == JUDGED_FAILURE);
    if (j == JUDGED_FAILURE) {
        b->_failures_in_a_row++;
        breaker_open(b, now);
        return true;
    }
    b->_failures_in_a_row = 0;
    if (++b->_probe_successes < b->_cfg.success_threshold) return false;
    breaker_close(b);
    return true;
}

bool breaker_report(struct breaker *b, struct breaker_ticket ticket, enum judgement j, msec_t now)
{
    if (ticket._spell != b->_spell) return false;
    if (ticket._is_probe) return breaker_report_probe(b, j, now);
    if (j == NOT_JUDGED) return false;
    window_add(b, j == JUDGED_FAILURE);
    b->_failures_in_a_row = j == JUDGED_FAILURE ? b->_failures_in_a_row + 1 : 0;
    if (j == JUDGED_SUCCESS || !breaker_is_failing(b)) return false;
    breaker_open(b, now);
    return true;
}

void breaker_reset(struct breaker *b)
{
    breaker_close(b);
    b->_total_calls = 0;
}

enum breaker_state breaker_state(const struct breaker *b, msec_t now)
{
    if (!b->_is_open) return BREAKER_CLOSED;
    return now < b->_open_until ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

const char *breaker_state_name(enum breaker_state s)
{
    static const char *const names[] = {
        [BREAKER_CLOSED] = "closed", [BREAKER_HALF_OPEN] = "half_open", [BREAKER_OPEN] = "open"};
    require(s < ARRAY_COUNT(names));
    return names[s];
}

msec_t breaker_retry_after_ms(const struct breaker *b, msec_t now)
{
    if (!b->_is_open) return 0;
    if (now < b->_open_until) return b->_open_until - now;
    return b->_is_probing ? 1000 : 0;
}

struct breaker_counts breaker_read_counts(const struct breaker *b, msec_t now)
{
    return (struct breaker_counts){
        .state = breaker_state(b, now),
        .failure_count = b->_failures_in_a_row,
        .recent_failures = b->_window_failures,
        .total_calls = b->_total_calls,
    };
}
