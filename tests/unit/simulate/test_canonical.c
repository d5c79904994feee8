/* What makes two requests the same. */
#include "simulate/canonical.h"

#include "test.h"

static struct canonical of(const char *text)
{
    struct arena a;
    arena_init(&a);
    struct canonical c = canonical_of(str_from_cstr(text), &a);
    arena_done(&a);
    return c;
}

static void expect_same(const char *x, const char *y)
{
    EXPECT_THAT(canonical_compare(of(x), of(y)) == 0, "%s and %s differ", x, y);
}

static void expect_different(const char *x, const char *y)
{
    EXPECT_THAT(canonical_compare(of(x), of(y)) != 0, "%s and %s are the same", x, y);
}

TEST(canonical, does_not_see_white_space_or_the_order_of_members)
{
    expect_same("{\"a\":1,\"b\":[1,2]}", " {\n\"b\": [ 1 , 2 ] , \"a\":1 }");
    expect_same("{\"x\":{\"a\":1,\"b\":2}}", "{\"x\":{\"b\":2,\"a\":1}}");
    expect_same("[]", "[ ]");
}

TEST(canonical, sees_through_escapes_and_number_forms)
{
    expect_same("{\"a\":\"\\u00e9\\/\"}", "{\"a\":\"\xc3\xa9/\"}");
    expect_same("{\"\\u0061\":1}", "{\"a\":1}");
    expect_same("[1.0,100,0]", "[1,1e2,-0]");
}

TEST(canonical, sees_every_difference_in_meaning)
{
    expect_different("{\"a\":1}", "{\"a\":2}");
    expect_different("{\"a\":1}", "{\"b\":1}");
    expect_different("[1,2]", "[2,1]");
    expect_different("[1]", "[\"1\"]");
    expect_different("{\"a\":null}", "{}");
    expect_different("[[1],2]", "[[1,2]]");
    expect_different("{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}");
    expect_different("{\"a\":{\"b\":1},\"c\":{}}", "{\"a\":{},\"c\":{\"b\":1}}");
    expect_different("{}", "[]");
    expect_different("true", "false");
    expect_different("\"abcdefgh\"", "\"abcdefghi\"");
}

TEST(canonical, leaves_stream_options_of_the_root_out)
{
    expect_same("{\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "{\"stream\":true}");
    expect_different("{\"a\":{\"stream_options\":1}}", "{\"a\":{}}");
}

TEST(canonical, takes_what_is_no_json_as_bytes)
{
    expect_same("--b\r\nfoo", "--b\r\nfoo");
    expect_different("--b\r\nfoo", "--b\r\nfo");
}

TEST(canonical, goes_as_deep_as_json_may)
{
    char deep[257];
    for (int i = 0; i < 128; i++) deep[i] = '[', deep[255 - i] = ']';
    deep[256] = 0;
    expect_same(deep, deep);
    expect_different(deep, "[]");
}
