/* http/client.c: one call at a time on a connection, from the request's bytes to the reply's last.
 *
 *     begin: lease (or dial), write ─► read_head ─► read_body … IO_END ─► end: kept
 *               └ a kept connection that is dead before a byte of the reply: dialled anew, written again, once
 *
 * The reply's head is parsed where the loop has read it and copied once. What followed it in the same read is the first
 * piece of the body, still in the loop's buffer: that is why nothing may wait in between.
 * A connection goes back to its pool only when nothing is in doubt: request sent, reply read to its exact end, no byte
 * too many, keep-alive meant by both sides. */
#include "http/client.h"

#include "base/check.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/head.h"
#include "http/pool.h"
#include "http/stock.h"
#include "http/writer.h"

enum { KEPT_CALLS = 256, TICK_MAX_MS = 1000, MAX_INTERIM_REPLIES = 16 };

struct http_client {
    struct pools pools;
    struct tick *tick;
    struct stock calls;
    uint64_t replaced;
    struct http_header scratch[HTTP_MAX_HEADERS]; /* for the parser; never across a wait */
};

struct http_call {
    struct http_client *client;
    struct pooled *conn; /* NULL: none (yet) */
    struct http_call_request request;
    msec_t head_deadline; /* for the waits of read_head; what it dials anew has the request's */
    struct head_reader head;
    struct body_reader body;
    struct str rest; /* lent: what came after the head */
    unsigned interim_replies;
    bool is_sent;   /* all of the request */
    bool has_bytes; /* of the reply */
    bool has_head;
    bool is_keep_alive;
    bool has_excess; /* bytes after the reply */
    msec_t keep_ms;  /* how long the other side means to keep the connection; -1: it did not say */
};

/* ---- the client ---- */
static void on_tick(void *arg)
{
    pools_expire(&((struct http_client *)arg)->pools);
}

struct http_client *http_client_new(struct loop *l, const struct http_client_options *o)
{
    struct http_client *c = xzalloc(sizeof *c);
    msec_t quarter = o->idle_ms / 4;
    pools_init(&c->pools, &(struct pools_options){.idle_ms = o->idle_ms,
                                                  .max_idle = o->max_idle_per_pool,
                                                  .max_connections = o->max_connections});
    stock_init(&c->calls, sizeof(struct http_call), KEPT_CALLS);
    c->tick = loop_tick(l, quarter == 0 || quarter > TICK_MAX_MS ? TICK_MAX_MS : quarter, on_tick, c);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c) return;
    tick_end(&c->tick);
    pools_done(&c->pools);
    stock_done(&c->calls);
    xfree(c);
}

void http_client_forget(struct http_client *c, const struct tls_context *tls)
{
    pools_forget(&c->pools, tls);
}

void http_client_set_max_connections(struct http_client *c, unsigned max_connections)
{
    pools_set_max_connections(&c->pools, max_connections);
}

struct http_client_stats http_client_read_stats(const struct http_client *c)
{
    const struct pools *p = &c->pools;
    struct http_client_stats stats = {.pools = pools_count(p),
                                      .idle = p->idle,
                                      .leased = p->leased,
                                      .waiting = p->waiting,
                                      .dialled = p->dialled,
                                      .reused = p->reused,
                                      .waited = p->waited,
                                      .replaced = c->replaced};
    memcpy(stats.failed, p->failed, sizeof stats.failed);
    return stats;
}

/* ---- failures ---- */
static enum io fail(struct err *err, enum err_code code, const char *what)
{
    err_set(err, code, "%s", what);
    return IO_FAIL;
}

/* The parsers have a code of their own for what is over a ceiling; here that is kept for the caller's ceiling. */
static enum io malformed(struct err *err)
{
    err->code = ERR_INVALID;
    return IO_FAIL;
}

/* What a stream's result means where neither bytes nor an end are welcome; `doing` is for the sentence. */
static enum io stream_failed(const struct http_call *call, enum io io, const char *doing, struct err *err)
{
    switch (io) {
    case IO_TIMEOUT: err_set(err, ERR_TIMEOUT, "timed out while %s", doing); return io;
    case IO_CANCELLED: err_set(err, ERR_CANCELLED, "cancelled while %s", doing); return io;
    case IO_END: err_set(err, ERR_CLOSED, "the connection ended while %s", doing); return IO_FAIL;
    case IO_OK:
    case IO_FAIL: break;
    }
    err_set(err, ERR_CLOSED, "the connection broke while %s: %s", doing, stream_error(call->conn->stream));
    return IO_FAIL;
}

