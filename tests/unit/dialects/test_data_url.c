/* Media in URLs. */
#include "test.h"

#include "dialects/data_url.h"

TEST(data_url, data_are_taken_apart_and_put_together_without_a_look_at_them_pitfall_14)
{
    static const struct {
        const char *url, *mime, *data, *rest;
    } rows[] = {
        {"data:image/png;base64,AA==", "image/png", "AA==", ""},
        {"DATA:text/plain;charset=utf-8;base64,eA==", "text/plain", "eA==", ""},
        {"data:;base64,AA==", "", "AA==", ""},
        {"https://x/a,b.png", "", "", "https://x/a,b.png"},
        {"data:text/plain,hello", "", "", "data:text/plain,hello"},
        {"", "", "", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct chat_media m = {0};
        media_from_url(&m, str_from_cstr(rows[i].url));
        EXPECT_STR_EQ(m.mime, rows[i].mime);
        EXPECT_STR_EQ(m.data, rows[i].data);
        EXPECT_STR_EQ(m.url, rows[i].rest);
    }
}

TEST(data_url, a_mime_type_is_given_where_none_is_known)
{
    struct arena a;
    arena_init(&a);
    struct chat_media m = {.data = STR("AA==")};
    EXPECT_STR_EQ(media_to_url(&m, STR("image/png"), &a), "data:image/png;base64,AA==");
    m.mime = STR("image/gif");
    EXPECT_STR_EQ(media_to_url(&m, STR("image/png"), &a), "data:image/gif;base64,AA==");
    m = (struct chat_media){.url = STR("https://x")};
    EXPECT_STR_EQ(media_to_url(&m, STR("image/png"), &a), "https://x");
    EXPECT_STR_EQ(media_to_url(&(struct chat_media){.file_id = STR("f")}, STR("image/png"), &a), "");
    arena_done(&a);
}

TEST(data_url, sounds_have_short_names)
{
    EXPECT_STR_EQ(media_subtype(STR("audio/mpeg")), "mp3");
    EXPECT_STR_EQ(media_subtype(STR("audio/x-wav")), "wav");
    EXPECT_STR_EQ(media_subtype(STR("audio/flac")), "flac");
    EXPECT_STR_EQ(media_subtype(STR("wav")), "wav");
}
