/* Walking over values without a tree. */
#include "test.h"

#include "json/cursor.h"

#include <stdlib.h>

static struct json_value value(const char *text)
{
    return json_value_of(str_from_cstr(text));
}

static void expect_means(const char *json, struct str meaning)
{
    struct arena a;
    arena_init(&a);
    struct str got = {0};
    EXPECT_THAT(json_to_str(value(json), &a, &got), "%s was refused", json);
    EXPECT_STR_EQ(got, meaning);
    EXPECT_THAT(json_str_equals(value(json), meaning), "%s is not equal to its meaning", json);
    EXPECT_FALSE(json_str_equals(value(json), STR("something else, and longer")));
    arena_done(&a);
}

TEST(cursor, knows_a_value_by_its_first_byte)
{
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {
        {" {\"a\":1} ", JSON_OBJECT},
        {"[]", JSON_ARRAY},
        {"\"x\"\n", JSON_STRING},
        {"-1.5e3", JSON_NUMBER},
        {"0", JSON_NUMBER},
        {"true", JSON_BOOL},
        {"false", JSON_BOOL},
        {"\tnull", JSON_NULL},
        {"", JSON_NONE},
        {" ", JSON_NONE},
        {"nul", JSON_NONE},
        {"True", JSON_NONE},
        {"{} {}", JSON_NONE},
        {"[", JSON_NONE},
        {"\"open", JSON_NONE},
        {"\"open\\\"", JSON_NONE},
        {"]", JSON_NONE},
        {"+1", JSON_NONE},
        {"\xef\xbb\xbf{}", JSON_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        EXPECT_THAT(value(rows[i].text).type == rows[i].type, "%s is %s", rows[i].text,
                    json_type_name(value(rows[i].text).type));
    EXPECT_STR_EQ(value("  [1, 2] ").raw, "[1, 2]");
}

TEST(cursor, walks_the_members_of_an_object)
{
    struct json_members it;
    struct json_value key, val;
    json_members_init(&it, value("{ \"a\" : 1 ,\n\"b\":[2,{}], \"a\":\"x\" }"));
    EXPECT_TRUE(json_members_next(&it, &key, &val));
    EXPECT_STR_EQ(key.raw, "\"a\"");
    EXPECT_STR_EQ(val.raw, "1");
    EXPECT_TRUE(json_members_next(&it, &key, &val));
    EXPECT_STR_EQ(val.raw, "[2,{}]");
    EXPECT_EQ(val.type, JSON_ARRAY);
    EXPECT_TRUE(json_members_next(&it, &key, &val));
    EXPECT_STR_EQ(val.raw, "\"x\"");
    EXPECT_FALSE(json_members_next(&it, &key, &val));
    EXPECT_FALSE(json_members_next(&it, &key, &val));
    EXPECT_FALSE(it.is_malformed);
}

TEST(cursor, walks_the_items_of_an_array)
{
    struct json_items it;
    struct json_value item;
    json_items_init(&it, value("[ 1, \"two\" ,[3] ]"));
    static const char *const want[] = {"1", "\"two\"", "[3]"};
    for (int i = 0; i < 3; i++) {
        EXPECT_TRUE(json_items_next(&it, &item));
        EXPECT_STR_EQ(item.raw, want[i]);
    }
    EXPECT_FALSE(json_items_next(&it, &item));
    EXPECT_FALSE(it.is_malformed);
    json_items_init(&it, value("[ ]"));
    EXPECT_FALSE(json_items_next(&it, &item));
    EXPECT_FALSE(it.is_malformed);
}

TEST(cursor, a_malformed_container_ends_the_walk_and_says_so)
{
    static const char *const objects[] = {"{\"a\":1 \"b\":2}", "{\"a\":1,}", "{,}",       "{\"a\"}",
                                          "{\"a\":}",          "{a:1}",      "{\"a\":1]", "{1:2}",
                                          "{\"a\" 1}",         "{\"a\":tru}"};
    static const char *const arrays[] = {"[1 2]", "[1,]", "[,]", "[nul]", "[1}", "[\\]"};
    struct json_value key, val;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        struct json_members it;
        json_members_init(&it, value(objects[i]));
        while (json_members_next(&it, &key, &val)) {}
        EXPECT_THAT(it.is_malformed && !json_members_next(&it, &key, &val), "%s passed", objects[i]);
    }
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        struct json_items it;
        json_items_init(&it, value(arrays[i]));
        while (json_items_next(&it, &val)) {}
        EXPECT_THAT(it.is_malformed && !json_items_next(&it, &val), "%s passed", arrays[i]);
    }
}

