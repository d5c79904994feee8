#include "base/fmt.h"

#include "base/random.h"
#include "test.h"

#include <inttypes.h>
#include <stdio.h>

/* Numbers of every length, with their neighbours, as printf writes them. */
static void judge(uint64_t n)
{
    char want[64], got[64];
    snprintf(want, sizeof want, "%" PRIu64, n);
    EXPECT_STR_EQ(str_of(got, (size_t)(fmt_u64(got, n) - got)), want);
    snprintf(want, sizeof want, "%" PRId64, (int64_t)n);
    EXPECT_STR_EQ(str_of(got, (size_t)(fmt_i64(got, (int64_t)n) - got)), want);
    snprintf(want, sizeof want, "%" PRIx64, n);
    EXPECT_STR_EQ(str_of(got, (size_t)(fmt_hex(got, n) - got)), want);
    uint64_t scale = 1;
    for (unsigned decimals = 1; decimals < 16; decimals++) {
        scale *= 10;
        snprintf(want, sizeof want, "%" PRIu64 ".%0*" PRIu64, n / scale, (int)decimals, n % scale);
        EXPECT_STR_EQ(str_of(got, (size_t)(fmt_fixed(got, n, decimals) - got)), want);
    }
}

TEST(fmt, numbers_are_written_as_printf_writes_them)
{
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10)
        for (uint64_t n = power - 2; n != power + 3; n++) judge(n);
    for (int bit = 0; bit < 64; bit++)
        for (uint64_t n = (UINT64_C(1) << bit) - 2; n != (UINT64_C(1) << bit) + 3; n++) judge(n);
    struct random r;
    random_init(&r, 1);
    for (int i = 0; i < 2000; i++) judge(random_next(&r) >> (i % 64));
}

TEST(fmt, without_decimals_there_is_no_point)
{
    char got[32];
    EXPECT_STR_EQ(str_of(got, (size_t)(fmt_fixed(got, 1234, 0) - got)), "1234");
}

TEST(fmt, nothing_is_written_outside_of_the_room)
{
    char got[40];
    static const uint64_t numbers[] = {0, 9, 10, 99, 100, 999, 1000, UINT32_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        memset(got, '#', sizeof got);
        char *end = fmt_u64(got + 1, numbers[i]);
        EXPECT_EQ(got[0], '#');
        EXPECT_EQ(*end, '#');
        memset(got, '#', sizeof got);
        fmt_hex(got + 1, numbers[i]);
        EXPECT_EQ(got[0], '#');
        EXPECT_EQ(got[17], '#');
    }
}

TEST(fmt, bytes_are_two_digits_each)
{
    unsigned char bytes[256];
    char got[2 * sizeof bytes + 1], want[20];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)i;
    for (size_t count = 0; count <= sizeof bytes; count++) {
        got[2 * count] = '#';
        char *end = fmt_hex_bytes(got, bytes + sizeof bytes - count, count);
        EXPECT_TRUE(end == got + 2 * count && *end == '#');
        for (size_t i = 0; i < count; i++) {
            snprintf(want, sizeof want, "%02zx", sizeof bytes - count + i);
            EXPECT_STR_EQ(str_of(got + 2 * i, 2), want);
        }
    }
}

static struct str between(const char *from, const char *to)
{
    return str_of(from, (size_t)(to - from));
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
