/* tests/unit/http/test_sse.c: event streams, each whole, cut at every byte and byte by byte: the same
 * events each time, and the raw pieces are the stream. First our own rows, then the streams of
 * ../shared/corpora/sse with the events that the standard's algorithm (and Chromium's EventSource) makes of
 * them. */
#include "test.h"

#include "http/lines.h"
#include "http/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EVENT_BYTES = 2 << 20, MAX_TEXT_BYTES = 8 << 20, MAX_CUTS = 300, LARGE_CUTS = 20 };

/* What a stream says, as text: "event=message\ndata=x\nlastEventId=\n"… "retry=\nfinalLastEventId=\n". */
static struct buf got_text, want_text, raw_bytes;

static void say(struct buf *to, const char *key, struct str value)
{
    bool ok = buf_append(to, str_from_cstr(key)) && buf_append_char(to, '=') && buf_append(to, value) &&
              buf_append_char(to, '\n');
    EXPECT_TRUE(ok);
}

/* How many bytes at s.at are one UTF-8 character; 0: none, and *bad says how many one U+FFFD stands for. */
static size_t utf8_len(struct str s, size_t *bad)
{
    const uint8_t *p = (const uint8_t *)s.at;
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : 4;
    *bad = 1;
    if ((len == 4 && (p[0] < 0xf0 || p[0] > 0xf4)) || (p[0] >= 0x80 && p[0] < 0xc2)) return 0;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < len; i++, low = 0x80, high = 0xbf) {
        *bad = i;
        if (i >= s.len || p[i] < low || p[i] > high) return 0;
    }
    return len;
}

/* As a browser decodes: what is not UTF-8 becomes U+FFFD. */
static void say_decoded(struct buf *to, const char *key, struct str value)
{
    static struct buf decoded;
    size_t bad;
    buf_init(&decoded, MAX_TEXT_BYTES);
    bool ok = true;
    for (size_t i = 0, len; i < value.len && ok; i += len) {
        len = utf8_len(str_from(value, i), &bad);
        ok = len ? buf_append(&decoded, str_part(value, i, len)) : buf_append(&decoded, STR("\xef\xbf\xbd"));
        if (!len) len = bad;
    }
    EXPECT_TRUE(ok);
    say(to, key, buf_str(&decoded));
    buf_done(&decoded);
}

struct listener {
    char id[300], retry[24];
    size_t id_len;
};

static void hear(struct listener *l, const struct sse_event *e)
{
    if (e->id.at && e->id.len < sizeof l->id) {
        memcpy(l->id, e->id.at, e->id.len);
        l->id_len = e->id.len;
    }
    if (e->retry_ms >= 0) snprintf(l->retry, sizeof l->retry, "%lld", (long long)e->retry_ms);
    EXPECT_TRUE(e->raw.len > 0 && buf_append(&raw_bytes, e->raw));
    if (!e->is_dispatched) return;
    say_decoded(&got_text, "event", e->name.len ? e->name : STR("message"));
    say_decoded(&got_text, "data", e->data);
    say_decoded(&got_text, "lastEventId", str_of(l->id, l->id_len));
}

/* Cut at `cut`, then every `step` bytes (0: not). Each chunk is freed as soon as the reader asks for more. */
static void read_stream(struct str all, size_t cut, size_t step)
{
    struct sse_reader r;
    struct listener l = {.id_len = 0};
    struct sse_event e;
    struct err err;
    buf_clear(&got_text);
    buf_clear(&raw_bytes);
    sse_init(&r, MAX_EVENT_BYTES);
    for (size_t at = 0, len = cut; at < all.len; at += len, len = step ? step : all.len) {
        struct str part = str_part(all, at, len);
        char *copy = malloc(part.len + 1);
        memcpy(copy, part.at, part.len);
        sse_feed(&r, str_of(realloc(copy, part.len ? part.len : 1), part.len));
        struct str chunk = r._chunk;
        enum sse s;
        while ((s = sse_next(&r, &e, &err)) == SSE_EVENT) hear(&l, &e);
        EXPECT_EQ(s, SSE_MORE);
        free((void *)(uintptr_t)chunk.at);
    }
    EXPECT_TRUE(buf_append(&raw_bytes, sse_rest(&r)));
    EXPECT_STR_EQ(buf_str(&raw_bytes), all);
    say(&got_text, "retry", str_from_cstr(l.retry[0] ? l.retry : "null"));
    say_decoded(&got_text, "finalLastEventId", str_of(l.id, l.id_len));
    sse_done(&r);
}

