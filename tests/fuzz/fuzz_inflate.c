/* tests/fuzz/fuzz_inflate.c: an encoded body means the same wherever it is cut and however little room there is, and it
 * never becomes more than the ceiling; any bytes, encoded, are decoded as they were. The first byte chooses coding and
 * ceiling. */
#include "base/buf.h"
#include "base/check.h"
#include "http/inflate.h"

#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
    enum inflate end;
    enum err_code code;
    bool is_complete;
};

/* In pieces of `step` bytes, into `room` bytes at a time. */
static struct result read_all(struct inflater *f, struct str bytes, size_t step, size_t room, struct buf *out)
{
    char space[512];
    struct result result = {.end = INFLATE_MORE};
    struct err err = {0}, at_end = {0};
    buf_clear(out);
    for (size_t at = 0; at < bytes.len && result.end == INFLATE_MORE; at += step) {
        struct str in = str_part(bytes, at, step);
        struct inflated piece = {.at = space, .room = room};
        while ((result.end = inflater_next(f, &in, &piece, &err)) == INFLATE_DATA) {
            require(piece.len > 0 && piece.len <= room && err.code == ERR_NONE);
            require(buf_append(out, str_of(piece.at, piece.len))); /* out's ceiling is the inflater's */
        }
        require(result.end != INFLATE_MORE || in.len == 0);
    }
    require((result.end == INFLATE_BAD) == (err.code != ERR_NONE));
    result.code = err.code;
    result.is_complete = result.end == INFLATE_MORE && inflater_end(f, &at_end);
    inflater_free(f);
    return result;
}

static void check_cuts(enum coding coding, size_t ceiling, struct str bytes)
{
    struct buf whole, cut;
    buf_init(&whole, ceiling);
    buf_init(&cut, ceiling);
    struct result want = read_all(inflater_new(coding, ceiling), bytes, bytes.len + 1, 512, &whole);
    const size_t steps[] = {1, 2, bytes.len / 3 + 1, bytes.len / 2 + 1}, rooms[] = {512, 1, 7, 100};
    for (size_t i = bytes.len % 2; i < sizeof steps / sizeof *steps; i += 2) {
        struct result got = read_all(inflater_new(coding, ceiling), bytes, steps[i], rooms[i], &cut);
        /* libzstd judges a frame that is there as a whole in another way than one that comes in pieces: of one that lies
         * about its size, they may disagree. */
        if (coding == CODING_ZSTD && (got.end == INFLATE_BAD) != (want.end == INFLATE_BAD)) continue;
        require(got.end == want.end && got.is_complete == want.is_complete);
        /* How much comes out in front of something broken is up to the cuts for br and zstd. */
        if (want.end == INFLATE_BAD && coding != CODING_GZIP && coding != CODING_DEFLATE)
            require(str_starts_with(buf_str(cut.len > whole.len ? &cut : &whole),
                                    buf_str(cut.len > whole.len ? &whole : &cut)));
        else
            require(got.code == want.code && str_equals(buf_str(&cut), buf_str(&whole)));
    }
    buf_done(&whole);
    buf_done(&cut);
}

/* To be written with, from its start. Made once each: a deflater has 256 KiB to clear. */
static z_stream *deflater(int window_bits)
{
    static struct {
        z_stream z;
        int window_bits;
    } made[3];
    size_t i = 0;
    while (i < ARRAY_COUNT(made) && made[i].window_bits != window_bits && made[i].window_bits != 0) i++;
    require(i < ARRAY_COUNT(made));
    z_stream *z = &made[i].z;
    if (made[i].window_bits == 0)
        require(deflateInit2(z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    made[i].window_bits = window_bits;
    require(deflateReset(z) == Z_OK);
    return z;
}

static void check_read_back(enum coding coding, struct str wire, struct str text)
{
    struct buf got;
    buf_init(&got, text.len + 1);
    struct result r = read_all(inflater_new(coding, text.len), wire, text.len % 7 + 1, text.len % 5 + 1,
                               &got);
    require(r.end == INFLATE_MORE && r.is_complete && str_equals(buf_str(&got), text));
    buf_done(&got);
}

/* Fast settings: the encoders are not what is tested. */
static void check_written_by_others(enum coding coding, struct str text)
{
    struct buf wire;
    size_t room = 2 * text.len + 1000, bytes = room;
    buf_init(&wire, room);
    require(buf_reserve(&wire, room));
    if (coding == CODING_BR)
        require(BrotliEncoderCompress(1, 16, BROTLI_MODE_GENERIC, text.len, (const uint8_t *)text.at, &bytes,
                                      (uint8_t *)wire.at));
    else
        bytes = ZSTD_compress(wire.at, room, text.at, text.len, 1);
    require(bytes <= room);
    check_read_back(coding, str_of(wire.at, bytes), text);
    buf_done(&wire);
}

static void check_written(int window_bits, enum coding coding, struct str text)
{
    struct buf wire;
    buf_init(&wire, 2 * text.len + 100);
    require(buf_reserve(&wire, 2 * text.len + 100));
    z_stream *z = deflater(window_bits);
    z->next_in = (unsigned char *)(uintptr_t)text.at;
    z->avail_in = (unsigned)text.len;
    z->next_out = (unsigned char *)wire.at;
    z->avail_out = (unsigned)(2 * text.len + 100);
    require(deflate(z, Z_FINISH) == Z_STREAM_END);
    wire.len = z->total_out;
    check_read_back(coding, buf_str(&wire), text);
    buf_done(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    struct str bytes = str_of((const char *)data + 1, size - 1);
    static const enum coding codings[] = {CODING_GZIP, CODING_DEFLATE, CODING_BR, CODING_ZSTD};
    check_cuts(codings[data[0] & 3], ((size_t)data[0] >> 2) * 32 + 1, bytes);
    switch (data[size - 1] % 5) {
    case 0: check_written(MAX_WBITS + 16, CODING_GZIP, bytes); break;
    case 1: check_written(MAX_WBITS, CODING_DEFLATE, bytes); break;
    case 2: check_written(-MAX_WBITS, CODING_DEFLATE, bytes); break;
    case 3: check_written_by_others(CODING_BR, bytes); break;
    default: check_written_by_others(CODING_ZSTD, bytes);
    }
    return 0;
}
