/* tests/unit/http/test_names.c: what header names, values, lists and status codes mean. */
#include "test.h"

#include "http/bytes.h"
#include "http/message.h"

#include <stdio.h>
#include <string.h>

#define OK "HTTP/1.1 200 OK\r\n"

static struct http_header places[HTTP_MAX_HEADERS];
static struct err err;
static size_t head_bytes;

static enum http_parse parse(struct http_response *out, const char *bytes)
{
    *out = (struct http_response){.headers.at = places};
    return http_parse_response(out, str_from_cstr(bytes), &head_bytes, &err);
}

/* The list tests itself: each row finds itself, in any case, and its letters are right. */
#define CHECK_NAME(id, text, first, last)                                                                    \
    EXPECT_EQ(text[0], first);                                                                               \
    EXPECT_EQ(text[sizeof text - 2], last);                                                                  \
    EXPECT_STR_EQ(http_name_text(id), text);                                                                 \
    EXPECT_EQ(http_name_id(STR(text)), id);                                                                  \
    check_name_in_head(id, text);

static void check_name_in_head(enum http_name id, const char *text)
{
    char name[40], head[200];
    size_t len = strlen(text);
    for (size_t changed = 0; changed <= len; changed++) {
        for (size_t i = 0; i <= len; i++) /* upper case up to `changed` */
            name[i] = i < changed && text[i] >= 'a' ? (char)(text[i] - 0x20) : text[i];
        EXPECT_EQ(http_name_id(str_of(name, len)), id);
        snprintf(head, sizeof head, "HTTP/1.1 204 x\r\n%s: 0\r\nX-Last: %032d\r\n\r\n", name, 0);
        struct http_response r;
        enum http_parse p = parse(&r, head);
        bool is_framing = id == H_TRANSFER_ENCODING; /* "0" is no coding */
        EXPECT_EQ(p, is_framing ? PARSE_BAD : PARSE_DONE);
        if (p == PARSE_DONE) EXPECT_EQ(r.headers.at[0].id, id);
    }
}

TEST(names, knows_each_header_name_in_any_case){HTTP_NAMES(CHECK_NAME)}

TEST(names, knows_no_name_that_differs_in_a_byte)
{
    char name[40], head[200];
    for (enum http_name id = H_OTHER + 1; id < H_COUNT; id++) {
        struct str text = http_name_text(id);
        for (size_t i = 0; i < text.len; i++) {
            memcpy(name, text.at, text.len);
            name[i] = text.at[i] == '-' ? '_' : text.at[i] == 'q' ? 'j' : 'q';
            EXPECT_EQ(http_name_id(str_of(name, text.len)), H_OTHER);
            snprintf(head, sizeof head, OK "%.*s: 0\r\nX-Last: %032d\r\n\r\n", (int)text.len, name, 0);
            struct http_response r;
            EXPECT_EQ(parse(&r, head), PARSE_DONE);
            EXPECT_EQ(r.headers.at[0].id, H_OTHER);
            EXPECT_EQ(r.headers.at[0].name.len, text.len);
        }
        EXPECT_EQ(http_name_id(str_of(text.at, text.len - 1)), H_OTHER);
    }
    EXPECT_EQ(http_name_id(STR("")), H_OTHER);
}

/* `name` with c for its '?', near the end of the bytes and far from it. */
static void check_byte_in_name(const char *name, int c)
{
    char head[200];
    struct http_response r = {.headers.at = places};
    int len = snprintf(head, sizeof head, OK "%s: 0\r\n\r\n", name);
    *strchr(head, '?') = (char)c;
    enum http_parse is_short = http_parse_response(&r, str_of(head, (size_t)len), &head_bytes, &err);
    memcpy(head + len - 2, "Y: 0123456789012345678901234567890123456789\r\n\r\n", 48);
    enum http_parse is_long = http_parse_response(&r, str_of(head, (size_t)len + 45), &head_bytes, &err);
    EXPECT_EQ(is_short, is_long);
    EXPECT_EQ(is_long == PARSE_DONE, byte_is((char)c, BYTE_TOKEN) || c == ':');
}

