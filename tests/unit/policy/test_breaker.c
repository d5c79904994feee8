/* The circuit breaker: its picture in breaker.h edge by edge, late reports, random runs against a plain model. */
#include "policy/breaker.h"

#include "base/random.h"
#include "test.h"

static const struct breaker_cfg DEFAULTS = {.failure_threshold = 5,
                                            .success_threshold = 2,
                                            .window_size = 100,
                                            .failure_rate = 0.5,
                                            .timeout_ms = 60000};

static struct breaker breaker_of(struct breaker_cfg cfg)
{
    struct breaker b;
    breaker_init(&b, &cfg);
    return b;
}

/* One call from asking to report; false: it was not let through. */
static bool call(struct breaker *b, enum judgement j, msec_t now)
{
    struct breaker_ticket t;
    if (!breaker_allows(b, now, &t)) return false;
    breaker_report(b, t, j, now);
    return true;
}

static struct breaker breaker_opened_at(msec_t now)
{
    struct breaker b = breaker_of(DEFAULTS);
    for (int i = 0; i < 5; i++) EXPECT_TRUE(call(&b, JUDGED_FAILURE, now));
    EXPECT_EQ(breaker_state(&b, now), BREAKER_OPEN);
    return b;
}

TEST(breaker, opens_after_five_failures_in_a_row)
{
    struct breaker b = breaker_of(DEFAULTS);
    for (int i = 0; i < 4; i++) EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
    EXPECT_EQ(breaker_state(&b, 0), BREAKER_CLOSED);
    EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
    EXPECT_EQ(breaker_state(&b, 0), BREAKER_OPEN);
    EXPECT_FALSE(call(&b, JUDGED_SUCCESS, 0));
    EXPECT_EQ(breaker_retry_after_ms(&b, 0), 60000);
}

TEST(breaker, report_says_when_the_state_changed)
{
    struct breaker b = breaker_of((struct breaker_cfg){2, 1, 10, 1.0, 1000});
    struct breaker_ticket t;
    EXPECT_TRUE(breaker_allows(&b, 0, &t));
    EXPECT_FALSE(breaker_report(&b, t, JUDGED_FAILURE, 0));
    EXPECT_TRUE(breaker_allows(&b, 0, &t));
    EXPECT_TRUE(breaker_report(&b, t, JUDGED_FAILURE, 0));
    EXPECT_TRUE(breaker_allows(&b, 1000, &t));
    EXPECT_TRUE(breaker_report(&b, t, JUDGED_SUCCESS, 1000));
    EXPECT_EQ(breaker_state(&b, 1000), BREAKER_CLOSED);
}

TEST(breaker, a_success_ends_the_row_but_stays_in_the_window)
{
    struct breaker b = breaker_of(DEFAULTS);
    for (int i = 0; i < 6; i++) EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 0));
    for (int i = 0; i < 4; i++) EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 0));
    struct breaker_counts c = breaker_read_counts(&b, 0);
    EXPECT_EQ(c.failure_count, 0);
    EXPECT_EQ(c.recent_failures, 4);
    EXPECT_EQ(c.total_calls, 11);
    EXPECT_EQ(c.state, BREAKER_CLOSED);
}

TEST(breaker, opens_when_the_window_reaches_both_the_threshold_and_the_rate)
{
    struct breaker b = breaker_of(DEFAULTS);
    for (int i = 0; i < 4; i++) { /* 4 of 8: the rate, not the threshold */
        EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 0));
        EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
    }
    EXPECT_EQ(breaker_state(&b, 0), BREAKER_CLOSED);
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 0));
    EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0)); /* 5 of 10 */
    EXPECT_EQ(breaker_state(&b, 0), BREAKER_OPEN);
}

