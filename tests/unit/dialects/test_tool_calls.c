/* Names, arguments, ids: what formats disagree on about calls. */
#include "test.h"

#include "dialects/tool_calls.h"

static struct arena arena;

static struct str changed(const char *name)
{
    return tool_name_to(&TOOL_NAMES_OPENAI, str_from_cstr(name), &arena);
}

TEST(tool_calls, allowed_names_stay_and_others_come_back_pitfall_10)
{
    static const char *const odd[] = {
        "a.b",
        "with blank",
        "\xc3\xa4",
        "a_name_of_more_than_sixty_four_bytes_that_begins_like_another_one_x",
        "a_name_of_more_than_sixty_four_bytes_that_begins_like_another_one_y",
    };
    struct chat_request request = {0};
    EXPECT_STR_EQ(changed("get_weather-2"), "get_weather-2");
    for (size_t i = 0; i < ARRAY_COUNT(odd); i++)
        chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION)->name = str_from_cstr(odd[i]);
    for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
        struct str name = changed(odd[i]);
        EXPECT_TRUE(name.len <= 64);
        for (size_t k = 0; k < name.len; k++)
            EXPECT_TRUE(str_find_char(STR("abcdefghijklmnopqrstuvwxyz0123456789_"), name.at[k]) != SIZE_MAX);
        EXPECT_STR_EQ(tool_name_from(&TOOL_NAMES_OPENAI, name, &request, &arena), odd[i]);
    }
    EXPECT_STR_EQ(tool_name_from(&TOOL_NAMES_OPENAI, STR("unknown"), &request, &arena), "unknown");
    EXPECT_STR_EQ(tool_name_from(&TOOL_NAMES_OPENAI, STR("unknown"), NULL, &arena), "unknown");
    EXPECT_STR_EQ(tool_name_to(&TOOL_NAMES_GEMINI, STR("a.b:c"), &arena), "a.b:c");
    arena_done(&arena);
}

TEST(tool_calls, nothing_is_an_empty_object_pitfall_03)
{
    struct losses dropped = {0};
    EXPECT_STR_EQ(tool_arguments_object(STR(""), &arena, &dropped), "{}");
    EXPECT_STR_EQ(tool_arguments_object(STR(" \n"), &arena, &dropped), "{}");
    EXPECT_STR_EQ(tool_arguments_object(STR(" {\"a\": 1} "), &arena, &dropped), "{\"a\": 1}");
    EXPECT_EQ(dropped.count, 0);
    arena_done(&arena);
}

TEST(tool_calls, malformed_arguments_keep_their_words_and_are_named_pitfall_04)
{
    static const struct {
        const char *arguments, *object;
    } rows[] = {
        {"{\"a\":", "{\"arguments\":\"{\\\"a\\\":\"}"},
        {"[1]", "{\"arguments\":\"[1]\"}"},
        {"\"x\"", "{\"arguments\":\"\\\"x\\\"\"}"},
        {"{} {}", "{\"arguments\":\"{} {}\"}"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct losses dropped = {0};
        EXPECT_STR_EQ(tool_arguments_object(str_from_cstr(rows[i].arguments), &arena, &dropped),
                      rows[i].object);
        EXPECT_EQ(dropped.count, 1);
    }
    EXPECT_STR_EQ(tool_arguments_object(STR("x"), &arena, NULL), "{\"arguments\":\"x\"}");
    arena_done(&arena);
}

TEST(tool_calls, signatures_hide_in_ids_and_are_found_again_pitfall_28)
{
    static const struct {
        enum chat_format format;
        const char *id;
    } rows[] = {
        {CHAT_FORMAT_GEMINI, "c1__thought__c2ln+/=="},
        {CHAT_FORMAT_ANTHROPIC, "c1__thought__a.c2ln+/=="},
        {CHAT_FORMAT_OPENAI_RESPONSES, "c1__thought__o.c2ln+/=="},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct str id = tool_id_join(STR("c1"), STR("c2ln+/=="), rows[i].format, &arena), signature = {0};
        enum chat_format format = CHAT_FORMAT_NONE;
        EXPECT_STR_EQ(id, rows[i].id);
        EXPECT_TRUE(tool_id_split(&id, &signature, &format));
        EXPECT_STR_EQ(id, "c1");
        EXPECT_STR_EQ(signature, "c2ln+/==");
        EXPECT_EQ(format, rows[i].format);
    }
    arena_done(&arena);
}

TEST(tool_calls, ids_without_a_signature_stay)
{
    struct str id = STR("call_1"), signature = {0};
    enum chat_format format = CHAT_FORMAT_NONE;
    EXPECT_FALSE(tool_id_split(&id, &signature, &format));
    EXPECT_STR_EQ(tool_id_join(id, STR(""), CHAT_FORMAT_GEMINI, &arena), "call_1");
    EXPECT_STR_EQ(tool_id_join(id, STR("s"), CHAT_FORMAT_NONE, &arena), "call_1");
    static char longest[TOOL_ID_MAX_SIGNATURE + 1];
    EXPECT_STR_EQ(tool_id_join(id, str_of(longest, sizeof longest), CHAT_FORMAT_GEMINI, &arena), "call_1");
    arena_done(&arena);
}

TEST(tool_calls, made_ids_differ_by_reply_and_number_and_stay_pitfall_30)
{
    struct str id = tool_id_make(STR("r"), 0, &arena);
    EXPECT_TRUE(str_starts_with(id, STR("call_")) && id.len <= 40);
    EXPECT_STR_EQ(tool_id_make(STR("r"), 0, &arena), id);
    EXPECT_STR_NE(tool_id_make(STR("r"), 1, &arena), id);
    EXPECT_STR_NE(tool_id_make(STR("s"), 0, &arena), id);
    arena_done(&arena);
}