TEST(names, judges_each_byte_alike_in_short_and_in_long_heads)
{
    for (int c = 0; c < 256; c++) {
        check_byte_in_name("X-?", c);
        check_byte_in_name("X-Stainless-?rch", c);
        check_byte_in_name("X-Stainless-Runtime-?ersion", c);
        check_byte_in_name("X-Stainless-Runtime-Version-Of-?", c);
    }
}

TEST(names, scans_values_the_same_with_and_without_vectors)
{
    char room[70];
    for (int c = 0; c < 256; c++) {
        for (size_t len = 0; len < 40; len++) {
            for (size_t at = 0; at < len; at++) {
                memset(room, at % 3 ? 'x' : '\t', len);
                room[at] = (char)c;
                const char *end = room + len;
                const char *want = byte_is((char)c, BYTE_VALUE) ? end : room + at;
                if (byte_skip_value(room, end) != want || byte_skip_value_portable(room, end) != want)
                    FAIL("byte %d at %zu of %zu", c, at, len);
            }
        }
    }
}

TEST(names, finds_members_of_lists)
{
    EXPECT_TRUE(http_list_has(STR("close"), STR("close")));
    EXPECT_TRUE(http_list_has(STR("a ,\tCLOSE , b"), STR("close")));
    EXPECT_TRUE(http_list_has(STR("a,,close"), STR("close")));
    EXPECT_FALSE(http_list_has(STR("closed, xclose, close x"), STR("close")));
    EXPECT_FALSE(http_list_has(STR(""), STR("close")));
    EXPECT_FALSE(http_list_has((struct str){NULL, 0}, STR("close")));
}

TEST(names, finds_headers_by_id_and_by_text)
{
    struct http_response r;
    EXPECT_EQ(parse(&r, OK "X-A: 1\r\nserver: s\r\nx-a: 2\r\nServer: t\r\n\r\n"), PARSE_DONE);
    EXPECT_STR_EQ(http_headers_find(&r.headers, H_SERVER)->value, "s");
    EXPECT_STR_EQ(http_headers_find_text(&r.headers, STR("x-A"))->value, "1");
    EXPECT_NULL(http_headers_find(&r.headers, H_DATE));
    EXPECT_NULL(http_headers_find_text(&r.headers, STR("x-b")));
    EXPECT_NULL(http_headers_value(&r.headers, H_DATE).at);
}

TEST(names, knows_what_ends_at_the_next_hop)
{
    struct http_response r;
    EXPECT_EQ(parse(&r, OK
                    "Connection: x-hop, Date\r\nConnection: x-two\r\nKeep-Alive: 5\r\nTE: x\r\nTrailer: x\r\n"
                    "Upgrade: x\r\nProxy-Connection: x\r\nProxy-Authenticate: x\r\nProxy-Authorization: x\r\n"
                    "X-Hop: 1\r\nDate: 1\r\nX-Two: 1\r\n" /* to here */ "X-Stays: 1\r\nServer: 1\r\n\r\n"),
              PARSE_DONE);
    EXPECT_EQ(r.headers.count, 14);
    for (unsigned i = 0; i < r.headers.count; i++)
        EXPECT_EQ(http_header_is_hop_by_hop(&r.headers.at[i], &r.headers), i < 12);
}

TEST(names, knows_what_may_stand_as_a_value)
{
    EXPECT_TRUE(http_value_is_valid(STR("")));
    EXPECT_TRUE(http_value_is_valid(STR("a b\tc \xff")));
    EXPECT_FALSE(http_value_is_valid(STR(" a")));
    EXPECT_FALSE(http_value_is_valid(STR("a\t")));
    EXPECT_FALSE(http_value_is_valid(STR("a\rb")));
    EXPECT_FALSE(http_value_is_valid(STR("a\nb")));
    EXPECT_FALSE(http_value_is_valid(STR("a\0b")));
    EXPECT_FALSE(http_value_is_valid(STR("a\x7f")));
}

TEST(names, gives_reasons_for_status_codes)
{
    EXPECT_STR_EQ(http_status_reason(200), "OK");
    EXPECT_STR_EQ(http_status_reason(404), "Not Found");
    EXPECT_STR_EQ(http_status_reason(505), "HTTP Version Not Supported");
    EXPECT_STR_EQ(http_status_reason(299), "");
}
