/* The searches of json/scan.h: SSE2 and plain C find the same on random bytes, wherever they lie. */
#include "test.h"

#include "json/scan.h"

#include <stdlib.h>

static uint64_t random_state = 88172645463325252;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* Every way that this machine has. */
typedef const char *scan_container(const char *at, const char *end);
static size_t container_scans(scan_container *scans[4])
{
    size_t count = 0;
    scans[count++] = json_scan_container_scalar;
#if JSON_HAS_SSE2
    scans[count++] = json_scan_container_sse2;
    if (json_vector_bytes >= 32) scans[count++] = json_scan_container_avx2;
    if (json_vector_bytes >= 64) scans[count++] = json_scan_container_avx512;
#endif
    return count;
}

/* Memory of exactly `len` bytes, so that a sanitizer sees a read outside. */
static char *random_text(const char *alphabet, size_t letters, unsigned rarity, size_t len)
{
    char *text = malloc(len ? len : 1);
    for (size_t i = 0; i < len; i++)
        text[i] = random_next() % rarity ? 'a' : alphabet[random_next() % letters];
    return text;
}

TEST(scan, finds_the_end_of_a_plain_run_of_a_string)
{
    static const struct {
        const char *text;
        size_t at;
        bool is_ascii;
    } rows[] = {
        {"", 0, true},
        {"\"", 0, true},
        {"abc\"def", 3, true},
        {"a\\nb\"", 1, true},
        {"line\nend", 4, true},
        {"0123456789abcdef\"", 16, true},
        {"0123456789abcdefé\"", 18, false},
        {"é\"", 2, false},
        {"a\"é", 1, true},
        {"0123456789a\"é 0123456789abcdef", 11, true},
        {"\x1f", 0, true},
        {" !#[]~\x7f\x20", 8, true},
        {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\\", 80, true},
        {"nothing at all", 14, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str s = str_from_cstr(rows[i].text);
        bool is_ascii = true, is_ascii_scalar = true;
        EXPECT_EQ(json_scan_string(s.at, s.at + s.len, &is_ascii) - s.at, rows[i].at);
        EXPECT_EQ(json_scan_string_scalar(s.at, s.at + s.len, &is_ascii_scalar) - s.at, rows[i].at);
        EXPECT_EQ(is_ascii, rows[i].is_ascii);
        EXPECT_EQ(is_ascii_scalar, rows[i].is_ascii);
    }
}

TEST(scan, string_search_agrees_with_plain_c_on_random_bytes)
{
    static const char alphabet[] = {'"',        '\\',       0,   0x1f, 0x20, 0x7f,
                                    (char)0x80, (char)0xff, '!', '#',  '[',  ']'};
    for (int round = 0; round < 20000; round++) {
        size_t len = random_next() % 200;
        char *text = random_text(alphabet, sizeof alphabet, 1 + random_next() % 100, len);
        bool is_ascii = true, is_ascii_scalar = true;
        const char *got = json_scan_string(text, text + len, &is_ascii);
        EXPECT_EQ(got - text, json_scan_string_scalar(text, text + len, &is_ascii_scalar) - text);
        EXPECT_EQ(is_ascii, is_ascii_scalar);
        free(text);
    }
}

#if JSON_HAS_SSE2
static size_t string_scans(json_scan_function *scans[3])
{
    size_t count = 0;
    scans[count++] = json_scan_string_long_sse2;
    if (json_vector_bytes >= 32) scans[count++] = json_scan_string_long_avx2;
    if (json_vector_bytes >= 64) scans[count++] = json_scan_string_long_avx512;
    return count;
}

TEST(scan, long_string_searches_agree_with_plain_c)
{
    static const char alphabet[] = {'"', '\\', 0, 0x1f, (char)0x80, (char)0xff};
    for (int round = 0; round < 20000; round++) {
        size_t len = 16 + random_next() % 300;
        char *text = random_text(alphabet, sizeof alphabet, 1 + random_next() % 400, len);
        bool is_ascii = true;
        const char *at = text + 16, *end = text + len;
        const char *want = json_scan_string_scalar(at, end, &is_ascii);
        json_scan_function *scans[3];
        for (size_t way = 0, ways = string_scans(scans); way < ways; way++) {
            bool is_ascii_here = true;
            EXPECT_EQ(scans[way](at, end, &is_ascii_here) - text, want - text);
            EXPECT_EQ(is_ascii_here, is_ascii);
        }
        free(text);
    }
}
#endif

/* Every way that this machine has, plain C first. */
typedef const char *scan_text(const char *at, const char *end, bool *is_ascii);
static size_t text_scans(scan_text *scans[3])
{
    size_t count = 0;
    scans[count++] = json_scan_text_scalar;
#if JSON_HAS_SSE2
    if (json_vector_bytes >= 32) scans[count++] = json_scan_text_avx2;
    if (json_vector_bytes >= 64) scans[count++] = json_scan_text_avx512;
#endif
    return count;
}

TEST(scan, searches_that_go_over_escapes_agree)
{
    static const char alphabet[] = {'"', '\\', '\\', '\\', 'n',  't',        'u',       '/',
                                    'b', 'f',  'r',  'x',  '\n', (char)0x80, (char)0xdc};
    size_t lengths[] = {0, 0};
    for (int round = 0; round < 40000; round++) {
        size_t len = random_next() % (round % 4 ? 300 : 1500);
        char *text = random_text("n\\", 2, 1 + random_next() % 4, len);
        for (size_t i = 0; i < len; i++) {
            if (text[i] == 'a' || random_next() % 400 == 0)
                text[i] = random_next() % 200 ? 'n' : alphabet[random_next() % sizeof alphabet];
        }
        scan_text *scans[3];
        bool is_ascii = true;
        const char *want = json_scan_text_scalar(text, text + len, &is_ascii);
        for (size_t way = 1, ways = text_scans(scans); way < ways; way++) {
            bool is_ascii_here = true;
            EXPECT_EQ(scans[way](text, text + len, &is_ascii_here) - text, want - text);
            EXPECT_EQ(is_ascii_here, is_ascii);
        }
        lengths[want - text > 128]++;
        free(text);
    }
    EXPECT_TRUE(lengths[0] > 1000 && lengths[1] > 1000);
}

/* What a backslash or nothing stands before, at each place of the groups that long text is judged in. */
TEST(scan, knows_each_byte_of_long_text)
{
    char text[700];
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 60; at < 64 + 2 * 256 + 8; at += byte % 8 ? 61 : 1) {
            scan_text *scans[3];
            for (int is_escaped = 0; is_escaped < 2; is_escaped++) {
                memset(text, 'a', sizeof text);
                if (is_escaped) text[at - 1] = '\\';
                text[at] = (char)byte;
                bool is_ascii = true;
                const char *want = json_scan_text_scalar(text, text + sizeof text, &is_ascii);
                for (size_t way = 1, ways = text_scans(scans); way < ways; way++) {
                    bool is_ascii_here = true;
                    EXPECT_EQ(scans[way](text, text + sizeof text, &is_ascii_here) - text, want - text);
                    EXPECT_EQ(is_ascii_here, is_ascii);
                }
            }
        }
    }
}

