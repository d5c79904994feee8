/* tests/unit/http/test_chunked.c: the chunked coding, a row for each rule, whole and byte by byte. */
#include "test.h"

#include "http/chunked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 16 };

struct outcome {
    enum chunked end;
    enum err_code code;
    size_t rest; /* bytes after the message */
    char data[200];
    size_t data_len;
};

/* Feeds pieces of `step` bytes, each a copy of its own. */
static void run(struct outcome *o, struct str bytes, size_t step)
{
    struct chunked_reader r;
    struct err err = {0};
    struct str data;
    *o = (struct outcome){.end = CHUNKED_MORE};
    chunked_init(&r);
    for (size_t at = 0; at < bytes.len && o->end == CHUNKED_MORE; at += step) {
        struct str piece = str_part(bytes, at, step), in;
        char *copy = malloc(piece.len);
        memcpy(copy, piece.at, piece.len);
        in = str_of(copy, piece.len);
        while ((o->end = chunked_next(&r, &in, &data, &err)) == CHUNKED_DATA) {
            EXPECT_TRUE(data.len > 0 && o->data_len + data.len <= sizeof o->data);
            memcpy(o->data + o->data_len, data.at, data.len);
            o->data_len += data.len;
        }
        o->rest = bytes.len - at - piece.len + in.len;
        if (o->end == CHUNKED_MORE) EXPECT_EQ(in.len, 0);
        free(copy);
    }
    o->code = err.code;
}

