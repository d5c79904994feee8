/* policy/breaker.h: stops sending to a provider or service that keeps failing.
 *
 *     closed     failure_threshold failures in a row, or failures among the last window_size calls that
 *                reach both failure_threshold and failure_rate × calls → open
 *     open       after timeout_ms → half-open
 *     half-open  one probe at a time; success_threshold successes → closed, window empty; a failure → open
 *
 * Each call that was let through carries a ticket, and a report counts only while the breaker is still in
 * the spell that the ticket is from: a late report of a call from before it opened neither opens, closes
 * nor prolongs anything. No clock, no lock, no allocation: who shares one between threads holds a lock. */
#ifndef WEIR_POLICY_BREAKER_H
#define WEIR_POLICY_BREAKER_H

#include "base/attributes.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

enum { BREAKER_MAX_WINDOW = 1024 };

struct breaker_cfg {
    uint32_t failure_threshold; /* ≥ 1 */
    uint32_t success_threshold; /* ≥ 1 */
    uint32_t window_size;       /* calls, 1 to BREAKER_MAX_WINDOW */
    double failure_rate;        /* 0 to 1: share of the window's calls */
    msec_t timeout_ms;
};

/* The numbers are those of the metric circuit_breaker_state. */
enum breaker_state { BREAKER_CLOSED = 0, BREAKER_HALF_OPEN = 1, BREAKER_OPEN = 2 };
enum judgement { JUDGED_SUCCESS, JUDGED_FAILURE, NOT_JUDGED };

struct breaker_ticket {
    uint32_t _spell;
    bool _is_probe;
};

struct breaker {
    struct breaker_cfg _cfg;
    bool _is_open; /* open or half-open: _open_until tells which */
    bool _is_probing;
    uint32_t _spell; /* counts the times that it opened, closed, or was reset */
    uint32_t _failures_in_a_row, _probe_successes;
    uint32_t _window_calls, _window_failures, _window_next;
    msec_t _open_until;
    uint64_t _total_calls;
    uint64_t _window[BREAKER_MAX_WINDOW / 64]; /* a bit per call, 1 = failure; a ring */
};

void breaker_init(struct breaker *b, const struct breaker_cfg *cfg);
/* After a reload: state, history and a running timeout stay; a smaller window keeps its newest calls. */
void breaker_configure(struct breaker *b, const struct breaker_cfg *cfg);

/* May I send now? True: the caller owes a breaker_report() with this ticket, whatever happens. */
MUST_CHECK bool breaker_allows(struct breaker *b, msec_t now, struct breaker_ticket *ticket);
/* NOT_JUDGED (caller gone, lost hedge, a 4xx) releases a probe and counts nothing. True: it opened or
 * closed. */
bool breaker_report(struct breaker *b, struct breaker_ticket ticket, enum judgement j, msec_t now);
/* Closed, history forgotten, tickets that are still out void. */
void breaker_reset(struct breaker *b);

enum breaker_state breaker_state(const struct breaker *b, msec_t now);
const char *breaker_state_name(enum breaker_state s); /* "closed", "half_open", "open" */
/* 0: breaker_allows() would say yes. While a probe is out: a second, for nobody knows. */
msec_t breaker_retry_after_ms(const struct breaker *b, msec_t now);

struct breaker_counts {
    enum breaker_state state;
    uint32_t failure_count;   /* in a row */
    uint32_t recent_failures; /* in the window */
    uint64_t total_calls;     /* let through since the start or the last reset */
};
struct breaker_counts breaker_read_counts(const struct breaker *b, msec_t now);

#endif