TEST(breaker, stays_closed_below_the_rate)
{
    struct breaker b = breaker_of(DEFAULTS);
    for (int i = 0; i < 1000; i++) EXPECT_TRUE(call(&b, i % 3 ? JUDGED_SUCCESS : JUDGED_FAILURE, 0));
    EXPECT_EQ(breaker_read_counts(&b, 0).recent_failures, 34);
    EXPECT_EQ(breaker_state(&b, 0), BREAKER_CLOSED);
}

TEST(breaker, forgets_calls_that_left_the_window)
{
    struct breaker b = breaker_of((struct breaker_cfg){3, 1, 4, 0.75, 1000});
    EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
    EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
    for (int i = 0; i < 3; i++) EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 0));
    EXPECT_EQ(breaker_read_counts(&b, 0).recent_failures, 1);
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 0));
    EXPECT_EQ(breaker_read_counts(&b, 0).recent_failures, 0);
}

TEST(breaker, lets_one_probe_through_at_a_time_after_its_timeout)
{
    struct breaker b = breaker_opened_at(0);
    struct breaker_ticket probe, other;
    EXPECT_FALSE(breaker_allows(&b, 59999, &probe));
    EXPECT_EQ(breaker_state(&b, 60000), BREAKER_HALF_OPEN);
    EXPECT_EQ(breaker_retry_after_ms(&b, 60000), 0);
    EXPECT_TRUE(breaker_allows(&b, 60000, &probe));
    EXPECT_FALSE(breaker_allows(&b, 60000, &other));
    EXPECT_FALSE(breaker_allows(&b, 999999, &other));
    EXPECT_EQ(breaker_retry_after_ms(&b, 60000), 1000);
    breaker_report(&b, probe, JUDGED_SUCCESS, 60001);
    EXPECT_EQ(breaker_state(&b, 60001), BREAKER_HALF_OPEN);
    EXPECT_TRUE(breaker_allows(&b, 60001, &probe));
    breaker_report(&b, probe, JUDGED_SUCCESS, 60002);
    EXPECT_EQ(breaker_state(&b, 60002), BREAKER_CLOSED);
    EXPECT_EQ(breaker_read_counts(&b, 60002).recent_failures, 0);
}

TEST(breaker, opens_again_for_a_whole_timeout_when_a_probe_fails)
{
    struct breaker b = breaker_opened_at(0);
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 60000));
    EXPECT_TRUE(call(&b, JUDGED_FAILURE, 61000));
    EXPECT_EQ(breaker_state(&b, 61000), BREAKER_OPEN);
    EXPECT_EQ(breaker_retry_after_ms(&b, 61000), 60000);
    EXPECT_FALSE(call(&b, JUDGED_SUCCESS, 120999));
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 121000));
    EXPECT_EQ(breaker_state(&b, 121000), BREAKER_HALF_OPEN); /* successes are counted from the start again */
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 121000));
    EXPECT_EQ(breaker_state(&b, 121000), BREAKER_CLOSED);
}

TEST(breaker, a_probe_that_is_not_judged_makes_room_for_the_next)
{
    struct breaker b = breaker_opened_at(0);
    EXPECT_TRUE(call(&b, NOT_JUDGED, 60000));
    EXPECT_EQ(breaker_state(&b, 60000), BREAKER_HALF_OPEN);
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 60000));
    EXPECT_TRUE(call(&b, NOT_JUDGED, 60000));
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 60000));
    EXPECT_EQ(breaker_state(&b, 60000), BREAKER_CLOSED);
}

TEST(breaker, what_is_not_judged_neither_counts_nor_ends_a_row)
{
    struct breaker b = breaker_of(DEFAULTS);
    for (int i = 0; i < 4; i++) {
        EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
        EXPECT_TRUE(call(&b, NOT_JUDGED, 0));
    }
    EXPECT_EQ(breaker_read_counts(&b, 0).failure_count, 4);
    EXPECT_EQ(breaker_read_counts(&b, 0).total_calls, 8);
    EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0));
    EXPECT_EQ(breaker_state(&b, 0), BREAKER_OPEN);
}

