#include "base/str.h"

#include "base/attributes.h"
#include "base/random.h"
#include "test.h"

static bool equals_bytewise(struct str a, struct str b)
{
    for (size_t i = 0; i < a.len && i < b.len; i++)
        if (ascii_lower(a.at[i]) != ascii_lower(b.at[i])) return false;
    return a.len == b.len;
}

TEST(str, every_pair_of_bytes_at_every_place_is_compared_without_case)
{
    char left[24], right[24];
    for (size_t len = 1; len < sizeof left; len++) {
        for (size_t at = 0; at < len; at++) {
            memset(left, 'x', sizeof left);
            memset(right, 'X', sizeof right);
            for (int pair = 0; pair < 256 * 256; pair++) {
                left[at] = (char)(pair & 0xff);
                right[at] = (char)(pair >> 8);
                struct str a = str_of(left, len), b = str_of(right, len);
                if (str_equals_nocase(a, b) != equals_bytewise(a, b))
                    FAIL("%zu of %zu: pair %04x", at, len, pair);
            }
            if (len > 9 && at == 0) at = len - 9; /* one word's places are like another's */
        }
    }
    EXPECT_TRUE(str_equals_nocase(STR(""), (struct str){NULL, 0}));
    EXPECT_FALSE(str_equals_nocase(STR("abcdefgh"), STR("abcdefghi")));
}

TEST(str, a_needle_is_found_wherever_it_begins)
{
    EXPECT_TRUE(str_contains_nocase(STR("application/JSON"), STR("json")));
    EXPECT_TRUE(str_contains_nocase(STR("jjjJsOn"), STR("Json")));
    EXPECT_TRUE(str_contains_nocase(STR("x"), STR("")));
    EXPECT_TRUE(str_contains_nocase((struct str){NULL, 0}, STR("")));
    EXPECT_FALSE(str_contains_nocase(STR("jso"), STR("json")));
    EXPECT_FALSE(str_contains_nocase(STR("js\0on"), STR("json")));
    EXPECT_FALSE(str_contains_nocase((struct str){NULL, 0}, STR("x")));
}

