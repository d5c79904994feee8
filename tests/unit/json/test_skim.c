/* Picking members out of replies. */
#include "test.h"

#include "json/cursor.h"
#include "json/skim.h"

#include <stdio.h>
#include <stdlib.h>

static const struct str NAMES[] = {STR_INIT("id"), STR_INIT("choices"), STR_INIT("usage")};

static bool skim(const char *text, struct json_value got[3])
{
    return json_skim(str_from_cstr(text), NAMES, 3, got);
}

TEST(skim, finds_what_it_is_asked_for_and_nothing_below_the_root)
{
    struct json_value got[3];
    ASSERT_TRUE(
        skim(" { \"x\" : {\"id\":\"inner\"}, \"choices\" : [ {\"usage\":1} ] ,\n\"id\":\"a\\\"b\" } ", got));
    EXPECT_STR_EQ(got[0].raw, "\"a\\\"b\"");
    EXPECT_EQ(got[0].type, JSON_STRING);
    EXPECT_STR_EQ(got[1].raw, "[ {\"usage\":1} ]");
    EXPECT_EQ(got[1].type, JSON_ARRAY);
    EXPECT_FALSE(json_exists(got[2]));
}

TEST(skim, an_event_of_a_stream_gives_finish_reason_and_usage)
{
    struct json_value got[3];
    ASSERT_TRUE(
        skim("{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"choices\":[{\"index\":0,"
             "\"delta\":{\"content\":\"a } ] \\\" b\"},\"finish_reason\":\"stop\"}],\"usage\":null}",
             got));
    EXPECT_TRUE(json_str_equals(json_get(json_at(got[1], 0), STR("finish_reason")), STR("stop")));
    EXPECT_TRUE(json_is_null(got[2]));
}

TEST(skim, names_are_compared_after_unescaping)
{
    struct json_value got[3];
    ASSERT_TRUE(skim("{\"\\u0075sage\":1,\"i\\u0064\":2,\"choices\\u0000\":3}", got));
    EXPECT_STR_EQ(got[2].raw, "1");
    EXPECT_STR_EQ(got[0].raw, "2");
    EXPECT_FALSE(json_exists(got[1]));
}

TEST(skim, a_wanted_name_that_stands_there_twice_is_refused)
{
    struct json_value got[3];
    EXPECT_FALSE(skim("{\"usage\":1,\"usage\":2}", got));
    EXPECT_FALSE(skim("{\"usage\":null,\"x\":1,\"us\\u0061ge\":2}", got));
    EXPECT_TRUE(skim("{\"x\":1,\"x\":2}", got));
}

TEST(skim, empty_objects_and_blanks_are_fine)
{
    struct json_value got[3];
    EXPECT_TRUE(skim("{}", got));
    EXPECT_TRUE(skim("\n\n {\t} \r\n", got));
    EXPECT_FALSE(json_exists(got[0]));
    EXPECT_TRUE(json_skim(STR("{\"a\":1}"), NULL, 0, NULL));
    EXPECT_FALSE(json_skim((struct str){NULL, 0}, NAMES, 3, got));
}

TEST(skim, what_is_no_object_or_visibly_broken_is_refused)
{
    static const char *const rows[] = {
        "",
        " ",
        "[]",
        "\"x\"",
        "[DONE]",
        "{",
        "}",
        "{\"id\"",
        "{\"id\":",
        "{\"id\":1",
        "{\"id\":1,",
        "{\"id\":1,}",
        "{\"id\":1}}",
        "{\"id\":1} x",
        "{id:1}",
        "{\"id\" 1}",
        "{\"id\":\"open}",
        "{\"id\":[1,2}",
        "{\"a\":tru}",
        "{\"id\":1 \"a\":2}",
        "{\"id\":\"line\nbreak\"}",
        "{,}",
        "{\"a\":\\}",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_value got[3];
        EXPECT_THAT(!skim(rows[i], got), "%s passed", rows[i]);
    }
}

TEST(skim, a_text_cut_anywhere_is_refused_and_not_read_beyond)
{
    static const char text[] =
        "{\"id\":\"\\u00e9\\\\\",\"choices\":[{\"a\":[1,2,{}]},\"]\",-1.5],\"usage\":{\"t\":true}}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        char *cut = malloc(len ? len : 1);
        memcpy(cut, text, len);
        struct json_value got[3];
        EXPECT_FALSE(json_skim(str_of(cut, len), NAMES, 3, got));
        free(cut);
    }
    struct json_value got[3];
    EXPECT_TRUE(skim(text, got));
}

/* Names are compared in words that overlap: no length and no byte may be special, nor the distance to the text's end. */
TEST(skim, names_of_every_length_are_told_apart_by_every_byte)
{
    char name[48], text[160];
    for (size_t len = 0; len < sizeof name; len++) {
        for (size_t i = 0; i < len; i++) name[i] = (char)('a' + i % 26);
        const struct str wanted = str_of(name, len);
        for (size_t wrong = 0; wrong <= len; wrong++) {
            size_t bytes = (size_t)snprintf(text, sizeof text, "{\"%.*s\":%d}", (int)len, name, 7);
            if (wrong < len) text[2 + wrong] = '-';
            char *exactly = malloc(bytes);
            memcpy(exactly, text, bytes);
            struct json_value got;
            EXPECT_TRUE(json_skim(str_of(exactly, bytes), &wanted, 1, &got));
            EXPECT_EQ(json_exists(got), wrong == len);
            free(exactly);
        }
    }
}
