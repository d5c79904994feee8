/* tests/unit/http/test_response.c: heads of replies. */
#include "test.h"

#include "http/message.h"

#include <stdlib.h>
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

TEST(response, reads_a_reply)
{
    struct http_response r;
    EXPECT_EQ(parse(&r, "HTTP/1.1 429 Too Many\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\n{}"),
              PARSE_DONE);
    EXPECT_EQ(head_bytes, 60);
    EXPECT_EQ(r.status, 429);
    EXPECT_STR_EQ(r.reason, "Too Many");
    EXPECT_EQ(r.minor, 1);
    EXPECT_EQ(r.framing, FRAMING_LENGTH);
    EXPECT_EQ(r.content_length, 2);
    EXPECT_TRUE(r.is_keep_alive);
    EXPECT_STR_EQ(http_headers_value(&r.headers, H_RETRY_AFTER), "3");
}

TEST(response, tells_framing_and_the_life_of_the_connection)
{
    static const struct {
        const char *head;
        enum http_framing framing;
        bool is_keep_alive;
    } rows[] = {
        {OK "\r\n", FRAMING_CLOSE, false},
        {OK "Content-Length: 0\r\n\r\n", FRAMING_LENGTH, true},
        {OK "Transfer-Encoding: chunked\r\n\r\n", FRAMING_CHUNKED, true},
        {OK "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n", FRAMING_CHUNKED, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", FRAMING_LENGTH, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n", FRAMING_LENGTH, true},
        {"HTTP/1.1 100 Continue\r\n\r\n", FRAMING_NONE, true},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", FRAMING_NONE, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", FRAMING_NONE, true},
        {"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", FRAMING_NONE, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", FRAMING_NONE, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", FRAMING_NONE, false}, /* does a body come? */
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING_NONE, false},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", FRAMING_NONE, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_response r;
        EXPECT_EQ(parse(&r, rows[i].head), PARSE_DONE);
        EXPECT_EQ(r.framing, rows[i].framing);
        EXPECT_EQ(r.is_keep_alive, rows[i].is_keep_alive);
        EXPECT_EQ(head_bytes, strlen(rows[i].head));
    }
}

static const struct {
    const char *rule, *head;
    bool is_accepted;
} status_lines[] = {
    {"a reason", OK "\r\n", true},
    {"no reason", "HTTP/1.1 200 \r\n\r\n", true},
    {"no space either", "HTTP/1.1 200\r\n\r\n", true},
    {"a reason beyond ASCII", "HTTP/1.1 200 gr\xc3\xbc\xc3\x9f\r\n\r\n", true},
    {"1.0", "HTTP/1.0 200 OK\r\n\r\n", true},
    {"1.2 counts as 1.1", "HTTP/1.2 200 OK\r\n\r\n", true},
    {"2", "HTTP/2 200 OK\r\n\r\n", false},
    {"2.0", "HTTP/2.0 200 OK\r\n\r\n", false},
    {"lower case", "http/1.1 200 OK\r\n\r\n", false},
    {"another protocol", "ICY 200 OK\r\n\r\n", false},
    {"two digits", "HTTP/1.1 20 OK\r\n\r\n", false},
    {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", false},
    {"below 100", "HTTP/1.1 099 OK\r\n\r\n", false},
    {"above 599", "HTTP/1.1 600 OK\r\n\r\n", false},
    {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", false},
    {"control in the reason", "HTTP/1.1 200 O\x01K\r\n\r\n", false},
    {"bare LF", "HTTP/1.1 200 OK\n\r\n", false},
    {"an empty line before", "\r\n" OK "\r\n", false},
    {"both framings", OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", false},
    {"both framings in a 304", "HTTP/1.1 304 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
     false},
    {"two lengths", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", false},
    {"a list of lengths", OK "Content-Length: 5, 5\r\n\r\n", false},
    {"no number", OK "Content-Length: five\r\n\r\n", false},
    {"gzip under chunked", OK "Transfer-Encoding: gzip, chunked\r\n\r\n", false},
    {"identity", OK "Transfer-Encoding: identity\r\n\r\n", false},
    {"chunked in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false},
    {"an interim reply with a length", "HTTP/1.1 103 x\r\nContent-Length: 5\r\n\r\n", false},
    {"an interim reply with chunks", "HTTP/1.1 100 x\r\nTransfer-Encoding: chunked\r\n\r\n", false},
    {"obs-fold", OK "X: a\r\n b\r\n\r\n", false},
    {"a blank before a colon", OK "X : a\r\n\r\n", false},
    {"several hosts mean nothing here", OK "Host: a\r\nHost: b\r\n\r\n", true},
};

TEST(response, is_strict_but_for_the_reason_and_the_same_at_every_cut)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof *status_lines; i++) {
        struct str all = str_from_cstr(status_lines[i].head);
        enum http_parse got = PARSE_MORE, want = status_lines[i].is_accepted ? PARSE_DONE : PARSE_BAD;
        for (size_t len = 0; len <= all.len && got == PARSE_MORE; len++) {
            struct http_response r = {.headers.at = places};
            char *copy = malloc(len + 1);
            memcpy(copy, all.at, len);
            got = http_parse_response(&r, str_of(copy, len), &head_bytes, &err);
            free(copy);
        }
        EXPECT_THAT(got == want, "%s: got %d", status_lines[i].rule, got);
        struct http_response r;
        EXPECT_THAT(parse(&r, status_lines[i].head) == want, "%s, whole", status_lines[i].rule);
    }
}

TEST(response, has_a_ceiling_for_its_head)
{
    static char room[2 * HTTP_MAX_HEAD_BYTES];
    memset(room, 'a', sizeof room);
    memcpy(room, OK "X: ", sizeof OK + 2);
    struct http_response r = {.headers.at = places};
    EXPECT_EQ(http_parse_response(&r, str_of(room, HTTP_MAX_HEAD_BYTES - 1), &head_bytes, &err), PARSE_MORE);
    EXPECT_EQ(http_parse_response(&r, str_of(room, HTTP_MAX_HEAD_BYTES), &head_bytes, &err), PARSE_BAD);
    EXPECT_EQ(err.code, ERR_TOO_LARGE);
}
