/* How a moment is written. */
#include "test.h"

#include "base/attributes.h"
#include "base/clock.h"

#include <time.h>

static struct str iso(int64_t wall_ms)
{
    static char text[CLOCK_ISO_BYTES];
    clock_format_iso(text, wall_ms);
    return str_of(text, sizeof text);
}

TEST(clock, known_moments)
{
    EXPECT_STR_EQ(iso(0), "1970-01-01T00:00:00.000Z");
    EXPECT_STR_EQ(iso(-1), "1969-12-31T23:59:59.999Z");
    EXPECT_STR_EQ(iso(951782399999), "2000-02-28T23:59:59.999Z");
    EXPECT_STR_EQ(iso(951782400000), "2000-02-29T00:00:00.000Z");
    EXPECT_STR_EQ(iso(4107542400000), "2100-03-01T00:00:00.000Z");
    EXPECT_STR_EQ(iso(1795200421123), "2026-11-20T18:47:01.123Z");
    EXPECT_STR_EQ(iso(253402300799999), "9999-12-31T23:59:59.999Z");
}

TEST(clock, every_day_of_four_centuries_is_as_gmtime_has_it)
{
    char want[40];
    for (int64_t day = -30000; day < 120000; day += (int64_t)(150000 / test_count(150000))) {
        time_t seconds = (time_t)(day * 86400 + 3661);
        struct tm t;
        gmtime_r(&seconds, &t);
        EXPECT_TRUE(strftime(want, sizeof want, "%Y-%m-%dT%H:%M:%S.007Z", &t) > 0);
        EXPECT_STR_EQ(iso((int64_t)seconds * 1000 + 7), want);
    }
}

TEST(clock, the_monotonic_one_does_not_go_back)
{
    int64_t before = clock_monotonic_ns();
    msec_t ms = clock_monotonic_ms();
    EXPECT_TRUE(clock_monotonic_ns() >= before);
    EXPECT_TRUE(ms >= before / 1000000);
    EXPECT_TRUE(clock_wall_ms() > 1700000000000);
}
