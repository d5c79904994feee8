/* What a simulated provider says. */
#include "simulate/text.h"

#include "test.h"

TEST(text, counts_a_token_per_four_bytes_and_one_at_least)
{
    EXPECT_EQ(text_tokens(0), 1);
    EXPECT_EQ(text_tokens(3), 1);
    EXPECT_EQ(text_tokens(400), 100);
}

TEST(text, says_that_it_is_simulated_and_how_long_the_prompt_was)
{
    struct arena a;
    arena_init(&a);
    struct str text = text_reply(&a, 12, 0);
    EXPECT_TRUE(str_find(text, STR("simulated reply from Weir's built-in provider")) != SIZE_MAX);
    EXPECT_TRUE(str_find(text, STR("in tokens: about 12.")) != SIZE_MAX);
    EXPECT_STR_NE(text_reply(&a, 13, 0), text);
    EXPECT_STR_EQ(text_reply(&a, 12, 0), text);
    arena_done(&a);
}

TEST(text, has_the_length_that_is_asked_for)
{
    struct arena a;
    arena_init(&a);
    EXPECT_EQ(text_reply(&a, 1, 3).len, 12);
    EXPECT_EQ(text_reply(&a, 1, 5000).len, 20000);
    arena_done(&a);
}

TEST(text, is_cut_between_characters)
{
    EXPECT_STR_EQ(text_cut(STR("abcdefgh"), 1), "abcd");
    EXPECT_STR_EQ(text_cut(STR("abcdefgh"), 2), "abcdefgh");
    EXPECT_STR_EQ(text_cut(STR("abc\xc3\xa9x"), 1), "abc");
    EXPECT_STR_EQ(text_cut(STR("\xf0\x9f\x99\x82x"), 1), "\xf0\x9f\x99\x82");
}

TEST(text, in_pieces_is_the_whole_text_and_no_piece_splits_a_character)
{
    struct str
        all = STR(
            "Two w\xc3\xb6rds \xf0\x9f\x99\x82\xf0\x9f\x99\x82\xf0\x9f\x99\x82\xf0\x9f\x99\x82 averyveryverylongword."),
        rest = all, piece;
    size_t at = 0;
    while (text_next_piece(&rest, &piece)) {
        EXPECT_TRUE(piece.len > 0 && piece.len <= 16);
        EXPECT_TRUE((piece.at[0] & 0xc0) != 0x80);
        EXPECT_TRUE(piece.at == all.at + at);
        at += piece.len;
    }
    EXPECT_EQ(at, all.len);
}