/* ---- sending ---- */
static msec_t connect_deadline(const struct http_call *call)
{
    msec_t deadline = fiber_deadline(call->request.connect_ms);
    return deadline < call->request.deadline ? deadline : call->request.deadline;
}

static enum io call_send(struct http_call *call)
{
    struct writer w;
    writer_init(&w, call->conn->stream, call->request.deadline, 0);
    for (unsigned i = 0; i < call->request.count; i++) writer_add(&w, call->request.pieces[i]);
    enum io io = writer_finish(&w);
    call->is_sent = io == IO_OK;
    if (io == IO_FAIL && stream_has_early(call->conn->stream))
        return IO_OK; /* the reply came before we were done */
    return io;
}

/* A kept connection was dead and nobody had noticed. */
static enum io call_replace(struct http_call *call, struct err *err)
{
    enum io io = IO_FAIL;
    call->client->replaced++;
    if (!pooled_redial(&call->conn, connect_deadline(call), &io, err)) return io;
    io = call_send(call);
    return io == IO_OK ? io : stream_failed(call, io, "sending the request", err);
}

static enum io call_connect_and_send(struct http_call *call, struct err *err)
{
    struct pool *pool = pools_find(&call->client->pools, call->request.origin);
    enum io io = IO_FAIL;
    call->conn = pool_take(pool, connect_deadline(call), &io, err);
    if (!call->conn) return io;
    io = call_send(call);
    if (io == IO_FAIL && call->conn->is_reused) return call_replace(call, err);
    return io == IO_OK ? io : stream_failed(call, io, "sending the request", err);
}

enum io http_call_begin(struct http_call **out, struct http_client *c, const struct http_call_request *r,
                        struct err *err)
{
    *out = NULL;
    if (r->origin->host.len > POOL_NAME_MAX_BYTES || r->origin->server_name.len > POOL_NAME_MAX_BYTES)
        return fail(err, ERR_DNS, "the host's name is too long");
    struct http_call *call = stock_take(&c->calls);
    *call = (struct http_call){.client = c, .request = *r, .head_deadline = r->deadline, .keep_ms = -1};
    head_init(&call->head);
    enum io io = call_connect_and_send(call, err);
    if (io == IO_OK)
        *out = call;
    else
        http_call_end(&call);
    return io;
}

void http_call_end(struct http_call **out)
{
    struct http_call *call = *out;
    if (!call) return;
    *out = NULL;
    bool is_clean = call->is_sent && call->has_head && call->is_keep_alive && call->body.is_complete &&
                    call->body.framing != FRAMING_CLOSE && !call->has_excess;
    if (is_clean)
        pooled_return(&call->conn, call->keep_ms);
    else
        pooled_close(&call->conn);
    head_done(&call->head);
    stock_give(&call->client->calls, call);
}

/* ---- the head ---- */
struct response_parse {
    struct http_call *call;
    struct http_response *out;
    struct err *err;
};

static enum http_parse parse_response(void *arg, struct str bytes, size_t *head_bytes)
{
    struct response_parse *p = arg;
    p->out->headers = (struct http_headers){.at = p->call->client->scratch};
    return http_parse_response(p->out, bytes, head_bytes, p->err);
}

/* "timeout=5, max=100" (RFC 2068 19.7.1.1): milliseconds; -1: it does not say. */
static msec_t keep_alive_ms(struct str value)
{
    while (value.len > 0) {
        struct str number = str_trim(str_cut(&value, ',')), name = str_trim(str_cut(&number, '='));
        int64_t seconds;
        if (!str_equals_nocase(name, STR("timeout")) || !str_to_u63(str_trim(number), &seconds)) continue;
        return seconds < INT32_MAX ? seconds * 1000 : -1;
    }
    return -1;
}

static void head_is_read(struct http_call *call, struct http_response *out, struct str rest)
{
    call->has_head = true;
    call->keep_ms = keep_alive_ms(http_headers_value(&out->headers, H_KEEP_ALIVE));
    call->is_keep_alive = out->is_keep_alive;
    body_init(&call->body, call->request.is_head ? FRAMING_NONE : out->framing, out->content_length);
    if (call->body.is_complete)
        call->has_excess = rest.len > 0;
    else
        call->rest = rest;
}

/* Takes one head off the chunk; DONE only for a final one. */
static enum http_parse take_head(struct http_call *call, struct str *chunk, struct response_parse *p,
                                 struct arena *a)
{
    struct http_response *out = p->out;
    while (chunk->len > 0) {
        struct str head;
        enum http_parse result = head_take(&call->head, chunk, &head, parse_response, p);
        if (result != PARSE_DONE) return result;
        if (out->status >= 200) {
            head_move_response(out, head, a);
            return PARSE_DONE;
        }
        head_done(&call->head);
        if (out->status == 101 || ++call->interim_replies > MAX_INTERIM_REPLIES) {
            err_set(p->err, ERR_INVALID, "reply: an interim status %d that nobody asked for", out->status);
            return PARSE_BAD;
        }
    }
    return PARSE_MORE;
}

