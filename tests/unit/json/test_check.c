/* The validating pass: what is accepted, what is refused and in which words, what is found. */
#include "test.h"

#include "base/buf.h"
#include "json/check.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_valid(struct str text)
{
    struct err err = {0};
    bool ok = json_check(text, NULL, 0, NULL, &err);
    EXPECT_TRUE(ok || err.code == ERR_INVALID || err.code == ERR_TOO_LARGE);
    return ok;
}

TEST(check, accepts_what_the_standard_calls_json)
{
    static const char *const rows[] = {
        "{}",
        "[]",
        " [ ] ",
        "\t\r\n null \n",
        "true",
        "false",
        "0",
        "-0",
        "-0.0e-0",
        "1E+2",
        "12.5e10",
        "\"\"",
        "\"x\"",
        "[1,2,[3,[]],{}]",
        "{\"\":0}",
        "{\"a\":{\"b\":[{}]}}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\"",
        "\" \x7f \"",
        "\"é€😀\xf4\x8f\xbf\xbf\"",
        "[1e400,-123456789012345678901234567890]",
        "{\"a\":1,\"a\":2}",
        "[{\"a\":1,\"a\":2}]",
        "\"\\u0000\"",
        "\"\xef\xbb\xbf\"",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        EXPECT_THAT(is_valid(str_from_cstr(rows[i])), "%s was refused", rows[i]);
    EXPECT_FALSE(is_valid((struct str){NULL, 0}));
}

/* What the standard leaves open: src/json/check.h says the same in words. */
TEST(check, decides_what_the_standard_leaves_open)
{
    static const struct {
        struct str text;
        bool is_accepted;
    } rows[] = {
        {STR_INIT("[1e9999, -1e9999, 1e-9999, 100000000000000000000000000]"), true},
        {STR_INIT("[\"\\uD800\"]"), true}, /* lone surrogates, escaped: first, second, swapped */
        {STR_INIT("[\"\\uDd1ea\"]"), true},
        {STR_INIT("[\"\\uDd1e\\uD834\"]"), true},
        {STR_INIT("{\"\\uDFAA\":0}"), true},
        {STR_INIT("[\"\xed\xa0\x80\"]"), false},           /* the same as bytes is ill-formed UTF-8 */
        {STR_INIT("[\"\xe9\"]"), false},                   /* Latin-1 */
        {STR_INIT("[\"\xc0\xaf\"]"), false},               /* overlong */
        {STR_INIT("[\"\xf4\xbf\xbf\xbf\"]"), false},       /* beyond Unicode */
        {STR_INIT("[\"\xe0\xff\"]"), false},               /* cut */
        {STR_INIT("\xef\xbb\xbf{}"), false},               /* a byte order mark */
        {STR_INIT("\xff\xfe[\0\"\0\xe9\0\"\0]\0"), false}, /* UTF-16 */
        {STR_INIT("[\0\"\0\xe9\0\"\0]\0"), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        EXPECT_THAT(is_valid(rows[i].text) == rows[i].is_accepted, "row %zu", i);
}

TEST(check, errors_name_line_column_what_was_expected_and_what_was_there)
{
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "line 1, column 1: expected a value, got the end of the text"},
        {"\n\n  x", "line 3, column 3: expected a value, got 'x'"},
        {"{\"a\":1\n,\"b\" 2}", "line 2, column 6: expected ':' behind a member's name, got '2'"},
        {"{\n\"a\":1,\n\"b\":[1,2}", "line 3, column 9: expected ',' or ']' after an item, got '}'"},
        {"{\"é€😀\":1 x}", "line 1, column 10: expected ',' or '}' after a member, got 'x'"},
        {"{\"a\":1,}", "line 1, column 8: expected a member's name in quotes, got '}'"},
        {"{a:1}", "line 1, column 2: expected a member's name in quotes or '}', got 'a'"},
        {"{\"a\":1,\"b\"", "line 1, column 11: expected ':' behind a member's name, got the end of the text"},
        {"{\"a\":", "line 1, column 6: expected a value, got the end of the text"},
        {"[1,]", "line 1, column 4: expected a value, got ']'"},
        {"[", "line 1, column 2: expected a value, got the end of the text"},
        {"{", "line 1, column 2: expected a member's name in quotes or '}', got the end of the text"},
        {"[tru]", "line 1, column 5: expected true, got ']'"},
        {"nulL", "line 1, column 4: expected null, got 'L'"},
        {"fals", "line 1, column 5: expected false, got the end of the text"},
        {"01", "line 1, column 2: expected nothing but blanks behind the value, got '1'"},
        {"-x", "line 1, column 2: expected a digit in a number, got 'x'"},
        {"[1.]", "line 1, column 4: expected a digit in a number, got ']'"},
        {"[1e+]", "line 1, column 5: expected a digit in a number, got ']'"},
        {"{} {}", "line 1, column 4: expected nothing but blanks behind the value, got '{'"},
        {"\"abc", "line 1, column 5: expected '\"' at the end of a string, got the end of the text"},
        {"\"a\tb\"", "line 1, column 3: expected no control character in a string, got byte 0x09"},
        {"\"a\\x\"", "line 1, column 4: expected one of \"\\/bfnrtu behind a backslash, got 'x'"},
        {"\"\\u12g4\"", "line 1, column 6: expected four hexadecimal digits behind \\u, got 'g'"},
        {"\"\\", "line 1, column 3: expected an escape, got the end of the text"},
        {"\"ab\xc3\x28\"", "line 1, column 4: expected well-formed UTF-8, got byte 0xc3"},
        {"\xef\xbb\xbf{}", "line 1, column 1: expected a value, got byte 0xef"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        EXPECT_FALSE(json_check(str_from_cstr(rows[i].text), NULL, 0, NULL, &err));
        EXPECT_STR_EQ((const char *)err.text, rows[i].words);
        EXPECT_EQ(err.code, ERR_INVALID);
    }
}

TEST(check, finds_wanted_members_with_type_and_spans)
{
    struct str text = STR(
        " {\"messages\" : [ {\"model\":\"inner\"} ],\n \"stream\":true , \"mod\\u0065l\": \"a\\\"b\" } ");
    struct json_wanted wanted[] = {{STR("model")}, {STR("stream")}, {STR("absent")}, {STR("messages")}};
    struct json_found found[4];
    struct err err;
    ASSERT_TRUE(json_check(text, wanted, 4, found, &err));
    EXPECT_STR_EQ(found[0].key.raw, "\"mod\\u0065l\"");
    EXPECT_STR_EQ(found[0].value.raw, "\"a\\\"b\"");
    EXPECT_EQ(found[0].value.type, JSON_STRING);
    EXPECT_STR_EQ(found[1].value.raw, "true");
    EXPECT_EQ(found[1].value.type, JSON_BOOL);
    EXPECT_EQ(found[2].value.type, JSON_NONE);
    EXPECT_EQ(found[2].value.raw.len, 0);
    EXPECT_STR_EQ(found[3].value.raw, "[ {\"model\":\"inner\"} ]");
    EXPECT_EQ(found[3].value.type, JSON_ARRAY);
    EXPECT_STR_EQ(found[3].key.raw, "\"messages\"");
}

static const char *refusal(const char *text)
{
    static struct err err;
    static const struct json_wanted wanted[] = {{STR_INIT("model")}};
    struct json_found found[1];
    err.text[0] = 0;
    EXPECT_FALSE(json_check(str_from_cstr(text), wanted, 1, found, &err));
    return err.text;
}

TEST(check, a_name_that_stands_there_twice_is_refused_however_it_is_spelt)
{
    EXPECT_STR_EQ(refusal("{\"model\":\"a\",\n\"x\":1,\"model\":\"b\"}"),
                  "line 2, column 7: \"model\" is there twice");
    EXPECT_STR_EQ(refusal("{\"model\":\"a\",\"mod\\u0065l\":\"b\"}"),
                  "line 1, column 14: \"model\" is there twice");
    EXPECT_STR_EQ(refusal("{\"\\u006dodel\":\"a\",\"model\":\"b\"}"),
                  "line 1, column 19: \"model\" is there twice");
    EXPECT_STR_EQ(refusal("{\"mod\\u0065l\":1,\"\\u006dodel\":2}"),
                  "line 1, column 17: \"model\" is there twice");
    EXPECT_STR_EQ(refusal("{\"my secret\":1,\"my\\u0020secret\":2}"),
                  "line 1, column 16: this member's name is there twice");
    EXPECT_STR_EQ(refusal("{\"\":1,\"\":2}"), "line 1, column 7: this member's name is there twice");
    EXPECT_STR_EQ(refusal("{\"\\uD800\":1,\"\\uDFFF\":2}"),
                  "line 1, column 13: this member's name is there twice");
}

TEST(check, names_that_only_look_alike_are_no_doubles)
{
    struct json_wanted wanted[] = {{STR("model")}};
    struct json_found found[1];
    struct err err;
    EXPECT_TRUE(json_check(
        STR("{\"model\":1,\"Model\":2,\"model \":3,\"models\":4,\"mode\":5,\"mod\\\\u0065l\":6,\"\":7,"
            "\"model\\u0000\":8,\"motel\":9,\"o\":{\"model\":1,\"model\":2}}"),
        wanted, 1, found, &err));
    EXPECT_STR_EQ(found[0].value.raw, "1");
}

TEST(check, with_members_wanted_the_root_must_be_an_object)
{
    EXPECT_STR_EQ(refusal("[]"), "line 1, column 1: expected '{': an object, got '['");
    EXPECT_STR_EQ(refusal(" \"x\""), "line 1, column 2: expected '{': an object, got '\"'");
    EXPECT_STR_EQ(refusal(""), "line 1, column 1: expected '{': an object, got the end of the text");
}

static void expect_members(unsigned count, bool is_allowed)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    for (unsigned i = 0; i < count; i++) {
        char member[40];
        int len = snprintf(member, sizeof member, "%c\"name-%u\":%u", i ? ',' : '{', i, i);
        EXPECT_TRUE(buf_append(&text, str_of(member, (size_t)len)));
    }
    EXPECT_TRUE(buf_append_char(&text, '}'));
    struct json_wanted wanted[] = {{STR("name-0")}, {STR("name-127")}};
    struct json_found found[2];
    struct err err = {0};
    EXPECT_EQ(json_check(buf_str(&text), wanted, 2, found, &err), is_allowed);
    EXPECT_EQ(err.code, is_allowed ? ERR_NONE : ERR_TOO_LARGE);
    EXPECT_TRUE(is_valid(buf_str(&text)));
    buf_done(&text);
}

TEST(check, the_number_of_members_decided_on_is_bounded)
{
    expect_members(JSON_MAX_MEMBERS, true);
    expect_members(JSON_MAX_MEMBERS + 1, false);
}

static bool is_valid_at_depth(size_t depth, const char *open, const char *close)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < depth; i++) EXPECT_TRUE(buf_append(&text, str_from_cstr(open)));
    EXPECT_TRUE(buf_append(&text, STR("1")));
    for (size_t i = 0; i < depth; i++) EXPECT_TRUE(buf_append(&text, str_from_cstr(close)));
    bool ok = is_valid(buf_str(&text));
    buf_done(&text);
    return ok;
}

