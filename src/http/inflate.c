/* http/inflate.c: one call to a library for each coding, and around it what they have in common: ceilings, cuts, endings.
 * br and zstd tell where they end. For zlib we keep book ourselves:
 *
 *     gzip:                INSIDE --end--> BETWEEN --1f--> MAGIC --8b--> INSIDE …
 *                                             └── any other byte ──┴───> OVER
 *     deflate: FORMAT --two bytes--> INSIDE --end--> OVER
 *
 * deflate is zlib's format by the standard and without its header by the habit of some servers: the first two bytes tell.
 * A raw stream that looks like a zlib header would begin with a stored block whose padding is not zero, which nobody
 * writes. Bytes that were looked at in a state of ours go on to zlib from `seen`. Behind the end, anything is passed over,
 * as browsers and SDKs do. */
#include "http/inflate.h"

#include "base/attributes.h"
#include "base/check.h"
#include "base/mem.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

enum state { FORMAT, INSIDE, BETWEEN, MAGIC, OVER };
enum { MAGIC_1 = 0x1f, MAGIC_2 = 0x8b, MAX_STEP_BYTES = 1 << 30, ZSTD_WINDOW_BITS = 23 };

struct inflater {
    z_stream z;
    BrotliDecoderState *br;
    ZSTD_DStream *zstd;
    uint64_t left; /* of the ceiling */
    enum coding coding;
    enum state state;
    bool has_begun, is_over_ceiling, is_broken, has_tail;
    bool has_frame, is_between_frames; /* zstd */
    size_t taken_bytes;                /* by zlib or brotli */
    const char *why;                   /* the library's words for what is wrong; NULL: none */
    unsigned char seen[2];             /* bytes that zlib has not had */
    unsigned seen_count;
};

enum coding coding_of(struct str name)
{
    if (name.len == 0 || str_equals_nocase(name, STR("identity"))) return CODING_IDENTITY;
    if (str_equals_nocase(name, STR("gzip")) || str_equals_nocase(name, STR("x-gzip"))) return CODING_GZIP;
    if (str_equals_nocase(name, STR("deflate"))) return CODING_DEFLATE;
    if (str_equals_nocase(name, STR("br"))) return CODING_BR;
    if (str_equals_nocase(name, STR("zstd"))) return CODING_ZSTD;
    return CODING_UNKNOWN;
}

/* ---- memory, for zlib and brotli ---- */
/* The size stands in front; a library's own alignment is kept. */
struct taken {
    _Alignas(16) size_t bytes;
};

static void *take_bytes(void *inflater, size_t bytes)
{
    struct inflater *f = inflater;
    struct taken *t = xmalloc(sizeof *t + bytes);
    t->bytes = bytes;
    f->taken_bytes += bytes;
    return t + 1;
}

static void *take_items(void *inflater, unsigned count, unsigned bytes)
{
    return take_bytes(inflater, (size_t)count * bytes);
}

static void give_bytes(void *inflater, void *p)
{
    struct inflater *f = inflater;
    if (!p) return;
    struct taken *t = (struct taken *)p - 1;
    f->taken_bytes -= t->bytes;
    xfree(t);
}

/* ---- life ---- */
/* zlib's way to name a format. */
enum { BITS_ZLIB = MAX_WBITS, BITS_GZIP = MAX_WBITS + 16, BITS_RAW = -MAX_WBITS };

static void zlib_init(struct inflater *f)
{
    f->z.opaque = f;
    f->z.zalloc = take_items;
    f->z.zfree = give_bytes;
    require(inflateInit2(&f->z, f->coding == CODING_GZIP ? BITS_GZIP : BITS_ZLIB) == Z_OK);
}

struct inflater *inflater_new(enum coding coding, uint64_t max_bytes)
{
    struct inflater *f = xzalloc(sizeof *f);
    f->coding = coding;
    f->left = max_bytes;
    f->state = coding == CODING_DEFLATE ? FORMAT : INSIDE;
    switch (coding) {
    case CODING_GZIP:
    case CODING_DEFLATE: zlib_init(f); break;
    case CODING_BR:
        f->br = BrotliDecoderCreateInstance(take_bytes, give_bytes, f);
        require(f->br != NULL);
        break;
    case CODING_ZSTD:
        f->zstd = ZSTD_createDStream();
        require(f->zstd &&
                !ZSTD_isError(ZSTD_DCtx_setParameter(f->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_BITS)));
        break;
    case CODING_IDENTITY:
    case CODING_UNKNOWN: require(false);
    }
    return f;
}

