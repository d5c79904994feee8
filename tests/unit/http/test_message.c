/* tests/unit/http/test_message.c: what the head parser takes and what it refuses, a row for each rule.
 * Every row is also parsed at each of its prefixes: MORE until the verdict is there, and then the same
 * verdict. */
#include "test.h"

#include "http/bytes.h"
#include "base/fmt.h"
#include "http/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\n" HOST
#define REPLY "HTTP/1.1 200 OK\r\n"

static struct http_header places[HTTP_MAX_HEADERS];
static struct err err;
static size_t head_bytes;
static int status;

/* Parses a copy of exactly these bytes; what is parsed points into the original. */
static enum http_parse parse_copy(struct http_request *out, struct str bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    *out = (struct http_request){.headers.at = places};
    enum http_parse r = http_parse_request(out, str_of(copy, bytes.len), &head_bytes, &status, &err);
    free(copy);
    return r;
}

static enum http_parse parse(struct http_request *out, const char *bytes)
{
    *out = (struct http_request){.headers.at = places};
    return http_parse_request(out, str_from_cstr(bytes), &head_bytes, &status, &err);
}

static void expect_request(const char *rule, struct str bytes, enum http_parse want, int want_status)
{
    struct http_request r;
    enum http_parse got = PARSE_MORE;
    for (size_t len = 0; len <= bytes.len && got == PARSE_MORE; len++) {
        status = 0;
        got = parse_copy(&r, str_of(bytes.at, len));
        if (got == PARSE_DONE) EXPECT_EQ(head_bytes, len);
    }
    EXPECT_THAT(got == want && status == want_status, "%s: got %d, status %d (byte by byte)", rule, got,
                status);
    status = 0;
    got = parse_copy(&r, bytes);
    EXPECT_THAT(got == want && status == want_status, "%s: got %d, status %d (%s)", rule, got, status,
                got == PARSE_BAD ? err.text : "no refusal");
}

struct row {
    const char *rule;
    struct str bytes;
    int status; /* 0: accepted */
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_request(rows[i].rule, rows[i].bytes, rows[i].status ? PARSE_BAD : PARSE_DONE, rows[i].status);
}
#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof *(rows))

TEST(message, reads_a_request)
{
    struct http_request r;
    EXPECT_EQ(
        parse(&r,
              "POST /v1/chat?x=1&y HTTP/1.1\r\nHost: h:80\r\nX-Y:  a b\t\r\nContent-Length: 12\r\n\r\nrest"),
        PARSE_DONE);
    EXPECT_EQ(head_bytes, 76);
    EXPECT_EQ(r.method, M_POST);
    EXPECT_STR_EQ(r.method_name, "POST");
    EXPECT_STR_EQ(r.target, "/v1/chat?x=1&y");
    EXPECT_STR_EQ(r.path, "/v1/chat");
    EXPECT_STR_EQ(r.query, "x=1&y");
    EXPECT_EQ(r.minor, 1);
    EXPECT_EQ(r.headers.count, 3);
    EXPECT_STR_EQ(r.headers.at[1].name, "X-Y");
    EXPECT_STR_EQ(r.headers.at[1].value, "a b");
    EXPECT_EQ(r.headers.at[1].id, H_OTHER);
    EXPECT_EQ(r.framing, FRAMING_LENGTH);
    EXPECT_EQ(r.content_length, 12);
    EXPECT_TRUE(r.is_keep_alive);
    EXPECT_FALSE(r.expects_continue);
}

TEST(message, knows_each_method_and_takes_any_token_for_one)
{
    static const char *const names[] = {"",       "GET",   "HEAD",    "POST",    "PUT",
                                        "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"};
    struct http_request r;
    char head[100];
    for (int method = M_GET; method <= M_TRACE; method++) {
        if (method == M_CONNECT) continue;
        snprintf(head, sizeof head, "%s / HTTP/1.1\r\n" HOST "\r\n", names[method]);
        EXPECT_EQ(parse(&r, head), PARSE_DONE);
        EXPECT_EQ(r.method, method);
    }
    EXPECT_EQ(parse(&r, "get / HTTP/1.1\r\n" HOST "\r\n"), PARSE_DONE);
    EXPECT_EQ(r.method, M_OTHER);
    EXPECT_EQ(parse(&r, "FROB-9 / HTTP/1.1\r\n" HOST "\r\n"), PARSE_DONE);
    EXPECT_STR_EQ(r.method_name, "FROB-9");
}

