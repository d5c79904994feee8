/* gateway/decode.c: call ──chunk──► encoded ──piece by piece──► the reader.
 *
 * One chunk may stand for a thousand times its size: the reader gets it in small pieces, each in the place of the one
 * before, and the next chunk is read when the last is used up. */
#include "gateway/decode.h"

enum { PIECE_BYTES = 16 * 1024, ENCODED_MAX_BYTES = 16 << 20 };

bool decoder_init(struct decoder *d, struct http_call *call, const struct http_headers *head,
                  const struct decoder_limits *limits, struct err *err)
{
    *d = (struct decoder){.call = call, .budget = limits->budget};
    enum coding coding = coding_of(http_headers_value(head, H_CONTENT_ENCODING));
    if (coding == CODING_IDENTITY) return true;
    if (coding == CODING_UNKNOWN)
        return err_set(
            err, ERR_UNSUPPORTED,
            "the reply is encoded, in a way that cannot be decoded, although identity was asked for");
    d->inflater = inflater_new(coding, limits->max_bytes);
    buf_init_counted(&d->encoded, ENCODED_MAX_BYTES, limits->budget);
    buf_init(&d->piece, PIECE_BYTES);
    return true;
}

void decoder_done(struct decoder *d)
{
    if (!d->inflater) return;
    inflater_free(d->inflater);
    budget_give(d->budget, d->counted_bytes);
    buf_done(&d->encoded);
    buf_done(&d->piece);
    *d = (struct decoder){0};
}

bool decoder_is_needed(const struct decoder *d)
{
    return d->inflater;
}

/* The next chunk as it came, into `encoded`. */
static enum io read_encoded(struct decoder *d, msec_t deadline, struct err *err)
{
    struct str chunk;
    enum io io = http_call_read_body(d->call, &chunk, deadline, err);
    if (io == IO_END && !inflater_end(d->inflater, err)) {
        err_wrap(err, "the encoded reply");
        return IO_FAIL;
    }
    if (io != IO_OK) return io;
    buf_clear(&d->encoded);
    if (!buf_append(&d->encoded, chunk) || !buf_reserve(&d->piece, PIECE_BYTES - d->piece.len)) {
        d->is_starved = buf_is_starved(&d->encoded);
        err_set(err, ERR_TOO_LARGE, "a chunk of the encoded reply is too large");
        return IO_FAIL;
    }
    d->rest = buf_str(&d->encoded);
    return IO_OK;
}

/* br and zstd take memory as the reply wants it. */
static bool count_memory(struct decoder *d, struct err *err)
{
    int64_t more = (int64_t)inflater_memory_bytes(d->inflater) - d->counted_bytes;
    if (more == 0) return true;
    d->is_starved = !budget_take(d->budget, more);
    if (d->is_starved) return err_set(err, ERR_SYSTEM, "there is no memory to decode the encoded reply");
    d->counted_bytes += more;
    return true;
}

enum io decoder_read(struct decoder *d, struct str *chunk, msec_t deadline, struct err *err)
{
    if (!d->inflater) return http_call_read_body(d->call, chunk, deadline, err);
    buf_clear(&d->piece);
    for (;;) {
        struct inflated out = {.at = d->piece.at, .room = PIECE_BYTES};
        enum inflate inflate = d->piece.at ? inflater_next(d->inflater, &d->rest, &out, err) : INFLATE_MORE;
        if (inflate == INFLATE_BAD) {
            err_wrap(err, "the encoded reply");
            return IO_FAIL;
        }
        if (!count_memory(d, err)) return IO_FAIL;
        if (inflate == INFLATE_DATA) {
            d->piece.len = out.len;
            *chunk = buf_str(&d->piece);
            return IO_OK;
        }
        enum io io = read_encoded(d, deadline, err);
        if (io != IO_OK) return io;
    }
}

enum io decoder_read_whole(struct decoder *d, struct str *body, struct buf *into, msec_t deadline,
                           struct err *err)
{
    if (!d->inflater) return http_call_read_whole(d->call, body, into, deadline, err);
    for (;;) {
        struct str piece;
        enum io io = decoder_read(d, &piece, deadline, err);
        if (io == IO_END) {
            *body = buf_str(into);
            return IO_OK;
        }
        if (io != IO_OK) return io;
        if (buf_append(into, piece)) continue;
        d->is_starved = buf_is_starved(into);
        err_set(err, ERR_TOO_LARGE, "the encoded reply: it is too large when decoded");
        return IO_FAIL;
    }
}