void inflater_free(struct inflater *f)
{
    if (!f) return;
    if (f->z.state) (void)inflateEnd(&f->z);
    if (f->br) BrotliDecoderDestroyInstance(f->br);
    (void)ZSTD_freeDStream(f->zstd);
    xfree(f);
}

size_t inflater_memory_bytes(const struct inflater *f)
{
    return f->taken_bytes + (f->zstd ? ZSTD_sizeof_DStream(f->zstd) : 0);
}

/* ---- zlib ---- */
static bool is_zlib_header(const unsigned char at[2])
{
    return (at[0] & 0x0f) == Z_DEFLATED && at[0] >> 4 <= MAX_WBITS - 8 && (at[0] << 8 | at[1]) % 31 == 0;
}

/* A byte in any state but INSIDE. */
static void step_outside(struct inflater *f, unsigned char c)
{
    switch (f->state) {
    case FORMAT:
        f->seen[f->seen_count++] = c;
        if (f->seen_count < 2) return;
        require(inflateReset2(&f->z, is_zlib_header(f->seen) ? BITS_ZLIB : BITS_RAW) == Z_OK);
        f->state = INSIDE;
        return;
    case BETWEEN:
        f->state = c == MAGIC_1 ? MAGIC : OVER;
        f->has_tail = f->state == OVER;
        return;
    case MAGIC:
        f->state = c == MAGIC_2 ? INSIDE : OVER;
        f->has_tail = f->state == OVER;
        if (f->state == OVER) return;
        f->seen[0] = MAGIC_1;
        f->seen[1] = MAGIC_2;
        f->seen_count = 2;
        require(inflateReset(&f->z) == Z_OK);
        return;
    case INSIDE:
    case OVER: break;
    }
}

static void pass_outside(struct inflater *f, struct str *in)
{
    while (in->len && f->state != INSIDE && f->state != OVER) {
        step_outside(f, (unsigned char)*in->at);
        *in = str_from(*in, 1);
    }
    if (f->state != OVER) return;
    f->has_tail = f->has_tail || in->len > 0;
    *in = str_from(*in, in->len);
}

/* One call to a library, into `at`: how many bytes came. */
enum step { GOES_ON, ENDED, BROKEN, NEEDS_DICTIONARY };
struct room {
    char *at;
    size_t bytes, got;
};

/* From `seen` or else from *in. */
static enum step step_zlib(struct inflater *f, struct str *in, struct room *out)
{
    bool is_seen = f->seen_count > 0;
    size_t bytes = in->len < MAX_STEP_BYTES ? in->len : MAX_STEP_BYTES;
    f->z.next_in = is_seen ? f->seen : (unsigned char *)(uintptr_t)in->at;
    f->z.avail_in = is_seen ? f->seen_count : (unsigned)bytes;
    f->z.next_out = (unsigned char *)out->at;
    f->z.avail_out = (unsigned)out->bytes;
    int result = inflate(&f->z, Z_SYNC_FLUSH);
    if (is_seen) {
        memmove(f->seen, f->seen + f->seen_count - f->z.avail_in, f->z.avail_in);
        f->seen_count = f->z.avail_in;
    } else {
        *in = str_from(*in, bytes - f->z.avail_in);
    }
    out->got = out->bytes - f->z.avail_out;
    if (result == Z_STREAM_END) f->state = f->coding == CODING_GZIP ? BETWEEN : OVER;
    if (result == Z_STREAM_END) return ENDED;
    if (result == Z_NEED_DICT) return NEEDS_DICTIONARY;
    f->why = f->z.msg;
    return result == Z_OK || result == Z_BUF_ERROR ? GOES_ON : BROKEN;
}

static enum step step_br(struct inflater *f, struct str *in, struct room *out)
{
    size_t in_bytes = in->len, room = out->bytes;
    const uint8_t *from = (const uint8_t *)in->at;
    uint8_t *to = (uint8_t *)out->at;
    BrotliDecoderResult result = BrotliDecoderDecompressStream(f->br, &in_bytes, &from, &room, &to, NULL);
    *in = str_from(*in, in->len - in_bytes);
    out->got = out->bytes - room;
    f->why = BrotliDecoderErrorString(BrotliDecoderGetErrorCode(f->br));
    if (result == BROTLI_DECODER_RESULT_SUCCESS) f->state = OVER;
    if (result == BROTLI_DECODER_RESULT_SUCCESS) return ENDED;
    return result == BROTLI_DECODER_RESULT_ERROR ? BROKEN : GOES_ON;
}

