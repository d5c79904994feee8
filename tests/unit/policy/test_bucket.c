/* The token bucket: its edges, and two properties over random runs: it never gives more than it promises in
 * any stretch of time, and never less than a bucket that is refilled by hand, a millisecond at a time. */
#include "policy/bucket.h"

#include "base/random.h"
#include "test.h"

enum { MINUTE = 60000, DAY = 86400000 };

TEST(bucket, is_small)
{
    EXPECT_EQ(sizeof(struct bucket), 24);
}

TEST(bucket, gives_its_capacity_at_once_and_then_refuses)
{
    struct bucket b;
    bucket_init(&b, 3, MINUTE, 1000);
    for (int i = 0; i < 3; i++) EXPECT_TRUE(bucket_take(&b, 1, 1000));
    EXPECT_FALSE(bucket_take(&b, 1, 1000));
    EXPECT_EQ(bucket_remaining(&b, 1000), 0);
}

TEST(bucket, gains_one_token_per_share_of_the_window)
{
    struct bucket b;
    bucket_init(&b, 60, MINUTE, 0);
    EXPECT_TRUE(bucket_take(&b, 60, 0));
    EXPECT_FALSE(bucket_take(&b, 1, 999));
    EXPECT_EQ(bucket_wait_ms(&b, 1, 0), 1000);
    EXPECT_EQ(bucket_wait_ms(&b, 1, 999), 1);
    EXPECT_TRUE(bucket_take(&b, 1, 1000));
    EXPECT_FALSE(bucket_take(&b, 1, 1000));
}

TEST(bucket, takes_nothing_when_it_refuses)
{
    struct bucket b;
    bucket_init(&b, 10, MINUTE, 0);
    EXPECT_TRUE(bucket_take(&b, 7, 0));
    EXPECT_FALSE(bucket_take(&b, 4, 0));
    EXPECT_EQ(bucket_remaining(&b, 0), 3);
    EXPECT_TRUE(bucket_take(&b, 3, 0));
}

TEST(bucket, is_full_again_after_its_window_and_never_fuller)
{
    struct bucket b;
    bucket_init(&b, 7, MINUTE, 0);
    EXPECT_TRUE(bucket_take(&b, 7, 0));
    EXPECT_EQ(bucket_full_at(&b, 0), MINUTE);
    EXPECT_EQ(bucket_remaining(&b, MINUTE - 1), 6);
    EXPECT_EQ(bucket_remaining(&b, MINUTE), 7);
    EXPECT_EQ(bucket_remaining(&b, (msec_t)1 << 50), 7);
    EXPECT_EQ(bucket_full_at(&b, MINUTE + 5), MINUTE + 5);
}

TEST(bucket, loses_nothing_of_a_rate_that_is_no_whole_number)
{
    struct bucket b; /* 7 a minute: one per 8571.43 ms */
    bucket_init(&b, 7, MINUTE, 0);
    EXPECT_TRUE(bucket_take(&b, 7, 0));
    int taken = 0;
    for (msec_t now = 1; now <= 10 * MINUTE; now++) taken += bucket_take(&b, 1, now);
    EXPECT_EQ(taken, 70);
}

TEST(bucket, without_a_capacity_never_refuses)
{
    struct bucket b;
    bucket_init(&b, 0, MINUTE, 0);
    EXPECT_TRUE(bucket_take(&b, UINT32_MAX, 0));
    EXPECT_EQ(bucket_remaining(&b, 0), UINT32_MAX);
    EXPECT_EQ(bucket_wait_ms(&b, UINT32_MAX, 0), 0);
    EXPECT_EQ(bucket_full_at(&b, 5), 5);
    bucket_give_back(&b, 3, 0);
    EXPECT_TRUE(bucket_take(&b, 1, 0));
}

TEST(bucket, says_never_to_more_than_it_holds)
{
    struct bucket b;
    bucket_init(&b, 5, MINUTE, 0);
    EXPECT_FALSE(bucket_take(&b, 6, 0));
    EXPECT_TRUE(bucket_wait_ms(&b, 6, 0) == BUCKET_NEVER);
    EXPECT_EQ(bucket_wait_ms(&b, 5, 0), 0);
}

TEST(bucket, gets_back_what_was_given_back_up_to_full)
{
    struct bucket b;
    bucket_init(&b, 5, MINUTE, 0);
    EXPECT_TRUE(bucket_take(&b, 4, 0));
    bucket_give_back(&b, 2, 0);
    EXPECT_EQ(bucket_remaining(&b, 0), 3);
    bucket_give_back(&b, 100, 0);
    EXPECT_EQ(bucket_remaining(&b, 0), 5);
}

TEST(bucket, keeps_what_was_used_when_its_capacity_changes)
{
    struct bucket b;
    bucket_init(&b, 10, MINUTE, 0);
    EXPECT_TRUE(bucket_take(&b, 6, 0));
    bucket_resize(&b, 60, 0);
    EXPECT_EQ(bucket_remaining(&b, 0), 54);
    bucket_resize(&b, 8, 0);
    EXPECT_EQ(bucket_remaining(&b, 0), 2);
    bucket_resize(&b, 3, 0);
    EXPECT_EQ(bucket_remaining(&b, 0), 0);
    EXPECT_EQ(bucket_wait_ms(&b, 1, 0), MINUTE / 3);
    bucket_resize(&b, 0, 0);
    EXPECT_TRUE(bucket_take(&b, 99, 0));
    bucket_resize(&b, 4, 0);
    EXPECT_EQ(bucket_remaining(&b, 0), 4);
}

