/* gateway/unpack.c: one pass over the encoded body, piece by piece into a buffer that grows up to server.max_body and counts
 * against server.max_buffered. So a bomb goes off at no more than what its sender could have sent unencoded.
 *
 * Replies are read as browsers read them, leniently; a request is not: bytes behind the end of what is encoded would be
 * read by one and passed over by another. */
#include "gateway/unpack.h"

#include "gateway/reply.h"
#include "http/inflate.h"

enum { PIECE_BYTES = 16 * 1024, TURN_BYTES = 512 * 1024 /* about two milliseconds */ };

static enum coding request_coding(const struct exchange *x)
{
    return coding_of(http_headers_value(&x->request->headers, H_CONTENT_ENCODING));
}

bool unpack_is_possible(struct exchange *x)
{
    enum coding coding = request_coding(x);
    if (coding == CODING_IDENTITY || coding == CODING_GZIP) return true;
    reply_problem(x, PROBLEM_UNSUPPORTED_TYPE, STR(""),
                  STR("Content-Encoding: request bodies may be sent as gzip, or unencoded (identity)."));
    return false;
}

static bool refuse(struct exchange *x, const char *why)
{
    reply_problem(
        x, PROBLEM_INVALID_REQUEST, STR(""),
        arena_printf(x->arena, "The request body is declared as gzip and cannot be decoded: %s.", why));
    return false;
}

static bool check_end(struct exchange *x, const struct inflater *f)
{
    struct err err;
    if (!inflater_end(f, &err)) return refuse(x, err.text);
    if (x->body.len == 0) return refuse(x, "it is empty");
    return !inflater_has_tail(f) || refuse(x, "bytes follow its end");
}

static bool fail(struct exchange *x, const struct err *err)
{
    if (err->code != ERR_TOO_LARGE) return refuse(x, err->text);
    reply_body_too_large(x);
    return false;
}

static bool inflate_all(struct exchange *x, struct inflater *f)
{
    struct str rest = x->body;
    struct err err;
    for (size_t turn_ends_at = TURN_BYTES;;) {
        if (!buf_reserve(&x->unpacked, PIECE_BYTES)) {
            reply_no_room(x);
            return false;
        }
        struct inflated out = {.at = x->unpacked.at + x->unpacked.len, .room = PIECE_BYTES};
        enum inflate inflate = inflater_next(f, &rest, &out, &err);
        if (inflate == INFLATE_BAD) return fail(x, &err);
        if (inflate == INFLATE_MORE) return check_end(x, f);
        x->unpacked.len += out.len;
        if (x->unpacked.len < turn_ends_at) continue;
        turn_ends_at += TURN_BYTES;
        if (fiber_yield() != IO_OK) return false;
    }
}

bool unpack_body(struct exchange *x)
{
    if (request_coding(x) == CODING_IDENTITY) return true;
    x->doing = "decoding the request's body";
    size_t most = (size_t)x->config->server.max_body_bytes; /* the inflater sees to it */
    buf_init_counted(&x->unpacked, most + PIECE_BYTES, exchange_budget(x));
    struct inflater *f = inflater_new(CODING_GZIP, most);
    bool is_done = inflate_all(x, f);
    inflater_free(f);
    if (is_done) x->body = buf_str(&x->unpacked);
    return is_done;
}
