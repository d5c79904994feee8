/* Texts and the numbers they stand for. */
#include "config/value.h"
#include "test.h"

static const struct {
    const char *text;
    int64_t ms; /* -1: no duration */
} durations[] = {
    {"0", 0},
    {"0s", 0},
    {"250ms", 250},
    {"10s", 10000},
    {"5m", 300000},
    {"1h", 3600000},
    {"2d", 172800000},
    {"1.5s", 1500},
    {"0.25s", 250},
    {"1h30m", 5400000},
    {"1m1ms", 60001},
    {"", -1},
    {"10", -1},
    {"s", -1},
    {"1.s", -1},
    {".5s", -1},
    {"-1s", -1},
    {"1 s", -1},
    {"30m1h", -1},
    {"1s1s", -1},
    {"1S", -1},
    {"1e3s", -1},
    {"1h ", -1},
    {"1h5", -1},
    {"99999999999999d", -1},
    {"9223372036854775808ms", -1},
    {"0x10s", -1},
};

TEST(value, durations_are_numbers_with_units)
{
    for (size_t i = 0; i < ARRAY_COUNT(durations); i++) {
        msec_t ms = -1;
        bool is_one = value_parse_duration(str_from_cstr(durations[i].text), &ms);
        EXPECT_THAT(is_one == (durations[i].ms >= 0) && ms == durations[i].ms, "%s: %lld", durations[i].text,
                    (long long)ms);
    }
}

static const struct {
    const char *text;
    int64_t bytes; /* -1: no size */
} sizes[] = {
    {"0", 0},
    {"4096", 4096},
    {"010", 10},
    {"64KiB", 65536},
    {"64kib", 65536},
    {"10MiB", 10485760},
    {"1.5GiB", 1610612736},
    {"1TiB", INT64_C(1) << 40},
    {"7B", 7},
    {"64KB", -1},
    {"64K", -1},
    {"KiB", -1},
    {"1.5", -1},
    {"", -1},
    {"-1", -1},
    {"1 KiB", -1},
    {"9000000TiB", -1},
    {"9223372036854775807", INT64_MAX},
    {"9223372036854775808", -1},
};

TEST(value, sizes_are_bytes_or_numbers_with_binary_units)
{
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        int64_t bytes = -1;
        bool is_one = value_parse_size(str_from_cstr(sizes[i].text), &bytes);
        EXPECT_THAT(is_one == (sizes[i].bytes >= 0) && bytes == sizes[i].bytes, "%s: %lld", sizes[i].text,
                    (long long)bytes);
    }
}

TEST(value, yes_no_on_off_and_their_kin_are_booleans_in_any_case)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "True", "ON"};
    static const char *const no[] = {"false", "no", "off", "0", "False", "OFF"};
    for (size_t i = 0; i < ARRAY_COUNT(yes); i++) {
        bool is_yes = false, is_no = true;
        EXPECT_TRUE(value_parse_bool(str_from_cstr(yes[i]), &is_yes) && is_yes);
        EXPECT_TRUE(value_parse_bool(str_from_cstr(no[i]), &is_no) && !is_no);
    }
    bool unused;
    EXPECT_FALSE(value_parse_bool(STR("y"), &unused) || value_parse_bool(STR("2"), &unused) ||
                 value_parse_bool(STR(""), &unused));
}

TEST(value, dollars_keep_nine_decimals)
{
    int64_t nano = 0;
    EXPECT_TRUE(value_parse_money(STR("12.5"), &nano));
    EXPECT_EQ(nano, 12500000000);
    EXPECT_TRUE(value_parse_money(STR("0.000000001"), &nano));
    EXPECT_EQ(nano, 1);
    EXPECT_FALSE(value_parse_money(STR("0.0000000001"), &nano));
    EXPECT_FALSE(value_parse_money(STR("10000000000"), &nano));
    EXPECT_FALSE(value_parse_money(STR("$5"), &nano));
}

TEST(value, real_numbers_are_written_as_in_json)
{
    double x = 0;
    EXPECT_TRUE(value_parse_real(STR("0.05"), &x));
    EXPECT_NEAR(x, 0.05, 1e-12);
    EXPECT_TRUE(value_parse_real(STR("1e3"), &x));
    EXPECT_NEAR(x, 1000, 0);
    static const char *const none[] = {"", "1e999", "nan", "inf", "0x1", "1.", ".5", "+1", "1e", "01", " 1"};
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        EXPECT_THAT(!value_parse_real(str_from_cstr(none[i]), &x), "%s", none[i]);
}

TEST(value, what_is_printed_reads_back_as_the_same)
{
    static const int64_t numbers[] = {0,     1,     999,   1000,    1024,     1500,
                                      60000, 65536, 90000, 3600000, 86400000, 1 << 30};
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        int64_t ms = -1, bytes = -1;
        EXPECT_TRUE(value_parse_duration(value_format_duration(&a, numbers[i]), &ms));
        EXPECT_EQ(ms, numbers[i]);
        EXPECT_TRUE(value_parse_size(value_format_size(&a, numbers[i]), &bytes));
        EXPECT_EQ(bytes, numbers[i]);
    }
    EXPECT_STR_EQ(value_format_duration(&a, 90000), "90s");
    EXPECT_STR_EQ(value_format_size(&a, 65536), "64KiB");
    arena_done(&a);
}