TEST(check, depth_is_bounded)
{
    EXPECT_TRUE(is_valid_at_depth(JSON_MAX_DEPTH, "[", "]"));
    EXPECT_TRUE(is_valid_at_depth(JSON_MAX_DEPTH, "{\"a\":", "}"));
    EXPECT_TRUE(is_valid_at_depth(JSON_MAX_DEPTH / 2, "{\"a\":[2,", ",3],\"b\":4}"));
    EXPECT_FALSE(is_valid_at_depth(JSON_MAX_DEPTH + 1, "[", "]"));
    EXPECT_FALSE(is_valid_at_depth(JSON_MAX_DEPTH + 1, "{\"a\":", "}"));
    struct err err;
    char deep[400];
    memset(deep, '[', sizeof deep);
    EXPECT_FALSE(json_check(str_of(deep, sizeof deep), NULL, 0, NULL, &err));
    EXPECT_EQ(err.code, ERR_TOO_LARGE);
    EXPECT_STR_EQ((const char *)err.text, "line 1, column 129: more than 128 containers inside each other");
}

/* The yardstick: RFC 8259, 2 to 7, written down once more as recursion, without any cleverness. */
static const char *plain_value(const char *at, const char *end, int depth);

static const char *plain_blanks(const char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) && *at) at++;
    return at;
}