void http_call_set_deadline(struct http_call *call, msec_t deadline)
{
    call->head_deadline = deadline;
}

enum io http_call_read_head(struct http_call *call, struct http_response *out, struct arena *a,
                            struct err *err)
{
    require(!call->has_head);
    struct response_parse p = {call, out, err};
    for (;;) {
        struct str chunk;
        enum io io = stream_read(call->conn->stream, &chunk, call->head_deadline);
        if ((io == IO_END || io == IO_FAIL) && !call->has_bytes && call->conn->is_reused) {
            io = call_replace(call, err);
            if (io != IO_OK) return io == IO_TIMEOUT ? IO_FAIL : io; /* there is nothing to come back to */
            continue;
        }
        if (io != IO_OK) return stream_failed(call, io, "waiting for the reply's head", err);
        call->has_bytes = true;
        switch (take_head(call, &chunk, &p, a)) {
        case PARSE_DONE:
            head_done(&call->head);
            head_is_read(call, out, chunk);
            return IO_OK;
        case PARSE_MORE:
            if (head_is_full(&call->head)) return fail(err, ERR_INVALID, "reply: its head is too large");
            break;
        case PARSE_BAD: return malformed(err);
        }
    }
}

/* ---- the body ---- */
/* The bytes that came with the head, or the next ones. IO_END: the connection has ended. */
static enum io next_bytes(struct http_call *call, struct str *bytes, msec_t deadline)
{
    if (call->rest.len > 0) {
        *bytes = call->rest;
        call->rest.len = 0;
        return IO_OK;
    }
    return stream_read(call->conn->stream, bytes, deadline);
}

enum io http_call_read_body(struct http_call *call, struct str *chunk, msec_t deadline, struct err *err)
{
    require(call->has_head);
    for (;;) {
        if (call->body.is_complete) return IO_END;
        if (call->body.is_bad) return fail(err, ERR_INVALID, "reply: its chunked body is malformed");
        struct str bytes, excess;
        enum io io = next_bytes(call, &bytes, deadline);
        if (io == IO_END && call->body.framing == FRAMING_CLOSE) {
            call->body.is_complete = true;
            return IO_END;
        }
        if (io != IO_OK) return stream_failed(call, io, "reading the reply's body", err);
        if (!body_decode(&call->body, bytes, chunk, &excess, err)) return malformed(err);
        if (excess.len > 0) call->has_excess = true;
        if (chunk->len > 0) return IO_OK;
    }
}

/* The rest of a body of known length, straight behind what `into` holds and has room for. */
static enum io read_rest_into(struct http_call *call, struct buf *into, msec_t deadline, struct err *err)
{
    size_t got = 0;
    enum io io = stream_read_into(call->conn->stream, into->at + into->len, (size_t)call->body.left, &got,
                                  deadline);
    into->len += got;
    call->body.left -= got;
    call->body.is_complete = call->body.left == 0;
    return io == IO_OK ? io : stream_failed(call, io, "reading the reply's body", err);
}

static bool make_room(const struct http_call *call, struct buf *into, size_t bytes, struct err *err)
{
    if (call->body.framing == FRAMING_LENGTH && call->body.left > SIZE_MAX / 2 - bytes)
        bytes = SIZE_MAX / 2;
    else if (call->body.framing == FRAMING_LENGTH)
        bytes += (size_t)call->body.left;
    return buf_reserve(into, bytes) || err_set(err, ERR_TOO_LARGE, "the reply's body is too large");
}

enum io http_call_read_whole(struct http_call *call, struct str *body, struct buf *into, msec_t deadline,
                             struct err *err)
{
    for (;;) {
        struct str piece;
        enum io io = http_call_read_body(call, &piece, deadline, err);
        if (io == IO_END) {
            *body = buf_str(into);
            return IO_OK;
        }
        if (io != IO_OK) return io;
        if (call->body.is_complete && into->len == 0) { /* it came in one piece */
            *body = piece;
            return IO_OK;
        }
        if (!make_room(call, into, piece.len, err) || !buf_append(into, piece)) return IO_FAIL;
        if (call->body.framing != FRAMING_LENGTH || call->body.is_complete) continue;
        io = read_rest_into(call, into, deadline, err);
        if (io != IO_OK) return io;
    }
}
