/* The minute, hour and day of a principal, taken all or none, and what callers are told. */
#include "policy/limiter.h"

#include "base/random.h"
#include "test.h"

enum { MINUTE = 60000, HOUR = 3600000 };
static const int64_t WALL_MS = 1732123456789;

static struct limiter limiter_of(uint32_t per_minute, uint32_t per_hour, uint32_t per_day)
{
    struct limiter l;
    limiter_init(&l, &(struct limiter_cfg){.requests = {per_minute, per_hour, per_day}}, 0);
    return l;
}

static bool take(struct limiter *l, uint32_t requests, msec_t now, struct limit_verdict *v)
{
    return limiter_take(l, requests, now, WALL_MS + now, v);
}

TEST(limiter, counts_in_each_window_that_has_a_limit)
{
    struct limiter l = limiter_of(60, 1000, 0);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 1, 0, &v));
    EXPECT_TRUE(v.is_allowed);
    EXPECT_EQ(v.windows[LIMIT_MINUTE].limit, 60);
    EXPECT_EQ(v.windows[LIMIT_MINUTE].remaining, 59);
    EXPECT_EQ(v.windows[LIMIT_HOUR].limit, 1000);
    EXPECT_EQ(v.windows[LIMIT_HOUR].remaining, 999);
    EXPECT_EQ(v.windows[LIMIT_DAY].limit, 0);
    EXPECT_EQ(v.retry_after_s, 0);
}

TEST(limiter, tells_the_unix_second_when_a_window_is_full_again)
{
    struct limiter l = limiter_of(60, 1000, 0);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 1, 0, &v));
    EXPECT_EQ(v.windows[LIMIT_MINUTE].reset_s, 1732123458); /* 456.789 s + 1 s, rounded up */
    EXPECT_EQ(v.windows[LIMIT_HOUR].reset_s, 1732123461);   /* + 3.6 s */
    EXPECT_TRUE(take(&l, 59, 0, &v));
    EXPECT_EQ(v.windows[LIMIT_MINUTE].reset_s, 1732123517);
}

TEST(limiter, refuses_with_the_window_and_whole_seconds_to_wait)
{
    struct limiter l = limiter_of(2, 1000, 0);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 2, 0, &v));
    EXPECT_FALSE(take(&l, 1, 0, &v));
    EXPECT_EQ(v.refused_by, LIMIT_MINUTE);
    EXPECT_EQ(v.retry_after_s, 30);
    EXPECT_FALSE(v.is_impossible);
    EXPECT_FALSE(take(&l, 1, 29999, &v));
    EXPECT_EQ(v.retry_after_s, 1); /* a millisecond is a second */
    EXPECT_TRUE(take(&l, 1, 30000, &v));
}

TEST(limiter, names_the_window_that_makes_wait_longest)
{
    struct limiter l = limiter_of(10, 10, 0);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 10, 0, &v));
    EXPECT_FALSE(take(&l, 1, 0, &v));
    EXPECT_EQ(v.refused_by, LIMIT_HOUR);
    EXPECT_EQ(v.retry_after_s, 360);
}

TEST(limiter, takes_nothing_anywhere_when_one_window_refuses)
{
    struct limiter l = limiter_of(100, 5, 50);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 5, 0, &v));
    for (int i = 0; i < 20; i++) EXPECT_FALSE(take(&l, 1, 0, &v));
    EXPECT_EQ(v.windows[LIMIT_MINUTE].remaining, 95);
    EXPECT_EQ(v.windows[LIMIT_HOUR].remaining, 0);
    EXPECT_EQ(v.windows[LIMIT_DAY].remaining, 45);
}

TEST(limiter, counts_the_members_of_a_batch)
{
    struct limiter l = limiter_of(100, 0, 0);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 60, 0, &v));
    EXPECT_FALSE(take(&l, 60, 0, &v));
    EXPECT_EQ(v.windows[LIMIT_MINUTE].remaining, 40);
    EXPECT_EQ(v.retry_after_s, 12);
    EXPECT_TRUE(take(&l, 40, 0, &v));
}

TEST(limiter, says_when_waiting_does_not_help)
{
    struct limiter l = limiter_of(10, 1000, 0);
    struct limit_verdict v;
    EXPECT_FALSE(take(&l, 11, 0, &v));
    EXPECT_TRUE(v.is_impossible);
    EXPECT_EQ(v.refused_by, LIMIT_MINUTE);
    EXPECT_EQ(v.retry_after_s, 60);
}

TEST(limiter, without_limits_allows_everything)
{
    struct limiter l = limiter_of(0, 0, 0);
    struct limit_verdict v;
    for (int i = 0; i < 1000; i++) EXPECT_TRUE(take(&l, 1000000, 0, &v));
    EXPECT_EQ(v.windows[LIMIT_MINUTE].limit, 0);
    EXPECT_EQ(v.windows[LIMIT_MINUTE].remaining, 0);
    EXPECT_TRUE(limiter_is_idle(&l, 0));
}

TEST(limiter, gives_back_what_somebody_else_refused)
{
    struct limiter l = limiter_of(3, 3, 3);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 3, 0, &v));
    EXPECT_FALSE(limiter_is_idle(&l, 0));
    limiter_give_back(&l, 3, 0);
    EXPECT_TRUE(limiter_is_idle(&l, 0));
    EXPECT_TRUE(take(&l, 3, 0, &v));
}

TEST(limiter, keeps_what_was_used_over_a_reload)
{
    struct limiter l = limiter_of(10, 0, 0);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 10, 0, &v));
    limiter_resize(&l, &(struct limiter_cfg){.requests = {12, 100, 0}}, 0);
    EXPECT_TRUE(take(&l, 2, 0, &v));
    EXPECT_EQ(v.windows[LIMIT_HOUR].remaining, 98);
    EXPECT_FALSE(take(&l, 1, 0, &v));
    limiter_resize(&l, &(struct limiter_cfg){.requests = {0, 100, 0}}, 0);
    EXPECT_TRUE(take(&l, 1, 0, &v));
}

TEST(limiter, is_idle_once_every_window_is_full)
{
    struct limiter l = limiter_of(60, 60, 0);
    struct limit_verdict v;
    EXPECT_TRUE(take(&l, 1, 0, &v));
    EXPECT_FALSE(limiter_is_idle(&l, MINUTE - 1));
    EXPECT_TRUE(limiter_is_idle(&l, MINUTE));
    EXPECT_TRUE(limiter_is_idle(&l, HOUR));
}

TEST(limiter, lets_through_again_when_it_said_so)
{
    struct random r;
    random_init(&r, 11);
    for (int i = 0; i < 300; i++) {
        struct limiter l = limiter_of(1 + random_next(&r) % 20, 1 + random_next(&r) % 100,
                                      random_next(&r) % 300);
        struct limit_verdict v;
        msec_t now = 0;
        for (int j = 0; j < 100; j++) {
            now += (msec_t)(random_next(&r) % 4000);
            struct limiter before = l;
            if (take(&l, 1, now, &v)) continue;
            EXPECT_MEM_EQ(&l, sizeof l, &before, sizeof before);
            EXPECT_TRUE(v.retry_after_s >= 1);
            EXPECT_TRUE(limiter_take(&before, 1, now + v.retry_after_s * 1000, WALL_MS, &v));
        }
    }
}
