#include "base/str.h"

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