TEST(cursor, what_is_no_container_has_nothing_in_it_and_is_not_malformed)
{
    static const char *const others[] = {"", "null", "7", "\"text\""};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        struct json_value v = json_value_of(str_from_cstr(others[i])), key, val;
        struct json_members members;
        struct json_items items;
        json_members_init(&members, v);
        EXPECT_FALSE(json_members_next(&members, &key, &val) || members.is_malformed);
        json_items_init(&items, v);
        EXPECT_FALSE(json_items_next(&items, &val) || items.is_malformed);
    }
}

TEST(cursor, look_ups_chain_without_a_check_in_between)
{
    struct json_value reply = value("{\"choices\":[{\"delta\":{}},{\"finish_reason\":\"stop\"}],"
                                    "\"us\\u0061ge\":{\"total_tokens\":42},\"x\":null,\"x\":1}");
    int64_t total = 0;
    EXPECT_TRUE(json_to_i64(json_get(json_get(reply, STR("usage")), STR("total_tokens")), &total));
    EXPECT_EQ(total, 42);
    struct json_value choices = json_get(reply, STR("choices"));
    EXPECT_TRUE(json_str_equals(json_get(json_at(choices, 1), STR("finish_reason")), STR("stop")));
    EXPECT_FALSE(json_exists(json_at(choices, 2)));
    EXPECT_FALSE(json_exists(json_get(json_at(choices, 0), STR("finish_reason"))));
    EXPECT_FALSE(json_exists(json_get(json_get(reply, STR("none")), STR("deeper"))));
    EXPECT_FALSE(json_exists(json_get(choices, STR("usage"))));
    EXPECT_FALSE(json_exists(json_at(reply, 0)));
    EXPECT_TRUE(json_is_null(json_get(reply, STR("x"))));
}

TEST(cursor, strings_without_an_escape_are_lent_from_the_text)
{
    struct arena a;
    arena_init(&a);
    struct json_value v = value("\"plain é\"");
    struct str s;
    EXPECT_TRUE(json_to_str(v, &a, &s));
    EXPECT_TRUE(s.at == v.raw.at + 1);
    EXPECT_STR_EQ(s, "plain é");
    EXPECT_STR_EQ(json_str_raw(value("\"a\\nb\"")), "a\\nb");
    EXPECT_EQ(json_str_raw(value("12")).len, 0);
    arena_done(&a);
}

TEST(cursor, escapes_mean_what_the_standard_says)
{
    expect_means("\"\"", STR(""));
    expect_means("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", STR("\"\\/\b\f\n\r\t"));
    expect_means("\"mod\\u0065l\"", STR("model"));
    expect_means("\"A\\u0000B\"", STR("A\0B"));
    expect_means("\"\\u00e9\\u20AC\\u20ac\"", STR("é€€"));
    expect_means("\"\\uD83D\\uDE00!\"", STR("😀!"));
    expect_means("\"\\uDBFF\\uDFFF\"", STR("\xf4\x8f\xbf\xbf"));
    expect_means("\"a\\\\\"", STR("a\\"));
    expect_means("\"\\\\u0041\"", STR("\\u0041"));
}