static void init_texts(void)
{
    buf_init(&got_text, MAX_TEXT_BYTES);
    buf_init(&want_text, MAX_TEXT_BYTES);
    buf_init(&raw_bytes, MAX_TEXT_BYTES);
}

static void free_texts(void)
{
    buf_done(&got_text);
    buf_done(&want_text);
    buf_done(&raw_bytes);
}

static bool is_as_wanted(void)
{
    return str_equals(buf_str(&got_text), buf_str(&want_text));
}

static void expect_stream(const char *name, struct str all)
{
    read_stream(all, all.len, 0);
    EXPECT_STR_EQ(buf_str(&got_text), buf_str(&want_text));
    size_t stride = all.len / test_count(all.len > 1 << 16 ? LARGE_CUTS : MAX_CUTS) + 1;
    for (size_t cut = 1; cut < all.len; cut += stride) {
        read_stream(all, cut, 0);
        EXPECT_THAT(is_as_wanted(), "%s, cut at %zu", name, cut);
    }
    for (size_t step = 1; step <= 3; step++) {
        read_stream(all, 1, stride * step);
        EXPECT_THAT(is_as_wanted(), "%s, in pieces of %zu", name, stride * step);
    }
}

#define EVENT(name, data, id) "event=" name "\ndata=" data "\nlastEventId=" id "\n"
#define MESSAGE(data) EVENT("message", data, "")
#define END "retry=null\nfinalLastEventId=\n"