TEST(message, refuses_a_request_line_that_is_not_exact)
{
    static const struct row rows[] = {
        {"a token as method", STR_INIT("P(ST / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"no method", STR_INIT(" / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"method of 33 bytes", STR_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"method of 32 bytes", STR_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"no target", STR_INIT("GET  HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"two spaces before the target", STR_INIT("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"two spaces after the target", STR_INIT("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"a space after the version", STR_INIT("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400},
        {"a space in the target", STR_INIT("GET /a b HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"tabs between", STR_INIT("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"bare LF", STR_INIT("GET / HTTP/1.1\n" HOST "\r\n"), 400},
        {"bare CR", STR_INIT("GET / HTTP/1.1\r" HOST "\r\n"), 400},
        {"CR CR LF", STR_INIT("GET / HTTP/1.1\r\r\n" HOST "\r\n"), 400},
        {"NUL in the method", STR_INIT("G\0T / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"NUL in the target", STR_INIT("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"HTTP/0.9", STR_INIT("GET /\r\n"), 400},
        {"no version", STR_INIT("GET / \r\n" HOST "\r\n"), 400},
        {"TLS instead", STR_INIT("\x16\x03\x01\x02\x00\x01\x00"), 400},
        {"PROXY protocol", STR_INIT("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), 400},
        {"one empty line before", STR_INIT("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"two empty lines before", STR_INIT("\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"three empty lines before", STR_INIT("\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"an empty line of LF before", STR_INIT("\nGET / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"CR alone before", STR_INIT("\rGET / HTTP/1.1\r\n" HOST "\r\n"), 400},
    };
    EXPECT_ROWS(rows);
}

TEST(message, takes_version_1_x_and_answers_505_to_other_majors)
{
    static const struct row rows[] = {
        {"1.0 without Host", STR_INIT("GET / HTTP/1.0\r\n\r\n"), 0},
        {"1.1", STR_INIT("GET / HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"1.2 counts as 1.1", STR_INIT("GET / HTTP/1.2\r\n" HOST "\r\n"), 0},
        {"1.2 needs a Host as 1.1 does", STR_INIT("GET / HTTP/1.2\r\n\r\n"), 400},
        {"2.0", STR_INIT("GET / HTTP/2.0\r\n" HOST "\r\n"), 505},
        {"HTTP/2 preface", STR_INIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
        {"0.9", STR_INIT("GET / HTTP/0.9\r\n" HOST "\r\n"), 505},
        {"9.9", STR_INIT("GET / HTTP/9.9\r\n" HOST "\r\n"), 505},
        {"1.10", STR_INIT("GET / HTTP/1.10\r\n" HOST "\r\n"), 400},
        {"01.1", STR_INIT("GET / HTTP/01.1\r\n" HOST "\r\n"), 400},
        {"no minor", STR_INIT("GET / HTTP/1\r\n" HOST "\r\n"), 400},
        {"lower case", STR_INIT("GET / http/1.1\r\n" HOST "\r\n"), 400},
        {"blank inside", STR_INIT("GET / HTTP/ 1.1\r\n" HOST "\r\n"), 400},
        {"comma", STR_INIT("GET / HTTP/1,1\r\n" HOST "\r\n"), 400},
        {"another protocol", STR_INIT("GET / RTSP/1.0\r\n" HOST "\r\n"), 400},
        {"a version without end", STR_INIT("GET / HTTP/1.1aaaaaaaaaaaaaaaaaaa"), 400},
    };
    EXPECT_ROWS(rows);
    struct http_request r;
    EXPECT_EQ(parse(&r, "GET / HTTP/1.9\r\n" HOST "\r\n"), PARSE_DONE);
    EXPECT_EQ(r.minor, 1);
    EXPECT_EQ(parse(&r, "GET / HTTP/1.0\r\n\r\n"), PARSE_DONE);
    EXPECT_EQ(r.minor, 0);
}

TEST(message, takes_the_four_forms_of_a_target_each_where_it_belongs)
{
    static const struct row rows[] = {
        {"origin", STR_INIT("GET /a?b HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"absolute", STR_INIT("GET http://a/x HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"absolute, https, upper case", STR_INIT("GET HTTPS://a/x HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"absolute without a path", STR_INIT("GET http://a?q HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"absolute without a host", STR_INIT("GET http:///x HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"absolute with a user", STR_INIT("GET http://u:p@a/ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"absolute with a bad port", STR_INIT("GET http://a:8x/ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"absolute needs Host too", STR_INIT("GET http://a/ HTTP/1.1\r\n\r\n"), 400},
        {"another scheme", STR_INIT("GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"asterisk for OPTIONS", STR_INIT("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"asterisk for others", STR_INIT("GET * HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"asterisk and more", STR_INIT("OPTIONS *a HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"CONNECT", STR_INIT("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 501},
        {"CONNECT without a port", STR_INIT("CONNECT a HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"CONNECT to a path", STR_INIT("CONNECT / HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"authority for others", STR_INIT("GET a:443 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"no slash", STR_INIT("GET index HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"every byte of a URI", STR_INIT("GET /-._~!$&'()*+,;=:@%20[]?/? HTTP/1.1\r\n" HOST "\r\n"), 0},
        {"fragment", STR_INIT("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"backslash", STR_INIT("GET /a\\b HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"quote", STR_INIT("GET /\"a\" HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"angle", STR_INIT("GET /<a> HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"caret", STR_INIT("GET /^ HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"backquote", STR_INIT("GET /` HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"brace", STR_INIT("GET /?a={} HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"bar", STR_INIT("GET /?a=| HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"not ASCII", STR_INIT("GET /caf\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"DEL", STR_INIT("GET /\x7f HTTP/1.1\r\n" HOST "\r\n"), 400},
        {"control", STR_INIT("GET /\x01 HTTP/1.1\r\n" HOST "\r\n"), 400},
    };
    EXPECT_ROWS(rows);
}

TEST(message, splits_path_and_query)
{
    static const struct {
        const char *target, *path, *query;
        bool has_query;
    } rows[] = {
        {"/", "/", "", false},
        {"/a/b", "/a/b", "", false},
        {"/a?", "/a", "", true},
        {"/a?b?c", "/a", "b?c", true},
        {"http://h", "/", "", false},
        {"http://h/x", "/x", "", false},
        {"http://h?q=1", "/", "q=1", true},
        {"http://h:1/x?y", "/x", "y", true},
        {"//e/x", "//e/x", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_request r;
        char head[100];
        snprintf(head, sizeof head, "GET %s HTTP/1.1\r\n" HOST "\r\n", rows[i].target);
        EXPECT_EQ(parse(&r, head), PARSE_DONE);
        EXPECT_STR_EQ(r.target, rows[i].target);
        EXPECT_STR_EQ(r.path, rows[i].path);
        EXPECT_STR_EQ(r.query, rows[i].query);
        EXPECT_EQ(r.query.at != NULL, rows[i].has_query);
    }
}

TEST(message, lets_the_authority_of_an_absolute_target_stand_for_the_host_header)
{
    struct http_request r;
    EXPECT_EQ(parse(&r, "GET http://b:81/x HTTP/1.1\r\nA: 1\r\nHost: a\r\n\r\n"), PARSE_DONE);
    EXPECT_STR_EQ(http_headers_value(&r.headers, H_HOST), "b:81");
}

TEST(message, wants_one_valid_host)
{
    static const struct row rows[] = {
        {"none", STR_INIT("GET / HTTP/1.1\r\n\r\n"), 400},
        {"two", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400},
        {"two that agree", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), 400},
        {"two in 1.0", STR_INIT("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400},
        {"empty", STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400},
        {"a user", STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400},
        {"a path", STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400},
        {"a list", STR_INIT("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400},
        {"a blank", STR_INIT("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 400},
        {"letters in the port", STR_INIT("GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n"), 400},
        {"an escape that is none", STR_INIT("GET / HTTP/1.1\r\nHost: a%2\r\n\r\n"), 400},
        {"IPv6 without end", STR_INIT("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"), 400},
        {"IPv6 that is none", STR_INIT("GET / HTTP/1.1\r\nHost: [1:2]\r\n\r\n"), 400},
        {"not ASCII", STR_INIT("GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n"), 400},
        {"a port", STR_INIT("GET / HTTP/1.1\r\nHost: a:8080\r\n\r\n"), 0},
        {"an empty port", STR_INIT("GET / HTTP/1.1\r\nHost: a:\r\n\r\n"), 0},
        {"IPv6", STR_INIT("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), 0},
        {"every byte of a name", STR_INIT("GET / HTTP/1.1\r\nHost: a-._~!$&'()*+,;=%20\r\n\r\n"), 0},
    };
    EXPECT_ROWS(rows);
}

TEST(message, refuses_header_lines_that_could_be_read_in_two_ways)
{
    static const struct row rows[] = {
        {"obs-fold", STR_INIT(POST "X: a\r\n b\r\n\r\n"), 400},
        {"obs-fold with a tab", STR_INIT(POST "X: a\r\n\tb\r\n\r\n"), 400},
        {"a blank before the first header", STR_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400},
        {"a space before the colon", STR_INIT(POST "X : a\r\n\r\n"), 400},
        {"a tab before the colon", STR_INIT(POST "X\t: a\r\n\r\n"), 400},
        {"an empty name", STR_INIT(POST ": a\r\n\r\n"), 400},
        {"no colon", STR_INIT(POST "X\r\n\r\n"), 400},
        {"no colon, but one in the next line", STR_INIT(POST "Content-Length\r\nX: a\r\n\r\n"), 400},
        {"CR for a dash in a known name", STR_INIT(POST "Content\rLength: 3\r\n\r\nabcdefghijklmnopqrst"),
         400},
        {"LF for a dash in a known name", STR_INIT(POST "Content\nLength: 3\r\n\r\nabcdefghijklmnopqrst"),
         400},
        {"not a token", STR_INIT(POST "X(: a\r\n\r\n"), 400},
        {"quotes around a name", STR_INIT(POST "\"X\": a\r\n\r\n"), 400},
        {"name not ASCII", STR_INIT(POST "X\xc3\xa9: a\r\n\r\n"), 400},
        {"NUL in a name", STR_INIT(POST "X\0: a\r\n\r\n"), 400},
        {"NUL in a value", STR_INIT(POST "X: a\0b\r\n\r\n"), 400},
        {"control in a value", STR_INIT(POST "X: a\x01\r\n\r\n"), 400},
        {"DEL in a value", STR_INIT(POST "X: a\x7f\r\n\r\n"), 400},
        {"CR in a value", STR_INIT(POST "X: a\rb\r\n\r\n"), 400},
        {"LF ends a line", STR_INIT(POST "X: a\nY: b\r\n\r\n"), 400},
        {"LF ends the head", STR_INIT(POST "X: a\r\n\n"), 400},
        {"CR without LF at the end", STR_INIT(POST "X: a\r\n\rx"), 400},
        {"every byte of a name", STR_INIT(POST "!#$%&'*+-.^_`|~09azAZ: 1\r\n\r\n"), 0},
        {"empty values", STR_INIT(POST "X:\r\nY: \t \r\n\r\n"), 0},
        {"obs-text and tabs", STR_INIT(POST "X: caf\xc3\xa9\tx\xff\r\n\r\n"), 0},
        {"an underscore is no dash", STR_INIT(POST "Content_Length: 5\r\nTransfer_Encoding: x\r\n\r\n"), 0},
    };
    EXPECT_ROWS(rows);
}

TEST(message, refuses_framing_that_could_be_read_in_two_ways)
{
    static const struct row rows[] = {
        {"both", STR_INIT(POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
        {"both, the other way round",
         STR_INIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"), 400},
        {"both, a coding we do not know", STR_INIT(POST "Transfer-Encoding: a\r\nContent-Length: 5\r\n\r\n"),
         400},
        {"two lengths", STR_INIT(POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"), 400},
        {"two lengths that agree", STR_INIT(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"), 400},
        {"a list of lengths", STR_INIT(POST "Content-Length: 5, 5\r\n\r\n"), 400},
        {"no length", STR_INIT(POST "Content-Length:\r\n\r\n"), 400},
        {"plus", STR_INIT(POST "Content-Length: +5\r\n\r\n"), 400},
        {"minus", STR_INIT(POST "Content-Length: -5\r\n\r\n"), 400},
        {"hex", STR_INIT(POST "Content-Length: 0x5\r\n\r\n"), 400},
        {"a blank inside", STR_INIT(POST "Content-Length: 5 0\r\n\r\n"), 400},
        {"2^63", STR_INIT(POST "Content-Length: 9223372036854775808\r\n\r\n"), 400},
        {"2^64", STR_INIT(POST "Content-Length: 18446744073709551616\r\n\r\n"), 400},
        {"2^63 - 1", STR_INIT(POST "Content-Length: 9223372036854775807\r\n\r\n"), 0},
        {"leading zeros", STR_INIT(POST "Content-Length: 0005\r\n\r\n"), 0},
        {"chunked in any case", STR_INIT(POST "transfer-ENCODING: cHuNkEd\r\n\r\n"), 0},
        {"no coding", STR_INIT(POST "Transfer-Encoding:\r\n\r\n"), 400},
        {"identity", STR_INIT(POST "Transfer-Encoding: identity\r\n\r\n"), 400},
        {"xchunked", STR_INIT(POST "Transfer-Encoding: xchunked\r\n\r\n"), 400},
        {"quoted", STR_INIT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400},
        {"with a parameter", STR_INIT(POST "Transfer-Encoding: chunked;q=1\r\n\r\n"), 400},
        {"chunked twice", STR_INIT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 400},
        {"chunked twice, two lines",
         STR_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
        {"chunked not last", STR_INIT(POST "Transfer-Encoding: chunked, gzip\r\n\r\n"), 400},
        {"an empty member", STR_INIT(POST "Transfer-Encoding: , chunked\r\n\r\n"), 400},
        {"a comma after", STR_INIT(POST "Transfer-Encoding: chunked,\r\n\r\n"), 400},
        {"a coding we do not do", STR_INIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501},
        {"the same in two lines",
         STR_INIT(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"), 501},
        {"HTTP/1.0 has no chunked", STR_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400},
    };
    EXPECT_ROWS(rows);
}

TEST(message, tells_framing_and_the_life_of_the_connection)
{
    static const struct {
        const char *head;
        enum http_framing framing;
        int64_t length;
        bool is_keep_alive, expects_continue;
    } rows[] = {
        {POST "\r\n", FRAMING_NONE, 0, true, false},
        {POST "Content-Length: 0\r\n\r\n", FRAMING_LENGTH, 0, true, false},
        {POST "Transfer-Encoding: chunked\r\n\r\n", FRAMING_CHUNKED, 0, true, false},
        {POST "Connection: close\r\n\r\n", FRAMING_NONE, 0, false, false},
        {POST "connection: Keep-Alive, CLOSE\r\n\r\n", FRAMING_NONE, 0, false, false},
        {POST "Connection: keep-alive\r\nConnection: close\r\n\r\n", FRAMING_NONE, 0, false, false},
        {POST "Connection: upgrade\r\nUpgrade: x\r\n\r\n", FRAMING_NONE, 0, true, false},
        {POST "Connection: closed\r\n\r\n", FRAMING_NONE, 0, true, false},
        {POST "Expect: 100-Continue\r\n\r\n", FRAMING_NONE, 0, true, true},
        {POST "Expect: 200-ok\r\n\r\n", FRAMING_NONE, 0, true, false},
        {"GET / HTTP/1.0\r\n\r\n", FRAMING_NONE, 0, false, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", FRAMING_NONE, 0, true, false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", FRAMING_NONE, 0, false, false},
        {"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", FRAMING_NONE, 0, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_request r;
        EXPECT_EQ(parse(&r, rows[i].head), PARSE_DONE);
        EXPECT_EQ(r.framing, rows[i].framing);
        EXPECT_EQ(r.content_length, rows[i].length);
        EXPECT_EQ(r.is_keep_alive, rows[i].is_keep_alive);
        EXPECT_EQ(r.expects_continue, rows[i].expects_continue);
    }
}

/* "GET /aaa… HTTP/1.1", Host, "X: bbb…", `headers` times "Y: c". */
static struct str make_head(char *at, size_t target_bytes, size_t value_bytes, int headers)
{
    char *to = at;
    to = fmt_str(to, STR("GET /"));
    memset(to, 'a', target_bytes - 1);
    to += target_bytes - 1;
    to = fmt_str(to, STR(" HTTP/1.1\r\n" HOST "X: "));
    memset(to, 'b', value_bytes);
    to += value_bytes;
    for (int i = 0; i < headers; i++) to = fmt_str(to, STR("\r\nY: c"));
    to = fmt_str(to, STR("\r\n\r\n"));
    return str_of(at, (size_t)(to - at));
}

TEST(message, has_ceilings_for_target_headers_and_head)
{
    static char room[2 * HTTP_MAX_HEAD_BYTES];
    struct http_request r;
    size_t rest = make_head(room, 1, 0, 0).len;
    EXPECT_EQ(parse_copy(&r, make_head(room, HTTP_MAX_TARGET_BYTES, 0, 0)), PARSE_DONE);
    EXPECT_EQ(parse_copy(&r, make_head(room, HTTP_MAX_TARGET_BYTES + 1, 0, 0)), PARSE_BAD);
    EXPECT_EQ(status, 414);
    EXPECT_EQ(err.code, ERR_TOO_LARGE);
    EXPECT_EQ(parse_copy(&r, make_head(room, 1, 0, HTTP_MAX_HEADERS - 2)), PARSE_DONE);
    EXPECT_EQ(r.headers.count, HTTP_MAX_HEADERS);
    EXPECT_EQ(parse_copy(&r, make_head(room, 1, 0, HTTP_MAX_HEADERS - 1)), PARSE_BAD);
    EXPECT_EQ(status, 431);
    EXPECT_EQ(parse_copy(&r, make_head(room, 1, HTTP_MAX_HEAD_BYTES - rest, 0)), PARSE_DONE);
    EXPECT_EQ(head_bytes, HTTP_MAX_HEAD_BYTES);
    EXPECT_EQ(parse_copy(&r, make_head(room, 1, HTTP_MAX_HEAD_BYTES - rest + 1, 0)), PARSE_BAD);
    EXPECT_EQ(status, 431);
    struct str large = make_head(room, 1, HTTP_MAX_HEAD_BYTES, 0);
    EXPECT_EQ(parse_copy(&r, str_part(large, 0, HTTP_MAX_HEAD_BYTES - 1)), PARSE_MORE);
    EXPECT_EQ(parse_copy(&r, str_part(large, 0, HTTP_MAX_HEAD_BYTES)), PARSE_BAD);
}

TEST(message, says_more_without_a_verdict_too_early)
{
    static const char *const heads[] = {"",
                                        "\r",
                                        "\r\n",
                                        "\r\n\r\n",
                                        "G",
                                        "GET",
                                        "GET ",
                                        "GET /",
                                        "GET / ",
                                        "GET / H",
                                        "GET / X",
                                        "GET / HTTP/5.6",
                                        "GET / HTTP/1.1\r",
                                        "GET / HTTP/1.1\r\n\r",
                                        "GET / HTTP/1.1\r\nHost: a\r\nX: unfinish",
                                        "Hot diggity dogg"};
    struct http_request r;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) EXPECT_EQ(parse(&r, heads[i]), PARSE_MORE);
}

TEST(message, never_quotes_a_value_in_a_refusal)
{
    struct http_request r;
    EXPECT_EQ(parse(&r, "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\x01\r\n\r\n"), PARSE_BAD);
    EXPECT_STR_EQ(err.text, "a control character in a header's value");
    EXPECT_EQ(err.code, ERR_INVALID);
}

TEST(message, reads_pipelined_heads_one_after_the_other)
{
    const char *bytes = "GET /1 HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n";
    struct http_request r;
    EXPECT_EQ(parse(&r, bytes), PARSE_DONE);
    EXPECT_STR_EQ(r.path, "/1");
    EXPECT_EQ(parse(&r, bytes + head_bytes), PARSE_DONE);
    EXPECT_STR_EQ(r.path, "/2");
}

/* Each header is looked up in Connection's lists, so 30 KB of them would cost 8 ms. */
TEST(message, has_a_ceiling_for_what_connection_names)
{
    static char text[2048];
    struct http_request r;
    char *at = fmt_str(text, STR("GET / HTTP/1.1\r\n" HOST));
    for (int i = 0; i < 2; i++) {
        at = fmt_str(at, STR("Connection: "));
        for (int k = 0; k < 256; k++) at = fmt_str(at, STR("a,"));
        at = fmt_str(at, STR("\r\n"));
    }
    char *end = fmt_str(at, STR("\r\n"));
    EXPECT_EQ(parse_copy(&r, str_of(text, (size_t)(end - text))), PARSE_DONE);
    end = fmt_str(fmt_str(at, STR("Connection: a\r\n")), STR("\r\n"));
    EXPECT_EQ(parse_copy(&r, str_of(text, (size_t)(end - text))), PARSE_BAD);
    EXPECT_EQ(status, 431);
}
