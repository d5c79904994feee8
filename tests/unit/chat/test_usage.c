/* Total is the sum of its parts. */
#include "test.h"

#include "chat/usage.h"

TEST(usage, sums_are_of_parts_that_do_not_overlap)
{
    const struct usage u = {.input_uncached = 1,
                            .cache_read = 10,
                            .cache_write_5m = 100,
                            .cache_write_1h = 1000,
                            .output = 10000,
                            .reasoning = 100000,
                            .audio_input = 1, /* shares, not counted again */
                            .audio_output = 5000,
                            .is_known = true};
    EXPECT_EQ(usage_input(&u), 1111);
    EXPECT_EQ(usage_output(&u), 110000);
    EXPECT_EQ(usage_total(&u), 111111);
}

TEST(usage, that_nobody_has_told_is_nothing)
{
    const struct usage u = {0};
    EXPECT_EQ(usage_total(&u), 0);
    EXPECT_FALSE(u.is_known);
}