TEST(scan, knows_each_byte_that_may_stand_behind_a_backslash)
{
    char text[80];
    for (int byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at + 1 < sizeof text; at++) {
            memset(text, 'a', sizeof text);
            text[at] = '\\';
            text[at + 1] = (char)byte;
            scan_text *scans[3];
            bool is_ascii = true, is_allowed = byte && strchr("\"\\/bfnrt", byte);
            for (size_t way = 0, ways = text_scans(scans); way < ways; way++)
                EXPECT_EQ(scans[way](text, text + sizeof text, &is_ascii) - text,
                          is_allowed ? sizeof text : at);
        }
    }
}

TEST(scan, finds_the_end_of_a_container)
{
    static const struct {
        const char *text;
        int bytes; /* -1: it has no end */
    } rows[] = {
        {"[]", 2},
        {"{}x", 2},
        {"[[],{}]]", 7},
        {"[", -1},
        {"[\"]\"", -1},
        {"[\"]\"]", 5},
        {"[\"\\\"]\"]", 7},
        {"[\"\\\\\"]\"]", 6},
        {"[\"\\\\\\\"]\"]", 9},
        {"{\"a\":[1,2,{\"b\":\"}\"}]}", 21},
        {"[\"unterminated]", -1},
        {"[\\\"]", 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str s = str_from_cstr(rows[i].text);
        scan_container *scans[4];
        for (size_t way = 0, ways = container_scans(scans); way < ways; way++) {
            const char *got = scans[way](s.at, s.at + s.len);
            EXPECT_EQ(got ? got - s.at : -1, rows[i].bytes);
        }
    }
}

TEST(scan, container_search_agrees_with_plain_c_on_random_bytes)
{
    static const char alphabet[] = {'"', '\\', '\\', '{', '}', '[', ']', '"', 'x', (char)0xfb, (char)0xdd, 0};
    for (int round = 0; round < 40000; round++) {
        size_t len = 1 + random_next() % 300;
        char *text = random_text(alphabet, sizeof alphabet, 1 + random_next() % 40, len);
        text[0] = '[';
        scan_container *scans[4];
        const char *want = json_scan_container_scalar(text, text + len);
        for (size_t way = 0, ways = container_scans(scans); way < ways; way++) {
            const char *got = scans[way](text, text + len);
            EXPECT_EQ(got ? got - text : -1, want ? want - text : -1);
        }
        free(text);
    }
}

/* Runs of backslashes over the ends of blocks are where the masks carry. */
TEST(scan, runs_of_backslashes_may_cross_any_block)
{
    for (size_t before = 50; before < 80; before++) {
        for (size_t run = 0; run < 140; run++) {
            size_t len = 2 + before + run + 3;
            char *text = malloc(len);
            memset(text, 'a', len);
            text[0] = '[', text[1] = '"';
            memset(text + 2 + before, '\\', run);
            memcpy(text + len - 3, "\"]]", 3);
            scan_container *scans[4];
            for (size_t way = 0, ways = container_scans(scans); way < ways; way++) {
                const char *got = scans[way](text, text + len);
                EXPECT_EQ(got ? got - text : -1, run % 2 ? -1 : (int)len - 1);
            }
            free(text);
        }
    }
}

TEST(scan, utf8_knows_every_edge_of_the_standard)
{
    static const struct {
        const char *text;
        size_t good;
    } rows[] = {
        {"", 0},
        {"ascii", 5},
        {"\xc2\x80\xdf\xbf", 4},
        {"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8},
        {"a\x80", 1},            /* a continuation alone */
        {"\xc0\x80", 0},         /* overlong */
        {"\xc1\xbf", 0},         /* overlong */
        {"\xe0\x9f\xbf", 0},     /* overlong */
        {"\xf0\x8f\xbf\xbf", 0}, /* overlong */
        {"\xed\xa0\x80", 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 0}, /* beyond */
        {"\xff", 0},             /* never */
        {"ab\xc3", 2},           /* cut */
        {"ab\xe2\x82", 2},       /* cut */
        {"ab\xf0\x9f\x98", 2},   /* cut */
        {"\xc3\x28", 0},         /* no continuation */
        {"\xe2\x28\xa1", 0},     /* no continuation */
        {"\xe2\x82\x28", 0},     /* no continuation */
        {"\xf0\x9f\x98\x28", 0}, /* no continuation */
        {"\xc3\xa4\xa4", 2},     /* one too many */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str s = str_from_cstr(rows[i].text);
        EXPECT_EQ(json_scan_utf8_scalar(s), rows[i].good);
        EXPECT_EQ(json_scan_utf8(s), rows[i].good);
        for (size_t before = 40; before < 70; before++) { /* the same at and over the end of a block */
            char text[200];
            memset(text, 'x', sizeof text);
            memcpy(text + before, s.at, s.len);
            size_t want = rows[i].good == s.len ? sizeof text : before + rows[i].good;
            EXPECT_EQ(json_scan_utf8(str_of(text, sizeof text)), want);
        }
    }
}

TEST(scan, utf8_agrees_with_plain_c_on_random_bytes)
{
    static const char *const letters[] = {"a", "é", "ß", "網", "€", "😀", "\xf4\x8f\xbf\xbf", "plain text "};
    static const unsigned char edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                          0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                          0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    for (int round = 0; round < 40000; round++) {
        size_t len = random_next() % 300, i = 0;
        char *text = malloc(len ? len : 1);
        while (i < len) {
            struct str letter = str_from_cstr(letters[random_next() % 8]);
            letter = str_part(letter, 0, len - i);
            memcpy(text + i, letter.at, letter.len);
            i += letter.len;
        }
        for (size_t changes = random_next() % 3; len && changes > 0; changes--)
            text[random_next() % len] = (char)edges[random_next() % sizeof edges];
        EXPECT_EQ(json_scan_utf8(str_of(text, len)), json_scan_utf8_scalar(str_of(text, len)));
        free(text);
    }
}

TEST(scan, every_pair_of_bytes_is_judged_alike)
{
    char text[100];
    for (int a = 0x80; a < 0x100; a++) {
        for (int b = 0; b < 0x100; b++) {
            memset(text, 'x', sizeof text);
            memcpy(text + 30, (char[]){(char)a, (char)b, (char)0x80, (char)0x80}, 4);
            for (size_t from = 27; from <= 30; from++) { /* and with fewer continuations behind them */
                struct str s = str_of(text, sizeof text);
                EXPECT_EQ(json_scan_utf8(s), json_scan_utf8_scalar(s));
                text[60 - from] = 'x';
            }
        }
    }
}
