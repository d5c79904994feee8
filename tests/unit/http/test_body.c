/* tests/unit/http/test_body.c: bodies out of what one read lends, and heads that come in parts. */
#include "test.h"

#include "http/body.h"
#include "http/head.h"

static struct str payload, excess;
static struct err err;

static bool decode(struct body_reader *b, char *bytes)
{
    return body_decode(b, str_from_cstr(bytes), &payload, &excess, &err);
}

TEST(body, joins_all_chunks_of_one_read)
{
    struct body_reader b;
    char first[] = "5;a=b\r\nhello\r\n1\r\n,\r\n06\r\n wo", second[] = "rld\r\n0\r\n\r\nGET /";
    body_init(&b, FRAMING_CHUNKED, 0);
    EXPECT_TRUE(decode(&b, first));
    EXPECT_STR_EQ(payload, "hello, wo");
    EXPECT_TRUE(payload.at == first + 7); /* where it lay */
    EXPECT_FALSE(b.is_complete);
    EXPECT_TRUE(decode(&b, second));
    EXPECT_STR_EQ(payload, "rld");
    EXPECT_TRUE(b.is_complete);
    EXPECT_STR_EQ(excess, "GET /");
}

TEST(body, hands_out_what_came_before_a_malformed_chunk)
{
    struct body_reader b;
    char bytes[] = "2\r\nok\r\nzz\r\n", bad[] = "zz\r\n";
    body_init(&b, FRAMING_CHUNKED, 0);
    EXPECT_TRUE(decode(&b, bytes));
    EXPECT_STR_EQ(payload, "ok");
    EXPECT_TRUE(b.is_bad && !b.is_complete);
    body_init(&b, FRAMING_CHUNKED, 0);
    EXPECT_FALSE(decode(&b, bad));
}

TEST(body, ends_by_its_length)
{
    struct body_reader b;
    char bytes[] = "abcdef";
    body_init(&b, FRAMING_LENGTH, 8);
    EXPECT_TRUE(decode(&b, bytes));
    EXPECT_STR_EQ(payload, "abcdef");
    EXPECT_EQ(b.left, 2);
    EXPECT_TRUE(decode(&b, bytes));
    EXPECT_STR_EQ(payload, "ab");
    EXPECT_STR_EQ(excess, "cdef");
    EXPECT_TRUE(b.is_complete);
    body_init(&b, FRAMING_LENGTH, 0);
    EXPECT_TRUE(b.is_complete);
    body_init(&b, FRAMING_NONE, 0);
    EXPECT_TRUE(b.is_complete);
    body_init(&b, FRAMING_CLOSE, 0);
    EXPECT_TRUE(decode(&b, bytes) && !b.is_complete);
    EXPECT_STR_EQ(payload, "abcdef");
}

/* ---- heads ---- */
static struct http_header places[HTTP_MAX_HEADERS];
static struct http_request request;
static unsigned parses;

static enum http_parse parse(void *arg, struct str bytes, size_t *head_bytes)
{
    int status;
    (void)arg;
    parses++;
    request.headers.at = places;
    return http_parse_request(&request, bytes, head_bytes, &status, &err);
}

TEST(head, leaves_what_follows_in_the_chunk)
{
    struct head_reader h;
    struct str chunk = STR("GET /a?b HTTP/1.1\r\nHost: h\r\n\r\nbody"), head;
    head_init(&h);
    EXPECT_EQ(head_take(&h, &chunk, &head, parse, NULL), PARSE_DONE);
    EXPECT_STR_EQ(chunk, "body");
    EXPECT_EQ(head.len, 30);
    head_done(&h);
}

TEST(head, moves_what_was_parsed)
{
    char bytes[] = "GET /a?b HTTP/1.1\r\nHost: h\r\nX-Empty:\r\n\r\n";
    struct head_reader h;
    struct str chunk = str_from_cstr(bytes), head;
    struct arena a;
    arena_init(&a);
    head_init(&h);
    EXPECT_EQ(head_take(&h, &chunk, &head, parse, NULL), PARSE_DONE);
    head_move_request(&request, head, &a);
    memset(bytes, '#', sizeof bytes);
    memset(places, '#', sizeof places);
    EXPECT_STR_EQ(request.target, "/a?b");
    EXPECT_STR_EQ(request.path, "/a");
    EXPECT_STR_EQ(request.query, "b");
    EXPECT_STR_EQ(request.method_name, "GET");
    EXPECT_EQ(request.headers.count, 2);
    EXPECT_STR_EQ(request.headers.at[0].value, "h");
    EXPECT_STR_EQ(request.headers.at[1].name, "X-Empty");
    EXPECT_STR_EQ(request.headers.at[1].value, "");
    head_done(&h);
    arena_done(&a);
}

TEST(head, is_not_parsed_again_for_each_byte)
{
    struct head_reader h;
    struct str head, start = STR("GET / HTTP/1.1\r\nHost: h\r\nX: "), end = STR("\r\n\r\n");
    head_init(&h);
    parses = 0;
    enum http_parse result = head_take(&h, &start, &head, parse, NULL);
    for (int i = 0; i < 20000 && result == PARSE_MORE; i++) {
        struct str byte = STR("v");
        result = head_take(&h, &byte, &head, parse, NULL);
    }
    EXPECT_EQ(result, PARSE_MORE);
    EXPECT_TRUE(parses < 16);
    EXPECT_EQ(head_take(&h, &end, &head, parse, NULL), PARSE_DONE);
    EXPECT_EQ(head.len, 20032);
    head_done(&h);
}

TEST(head, knows_when_it_is_full_or_blank)
{
    static char bytes[HTTP_MAX_HEAD_BYTES + 1000];
    struct head_reader h;
    struct str chunk = STR("\r\n"), head;
    head_init(&h);
    EXPECT_EQ(head_take(&h, &chunk, &head, parse, NULL), PARSE_MORE);
    EXPECT_TRUE(head_is_blank(&h) && !head_is_full(&h));
    chunk = STR("GET / HTTP/1.1\r\nHost: h\r\n");
    EXPECT_EQ(head_take(&h, &chunk, &head, parse, NULL), PARSE_MORE);
    EXPECT_FALSE(head_is_blank(&h));
    memset(bytes, 'x', sizeof bytes);
    chunk = str_of(bytes, sizeof bytes);
    enum http_parse result = head_take(&h, &chunk, &head, parse, NULL);
    EXPECT_TRUE(result == PARSE_BAD || (result == PARSE_MORE && head_is_full(&h)));
    head_done(&h);
}
