/* http/exchange.c: one request of a caller, read.
 *
 *     head: the chunk that the loop lends is parsed where it lies; the head's bytes and its table of headers are
 *           copied once, into the request's block. What follows in the chunk is the beginning of the body (copied
 *           to where the whole body will be) or of the next request (given back to the stream).
 *     body: by its framing, in pieces (read_body) or all of it (read_whole): small ones beside the head, large ones
 *           straight from the kernel into a buffer that grows as it fills.
 *
 * Whoever hangs up while his request is read or answered cancels the fiber; so does the end of his bytes in the middle
 * of a body. Errors of the caller's making become a status in body_status, and the connection closes after the reply. */
#include "http/exchange.h"

#include "base/check.h"
#include "base/mem.h"
#include "http/writer.h"

/* ---- life ---- */
struct http_exchange *http_exchange_new(struct connection *c)
{
    struct http_server *s = c->server;
    struct http_exchange *x = pages_take(&s->exchange_blocks);
    *x = (struct http_exchange){.connection = c, .server = s, .stream = c->stream};
    x->request_block = pages_take(&s->request_blocks);
    arena_init_in(&x->arena, x + 1, EXCHANGE_BLOCK_BYTES - sizeof *x);
    arena_init_in(&x->request_arena, x->request_block, REQUEST_BLOCK_BYTES);
    head_init(&x->head);
    x->max_body_bytes = s->options.max_body_bytes;
    buf_init_counted(&x->large, x->max_body_bytes ? x->max_body_bytes : 1, s->options.budget);
    return x;
}

void http_exchange_release_request(struct http_exchange *x)
{
    if (!x->request_block) return;
    x->request = (struct http_request){.method = x->request.method, .minor = x->request.minor};
    x->first = x->whole = (struct str){0};
    x->small_at = NULL;
    head_done(&x->head);
    buf_done(&x->large);
    arena_done(&x->request_arena);
    pages_give(&x->server->request_blocks, x->request_block);
    x->request_block = NULL;
}

void http_exchange_free(struct http_exchange *x)
{
    http_exchange_release_request(x);
    xfree((char *)x->held_head.at);
    arena_done(&x->arena);
    pages_give(&x->server->exchange_blocks, x);
}

/* ---- the head ---- */
struct refusal {
    int status;
    struct err why;
};
enum head_outcome { HEAD_READ, HEAD_REFUSED, HEAD_NONE };

struct request_parse {
    struct http_exchange *x;
    struct refusal *refusal;
};

static enum http_parse parse_request(void *arg, struct str bytes, size_t *head_bytes)
{
    struct request_parse *p = arg;
    p->x->request.headers = (struct http_headers){.at = p->x->server->scratch};
    return http_parse_request(&p->x->request, bytes, head_bytes, &p->refusal->status, &p->refusal->why);
}

static enum head_outcome refuse_with(struct refusal *r, int status, const char *why)
{
    r->status = status;
    err_set(&r->why, ERR_INVALID, "%s", why);
    return HEAD_REFUSED;
}

/* The bytes after the head: this request's body or the next request. The chunk they lie in is gone with the next wait,
 * so they are copied now, and to where they are wanted. */
static void keep_rest(struct http_exchange *x, struct str rest)
{
    const struct http_request *r = &x->request;
    if (r->framing == FRAMING_LENGTH && rest.len > 0) {
        size_t bytes = (size_t)r->content_length;
        struct str part = str_part(rest, 0, bytes), excess;
        char *at = NULL;
        if (bytes <= SMALL_BODY_BYTES)
            at = x->small_at = arena_alloc(&x->request_arena, bytes + 1);
        else if (buf_reserve(&x->large, bytes))
            at = x->large.at;
        if (at) {
            memcpy(at, part.at, part.len);
            x->first = str_of(at, part.len);
            rest = str_from(rest, part.len);
            struct err unused;
            (void)!body_decode(&x->body, part, &part, &excess, &unused); /* a length is never malformed */
        }
    }
    if (rest.len > 0) stream_unread(x->stream, rest);
}

