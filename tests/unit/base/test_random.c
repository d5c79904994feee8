/* Repeatable where it must be, and never the same where it must not. */
#include "test.h"

#include "base/attributes.h"
#include "base/random.h"

TEST(random, the_same_seed_gives_the_same_sequence)
{
    /* Steele, Lea, Flood: splitmix64 with seed 1234567. */
    static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u};
    struct random r;
    random_init(&r, 1234567);
    for (size_t i = 0; i < ARRAY_COUNT(want); i++) EXPECT_EQ(random_next(&r), want[i]);
}

TEST(random, units_lie_from_nought_to_below_one_and_spread)
{
    struct random r;
    size_t count = test_count(100000), low = 0;
    random_init(&r, 1);
    for (size_t i = 0; i < count; i++) {
        double u = random_unit(&r);
        EXPECT_TRUE(u >= 0 && u < 1);
        low += u < 0.25;
    }
    EXPECT_NEAR((double)low / (double)count, 0.25, 0.05);
}

TEST(random, secrets_fill_what_they_are_given_and_differ)
{
    unsigned char a[300] = {0}, b[300] = {0};
    random_secret(a, sizeof a);
    random_secret(b, sizeof b - 1);
    EXPECT_TRUE(memcmp(a, b, 32) != 0);
    EXPECT_EQ(b[299], 0);
    unsigned zeros = 0;
    for (size_t i = 0; i < sizeof a; i++) zeros += a[i] == 0;
    EXPECT_TRUE(zeros < 30);
    random_secret(a, 0);
    EXPECT_NE(random_seed(), random_seed());
}