static const char *plain_digits(const char *at, const char *end)
{
    const char *from = at;
    while (at < end && *at >= '0' && *at <= '9') at++;
    return at > from ? at : NULL;
}

static const char *plain_number(const char *at, const char *end)
{
    if (at < end && *at == '-') at++;
    at = at < end && *at == '0' ? at + 1 : plain_digits(at, end);
    if (at && at < end && *at == '.') at = plain_digits(at + 1, end);
    if (!at || at == end || (*at != 'e' && *at != 'E')) return at;
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    return plain_digits(at, end);
}

static const char *plain_string(const char *at, const char *end)
{
    if (at == end || *at++ != '"') return NULL;
    for (; at < end; at++) {
        if (*at == '"') return at + 1;
        if ((unsigned char)*at < 0x20) return NULL;
        if (*at != '\\') continue;
        if (++at == end || !*at || !strchr("\"\\/bfnrtu", *at)) return NULL;
        for (int i = 0; *at == 'u' && i < 4; i++)
            if (end - at < 5 || !at[i + 1] || !strchr("0123456789abcdefABCDEF", at[i + 1])) return NULL;
    }
    return NULL;
}

static const char *plain_container(const char *at, const char *end, int depth)
{
    char close = *at == '{' ? '}' : ']';
    at = plain_blanks(at + 1, end);
    if (at < end && *at == close) return at + 1;
    for (;;) {
        if (close == '}') {
            at = plain_string(at, end);
            if (at) at = plain_blanks(at, end);
            if (!at || at == end || *at++ != ':') return NULL;
        }
        at = plain_value(at, end, depth + 1);
        if (!at || at == end) return NULL;
        if (*at == close) return at + 1;
        if (*at++ != ',') return NULL;
        at = plain_blanks(at, end);
    }
}