TEST(breaker, late_reports_of_calls_from_before_it_opened_change_nothing)
{
    struct breaker b = breaker_of(DEFAULTS);
    struct breaker_ticket late[3];
    for (int i = 0; i < 3; i++) EXPECT_TRUE(breaker_allows(&b, 0, &late[i]));
    for (int i = 0; i < 5; i++) EXPECT_TRUE(call(&b, JUDGED_FAILURE, 1000));
    EXPECT_FALSE(breaker_report(&b, late[0], JUDGED_SUCCESS, 2000));
    EXPECT_FALSE(breaker_report(&b, late[1], JUDGED_FAILURE, 50000));
    EXPECT_EQ(breaker_retry_after_ms(&b, 50000), 11000); /* not prolonged */
    struct breaker_ticket probe;
    EXPECT_TRUE(breaker_allows(&b, 61000, &probe));
    EXPECT_FALSE(breaker_report(&b, late[2], JUDGED_FAILURE, 61000));
    EXPECT_EQ(breaker_state(&b, 61000), BREAKER_HALF_OPEN); /* only the probe decides, and it is still out */
    struct breaker_ticket other;
    EXPECT_FALSE(breaker_allows(&b, 61000, &other));
    breaker_report(&b, probe, JUDGED_SUCCESS, 61000);
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 61000));
    EXPECT_EQ(breaker_state(&b, 61000), BREAKER_CLOSED);
}

TEST(breaker, a_reset_closes_it_and_voids_what_is_out)
{
    struct breaker b = breaker_opened_at(0);
    struct breaker_ticket probe;
    EXPECT_TRUE(breaker_allows(&b, 60000, &probe));
    breaker_reset(&b);
    EXPECT_EQ(breaker_state(&b, 60000), BREAKER_CLOSED);
    EXPECT_FALSE(breaker_report(&b, probe, JUDGED_FAILURE, 60000));
    struct breaker_counts c = breaker_read_counts(&b, 60000);
    EXPECT_EQ(c.state, BREAKER_CLOSED);
    EXPECT_EQ(c.failure_count, 0);
    EXPECT_EQ(c.recent_failures, 0);
    EXPECT_EQ(c.total_calls, 0);
    EXPECT_TRUE(call(&b, JUDGED_SUCCESS, 60000));
}

TEST(breaker, keeps_state_and_newest_calls_when_configured_anew)
{
    struct breaker b = breaker_of((struct breaker_cfg){50, 1, 4, 1.0, 1000});
    static const enum judgement calls[] = {JUDGED_FAILURE, JUDGED_SUCCESS, JUDGED_FAILURE,
                                           JUDGED_FAILURE, JUDGED_SUCCESS, JUDGED_FAILURE};
    for (size_t i = 0; i < ARRAY_COUNT(calls); i++) EXPECT_TRUE(call(&b, calls[i], 0));
    EXPECT_EQ(breaker_read_counts(&b, 0).recent_failures, 3);
    breaker_configure(&b, &(struct breaker_cfg){50, 1, 2, 1.0, 1000});
    EXPECT_EQ(breaker_read_counts(&b, 0).recent_failures, 1);
    breaker_configure(&b, &(struct breaker_cfg){2, 1, BREAKER_MAX_WINDOW, 0.5, 1000});
    EXPECT_EQ(breaker_read_counts(&b, 0).recent_failures, 1);
    EXPECT_TRUE(call(&b, JUDGED_FAILURE, 0)); /* two in a row now */
    EXPECT_EQ(breaker_state(&b, 0), BREAKER_OPEN);
    breaker_configure(&b, &(struct breaker_cfg){2, 1, 10, 0.5, 9000});
    EXPECT_EQ(breaker_retry_after_ms(&b, 0), 1000); /* the running timeout stays */
}

