/* Numbers without printf, against printf. */
#include "test.h"

#include "base/fmt.h"
#include "base/random.h"

#include <inttypes.h>
#include <stdio.h>

static struct str between(const char *from, const char *to)
{
    return str_of(from, (size_t)(to - from));
}

TEST(fmt, whole_numbers_are_as_printf_has_them)
{
    char got[64], want[64];
    struct random r;
    random_init(&r, 7);
    for (size_t i = 0; i < test_count(5000); i++) {
        uint64_t n = random_next(&r) >> (random_next(&r) % 64);
        snprintf(want, sizeof want, "%" PRIu64, n);
        EXPECT_STR_EQ(between(got, fmt_u64(got, n)), want);
        snprintf(want, sizeof want, "%" PRId64, (int64_t)n);
        EXPECT_STR_EQ(between(got, fmt_i64(got, (int64_t)n)), want);
        snprintf(want, sizeof want, "%" PRIx64, n);
        EXPECT_STR_EQ(between(got, fmt_hex(got, n)), want);
    }
}

TEST(fmt, the_largest_fit_their_room)
{
    char got[64];
    EXPECT_EQ(fmt_u64(got, UINT64_MAX) - got, FMT_U64_BYTES);
    EXPECT_EQ(fmt_i64(got, INT64_MIN) - got, FMT_I64_BYTES);
    EXPECT_STR_EQ(between(got, fmt_i64(got, INT64_MIN)), "-9223372036854775808");
    EXPECT_STR_EQ(between(got, fmt_hex(got, UINT64_MAX)), "ffffffffffffffff");
    EXPECT_STR_EQ(between(got, fmt_hex(got, 0)), "0");
    EXPECT_STR_EQ(between(got, fmt_u64(got, 0)), "0");
}

TEST(fmt, bytes_become_two_digits_each)
{
    char got[64];
    EXPECT_STR_EQ(between(got, fmt_hex_bytes(got, "\x00\x0f\xf0\xff", 4)), "000ff0ff");
    EXPECT_STR_EQ(between(got, fmt_hex_bytes(got, "", 0)), "");
}

TEST(fmt, a_fixed_point_keeps_its_zeros)
{
    char got[64];
    EXPECT_STR_EQ(between(got, fmt_fixed(got, 1234, 3)), "1.234");
    EXPECT_STR_EQ(between(got, fmt_fixed(got, 7, 3)), "0.007");
    EXPECT_STR_EQ(between(got, fmt_fixed(got, 1000, 3)), "1.000");
    EXPECT_STR_EQ(between(got, fmt_fixed(got, 42, 0)), "42");
    EXPECT_STR_EQ(between(got, fmt_fixed(got, UINT64_MAX, 9)), "18446744073.709551615");
}

TEST(fmt, a_string_is_copied_and_nothing_is_nothing)
{
    char got[8];
    EXPECT_STR_EQ(between(got, fmt_str(got, STR("ab"))), "ab");
    EXPECT_TRUE(fmt_str(got, str_of(NULL, 0)) == got);
}