TEST(bucket, takes_a_clock_that_goes_back_for_one_that_stands_still)
{
    struct bucket b;
    bucket_init(&b, 60, MINUTE, 100000);
    EXPECT_TRUE(bucket_take(&b, 60, 100000));
    EXPECT_FALSE(bucket_take(&b, 1, 1000));
    EXPECT_EQ(bucket_wait_ms(&b, 1, 99000), 2000);
    EXPECT_EQ(bucket_full_at(&b, 99000), 100000 + MINUTE);
    EXPECT_FALSE(bucket_take(&b, 1, 100999));
    EXPECT_TRUE(bucket_take(&b, 1, 101000));
}

TEST(bucket, holds_the_largest_numbers_without_overflow)
{
    struct bucket b;
    bucket_init(&b, UINT32_MAX, UINT32_MAX, 0);
    EXPECT_TRUE(bucket_take(&b, UINT32_MAX, 0));
    EXPECT_EQ(bucket_remaining(&b, 1000), 1000);
    EXPECT_EQ(bucket_wait_ms(&b, 1000, 0), 1000);
    EXPECT_EQ(bucket_remaining(&b, (msec_t)UINT32_MAX - 1), UINT32_MAX - 1);
    EXPECT_EQ(bucket_remaining(&b, INT64_MAX), UINT32_MAX);
    bucket_init(&b, UINT32_MAX, DAY, INT64_MIN);
    EXPECT_TRUE(bucket_take(&b, UINT32_MAX, INT64_MIN));
    EXPECT_EQ(bucket_remaining(&b, INT64_MAX), UINT32_MAX);
}

struct taken {
    msec_t at;
    uint64_t tokens;
};

/* Of all takes i..j: tokens ≤ capacity + capacity × elapsed / window, in whole numbers. */
static bool is_within_promise(const struct taken *takes, int count, uint32_t capacity, uint32_t window_ms)
{
    for (int i = 0; i < count; i++) {
        uint64_t sum = 0;
        for (int j = i; j < count; j++) {
            sum += takes[j].tokens;
            uint64_t elapsed = (uint64_t)(takes[j].at - takes[i].at);
            if (sum * window_ms > (uint64_t)capacity * window_ms + capacity * elapsed) return false;
        }
    }
    return true;
}

TEST(bucket, never_gives_more_than_burst_plus_rate_times_elapsed_in_any_stretch_of_time)
{
    enum { STEPS = 600 };
    struct taken takes[STEPS];
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random r;
        random_init(&r, seed);
        uint32_t capacity = 1 + random_next(&r) % 200, window_ms = 1 + random_next(&r) % 5000;
        struct bucket b;
        msec_t now = 0;
        int count = 0;
        bucket_init(&b, capacity, window_ms, now);
        for (int i = 0; i < STEPS; i++) {
            if (random_next(&r) % 3) now += (msec_t)(random_next(&r) % (2 * window_ms / capacity + 2));
            if (random_next(&r) % 50 == 0) now += window_ms;
            uint32_t want = random_next(&r) % 4 ? 1 : (uint32_t)(random_next(&r) % (capacity + 2));
            if (bucket_take(&b, want, now)) takes[count++] = (struct taken){now, want};
        }
        EXPECT_THAT(is_within_promise(takes, count, capacity, window_ms), "seed %d: %u in %u ms", (int)seed,
                    capacity, window_ms);
    }
}

TEST(bucket, agrees_with_one_that_is_refilled_every_millisecond)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct random r;
        random_init(&r, seed * 77);
        uint32_t capacity = 1 + random_next(&r) % 50, window_ms = 1 + random_next(&r) % 3000;
        uint64_t full = (uint64_t)capacity * window_ms, level = full;
        struct bucket b;
        bucket_init(&b, capacity, window_ms, 0);
        for (msec_t now = 1; now < 5000; now++) {
            level = level + capacity < full ? level + capacity : full;
            if (random_next(&r) % 8) continue;
            uint32_t want = (uint32_t)(random_next(&r) % (capacity / 2 + 2));
            bool wants_back = random_next(&r) % 10 == 0, has = (uint64_t)want * window_ms <= level;
            EXPECT_EQ(bucket_remaining(&b, now), level / window_ms);
            if (wants_back) {
                bucket_give_back(&b, want, now);
                level = level + (uint64_t)want * window_ms < full ? level + (uint64_t)want * window_ms : full;
            } else {
                EXPECT_EQ(bucket_take(&b, want, now), has);
                if (has) level -= (uint64_t)want * window_ms;
            }
        }
    }
}

TEST(bucket, opens_exactly_when_it_said)
{
    struct random r;
    random_init(&r, 5);
    for (int i = 0; i < 5000; i++) {
        uint32_t capacity = 1 + random_next(&r) % 1000, window_ms = 1 + random_next(&r) % 100000;
        uint32_t used = (uint32_t)(random_next(&r) % (capacity + 1)), want = 1 + random_next(&r) % capacity;
        struct bucket b;
        bucket_init(&b, capacity, window_ms, 0);
        EXPECT_TRUE(bucket_take(&b, used, 0));
        msec_t wait_ms = bucket_wait_ms(&b, want, 0), full_at = bucket_full_at(&b, 0);
        struct bucket early = b;
        if (wait_ms > 0) EXPECT_FALSE(bucket_take(&early, want, wait_ms - 1));
        EXPECT_TRUE(bucket_take(&b, want, wait_ms));
        bucket_init(&b, capacity, window_ms, 0);
        EXPECT_TRUE(bucket_take(&b, used, 0));
        EXPECT_EQ(bucket_remaining(&b, full_at), capacity);
        EXPECT_EQ(bucket_wait_ms(&b, 1, full_at), 0);
    }
}