TEST(str, numbers_up_to_the_largest_are_read_and_nothing_else)
{
    int64_t n = -1;
    EXPECT_TRUE(str_to_u63(STR("0"), &n) && n == 0);
    EXPECT_TRUE(str_to_u63(STR("999999999999999999"), &n) && n == 999999999999999999);
    EXPECT_TRUE(str_to_u63(STR("9223372036854775807"), &n) && n == INT64_MAX);
    EXPECT_TRUE(str_to_u63(STR("0000000000000000000000007"), &n) && n == 7);
    static const char *const wrong[] = {
        "", "-1", "+1", " 1", "1 ", "1x", "9223372036854775808", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        EXPECT_THAT(!str_to_u63(str_from_cstr(wrong[i]), &n), "%s passed", wrong[i]);
    EXPECT_EQ(n, 7);
}

static const struct str NOTHING = {NULL, 0};

TEST(str, nothing_and_empty_are_equal)
{
    EXPECT_TRUE(str_equals(NOTHING, STR("")));
    EXPECT_TRUE(str_equals_nocase(NOTHING, STR("")));
    EXPECT_TRUE(str_is_empty(NOTHING));
    EXPECT_EQ(str_compare(NOTHING, STR("")), 0);
    EXPECT_EQ(str_hash(NOTHING), str_hash(STR("")));
    EXPECT_TRUE(str_of(NULL, 0).at == str_from_cstr(NULL).at);
}

TEST(str, case_is_folded_for_ascii_letters_alone)
{
    EXPECT_TRUE(str_equals_nocase(STR("aZ-[{\xc3\xa9"), STR("Az-[{\xc3\xa9")));
    EXPECT_FALSE(str_equals_nocase(STR("["), STR("{")));
    EXPECT_FALSE(str_equals_nocase(STR("\xc3\xa9"), STR("\xc3\x89")));
    EXPECT_FALSE(str_equals_nocase(STR("ab"), STR("a")));
    EXPECT_EQ(ascii_lower('@'), '@');
    EXPECT_EQ(ascii_lower('['), '[');
}

TEST(str, prefixes_and_suffixes)
{
    EXPECT_TRUE(str_starts_with(STR("abc"), STR("ab")) && str_starts_with(STR("abc"), NOTHING));
    EXPECT_FALSE(str_starts_with(STR("a"), STR("ab")));
    EXPECT_TRUE(str_starts_with_nocase(STR("ABc"), STR("ab")));
    EXPECT_FALSE(str_starts_with(STR("ABc"), STR("ab")));
    EXPECT_TRUE(str_ends_with(STR("abc"), STR("bc")) && str_ends_with(STR("abc"), STR("")));
    EXPECT_TRUE(str_ends_with(NOTHING, STR("")));
    EXPECT_FALSE(str_ends_with(STR("c"), STR("bc")));
}

TEST(str, order_is_by_bytes_and_the_shorter_is_smaller)
{
    EXPECT_TRUE(str_compare(STR("a"), STR("b")) < 0);
    EXPECT_TRUE(str_compare(STR("b"), STR("ab")) > 0);
    EXPECT_TRUE(str_compare(STR("a"), STR("ab")) < 0);
    EXPECT_TRUE(str_compare(STR("\xff"), STR("a")) > 0);
    EXPECT_EQ(str_compare(STR("ab"), STR("ab")), 0);
}

TEST(str, parts_are_clipped)
{
    EXPECT_STR_EQ(str_from(STR("abc"), 1), "bc");
    EXPECT_STR_EQ(str_from(STR("abc"), 9), "");
    EXPECT_STR_EQ(str_from(NOTHING, 9), "");
    EXPECT_STR_EQ(str_part(STR("abc"), 1, 1), "b");
    EXPECT_STR_EQ(str_part(STR("abc"), 1, SIZE_MAX), "bc");
    EXPECT_STR_EQ(str_part(STR("abc"), 3, 1), "");
}

TEST(str, blanks_at_both_ends_go)
{
    EXPECT_STR_EQ(str_trim(STR(" \t\r\n a b \n")), "a b");
    EXPECT_STR_EQ(str_trim(STR(" \t")), "");
    EXPECT_STR_EQ(str_trim(NOTHING), "");
}

TEST(str, finds_the_first)
{
    EXPECT_EQ(str_find_char(STR("abcb"), 'b'), 1);
    EXPECT_EQ(str_find_char(STR("abc"), 'x'), SIZE_MAX);
    EXPECT_EQ(str_find_char(NOTHING, 'x'), SIZE_MAX);
    EXPECT_EQ(str_find(STR("abcbc"), STR("bc")), 1);
    EXPECT_EQ(str_find(STR("abc"), STR("")), 0);
    EXPECT_EQ(str_find(STR("bc"), STR("abc")), SIZE_MAX);
    EXPECT_EQ(str_find(NOTHING, STR("a")), SIZE_MAX);
    EXPECT_TRUE(str_contains_nocase(STR("xxAbC"), STR("aBc")));
    EXPECT_FALSE(str_contains_nocase(STR("ab"), STR("abc")));
    EXPECT_TRUE(str_contains_nocase(STR(""), STR("")));
}

TEST(str, is_cut_at_separators_and_tells_the_end)
{
    struct str rest = STR("a,,b");
    EXPECT_STR_EQ(str_cut(&rest, ','), "a");
    EXPECT_STR_EQ(str_cut(&rest, ','), "");
    EXPECT_NOT_NULL(rest.at);
    EXPECT_STR_EQ(str_cut(&rest, ','), "b");
    EXPECT_NULL(rest.at);
    rest = STR("a,");
    EXPECT_STR_EQ(str_cut(&rest, ','), "a");
    EXPECT_NOT_NULL(rest.at); /* something empty is still to come */
    EXPECT_STR_EQ(str_cut(&rest, ','), "");
    EXPECT_NULL(rest.at);
}

TEST(str, numbers_are_whole_or_none)
{
    static const char *const none[] = {"",    "-", "+1", "1 ", " 1", "0x1", "1.0", "9223372036854775808",
                                       "--1", "١"};
    int64_t n = 77;
    EXPECT_TRUE(str_to_u63(STR("9223372036854775807"), &n));
    EXPECT_EQ(n, INT64_MAX);
    EXPECT_TRUE(str_to_i64(STR("-9223372036854775807"), &n));
    EXPECT_EQ(n, -INT64_MAX);
    EXPECT_TRUE(str_to_i64(STR("-0"), &n) && str_to_u63(STR("007"), &n));
    EXPECT_EQ(n, 7);
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        EXPECT_THAT(!str_to_i64(str_from_cstr(none[i]), &n), "%s is a number", none[i]);
    EXPECT_FALSE(str_to_u63(STR("-1"), &n));
    EXPECT_EQ(n, 7);
}

TEST(str, secrets_are_compared_whole)
{
    EXPECT_TRUE(str_equals_secret(STR("abc"), STR("abc")) && str_equals_secret(NOTHING, STR("")));
    EXPECT_FALSE(str_equals_secret(STR("abc"), STR("abd")));
    EXPECT_FALSE(str_equals_secret(STR("bbc"), STR("abc")));
    EXPECT_FALSE(str_equals_secret(STR("abc"), STR("ab")));
}

TEST(str, a_star_stands_for_anything)
{
    static const struct {
        const char *pattern, *text;
        bool fits;
    } rows[] = {
        {"*", "", true},        {"*", "abc", true},         {"", "", true},         {"", "a", false},
        {"a*", "a", true},      {"a*", "b", false},         {"*c", "abc", true},    {"*c", "abcd", false},
        {"a*c", "abcbc", true}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "ac", false}, {"**", "x", true},
        {"*a*", "bab", true},   {"a", "ab", false},         {"ab", "a", false},     {"*ab", "aab", true},
        {"?", "a", false},      {"A*", "ab", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        EXPECT_THAT(str_matches(str_from_cstr(rows[i].pattern), str_from_cstr(rows[i].text)) == rows[i].fits,
                    "\"%s\" and \"%s\"", rows[i].pattern, rows[i].text);
}

TEST(str, many_stars_take_no_time_that_grows_out_of_hand)
{
    static char text[20000];
    memset(text, 'a', sizeof text);
    EXPECT_FALSE(str_matches(STR("*a*a*a*a*a*a*a*a*a*a*b"), str_of(text, test_count(sizeof text))));
}

TEST(str, hashes_differ_for_names_that_differ)
{
    EXPECT_NE(str_hash(STR("a")), str_hash(STR("b")));
    EXPECT_NE(str_hash(STR("ab")), str_hash(STR("ba")));
    EXPECT_EQ(str_hash(STR("content-type")), str_hash(STR("content-type")));
}