/* With the blanks around it. */
static const char *plain_value(const char *at, const char *end, int depth)
{
    at = plain_blanks(at, end);
    if (at == end || depth > JSON_MAX_DEPTH) return NULL;
    size_t left = (size_t)(end - at);
    if (*at == '{' || *at == '[')
        at = depth == JSON_MAX_DEPTH ? NULL : plain_container(at, end, depth);
    else if (*at == '"')
        at = plain_string(at, end);
    else if (left >= 4 && (memcmp(at, "true", 4) == 0 || memcmp(at, "null", 4) == 0))
        at += 4;
    else if (left >= 5 && memcmp(at, "false", 5) == 0)
        at += 5;
    else
        at = plain_number(at, end);
    return at ? plain_blanks(at, end) : NULL;
}

TEST(check, agrees_with_a_plain_recursive_reader_on_changed_texts)
{
    static const char *const seeds[] = {
        "{\"model\":\"gpt\",\"messages\":[{\"role\":\"user\",\"content\":\"a \\u00e9 \\\"b\\\" \\\\ c\"}],\"n\":-1.5e+3}",
        "[[],{},[0,1.25,true,false,null,\"\"],{\"a\":{\"b\":[1]},\"c\":\"\\n\"}]",
        "{\n  \"temperature\": 0.7,\n  \"stop\": [\"\\t\", \"###\"],\n  \"stream\": true\n}\n",
    };
    static const char alphabet[] = "{}[]\"\\:, 0123456789eE+-.tfnu\n\x01";
    uint64_t state = 88172645463325252;
    size_t accepted = 0;
    for (size_t round = 0; round < test_count(300000); round++) {
        struct str seed = str_from_cstr(seeds[round % 3]);
        char *text = malloc(seed.len);
        memcpy(text, seed.at, seed.len);
        for (size_t changes = round / 3 % 4; changes > 0; changes--) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            text[(state >> 20) % seed.len] = alphabet[state % (sizeof alphabet - 1)];
        }
        bool want = plain_value(text, text + seed.len, 0) == text + seed.len;
        EXPECT_THAT(is_valid(str_of(text, seed.len)) == want, "%.*s: want %d",
                    STR_ARG(str_of(text, seed.len)), want);
        accepted += want;
        free(text);
    }
    EXPECT_TRUE(accepted > 0);
}
