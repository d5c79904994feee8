/* tests/unit/http/test_inflate.c: what gzip and deflate become, whole and byte by byte. */
#include "test.h"

#include "http/inflate.h"

#include <stdlib.h>
#include <zlib.h>

enum { TEXT_BYTES = 3000, WIRE_BYTES = 4096, GZIP = MAX_WBITS + 16, ZLIB = MAX_WBITS, RAW = -MAX_WBITS };

static struct str text(void)
{
    static char at[TEXT_BYTES];
    for (unsigned i = 0; i < TEXT_BYTES; i++) at[i] = (char)('a' + i * i % 23);
    return str_of(at, sizeof at);
}

/* Behind what `wire` holds already. */
static void encode(struct str *wire, int format, struct str what)
{
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)what.at, .avail_in = (unsigned)what.len};
    (void)deflateInit2(&z, 6, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY);
    z.next_out = (unsigned char *)(uintptr_t)wire->at + wire->len;
    z.avail_out = (unsigned)(WIRE_BYTES - wire->len);
    EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
    wire->len += z.total_out;
    (void)deflateEnd(&z);
}

struct decoded {
    char at[2 * TEXT_BYTES]; /* more than any text and room */
    size_t len;
    enum inflate end;
    struct err err;
    bool is_complete;
};

static void decode(struct decoded *d, enum coding coding, struct str wire, size_t step, uint64_t max_bytes)
{
    struct inflater *f = inflater_new(coding, max_bytes);
    *d = (struct decoded){.end = INFLATE_MORE};
    for (size_t at = 0; at < wire.len && d->end == INFLATE_MORE; at += step) {
        struct str in = str_part(wire, at, step);
        struct inflated out = {.at = d->at + d->len, .room = step % 100 + 1};
        while ((d->end = inflater_next(f, &in, &out, &d->err)) == INFLATE_DATA) {
            out.at += out.len;
            d->len += out.len;
        }
    }
    d->is_complete = d->end == INFLATE_MORE && inflater_end(f, &d->err);
    if (d->end == INFLATE_BAD) { /* for good */
        struct str in = STR("more");
        struct inflated out = {.at = d->at, .room = 1};
        EXPECT_EQ(inflater_next(f, &in, &out, &d->err), INFLATE_BAD);
    }
    inflater_free(f);
}

/* The same however it is cut. */
static void expect(enum coding coding, struct str wire, struct str want)
{
    const size_t steps[] = {1, 2, 7, 1000, WIRE_BYTES};
    struct decoded *d = malloc(sizeof *d);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        decode(d, coding, wire, steps[i], want.len);
        EXPECT_STR_EQ(str_of(d->at, d->len), want);
        EXPECT_THAT(d->is_complete, "in steps of %zu: %s", steps[i], d->err.text);
    }
    free(d);
}

static void expect_bad(enum coding coding, struct str wire, enum err_code code)
{
    const size_t steps[] = {1, 2, 7, 1000, WIRE_BYTES};
    struct decoded *d = malloc(sizeof *d);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        decode(d, coding, wire, steps[i], TEXT_BYTES);
        EXPECT_FALSE(d->is_complete);
        EXPECT_EQ(d->err.code, code);
        EXPECT_TRUE(d->err.text[0]);
    }
    free(d);
}

TEST(inflate, knows_a_coding_by_its_name_in_any_case)
{
    EXPECT_EQ(coding_of(STR("")), CODING_IDENTITY);
    EXPECT_EQ(coding_of(STR("Identity")), CODING_IDENTITY);
    EXPECT_EQ(coding_of(STR("gzip")), CODING_GZIP);
    EXPECT_EQ(coding_of(STR("X-GZIP")), CODING_GZIP);
    EXPECT_EQ(coding_of(STR("deflate")), CODING_DEFLATE);
    EXPECT_EQ(coding_of(STR("br")), CODING_UNKNOWN);
    EXPECT_EQ(coding_of(STR("gzip, gzip")), CODING_UNKNOWN);
}