static const struct {
    const char *rule;
    struct str stream;
    const char *want;
} rows[] = {
    {"LF", STR_INIT("data: a\n\ndata: b\n\n"), MESSAGE("a") MESSAGE("b") END},
    {"CRLF", STR_INIT("data: a\r\n\r\ndata: b\r\n\r\n"), MESSAGE("a") MESSAGE("b") END},
    {"CR", STR_INIT("data: a\r\rdata: b\r\r"), MESSAGE("a") MESSAGE("b") END},
    {"all three", STR_INIT("data: a\rdata: b\ndata: c\r\n\n"), MESSAGE("a\nb\nc") END},
    {"CR LF LF is two line ends", STR_INIT("data: a\r\n\ndata: b\n\n"), MESSAGE("a") MESSAGE("b") END},
    {"LF CR is two line ends", STR_INIT("data: a\n\rdata: b\n\r"), MESSAGE("a") MESSAGE("b") END},
    {"blank lines alone", STR_INIT("\n\r\n\r\r\n\n"), END},
    {"several data lines", STR_INIT("data: a\ndata\ndata:\ndata: b\n\n"), MESSAGE("a\n\n\nb") END},
    {"an empty first data line", STR_INIT("data\ndata: b\n\n"), MESSAGE("\nb") END},
    {"one empty data line", STR_INIT("data\n\n"), MESSAGE("") END},
    {"no data, no event", STR_INIT("event: x\nid: 7\n\n"), "retry=null\nfinalLastEventId=7\n"},
    {"a name", STR_INIT("event: x\ndata: a\n\ndata: b\n\n"), EVENT("x", "a", "") MESSAGE("b") END},
    {"the last name counts", STR_INIT("event: x\nevent\ndata: a\n\n"), MESSAGE("a") END},
    {"one space goes", STR_INIT("data:  a \n\n"), MESSAGE(" a ") END},
    {"no space, a tab", STR_INIT("data:\ta\n\n"), MESSAGE("\ta") END},
    {"colons in the value", STR_INIT("data: a: b:c\n\n"), MESSAGE("a: b:c") END},
    {"comments", STR_INIT(": hello\n:\ndata: a\n:data: b\n\n"), MESSAGE("a") END},
    {"a comment alone", STR_INIT(": hello\n\n"), END},
    {"unknown fields", STR_INIT("Data: a\ndatax: a\n data: a\ndat: a\ndata : a\nx\ndata: b\n\n"),
     MESSAGE("b") END},
    {"an id stays", STR_INIT("id: 1\ndata: a\n\ndata: b\n\n"),
     EVENT("message", "a", "1") EVENT("message", "b", "1") "retry=null\nfinalLastEventId=1\n"},
    {"an id with NUL counts as none", STR_INIT("id: \0\ndata: a\n\n"), MESSAGE("a") END},
    {"retry", STR_INIT("retry: 10\n\n"), "retry=10\nfinalLastEventId=\n"},
    {"retry of no digits", STR_INIT("retry: 1x\nretry:\nretry: -1\nretry:  1\n\n"), END},
    {"a byte order mark",
     STR_INIT("\xef\xbb\xbf"
              "data: a\n\n"),
     MESSAGE("a") END},
    {"a byte order mark and blank lines", STR_INIT("\xef\xbb\xbf\n\ndata: a\n\n"), MESSAGE("a") END},
    {"a second byte order mark",
     STR_INIT("\xef\xbb\xbf\xef\xbb\xbf"
              "data: a\n\ndata: b\n\n"),
     MESSAGE("b") END},
    {"half a byte order mark",
     STR_INIT("\xef\xbb"
              "data: a\n\ndata: b\n\n"),
     MESSAGE("b") END},
    {"an event without end", STR_INIT("data: a\n\ndata: b\n"), MESSAGE("a") END},
    {"a line without end", STR_INIT("data: a\n\ndata: b"), MESSAGE("a") END},
    {"other line ends of Unicode are none",
     STR_INIT("data: a\v\f\xe2\x80\xa8"
              "b\n\n"),
     MESSAGE("a\v\f\xe2\x80\xa8"
             "b") END},
    {"nothing", STR_INIT(""), END},
};

TEST(sse, reads_each_rule_the_same_at_every_cut)
{
    init_texts();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_clear(&want_text);
        EXPECT_TRUE(buf_append(&want_text, str_from_cstr(rows[i].want)));
        expect_stream(rows[i].rule, rows[i].stream);
    }
    free_texts();
}

TEST(sse, dispatches_at_a_final_cr_and_passes_a_late_lf_on_alone)
{
    struct sse_reader r;
    struct sse_event e;
    struct err err;
    sse_init(&r, 1000);
    sse_feed(&r, STR("data: a\r\n\r"));
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_EVENT);
    EXPECT_STR_EQ(e.data, "a");
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_MORE);
    sse_feed(&r, STR("\ndata: b\n\n"));
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_EVENT);
    EXPECT_FALSE(e.is_dispatched);
    EXPECT_STR_EQ(e.raw, "\n");
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_EVENT);
    EXPECT_STR_EQ(e.raw, "data: b\n\n");
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_MORE);
    sse_done(&r);
}

TEST(sse, copies_nothing_of_an_event_that_lies_within_a_chunk)
{
    struct str chunk = STR("data: a\n\nevent: x\nid: 1\ndata: b\n\n");
    struct sse_reader r;
    struct sse_event e;
    struct err err;
    sse_init(&r, 1000);
    sse_feed(&r, chunk);
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_EVENT);
    EXPECT_TRUE(e.raw.at == chunk.at && e.raw.len == 9 && e.data.at == chunk.at + 6);
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_EVENT);
    EXPECT_TRUE(e.raw.at == chunk.at + 9 && e.name.at == chunk.at + 16 && e.id.at == chunk.at + 22);
    EXPECT_EQ(sse_next(&r, &e, &err), SSE_MORE);
    EXPECT_NULL(r._held.at);
    EXPECT_NULL(r._joined.at);
    sse_done(&r);
}