static enum head_outcome head_is_read(struct http_exchange *x, struct str head, struct str rest,
                                      struct refusal *refusal)
{
    struct http_request *r = &x->request;
    head_move_request(r, head, &x->request_arena);
    x->started_ns = clock_monotonic_ns();
    x->is_head_request = r->method == M_HEAD;
    x->is_http_1_0 = r->minor == 0;
    x->wants_keep_alive = r->is_keep_alive;
    x->closes = !r->is_keep_alive;
    body_init(&x->body, r->framing, r->content_length);
    x->awaits_continue = r->expects_continue && r->minor > 0 && !x->body.is_complete && rest.len == 0;
    if (r->method == M_CONNECT) return refuse_with(refusal, 501, "CONNECT is not offered");
    if (r->framing == FRAMING_LENGTH && (uint64_t)r->content_length > x->max_body_bytes)
        return refuse_with(refusal, 413, "the body is larger than this server accepts");
    keep_rest(x, rest);
    return HEAD_READ;
}

/* READ; REFUSED with a status; NONE: the caller went away or was silent, and there is nobody to answer. */
static enum head_outcome read_head(struct http_exchange *x, struct refusal *refusal)
{
    msec_t deadline = fiber_deadline(x->server->options.head_ms);
    struct request_parse p = {x, refusal};
    for (;;) {
        struct str chunk, head;
        switch (stream_read(x->stream, &chunk, deadline)) {
        case IO_OK: break;
        case IO_TIMEOUT:
            if (head_is_blank(&x->head)) return HEAD_NONE;
            return refuse_with(refusal, 408, "the request's head did not come in time");
        case IO_END:
        case IO_CANCELLED:
        case IO_FAIL: return HEAD_NONE;
        }
        switch (head_take(&x->head, &chunk, &head, parse_request, &p)) {
        case PARSE_DONE: return head_is_read(x, head, chunk, refusal);
        case PARSE_MORE:
            if (head_is_full(&x->head)) return refuse_with(refusal, 431, "the request's head is too large");
            break;
        case PARSE_BAD: return HEAD_REFUSED;
        }
    }
}

/* ---- the body ---- */
static enum io body_fail(struct http_exchange *x, int status)
{
    x->body_status = status;
    x->closes = true;
    return IO_FAIL;
}

/* Bytes that should have come will not: nobody is there to answer. */
static enum io caller_is_gone(struct http_exchange *x)
{
    x->is_caller_gone = true;
    x->closes = true;
    fiber_cancel(x->connection->fiber);
    return IO_CANCELLED;
}

static enum io body_read_failed(struct http_exchange *x, enum io why)
{
    switch (why) {
    case IO_TIMEOUT: return body_fail(x, 408);
    case IO_CANCELLED: return IO_CANCELLED;
    case IO_OK:
    case IO_END:
    case IO_FAIL: break;
    }
    return caller_is_gone(x);
}

static enum io send_continue(struct http_exchange *x)
{
    if (!x->awaits_continue) return IO_OK;
    x->awaits_continue = false;
    if (stream_has_early(x->stream)) return IO_OK; /* he did not wait */
    const struct str line = STR("HTTP/1.1 100 Continue\r\n\r\n");
    enum io io = stream_write(x->stream, &line, 1, fiber_deadline(x->server->options.body_ms));
    if (io != IO_OK) x->is_cut = true;
    return io == IO_OK || io == IO_CANCELLED ? io : caller_is_gone(x);
}

static enum io next_piece(struct http_exchange *x, struct str *piece, msec_t deadline)
{
    for (;;) {
        if (x->body.is_complete) return IO_END;
        if (x->body.is_bad) return body_fail(x, 400);
        struct str chunk, excess;
        enum io io = stream_read(x->stream, &chunk, deadline);
        if (io != IO_OK) return body_read_failed(x, io);
        struct err err;
        if (!body_decode(&x->body, chunk, piece, &excess, &err)) return body_fail(x, 400);
        if (excess.len > 0) stream_unread(x->stream, excess);
        if (piece->len > x->max_body_bytes - x->body_bytes) return body_fail(x, 413);
        x->body_bytes += piece->len;
        if (piece->len > 0) return IO_OK;
    }
}

enum io http_exchange_read_body(struct http_exchange *x, struct str *chunk)
{
    if (x->body_status != 0) return IO_FAIL;
    if (x->first.len > 0) {
        *chunk = x->first;
        x->first.len = 0;
        return IO_OK;
    }
    if (x->body.is_complete) return IO_END;
    enum io io = send_continue(x);
    if (io != IO_OK) return io;
    return next_piece(x, chunk, fiber_deadline(x->server->options.body_ms));
}