static const struct {
    const char *rule;
    struct str bytes;
    enum chunked end;
    const char *data;
} rows[] = {
    {"two chunks", STR_INIT("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), CHUNKED_END, "hello world"},
    {"no chunk", STR_INIT("0\r\n\r\n"), CHUNKED_END, ""},
    {"upper and lower case", STR_INIT("A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n"), CHUNKED_END,
     "01234567890123456789a"},
    {"leading zeros", STR_INIT("0005\r\nhello\r\n000\r\n\r\n"), CHUNKED_END, "hello"},
    {"many leading zeros", STR_INIT("00000000000000000000001\r\na\r\n0\r\n\r\n"), CHUNKED_END, "a"},
    {"extensions", STR_INIT("1;a=b;c=\"d;\\\"e\"\r\nx\r\n0;last\r\n\r\n"), CHUNKED_END, "x"},
    {"trailers", STR_INIT("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n"), CHUNKED_END, "x"},
    {"a trailer that frames", STR_INIT("0\r\nContent-Length: 50\r\n\r\n"), CHUNKED_END, ""},
    {"data that looks like framing", STR_INIT("7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n"), CHUNKED_END,
     "0\r\n\r\n\r\n"},
    {"cut in the data", STR_INIT("5\r\nhel"), CHUNKED_MORE, "hel"},
    {"cut in the size", STR_INIT("5"), CHUNKED_MORE, ""},
    {"cut before the last LF", STR_INIT("0\r\n\r"), CHUNKED_MORE, ""},
    {"cut in a trailer", STR_INIT("0\r\nX: 1\r\n"), CHUNKED_MORE, ""},
    {"a size over 32 bits", STR_INIT("100000005\r\nhello"), CHUNKED_MORE, "hello"},
    {"2^63 - 1", STR_INIT("7fffffffffffffff\r\nhello"), CHUNKED_MORE, "hello"},
    {"2^63", STR_INIT("8000000000000000\r\n"), CHUNKED_BAD, ""},
    {"16 times f", STR_INIT("ffffffffffffffff\r\n"), CHUNKED_BAD, ""},
    {"2^64 + 5", STR_INIT("10000000000000005\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"no size", STR_INIT("\r\nhello"), CHUNKED_BAD, ""},
    {"no size but an extension", STR_INIT(";a\r\nhello"), CHUNKED_BAD, ""},
    {"0x", STR_INIT("0x5\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"plus", STR_INIT("+5\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"minus", STR_INIT("-5\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"underscore", STR_INIT("0_5\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"space before the size", STR_INIT(" 5\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"space after the size", STR_INIT("5 \r\nhello\r\n"), CHUNKED_BAD, ""},
    {"space before an extension", STR_INIT("5 ;a\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"LF ends the size", STR_INIT("5\nhello\r\n"), CHUNKED_BAD, ""},
    {"CR ends the size", STR_INIT("5\rhello\r\n"), CHUNKED_BAD, ""},
    {"LF ends an extension", STR_INIT("5;a\nhello\r\n"), CHUNKED_BAD, ""},
    {"CR in an extension", STR_INIT("5;a\rb\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"NUL in an extension", STR_INIT("5;\0a\r\nhello\r\n"), CHUNKED_BAD, ""},
    {"data too long", STR_INIT("5\r\nhello!\r\n0\r\n\r\n"), CHUNKED_BAD, "hello"},
    {"data too short", STR_INIT("6\r\nhello\r\n0\r\n\r\n"), CHUNKED_BAD, "hello\r"},
    {"LF after data", STR_INIT("5\r\nhello\n0\r\n\r\n"), CHUNKED_BAD, "hello"},
    {"nothing after data", STR_INIT("5\r\nhello0\r\n\r\n"), CHUNKED_BAD, "hello"},
    {"LF ends the message", STR_INIT("0\r\n\n"), CHUNKED_BAD, ""},
    {"CR without LF ends the message", STR_INIT("0\r\n\rx"), CHUNKED_BAD, ""},
    {"a trailer without colon", STR_INIT("0\r\nno\r\n\r\n"), CHUNKED_BAD, ""},
    {"a trailer with a blank in its name", STR_INIT("0\r\nno colon\r\n\r\n"), CHUNKED_BAD, ""},
    {"a trailer without name", STR_INIT("0\r\n: x\r\n\r\n"), CHUNKED_BAD, ""},
    {"a folded trailer", STR_INIT("0\r\nA: b\r\n c\r\n\r\n"), CHUNKED_BAD, ""},
    {"LF ends a trailer", STR_INIT("0\r\nA: b\n\r\n"), CHUNKED_BAD, ""},
    {"NUL in a trailer", STR_INIT("0\r\nA: \0\r\n\r\n"), CHUNKED_BAD, ""},
};

TEST(chunked, keeps_each_rule_in_pieces_of_any_size)
{
    struct outcome o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t step = 1; step <= rows[i].bytes.len; step++) {
            run(&o, rows[i].bytes, step);
            EXPECT_THAT(o.end == rows[i].end, "%s, pieces of %zu: got %d", rows[i].rule, step, o.end);
            EXPECT_STR_EQ(str_of(o.data, o.data_len), rows[i].data);
            if (o.end == CHUNKED_END) EXPECT_EQ(o.rest, 0);
        }
    }
}

TEST(chunked, leaves_what_follows_the_message)
{
    struct outcome o;
    run(&o, STR("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n"), ROOM);
    EXPECT_EQ(o.end, CHUNKED_END);
    EXPECT_EQ(o.rest, 16);
}

TEST(chunked, stays_ended_and_stays_bad)
{
    struct chunked_reader r;
    struct str in = STR("0\r\n\r\nmore"), data;
    struct err err;
    chunked_init(&r);
    EXPECT_EQ(chunked_next(&r, &in, &data, &err), CHUNKED_END);
    EXPECT_EQ(chunked_next(&r, &in, &data, &err), CHUNKED_END);
    EXPECT_STR_EQ(in, "more");
    chunked_init(&r);
    in = STR("0\r\nname\r\n\r\n");
    EXPECT_EQ(chunked_next(&r, &in, &data, &err), CHUNKED_BAD);
    EXPECT_EQ(chunked_next(&r, &in, &data, &err), CHUNKED_BAD);
    in = STR("");
    EXPECT_EQ(chunked_next(&r, &in, &data, &err), CHUNKED_BAD);
}

/* `before`, then `fill` times 'a', then "\r\n" and an end. */
static void run_filled(struct outcome *o, const char *before, size_t fill, size_t step)
{
    static char room[ROOM];
    size_t len = strlen(before);
    memcpy(room, before, len);
    memset(room + len, 'a', fill);
    memcpy(room + len + fill, "\r\n\r\n", 4);
    run(o, str_of(room, len + fill + 4), step);
}

TEST(chunked, has_ceilings_for_extensions_and_trailers)
{
    struct outcome o;
    for (size_t step = 1; step < ROOM; step *= 7) {
        run_filled(&o, "0;", HTTP_MAX_EXTENSION_BYTES - 1, step);
        EXPECT_EQ(o.end, CHUNKED_END);
        run_filled(&o, "0;", HTTP_MAX_EXTENSION_BYTES, step);
        EXPECT_EQ(o.end, CHUNKED_BAD);
        EXPECT_EQ(o.code, ERR_TOO_LARGE);
        run_filled(&o, "0\r\nB: b\r\nA:", HTTP_MAX_TRAILER_BYTES - 4, step);
        EXPECT_EQ(o.end, CHUNKED_END);
        run_filled(&o, "0\r\nB: b\r\nA:", HTTP_MAX_TRAILER_BYTES - 3, step);
        EXPECT_EQ(o.end, CHUNKED_BAD);
        EXPECT_EQ(o.code, ERR_TOO_LARGE);
    }
}

TEST(chunked, writes_sizes_that_it_reads)
{
    static const struct {
        size_t bytes;
        const char *text;
    } sizes[] = {{1, "1\r\n"}, {0x1a2b, "1a2b\r\n"}, {SIZE_MAX, "ffffffffffffffff\r\n"}};
    char at[CHUNKED_HEAD_BYTES];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        EXPECT_STR_EQ(str_of(at, (size_t)(chunked_write_size(at, sizes[i].bytes) - at)), sizes[i].text);
}