/* Debian's library reads the formats that came before RFC 8878, too, and differently where they are cut. */
static bool is_zstd_frame(unsigned char first)
{
    return first == 0x28 || first >> 4 == 5;
}

static enum step step_zstd(struct inflater *f, struct str *in, struct room *out)
{
    bool is_first = in->len > 0 && (!f->has_frame || f->is_between_frames);
    if (is_first && !is_zstd_frame((unsigned char)in->at[0])) {
        f->why = "Unknown frame descriptor";
        return BROKEN;
    }
    if (is_first) f->has_frame = true;
    ZSTD_inBuffer from = {.src = in->at, .size = in->len};
    ZSTD_outBuffer to = {.dst = out->at, .size = out->bytes};
    size_t result = ZSTD_decompressStream(f->zstd, &to, &from);
    *in = str_from(*in, from.pos);
    out->got = to.pos;
    if (ZSTD_isError(result)) {
        f->why = ZSTD_getErrorName(result);
        return BROKEN;
    }
    if (from.pos || to.pos) f->is_between_frames = result == 0;
    return GOES_ON;
}

static enum step step_inside(struct inflater *f, struct str *in, struct room *out)
{
    if (f->is_broken) return BROKEN;
    enum step step = f->br ? step_br(f, in, out) : f->zstd ? step_zstd(f, in, out) : step_zlib(f, in, out);
    f->is_broken = step == BROKEN && !f->z.state; /* zlib says it again itself */
    return step;
}

static const char *const coding_names[] = {
    [CODING_GZIP] = "gzip", [CODING_DEFLATE] = "deflate", [CODING_BR] = "br", [CODING_ZSTD] = "zstd"};

static COLD enum inflate refuse(const struct inflater *f, enum step step, struct err *err)
{
    if (step == NEEDS_DICTIONARY)
        err_set(err, ERR_UNSUPPORTED, "deflate: it needs a dictionary");
    else
        err_set(err, ERR_INVALID, "%s: %s", coding_names[f->coding], f->why ? f->why : "malformed");
    return INFLATE_BAD;
}

static COLD enum inflate refuse_more(struct inflater *f, struct err *err)
{
    f->is_over_ceiling = true;
    err_set(err, ERR_TOO_LARGE, "it is too large when decoded");
    return INFLATE_BAD;
}

/* Bytes that came before something bad are given out first: what is bad is said again at the next call. */
enum inflate inflater_next(struct inflater *f, struct str *in, struct inflated *out, struct err *err)
{
    require(out->room > 0);
    f->has_begun = f->has_begun || in->len > 0;
    out->len = 0;
    if (f->is_over_ceiling) return refuse_more(f, err);
    for (;;) {
        pass_outside(f, in);
        if (f->state != INSIDE) return INFLATE_MORE;
        char beyond; /* the ceiling: is there a byte more? */
        bool is_full = f->left == 0;
        size_t room = out->room < MAX_STEP_BYTES ? out->room : MAX_STEP_BYTES;
        if (room > f->left) room = is_full ? 1 : (size_t)f->left;
        struct room to = {.at = is_full ? &beyond : out->at, .bytes = room};
        enum step step = step_inside(f, in, &to);
        if (is_full && to.got) return refuse_more(f, err);
        out->len = to.got;
        f->left -= to.got;
        if (to.got) return INFLATE_DATA;
        if (step == BROKEN || step == NEEDS_DICTIONARY) return refuse(f, step, err);
        if (in->len == 0 && f->seen_count == 0) return INFLATE_MORE;
    }
}

bool inflater_end(const struct inflater *f, struct err *err)
{
    bool is_complete = f->state == BETWEEN || f->state == MAGIC || f->state == OVER || f->is_between_frames ||
                       !f->has_begun;
    return is_complete || err_set(err, ERR_CLOSED, "it ends in the midst of its encoding");
}

bool inflater_has_tail(const struct inflater *f)
{
    return f->has_tail || f->state == MAGIC;
}