/* The rest of a body of known length, without a copy between the kernel and `at`. */
static enum io read_rest_into(struct http_exchange *x, char *at)
{
    while (!x->body.is_complete) {
        size_t got = 0;
        enum io io = stream_read_into(x->stream, at, (size_t)x->body.left, &got,
                                      fiber_deadline(x->server->options.body_ms));
        at += got;
        x->body.left -= got;
        x->body.is_complete = x->body.left == 0;
        if (io == IO_OK || (io == IO_TIMEOUT && got > 0)) continue; /* slow is not silent */
        return body_read_failed(x, io);
    }
    return IO_OK;
}

static enum io read_whole_length(struct http_exchange *x, struct str *body)
{
    size_t bytes = x->first.len + (size_t)x->body.left;
    char *at = x->small_at;
    if (!at && bytes <= SMALL_BODY_BYTES)
        at = x->small_at = arena_alloc(&x->request_arena, bytes + 1);
    else if (!at) {
        if (!buf_reserve(&x->large, bytes)) return body_fail(x, 503);
        at = x->large.at;
    }
    enum io io = read_rest_into(x, at + x->first.len);
    *body = str_of(at, bytes);
    return io;
}

static enum io read_whole_chunked(struct http_exchange *x, struct str *body)
{
    for (;;) {
        struct str piece;
        enum io io = next_piece(x, &piece, fiber_deadline(x->server->options.body_ms));
        if (io == IO_OK && !buf_append(&x->large, piece)) io = body_fail(x, 503);
        if (io == IO_OK) continue;
        if (io != IO_END) return io;
        *body = buf_str(&x->large);
        return IO_OK;
    }
}

enum io http_exchange_read_whole(struct http_exchange *x, struct str *body)
{
    *body = x->whole;
    if (x->has_whole) return IO_OK;
    if (x->body_status != 0) return IO_FAIL;
    enum io io = send_continue(x);
    if (io == IO_OK && x->body.framing == FRAMING_LENGTH) io = read_whole_length(x, body);
    if (io == IO_OK && x->body.framing == FRAMING_CHUNKED) io = read_whole_chunked(x, body);
    if (io != IO_OK) return io;
    x->has_whole = true;
    x->whole = *body;
    x->first.len = 0;
    return IO_OK;
}

bool http_exchange_has_unread_body(const struct http_exchange *x)
{
    return !x->body.is_complete;
}

/* What the handler has not read stands in the way of the next request. True: it is out of the way. */
static bool drain_body(struct http_exchange *x)
{
    if (x->body.is_complete) return true;
    if (x->awaits_continue || x->body_status != 0 || x->body.left > DRAIN_MAX_BYTES) return false;
    msec_t deadline = fiber_deadline(DRAIN_MS);
    uint64_t most = x->body_bytes + DRAIN_MAX_BYTES;
    struct str piece;
    enum io io;
    do io = next_piece(x, &piece, deadline);
    while (io == IO_OK && x->body_bytes <= most);
    return io == IO_END;
}

/* ---- the whole ---- */
static void refuse(struct http_exchange *x, struct refusal *refusal)
{
    struct http_server *s = x->server;
    if (x->started_ns == 0) { /* the head was not understood: nothing of it may be believed */
        x->request = (struct http_request){.minor = 1};
        x->started_ns = clock_monotonic_ns();
    }
    x->is_refused = x->closes = true;
    s->stats.refused++;
    s->handler.refuse(s->handler.arg, x, refusal->status, refusal->why.text);
}

bool http_exchange_run(struct http_exchange *x)
{
    struct http_server *s = x->server;
    struct refusal refusal = {.status = 400};
    switch (read_head(x, &refusal)) {
    case HEAD_NONE: x->closes = true; return false;
    case HEAD_READ:
        s->stats.requests++;
        s->stats.exchanges++;
        s->handler.handle(s->handler.arg, x);
        break;
    case HEAD_REFUSED:
        s->stats.exchanges++;
        refuse(x, &refusal);
        break;
    }
    s->stats.exchanges--;
    return x->stream && x->state == REPLY_FINISHED && !x->closes && !x->is_cut && drain_body(x);
}

/* ---- looking ---- */
const struct http_request *http_exchange_request(const struct http_exchange *x)
{
    return &x->request;
}

struct arena *http_exchange_arena(struct http_exchange *x)
{
    return &x->arena;
}

struct stream *http_exchange_stream(struct http_exchange *x)
{
    return x->stream;
}

int64_t http_exchange_started_ns(const struct http_exchange *x)
{
    return x->started_ns;
}

int http_exchange_body_status(const struct http_exchange *x)
{
    return x->body_status;
}

bool http_exchange_is_caller_gone(const struct http_exchange *x)
{
    return x->is_caller_gone;
}
