/* Writing JSON, and reading it back. */
#include "test.h"

#include "base/arena.h"
#include "json/check.h"
#include "json/cursor.h"
#include "json/writer.h"

#include <math.h>

enum { CEILING = 1 << 20 };

static void write_sample(struct json_writer *w)
{
    json_begin_object(w);
    json_put_str(w, STR("object"), STR("list"));
    json_write_key(w, STR("data"));
    json_begin_array(w);
    json_write_i64(w, -1);
    json_write_u64(w, UINT64_MAX);
    json_write_double(w, 0.25);
    json_begin_object(w);
    json_end_object(w);
    json_begin_array(w);
    json_end_array(w);
    json_end_array(w);
    json_put_raw(w, STR("raw"), STR("[1, 2]"));
    json_put_bool(w, STR("yes"), true);
    json_put_bool(w, STR("no"), false);
    json_put_null(w, STR("nothing"));
    json_put_i64(w, STR("n"), INT64_MIN);
    json_put_double(w, STR("nan"), (double)NAN);
    json_end_object(w);
}

TEST(writer, commas_and_colons_are_its_own_business)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, CEILING);
    json_writer_init(&w, &out, 0);
    write_sample(&w);
    EXPECT_TRUE(json_writer_finish(&w));
    EXPECT_STR_EQ(buf_str(&out),
                  "{\"object\":\"list\",\"data\":[-1,18446744073709551615,0.25,{},[]],\"raw\":[1, 2],"
                  "\"yes\":true,\"no\":false,\"nothing\":null,\"n\":-9223372036854775808,\"nan\":null}");
    buf_done(&out);
}

TEST(writer, indents_for_people)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, CEILING);
    json_writer_init(&w, &out, 2);
    json_begin_object(&w);
    json_write_key(&w, STR("a"));
    json_begin_array(&w);
    json_write_i64(&w, 1);
    json_begin_object(&w);
    json_end_object(&w);
    json_end_array(&w);
    json_put_str(&w, STR("b"), STR("x"));
    json_end_object(&w);
    EXPECT_TRUE(json_writer_finish(&w));
    EXPECT_STR_EQ(buf_str(&out), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": \"x\"\n}");
    buf_done(&out);
}

static void expect_written(struct str s, const char *want)
{
    struct buf out;
    buf_init(&out, CEILING);
    EXPECT_TRUE(json_append_str(&out, s));
    EXPECT_STR_EQ(buf_str(&out), want);
    struct err err;
    EXPECT_TRUE(json_check(buf_str(&out), NULL, 0, NULL, &err));
    buf_done(&out);
}

