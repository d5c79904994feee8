/* tests/unit/http/test_inflate.c: what gzip and deflate become, whole and byte by byte. */
#include "test.h"

#include "http/inflate.h"

#include <brotli/encode.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

/* zlib's formats are the bits of their windows. */
enum {
    TEXT_BYTES = 3000,
    WIRE_BYTES = 4096,
    GZIP = MAX_WBITS + 16,
    ZLIB = MAX_WBITS,
    RAW = -MAX_WBITS,
    BR = 100,
    ZSTD
};

static struct str text(void)
{
    static char at[TEXT_BYTES];
    for (unsigned i = 0; i < TEXT_BYTES; i++) at[i] = (char)('a' + i * i % 23);
    return str_of(at, sizeof at);
}

static void encode_br(struct str *wire, struct str what)
{
    size_t bytes = WIRE_BYTES - wire->len;
    EXPECT_TRUE(BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, what.len, (const uint8_t *)what.at, &bytes,
                                      (uint8_t *)(uintptr_t)wire->at + wire->len));
    wire->len += bytes;
}

static void encode_zstd(struct str *wire, struct str what)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    (void)ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t bytes = ZSTD_compress2(c, (char *)(uintptr_t)wire->at + wire->len, WIRE_BYTES - wire->len, what.at,
                                  what.len);
    EXPECT_FALSE(ZSTD_isError(bytes));
    ZSTD_freeCCtx(c);
    wire->len += bytes;
}

/* Behind what `wire` holds already. */
static void encode(struct str *wire, int format, struct str what)
{
    if (format == BR || format == ZSTD) {
        (format == BR ? encode_br : encode_zstd)(wire, what);
        return;
    }
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
    EXPECT_EQ(coding_of(STR("Br")), CODING_BR);
    EXPECT_EQ(coding_of(STR("zstd")), CODING_ZSTD);
    EXPECT_EQ(coding_of(STR("compress")), CODING_UNKNOWN);
    EXPECT_EQ(coding_of(STR("gzip, gzip")), CODING_UNKNOWN);
}

TEST(inflate, reads_each_format)
{
    const struct {
        int format;
        enum coding coding;
    } rows[] = {{GZIP, CODING_GZIP},
                {ZLIB, CODING_DEFLATE},
                {RAW, CODING_DEFLATE},
                {BR, CODING_BR},
                {ZSTD, CODING_ZSTD}};
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
    expect(CODING_BR, STR(""), STR(""));
    expect(CODING_ZSTD, STR(""), STR(""));
}

TEST(inflate, tells_of_a_tail_and_of_its_memory)
{
    char at[WIRE_BYTES], space[64];
    const struct str tails[] = {STR_INIT(""), STR_INIT("\0"), STR_INIT("\x1f"), STR_INIT("\x1f tail"),
                                STR_INIT("tail")};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        struct str wire = str_of(at, 0);
        struct inflated out = {.at = space, .room = sizeof space};
        struct err err;
        struct inflater *f = inflater_new(CODING_GZIP, 100);
        encode(&wire, GZIP, STR("one"));
        memcpy(at + wire.len, tails[i].at, tails[i].len);
        wire.len += tails[i].len;
        EXPECT_EQ(inflater_next(f, &wire, &out, &err), INFLATE_DATA);
        EXPECT_EQ(inflater_next(f, &wire, &out, &err), INFLATE_MORE);
        EXPECT_EQ(inflater_has_tail(f), tails[i].len > 0);
        EXPECT_TRUE(inflater_memory_bytes(f) > 1000 && inflater_memory_bytes(f) < 64 << 10);
        inflater_free(f);
    }
}

TEST(inflate, joins_frames_of_zstd_and_ends_with_the_first_br)
{
    char at[WIRE_BYTES];
    struct str wire = str_of(at, 0);
    encode(&wire, ZSTD, STR("one, "));
    encode(&wire, ZSTD, STR(""));
    encode(&wire, ZSTD, STR("two"));
    expect(CODING_ZSTD, wire, STR("one, two"));
    memcpy(at + wire.len, "tail", 4);
    expect_bad(CODING_ZSTD, str_of(at, wire.len + 4), ERR_INVALID);
    wire.len = 0;
    encode(&wire, BR, STR("one"));
    memcpy(at + wire.len, "tail", 4);
    expect(CODING_BR, str_of(at, wire.len + 4), STR("one"));
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
    const int formats[] = {BR, ZSTD};
    for (size_t i = 0; i < 2; i++) {
        wire.len = 0;
        encode(&wire, formats[i], text());
        for (size_t len = 1; len < wire.len; len += 5)
            expect_bad(formats[i] == BR ? CODING_BR : CODING_ZSTD, str_of(at, len), ERR_CLOSED);
    }
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
    expect_bad(CODING_BR, STR("\x1fnot brotli at all, surely"), ERR_INVALID);
    expect_bad(CODING_ZSTD, STR("not zstd"), ERR_INVALID);
    wire.len = 0;
    encode(&wire, ZSTD, text());
    at[wire.len - 1] ^= 1; /* of the checksum */
    expect_bad(CODING_ZSTD, wire, ERR_INVALID);
}

static void check_ceiling(enum coding coding, struct str wire, size_t want)
{
    struct decoded *d = malloc(sizeof *d);
    const size_t steps[] = {1, 3, WIRE_BYTES};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const uint64_t ceilings[] = {0, 1, 1000, want - 1, want};
        for (size_t k = 0; k < sizeof ceilings / sizeof *ceilings; k++) {
            decode(d, coding, wire, steps[i], ceilings[k]);
            EXPECT_EQ(d->len, ceilings[k]);
            EXPECT_EQ(d->err.code, ceilings[k] == want ? ERR_NONE : ERR_TOO_LARGE);
        }
    }
    free(d);
}

TEST(inflate, never_goes_over_its_ceiling)
{
    char at[WIRE_BYTES];
    struct str wire = str_of(at, 0);
    encode(&wire, GZIP, text());
    encode(&wire, GZIP, STR("x"));
    check_ceiling(CODING_GZIP, wire, TEXT_BYTES + 1);
    wire.len = 0;
    encode(&wire, BR, text());
    check_ceiling(CODING_BR, wire, TEXT_BYTES);
    wire.len = 0;
    encode(&wire, ZSTD, text());
    check_ceiling(CODING_ZSTD, wire, TEXT_BYTES);
}
