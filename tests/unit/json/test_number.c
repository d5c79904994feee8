/* Numbers from text and back. */
#include "test.h"

#include "json/cursor.h"
#include "json/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct json_value number(const char *text)
{
    return (struct json_value){str_from_cstr(text), JSON_NUMBER};
}

TEST(number, whole_numbers_are_read_up_to_64_bits)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-12345678901234567", -12345678901234567},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"5.0", 5},
        {"1e3", 1000},
        {"1200e-2", 12},
        {"9007199254740992.0", 9007199254740992},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t got = 99;
        EXPECT_TRUE(json_to_i64(number(rows[i].text), &got));
        EXPECT_EQ(got, rows[i].value);
    }
}

TEST(number, what_does_not_fit_or_is_no_number_is_refused)
{
    static const char *const rows[] = {
        "9223372036854775808",
        "-9223372036854775809",
        "10000000000000000999",
        "123456789012345678901234567890",
        "1.5",
        "-25e-1",
        "1e19",
        "1e-1",
        "9007199254740994.0",
        "1e999",
        "",
        "-",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "1a",
        "Infinity",
        "NaN",
        "1 ",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t n = 99;
        EXPECT_THAT(!json_to_i64(number(rows[i]), &n) && n == 99, "%s was read", rows[i]);
    }
    double d = 99;
    EXPECT_FALSE(json_to_double(number("1e999"), &d));
    EXPECT_FALSE(json_to_double(number("-1e309"), &d));
    EXPECT_FALSE(json_to_double(number("1.e3"), &d));
    EXPECT_FALSE(json_to_double((struct json_value){STR("\"1\""), JSON_STRING}, &d));
    EXPECT_NEAR(d, 99, 0);
}

static void expect_double(const char *text, double want)
{
    double got = -1;
    EXPECT_THAT(json_to_double(number(text), &got), "%s was refused", text);
    EXPECT_THAT(memcmp(&got, &want, sizeof got) == 0, "%s: got %a, want %a", text, got, want);
}

TEST(number, doubles_are_rounded_correctly)
{
    static const char *const rows[] = {
        "0",
        "-0.0",
        "0.7",
        "1e22",
        "1e23",
        "123456789012345678",
        "1.7976931348623157e308",
        "5e-324",
        "2e-324",
        "1e-999",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "9007199254740993",
        "9007199254740993.0000000001",
        "0.1e1",
        "100e-2",
        "1.000000000000000005",
        "10000000000000000999",
        "0.000001e-300",
        "0.30000000000000004",
        "8.5e-5",
        "6.02214076e23",
        "1e0000000000000000000000022",
        "1e-0000000000022",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect_double(rows[i], strtod(rows[i], NULL));
}

TEST(number, thousands_of_digits_are_rounded_as_a_whole)
{
    static char text[4000];
    /* 2^53 + 1 is half-way between two doubles and goes to the even one; one more digit far behind decides otherwise. */
    snprintf(text, sizeof text, "9007199254740993.%03000d", 0);
    expect_double(text, 9007199254740992.0);
    text[strlen(text) - 1] = '1';
    expect_double(text, 9007199254740994.0);
    memset(text, '9', 400);
    text[400] = 0;
    double d;
    EXPECT_FALSE(json_to_double(number(text), &d));
    memcpy(text + 400, "e-400", 6);
    expect_double(text, 1.0);
    memset(text, '0', 2000);
    memcpy(text, "0.", 2);
    memcpy(text + 2000, "25e1999", 8);
    expect_double(text, 2.5);
}

TEST(number, exponents_beyond_all_sense_are_zero_or_infinite)
{
    double d = 1;
    EXPECT_TRUE(json_to_double(number("1e-99999999999999999999999"), &d));
    EXPECT_NEAR(d, 0, 0);
    EXPECT_TRUE(json_to_double(number("0e99999999999999999999999"), &d));
    EXPECT_NEAR(d, 0, 0);
    EXPECT_FALSE(json_to_double(number("1e99999999999999999999999"), &d));
}

static struct str format(double d)
{
    static char text[JSON_DOUBLE_BYTES];
    return str_of(text, (size_t)(json_format_double(text, d) - text));
}

TEST(number, doubles_are_written_in_their_shortest_form)
{
    EXPECT_STR_EQ(format(0), "0");
    EXPECT_STR_EQ(format(-0.0), "-0");
    EXPECT_STR_EQ(format(1), "1");
    EXPECT_STR_EQ(format(-1.5), "-1.5");
    EXPECT_STR_EQ(format(0.7), "0.7");
    EXPECT_STR_EQ(format(0.1 + 0.2), "0.30000000000000004");
    EXPECT_STR_EQ(format(1e21), "1e21");
    EXPECT_STR_EQ(format(123456789012345680000.0), "123456789012345680000");
    EXPECT_STR_EQ(format(1e-7), "0.0000001");
    EXPECT_STR_EQ(format(1.5e-9), "0.0000000015");
    EXPECT_STR_EQ(format(2.5e-20), "2.5e-20");
    EXPECT_STR_EQ(format(5e-324), "5e-324");
    EXPECT_STR_EQ(format(1.7976931348623157e308), "1.7976931348623157e308");
    EXPECT_STR_EQ(format(2.2250738585072014e-308), "2.2250738585072014e-308");
    EXPECT_STR_EQ(format(9007199254740993.0), "9007199254740992");
    EXPECT_STR_EQ(format(INFINITY), "null");
    EXPECT_STR_EQ(format(-INFINITY), "null");
    EXPECT_STR_EQ(format(NAN), "null");
}

/* Two hundred thousand of them, and no shorter decimal than the one written reads back equal. */
TEST(number, random_doubles_come_back_and_none_could_be_shorter)
{
    uint64_t state = 88172645463325252;
    for (size_t i = 0; i < test_count(200000); i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        double d, back;
        if (i % 2)
            memcpy(&d, &state, sizeof d);
        else
            d = (double)(state % 1000000) / 1000 + (double)(state >> 60) * 1e5;
        if (!isfinite(d)) continue;
        struct str text = format(d);
        ASSERT_TRUE(text.len <= JSON_DOUBLE_BYTES);
        struct json_value v = {text, JSON_NUMBER};
        ASSERT_TRUE(json_to_double(v, &back) && memcmp(&d, &back, sizeof d) == 0);
        char shorter[40];
        int digits = 0;
        for (size_t k = 0; k < text.len && text.at[k] != 'e'; k++)
            digits += text.at[k] >= '0' && text.at[k] <= '9' && (digits > 0 || text.at[k] != '0');
        if (digits < 2 || text.at[text.len - 1] == '0' || i % 16) continue;
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, d);
        EXPECT_THAT(strtod(shorter, NULL) != d, "%s is shorter than %.*s", shorter, STR_ARG(text));
    }
}

TEST(number, a_locale_with_a_comma_changes_nothing)
{
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "fr_FR.UTF-8"))
        SKIP("no such locale here");
    EXPECT_STR_EQ(format(0.1 + 0.2), "0.30000000000000004");
    expect_double("0.30000000000000004", 0.1 + 0.2);
    setlocale(LC_NUMERIC, "C");
}