TEST(writer, escapes_as_little_as_it_may)
{
    expect_written(STR(""), "\"\"");
    expect_written((struct str){NULL, 0}, "\"\"");
    expect_written(STR("a/b é € 😀 \x7f \xe2\x80\xa8"), "\"a/b é € 😀 \x7f \xe2\x80\xa8\"");
    expect_written(STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    expect_written(STR("\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\"");
    expect_written(STR("0123456789abcdef0123456789abcdef\n0123456789abcdef"),
                   "\"0123456789abcdef0123456789abcdef\\n0123456789abcdef\"");
}

TEST(writer, ill_formed_utf8_becomes_replacement_characters)
{
    expect_written(STR("\x80"), "\"\xef\xbf\xbd\"");
    expect_written(STR("a\xff\xfe"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_written(STR("\xe2\x82x"), "\"\xef\xbf\xbdx\"");   /* a sequence that broke off: one */
    expect_written(STR("\xf0\x9f\x98"), "\"\xef\xbf\xbd\""); /* the same at the end */
    expect_written(STR("\xed\xa0\x80"),
                   "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* a surrogate: none can begin so */
    expect_written(STR("\xc3\n\xc3\""), "\"\xef\xbf\xbd\\n\xef\xbf\xbd\\\"\"");
    expect_written(STR("é\xc3"), "\"é\xef\xbf\xbd\"");
}

TEST(writer, any_bytes_written_read_back_as_themselves)
{
    uint64_t state = 88172645463325252;
    for (size_t round = 0; round < test_count(2000); round++) {
        char text[120];
        size_t len = round % sizeof text;
        for (size_t i = 0; i < len; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            text[i] = (char)(state % 128); /* ASCII: nothing to repair */
        }
        struct buf out;
        struct arena a;
        buf_init(&out, CEILING);
        arena_init(&a);
        EXPECT_TRUE(json_append_str(&out, str_of(text, len)));
        struct json_value v = json_value_of(buf_str(&out));
        struct str back;
        EXPECT_TRUE(json_to_str(v, &a, &back));
        EXPECT_STR_EQ(back, str_of(text, len));
        EXPECT_TRUE(json_str_equals(v, str_of(text, len)));
        arena_done(&a);
        buf_done(&out);
    }
}

/* Every ceiling up to the full length: either all is there, or the writer says that it is not. */
TEST(writer, a_full_buffer_is_remembered)
{
    struct buf whole;
    struct json_writer w;
    buf_init(&whole, CEILING);
    json_writer_init(&w, &whole, 1);
    write_sample(&w);
    EXPECT_TRUE(json_writer_finish(&w));
    for (size_t ceiling = 1; ceiling <= whole.len + 1; ceiling++) {
        struct buf out;
        buf_init(&out, ceiling);
        json_writer_init(&w, &out, 1);
        write_sample(&w);
        EXPECT_EQ(json_writer_finish(&w), ceiling >= whole.len);
        EXPECT_TRUE(out.len <= ceiling);
        buf_done(&out);
    }
    buf_done(&whole);
}

TEST(writer, a_string_that_does_not_fit_leaves_the_buffer_as_it_was)
{
    struct buf out;
    buf_init(&out, 10);
    EXPECT_TRUE(buf_append(&out, STR("ab")));
    EXPECT_FALSE(json_append_str(&out, STR("1234567")));
    EXPECT_FALSE(json_append_str(&out, STR("\x01\x01")));
    EXPECT_STR_EQ(buf_str(&out), "ab");
    EXPECT_FALSE(json_append_str(&out, STR("1234\n5")));
    EXPECT_TRUE(json_append_str(&out, STR("123\n5")));
    EXPECT_STR_EQ(buf_str(&out), "ab\"123\\n5\"");
    buf_done(&out);
}

TEST(writer, goes_as_deep_as_check_allows)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, CEILING);
    json_writer_init(&w, &out, 0);
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        if (i % 3 == 1) {
            json_begin_array(&w);
            json_write_null(&w);
            continue;
        }
        json_begin_object(&w);
        json_write_key(&w, STR("k"));
    }
    json_write_i64(&w, 1);
    for (int i = JSON_MAX_DEPTH - 1; i >= 0; i--) i % 3 == 1 ? json_end_array(&w) : json_end_object(&w);
    EXPECT_TRUE(json_writer_finish(&w));
    struct err err;
    EXPECT_TRUE(json_check(buf_str(&out), NULL, 0, NULL, &err));
    buf_done(&out);
}

/* What is walked by the cursor and written again means the same; here, compact, it is even the same text. */
static void copy_value(struct json_writer *w, struct json_value v, struct arena *a)
{
    struct json_members members;
    struct json_items items;
    struct json_value key, inner;
    struct str s;
    switch (v.type) {
    case JSON_OBJECT:
        json_begin_object(w);
        json_members_init(&members, v);
        while (json_members_next(&members, &key, &inner)) {
            EXPECT_TRUE(json_to_str(key, a, &s));
            json_write_key(w, s);
            copy_value(w, inner, a);
        }
        json_end_object(w);
        break;
    case JSON_ARRAY:
        json_begin_array(w);
        json_items_init(&items, v);
        while (json_items_next(&items, &inner)) copy_value(w, inner, a);
        json_end_array(w);
        break;
    case JSON_STRING:
        EXPECT_TRUE(json_to_str(v, a, &s));
        json_write_str(w, s);
        break;
    default: json_write_raw(w, v.raw); break;
    }
}

TEST(writer, copies_what_the_cursor_walks)
{
    static const char text[] =
        "{\"model\":\"é\\n\\u0001\",\"messages\":[{\"role\":\"user\",\"content\":[]},{},[[1,-2.5e3]],"
        "true,null,\"😀\"],\"n\":{\"a\":{\"b\":0}}}";
    struct buf out;
    struct arena a;
    struct json_writer w;
    buf_init(&out, CEILING);
    arena_init(&a);
    json_writer_init(&w, &out, 0);
    copy_value(&w, json_value_of(str_from_cstr(text)), &a);
    EXPECT_TRUE(json_writer_finish(&w));
    EXPECT_STR_EQ(buf_str(&out), text);
    arena_done(&a);
    buf_done(&out);
}