TEST(inflate, reads_each_format)
{
    const struct {
        int format;
        enum coding coding;
    } rows[] = {{GZIP, CODING_GZIP}, {ZLIB, CODING_DEFLATE}, {RAW, CODING_DEFLATE}};
    char at[WIRE_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str wire = str_of(at, 0);
        encode(&wire, rows[i].format, text());
        expect(rows[i].coding, wire, text());
        wire.len = 0;
        encode(&wire, rows[i].format, STR(""));
        expect(rows[i].coding, wire, STR(""));
    }
}

TEST(inflate, takes_nothing_at_all_for_an_empty_body)
{
    expect(CODING_GZIP, STR(""), STR(""));
    expect(CODING_DEFLATE, STR(""), STR(""));
}

TEST(inflate, joins_members_and_passes_over_what_follows)
{
    const struct str tails[] = {STR_INIT(""), STR_INIT("\0\0\0"), STR_INIT("\x1f"), STR_INIT("\x1f\x1f tail"),
                                STR_INIT("tail")};
    char at[WIRE_BYTES];
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct str wire = str_of(at, 0);
        encode(&wire, GZIP, STR("one, "));
        encode(&wire, GZIP, STR(""));
        encode(&wire, GZIP, STR("two"));
        memcpy(at + wire.len, tails[i].at, tails[i].len);
        wire.len += tails[i].len;
        expect(CODING_GZIP, wire, STR("one, two"));
        wire.len = 0;
        encode(&wire, ZLIB, STR("one"));
        memcpy(at + wire.len, tails[i].at, tails[i].len);
        wire.len += tails[i].len;
        expect(CODING_DEFLATE, wire, STR("one"));
    }
}

TEST(inflate, misses_an_end_that_did_not_come)
{
    char at[WIRE_BYTES];
    struct str wire = str_of(at, 0);
    encode(&wire, GZIP, text());
    for (size_t len = 1; len < wire.len; len += len < 20 || len + 20 > wire.len ? 1 : 50)
        expect_bad(CODING_GZIP, str_of(at, len), ERR_CLOSED);
    encode(&wire, GZIP, text()); /* its magic makes it a member */
    expect_bad(CODING_GZIP, str_part(wire, 0, wire.len / 2 + 5), ERR_CLOSED);
    wire.len = 0;
    encode(&wire, ZLIB, text());
    expect_bad(CODING_DEFLATE, str_of(at, 1), ERR_CLOSED);
    expect_bad(CODING_DEFLATE, str_of(at, wire.len - 1), ERR_CLOSED);
}

TEST(inflate, refuses_what_is_not_its_coding)
{
    char at[WIRE_BYTES];
    struct str wire = str_of(at, 0);
    expect_bad(CODING_GZIP, STR("not gzip"), ERR_INVALID);
    expect_bad(CODING_DEFLATE, STR("{\"neither\": \"nor\"}"), ERR_INVALID);
    expect_bad(CODING_DEFLATE, STR("\x78\xbb\0\0\0\0"), ERR_UNSUPPORTED); /* a dictionary */
    encode(&wire, GZIP, text());
    at[wire.len - 6] ^= 1; /* of the CRC */
    expect_bad(CODING_GZIP, wire, ERR_INVALID);
    wire.len = 0;
    encode(&wire, ZLIB, text());
    at[wire.len - 1] ^= 1;
    expect_bad(CODING_DEFLATE, wire, ERR_INVALID);
}

TEST(inflate, never_goes_over_its_ceiling)
{
    char at[WIRE_BYTES];
    struct decoded *d = malloc(sizeof *d);
    struct str wire = str_of(at, 0);
    encode(&wire, GZIP, text());
    encode(&wire, GZIP, STR("x"));
    const size_t steps[] = {1, 3, WIRE_BYTES};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const uint64_t ceilings[] = {0, 1, 1000, TEXT_BYTES, TEXT_BYTES + 1};
        for (size_t k = 0; k < sizeof ceilings / sizeof *ceilings; k++) {
            decode(d, CODING_GZIP, wire, steps[i], ceilings[k]);
            EXPECT_EQ(d->len, ceilings[k]);
            EXPECT_EQ(d->err.code, ceilings[k] > TEXT_BYTES ? ERR_NONE : ERR_TOO_LARGE);
        }
    }
    free(d);
}