TEST(cursor, a_lone_surrogate_becomes_one_replacement_character)
{
    expect_means("\"\\uD800\"", STR("\xef\xbf\xbd"));
    expect_means("\"\\uDC00x\"", STR("\xef\xbf\xbdx"));
    expect_means("\"\\uD800\\uD800\\uDC00\"", STR("\xef\xbf\xbd\xf0\x90\x80\x80"));
    expect_means("\"\\uD800\\n\"", STR("\xef\xbf\xbd\n"));
    expect_means("\"\\uDC00\\uD800\"", STR("\xef\xbf\xbd\xef\xbf\xbd"));
    expect_means("\"\\uD800\\u0041\"", STR("\xef\xbf\xbd"
                                           "A"));
}

TEST(cursor, a_broken_escape_is_refused_and_equals_nothing)
{
    static const char *const rows[] = {"\"\\x\"",  "\"\\u12\"", "\"\\u12g4\"",
                                       "\"a\\u\"", "\"\\'\"",   "\"\\u 041\""};
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str s = STR("as before");
        EXPECT_FALSE(json_to_str(value(rows[i]), &a, &s));
        EXPECT_STR_EQ(s, "as before");
        EXPECT_FALSE(json_str_equals(value(rows[i]), STR("x")));
        EXPECT_FALSE(json_str_equals(value(rows[i]), STR("")));
    }
    struct str s;
    EXPECT_FALSE(json_to_str(value("12"), &a, &s));
    arena_done(&a);
}

TEST(cursor, equality_is_by_meaning_not_by_spelling)
{
    EXPECT_TRUE(json_str_equals(value("\"a\\/b\""), STR("a/b")));
    EXPECT_FALSE(json_str_equals(value("\"a\\/b\""), STR("a\\/b")));
    EXPECT_FALSE(json_str_equals(value("\"model\""), STR("models")));
    EXPECT_FALSE(json_str_equals(value("\"mod\\u0065l\""), STR("mode")));
    EXPECT_FALSE(json_str_equals(value("\"mod\\u0065l\""), STR("models")));
    EXPECT_FALSE(json_str_equals(value("12"), STR("12")));
}

TEST(cursor, booleans_are_read_and_nothing_else_is_one)
{
    bool b = false;
    EXPECT_TRUE(json_to_bool(value("true"), &b) && b);
    EXPECT_TRUE(json_to_bool(value("false"), &b) && !b);
    EXPECT_FALSE(json_to_bool(value("1"), &b));
    EXPECT_FALSE(json_to_bool((struct json_value){0}, &b));
}

TEST(cursor, nothing_at_all_is_no_value)
{
    struct str nothing = {NULL, 0};
    struct json_value none = {0};
    EXPECT_EQ(json_value_of(nothing).type, JSON_NONE);
    EXPECT_FALSE(json_exists(json_get(none, STR("a"))));
    EXPECT_FALSE(json_exists(json_at(none, 0)));
    EXPECT_TRUE(json_str_equals(value("\"\""), nothing));
    EXPECT_FALSE(json_exists(json_get(value("{\"a\":1}"), nothing)));
}

/* Whatever the bytes, nothing outside is read (sanitizers watch) and every walk ends. */
TEST(cursor, random_texts_end_every_walk)
{
    static const char alphabet[] = "{}[]\"\\:,1 tnulrefas";
    uint64_t state = 88172645463325252;
    for (size_t round = 0; round < test_count(100000); round++) {
        size_t len = 1 + round % 90, items = 0;
        char *text = malloc(len);
        for (size_t i = 0; i < len; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            text[i] = alphabet[state % (sizeof alphabet - 1)];
        }
        struct json_value whole = {str_of(text, len), round % 2 ? JSON_OBJECT : JSON_ARRAY}, key, val;
        struct json_members members;
        struct json_items list;
        json_members_init(&members, whole);
        while (json_members_next(&members, &key, &val)) items += json_str_equals(key, STR("a")) + val.raw.len;
        json_items_init(&list, whole);
        while (json_items_next(&list, &val)) items += val.raw.len;
        EXPECT_TRUE(items <= 2 * len);
        free(text);
    }
}