TEST(sse, lends_raw_bytes_until_the_next_feed)
{
    struct sse_reader r;
    struct sse_event first, second;
    struct err err;
    sse_init(&r, 1000);
    sse_feed(&r, STR("data: a"));
    EXPECT_EQ(sse_next(&r, &first, &err), SSE_MORE);
    for (int i = 0; i < 3; i++) { /* held, lent, held again */
        sse_feed(&r, STR("b\n\ndata: c\n\ndata: a"));
        EXPECT_EQ(sse_next(&r, &first, &err), SSE_EVENT);
        EXPECT_STR_EQ(first.data, "ab");
        EXPECT_EQ(sse_next(&r, &second, &err), SSE_EVENT);
        struct sse_event none;
        EXPECT_EQ(sse_next(&r, &none, &err), SSE_MORE);
        EXPECT_STR_EQ(first.raw, "data: ab\n\n");
        EXPECT_STR_EQ(second.raw, "data: c\n\n");
        EXPECT_STR_EQ(sse_rest(&r), "data: a");
    }
    sse_done(&r);
}

/* How many events of `all` come before the refusal, in pieces of `step`; -1: it is not refused. */
static int events_before_refusal(struct str all, size_t max_event_bytes, size_t step)
{
    struct sse_reader r;
    struct sse_event e;
    struct err err = {0};
    int events = 0;
    enum sse s = SSE_MORE;
    sse_init(&r, max_event_bytes);
    for (size_t at = 0; at < all.len && s != SSE_BAD; at += step) {
        sse_feed(&r, str_part(all, at, step));
        while ((s = sse_next(&r, &e, &err)) == SSE_EVENT) events += e.is_dispatched;
    }
    if (s == SSE_BAD) {
        EXPECT_EQ(err.code, ERR_TOO_LARGE);
        EXPECT_EQ(sse_next(&r, &e, &err), SSE_BAD);
        sse_feed(&r, STR("data: a\n\n"));
        EXPECT_EQ(sse_next(&r, &e, &err), SSE_BAD);
    }
    sse_done(&r);
    return s == SSE_BAD ? events : -1;
}

TEST(sse, has_a_ceiling_for_an_event_that_no_cut_moves)
{
    struct str lf = STR("data: 1\n\ndata: 12345\n\ndata: 1\n\n"),
               crlf = STR("data: 1\r\n\r\ndata: 12345\r\n\r\n");
    for (size_t step = 1; step <= lf.len; step++) {
        EXPECT_EQ(events_before_refusal(lf, 13, step), -1);
        EXPECT_EQ(events_before_refusal(lf, 12, step), 1);
        EXPECT_EQ(events_before_refusal(crlf, 14, step), -1);
        EXPECT_EQ(events_before_refusal(crlf, 13, step), 1);
        EXPECT_EQ(events_before_refusal(STR("data: 12345"), 11, step), -1);
        EXPECT_EQ(events_before_refusal(STR("data: 12345"), 10, step), 0);
    }
}

TEST(sse, scans_lines_the_same_with_and_without_vectors)
{
    char room[50];
    for (size_t len = 0; len < sizeof room; len++) {
        for (size_t at = 0; at <= len; at++) {
            memset(room, 'x', sizeof room);
            if (at < len) room[at] = at % 2 ? '\n' : '\r';
            EXPECT_TRUE(line_end(room, room + len) == room + at);
            EXPECT_TRUE(line_end_portable(room, room + len) == room + at);
        }
    }
    for (int c = 0; c < 256; c++) {
        memset(room, c, sizeof room);
        bool is_end = c == '\n' || c == '\r';
        EXPECT_TRUE(line_end(room, room + 40) == room + (is_end ? 0 : 40));
        EXPECT_TRUE(line_end_portable(room, room + 40) == room + (is_end ? 0 : 40));
    }
}

/* ---- ../shared/corpora/sse ---- */

