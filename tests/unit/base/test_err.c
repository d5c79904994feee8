/* A code and a sentence. */
#include "test.h"

#include "base/err.h"

#include <errno.h>

TEST(err, takes_a_sentence_and_is_always_false)
{
    struct err e;
    EXPECT_FALSE(err_set(&e, ERR_INVALID, "line %d: %s", 3, "':' expected"));
    EXPECT_EQ(e.code, ERR_INVALID);
    EXPECT_STR_EQ(str_from_cstr(e.text), "line 3: ':' expected");
}

TEST(err, says_in_front_what_was_being_done)
{
    struct err e;
    err_set(&e, ERR_TLS, "no trust");
    EXPECT_FALSE(err_wrap(&e, "base_url"));
    EXPECT_FALSE(err_wrap(&e, "provider a"));
    EXPECT_EQ(e.code, ERR_TLS);
    EXPECT_STR_EQ(str_from_cstr(e.text), "provider a: base_url: no trust");
}

TEST(err, has_the_systems_words)
{
    struct err e;
    EXPECT_FALSE(err_set_errno(&e, ENOENT, "/x"));
    EXPECT_EQ(e.code, ERR_SYSTEM);
    EXPECT_TRUE(str_starts_with(str_from_cstr(e.text), STR("/x: No such file")));
}

TEST(err, a_long_sentence_ends_with_a_mark_and_whole_characters)
{
    struct err e;
    for (int before = 180; before < 200; before++) {
        err_set(&e, ERR_INVALID, "%*s%s", before, "", "äöüäöüäöüäöüäöü");
        struct str text = str_from_cstr(e.text);
        EXPECT_TRUE(text.len < sizeof e.text);
        EXPECT_TRUE(str_ends_with(text, STR("…")));
        unsigned char last = (unsigned char)text.at[text.len - 4];
        EXPECT_THAT(last == ' ' || (last & 0xc0) == 0x80, "cut inside of a character after %d", before);
    }
    for (int i = 0; i < 50; i++) err_wrap(&e, "outer");
    EXPECT_TRUE(str_ends_with(str_from_cstr(e.text), STR("…")));
}