TEST(breaker, states_bear_the_numbers_and_names_of_the_contract)
{
    EXPECT_EQ(BREAKER_CLOSED, 0);
    EXPECT_EQ(BREAKER_HALF_OPEN, 1);
    EXPECT_EQ(BREAKER_OPEN, 2);
    EXPECT_STR_EQ(breaker_state_name(BREAKER_CLOSED), "closed");
    EXPECT_STR_EQ(breaker_state_name(BREAKER_HALF_OPEN), "half_open");
    EXPECT_STR_EQ(breaker_state_name(BREAKER_OPEN), "open");
}

/* A breaker as one would write it without a ring: all judged calls of this closed spell in a list. */
struct model {
    bool calls[4096];
    int count;
};

static bool model_is_failing(const struct model *m, const struct breaker_cfg *cfg)
{
    uint32_t row = 0, failures = 0, calls = 0;
    for (int i = m->count - 1; i >= 0 && m->calls[i]; i--) row++;
    for (int i = m->count - 1; i >= 0 && calls < cfg->window_size; i--, calls++) failures += m->calls[i];
    return row >= cfg->failure_threshold ||
           (failures >= cfg->failure_threshold && failures >= cfg->failure_rate * calls);
}

TEST(breaker, opens_exactly_when_a_plain_model_does)
{
    static struct model m;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct random r;
        random_init(&r, seed);
        struct breaker_cfg cfg = {.failure_threshold = 1 + random_next(&r) % 10,
                                  .success_threshold = 1,
                                  .window_size = 1 + random_next(&r) % 130,
                                  .failure_rate = (double)(random_next(&r) % 11) / 10,
                                  .timeout_ms = 100};
        struct breaker b = breaker_of(cfg);
        m.count = 0;
        while (m.count < 1000 && breaker_state(&b, 0) == BREAKER_CLOSED) {
            m.calls[m.count] = random_next(&r) % 100 < seed % 60;
            EXPECT_TRUE(call(&b, m.calls[m.count] ? JUDGED_FAILURE : JUDGED_SUCCESS, 0));
            m.count++;
            bool is_open = breaker_state(&b, 0) == BREAKER_OPEN;
            bool wants_open = m.calls[m.count - 1] && model_is_failing(&m, &cfg);
            EXPECT_THAT(is_open == wants_open, "seed %d, call %d", (int)seed, m.count);
        }
    }
}

TEST(breaker, never_has_two_probes_out_nor_wedges_whatever_comes_late)
{
    enum { OUT = 32 };
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct random r;
        random_init(&r, seed);
        struct breaker b = breaker_of((struct breaker_cfg){3, 2, 8, 0.5, 50});
        struct breaker_ticket out[OUT];
        int count = 0;
        msec_t now = 0;
        for (int i = 0; i < 5000; i++) {
            now += (msec_t)(random_next(&r) % 8);
            if (random_next(&r) % 2 && count < OUT) {
                bool is_closed = breaker_state(&b, now) == BREAKER_CLOSED;
                bool is_open = breaker_state(&b, now) == BREAKER_OPEN;
                int probes = 0;
                for (int k = 0; k < count; k++) probes += out[k]._is_probe && out[k]._spell == b._spell;
                bool is_allowed = breaker_allows(&b, now, &out[count]);
                EXPECT_EQ(is_allowed, is_closed || (!is_open && probes == 0));
                count += is_allowed;
            } else if (count > 0) {
                int pick = (int)(random_next(&r) % (uint64_t)count);
                breaker_report(&b, out[pick], (enum judgement)(random_next(&r) % 3), now);
                out[pick] = out[--count];
            }
        }
        while (count > 0) breaker_report(&b, out[--count], NOT_JUDGED, now);
        now += 50;
        for (int i = 0; i < 2; i++) EXPECT_TRUE(call(&b, JUDGED_SUCCESS, now));
        EXPECT_EQ(breaker_state(&b, now), BREAKER_CLOSED);
    }
}
