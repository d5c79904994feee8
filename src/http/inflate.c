/* http/inflate.c: zlib, and what its one call does not do:
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

#include <zlib.h>

enum state { FORMAT, INSIDE, BETWEEN, MAGIC, OVER };
enum { MAGIC_1 = 0x1f, MAGIC_2 = 0x8b, MAX_STEP_BYTES = 1 << 30 };

struct inflater {
    z_stream z;
    uint64_t left; /* of the ceiling */
    enum coding coding;
    enum state state;
    bool has_begun, is_over_ceiling;
    unsigned char seen[2]; /* bytes that zlib has not had */
    unsigned seen_count;
};

enum coding coding_of(struct str name)
{
    if (name.len == 0 || str_equals_nocase(name, STR("identity"))) return CODING_IDENTITY;
    if (str_equals_nocase(name, STR("gzip")) || str_equals_nocase(name, STR("x-gzip"))) return CODING_GZIP;
    if (str_equals_nocase(name, STR("deflate"))) return CODING_DEFLATE;
    return CODING_UNKNOWN;
}

static void *take_memory(void *opaque, unsigned count, unsigned bytes)
{
    (void)opaque;
    return xmalloc((size_t)count * bytes);
}

static void give_memory(void *opaque, void *p)
{
    (void)opaque;
    xfree(p);
}

/* zlib's way to name a format. */
enum { BITS_ZLIB = MAX_WBITS, BITS_GZIP = MAX_WBITS + 16, BITS_RAW = -MAX_WBITS };

struct inflater *inflater_new(enum coding coding, uint64_t max_bytes)
{
    require(coding == CODING_GZIP || coding == CODING_DEFLATE);
    struct inflater *f = xzalloc(sizeof *f);
    f->coding = coding;
    f->left = max_bytes;
    f->state = coding == CODING_GZIP ? INSIDE : FORMAT;
    f->z.zalloc = take_memory;
    f->z.zfree = give_memory;
    require(inflateInit2(&f->z, coding == CODING_GZIP ? BITS_GZIP : BITS_ZLIB) == Z_OK);
    return f;
}

void inflater_free(struct inflater *f)
{
    if (!f) return;
    (void)inflateEnd(&f->z);
    xfree(f);
}

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
    case BETWEEN: f->state = c == MAGIC_1 ? MAGIC : OVER; return;
    case MAGIC:
        f->state = c == MAGIC_2 ? INSIDE : OVER;
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
    if (f->state == OVER) *in = str_from(*in, in->len);
}

/* zlib, once: from `seen` or else from *in, into `room` bytes. */
static int step_inside(struct inflater *f, struct str *in, char *at, size_t room)
{
    bool is_seen = f->seen_count > 0;
    size_t bytes = in->len < MAX_STEP_BYTES ? in->len : MAX_STEP_BYTES;
    f->z.next_in = is_seen ? f->seen : (unsigned char *)(uintptr_t)in->at;
    f->z.avail_in = is_seen ? f->seen_count : (unsigned)bytes;
    f->z.next_out = (unsigned char *)at;
    f->z.avail_out = (unsigned)room;
    int result = inflate(&f->z, Z_SYNC_FLUSH);
    if (is_seen) {
        memmove(f->seen, f->seen + f->seen_count - f->z.avail_in, f->z.avail_in);
        f->seen_count = f->z.avail_in;
    } else {
        *in = str_from(*in, bytes - f->z.avail_in);
    }
    return result;
}

static COLD enum inflate refuse(const struct inflater *f, int result, struct err *err)
{
    if (result == Z_NEED_DICT)
        err_set(err, ERR_UNSUPPORTED, "deflate: it needs a dictionary");
    else
        err_set(err, ERR_INVALID, "%s: %s", f->coding == CODING_GZIP ? "gzip" : "deflate",
                f->z.msg ? f->z.msg : "malformed");
    return INFLATE_BAD;
}

static COLD enum inflate refuse_more(struct inflater *f, struct err *err)
{
    f->is_over_ceiling = true;
    err_set(err, ERR_TOO_LARGE, "it is too large when decoded");
    return INFLATE_BAD;
}

/* Bytes that came before something bad are given out first: zlib says what is bad again at the next call. */
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
        int result = step_inside(f, in, is_full ? &beyond : out->at, room);
        size_t got = room - f->z.avail_out;
        if (is_full && got) return refuse_more(f, err);
        if (result == Z_STREAM_END) f->state = f->coding == CODING_GZIP ? BETWEEN : OVER;
        out->len = got;
        f->left -= got;
        if (got) return INFLATE_DATA;
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return refuse(f, result, err);
        if (in->len == 0 && f->seen_count == 0) return INFLATE_MORE;
    }
}

bool inflater_end(const struct inflater *f, struct err *err)
{
    bool is_complete = f->state == BETWEEN || f->state == MAGIC || f->state == OVER || !f->has_begun;
    return is_complete || err_set(err, ERR_CLOSED, "it ends in the midst of its encoding");
}