static void append_utf8(struct buf *to, uint32_t c)
{
    char at[4];
    size_t len = 0;
    if (c < 0x80) {
        at[len++] = (char)c;
    } else if (c < 0x800) {
        at[len++] = (char)(0xc0 | c >> 6);
    } else if (c < 0x10000) {
        at[len++] = (char)(0xe0 | c >> 12);
        at[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    } else {
        at[len++] = (char)(0xf0 | c >> 18);
        at[len++] = (char)(0x80 | (c >> 12 & 0x3f));
        at[len++] = (char)(0x80 | (c >> 6 & 0x3f));
    }
    if (c >= 0x80) at[len++] = (char)(0x80 | (c & 0x3f));
    EXPECT_TRUE(buf_append(to, str_of(at, len)));
}

static uint32_t read_hex4(const char *at)
{
    char digits[5] = {at[0], at[1], at[2], at[3], 0};
    return (uint32_t)strtoul(digits, NULL, 16);
}

/* A string of well-formed JSON from its first quote on; returns what is behind the last. */
static const char *read_json_string(const char *at, struct buf *out)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    buf_clear(out);
    for (at++; *at != '"'; at++) {
        if (*at != '\\') {
            EXPECT_TRUE(buf_append_char(out, *at));
        } else if (*++at != 'u') {
            for (const char *e = escapes; *e; e += 2)
                if (*e == *at) EXPECT_TRUE(buf_append_char(out, e[1]));
        } else {
            uint32_t c = read_hex4(at + 1);
            at += 4;
            if (c >= 0xd800 && c < 0xdc00) {
                c = 0x10000 + ((c - 0xd800) << 10) + (read_hex4(at + 3) - 0xdc00);
                at += 6;
            }
            append_utf8(out, c);
        }
    }
    return at + 1;
}

/* "key": "text" and "key": null or number, in the order of the file: the form of say(). */
static void say_expected(struct str json)
{
    static struct buf key, value;
    buf_init(&key, MAX_TEXT_BYTES);
    buf_init(&value, MAX_TEXT_BYTES);
    buf_clear(&want_text);
    for (const char *at = json.at, *end = json.at + json.len; at < end; at++) {
        if (*at != '"') continue;
        at = read_json_string(at, &key);
        EXPECT_TRUE(buf_append_char(&key, '\0'));
        at += strspn(at, ": ");
        size_t plain = strspn(at, "nul0123456789");
        if (*at == '[') continue;
        if (*at == '"')
            at = read_json_string(at, &value);
        else
            say(&want_text, key.at, str_of(at, plain));
        if (plain == 0) say(&want_text, key.at, buf_str(&value));
    }
    buf_done(&key);
    buf_done(&value);
}

static struct str read_corpus(struct str name, const char *ending)
{
    char below[300];
    snprintf(below, sizeof below, "corpora/sse/raw/%.*s.%s", STR_ARG(name), ending);
    const char *path = test_shared_path(below);
    EXPECT_THAT(path != NULL, "%s is not there", below);
    FILE *f = path ? fopen(path, "rb") : NULL;
    if (!f) return STR("");
    char *at = malloc(MAX_TEXT_BYTES);
    size_t len = fread(at, 1, MAX_TEXT_BYTES - 1, f);
    fclose(f);
    at[len] = 0;
    return str_of(at, len);
}

TEST(sse, reads_the_streams_of_the_corpus_as_a_browser_does)
{
    struct str index = test_read_file(test_shared_path("corpora/sse/index.tsv"));
    if (!index.at) SKIP("corpora/sse is not there (WEIR_SHARED)");
    init_texts();
    (void)str_cut(&index, '\n'); /* the columns' names */
    while (index.at && index.len > 0) {
        struct str line = str_cut(&index, '\n'), name = str_cut(&line, '\t');
        struct str raw = read_corpus(name, "raw"), json = read_corpus(name, "json");
        char label[200];
        snprintf(label, sizeof label, "%.*s", STR_ARG(name));
        say_expected(json);
        expect_stream(label, raw);
        free((void *)(uintptr_t)raw.at);
        free((void *)(uintptr_t)json.at);
    }
    free_texts();
}
