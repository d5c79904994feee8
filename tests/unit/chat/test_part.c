/* Lists of parts. */
#include "test.h"

#include "chat/part.h"

TEST(part, texts_of_a_kind_are_joined_and_one_is_lent)
{
    struct arena a;
    struct chat_parts parts = {0};
    static const char one[] = "one";
    arena_init(&a);
    EXPECT_STR_EQ(chat_parts_text(&parts, CHAT_TEXT, STR(" "), &a), "");
    chat_parts_add(&parts, &a, CHAT_TEXT)->text = str_of(one, 3);
    EXPECT_TRUE(chat_parts_text(&parts, CHAT_TEXT, STR(" "), &a).at == one);
    chat_parts_add(&parts, &a, CHAT_THINKING)->text = STR("hm");
    chat_parts_add(&parts, &a, CHAT_TEXT)->text = STR("two");
    EXPECT_STR_EQ(chat_parts_text(&parts, CHAT_TEXT, STR(" "), &a), "one two");
    EXPECT_STR_EQ(chat_parts_text(&parts, CHAT_THINKING, STR(" "), &a), "hm");
    EXPECT_EQ(parts.count, 3);
    EXPECT_TRUE(chat_parts_find(&parts, CHAT_TEXT) == parts.first && !chat_parts_find(&parts, CHAT_IMAGE));
    arena_done(&a);
}

TEST(part, media_are_of_the_kind_that_their_type_says)
{
    EXPECT_EQ(chat_media_kind(STR("image/png")), CHAT_IMAGE);
    EXPECT_EQ(chat_media_kind(STR("Audio/mpeg")), CHAT_AUDIO);
    EXPECT_EQ(chat_media_kind(STR("video/mp4")), CHAT_VIDEO);
    EXPECT_EQ(chat_media_kind(STR("application/pdf")), CHAT_DOCUMENT);
    EXPECT_EQ(chat_media_kind(STR("")), CHAT_DOCUMENT);
}
