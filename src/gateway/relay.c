/* gateway/relay.c: passes a reply on. Plain ones are complete and checked before their first byte goes out. Of streams
 * each complete event goes on as its bytes came, one write per chunk read; an event that is not complete yet waits, so a
 * caller never sees half of one. What ends badly ends honestly: the dialect's error event, the last chunk, and the
 * connection closes; never a [DONE]. */
#include "gateway/relay.h"

#include "gateway/headers.h"
#include "gateway/reply.h"

/* ---- the head ---- */
static void add_own_lines(struct exchange *x, const struct attempt *a, struct lines *l)
{
    lines_add(l, STR("X-Weir-Provider"), a->target.provider->name);
    if (a->target.model.len && http_value_is_valid(a->target.model))
        lines_add(l, STR("X-Weir-Model"), a->target.model);
    lines_add_i64(l, STR("X-Weir-Attempts"), x->attempts);
    lines_add_i64(l, STR("X-Weir-Overhead-Us"), exchange_overhead_us(x));
    lines_raw(l, STR("X-Cache: BYPASS\r\n"));
}

static void head_lines(struct attempt *a, struct lines *l)
{
    struct exchange *x = a->exchange;
    lines_init(l, &x->scratch, 1536);
    headers_back(&a->head, a->has_sse, l);
    add_own_lines(x, a, l);
    reply_common_lines(x, l);
    if (a->has_sse) lines_raw(l, STR("Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"));
}

static void commit(struct attempt *a)
{
    struct exchange *x = a->exchange;
    x->is_committed = true;
    x->is_stream = a->has_sse;
    x->committed_ns = a->content_ns;
    x->upstream_ns += a->content_ns - a->started_ns;
}

enum io relay_keepalive(struct exchange *x)
{
    if (!x->has_head) {
        struct lines l;
        lines_init(&l, x->arena, 1024);
        lines_raw(&l, STR("Content-Type: text/event-stream\r\n"));
        reply_common_lines(x, &l);
        lines_raw(&l, STR("Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"));
        x->has_head = true;
        http_exchange_send_head(
            x->http,
            &(struct http_reply_head){.status = 200, .header_lines = lines_str(&l), .content_length = -1});
    }
    return http_exchange_send_body(x->http, &x->dialect->keepalive, 1);
}

/* Behind a stream's end mark only the message's own end is worth waiting for. */
static msec_t read_deadline(const struct attempt *a)
{
    enum { AFTER_END_MS = 1000 };
    msec_t idle_ms = a->observer.seen & EVENT_TERMINAL ? AFTER_END_MS : a->settings->timeouts.idle_ms;
    msec_t deadline = fiber_deadline(idle_ms);
    return deadline < a->reply_deadline ? deadline : a->reply_deadline;
}

/* ---- plain ---- */
static enum outcome relay_rest(struct attempt *a, struct http_reply_head *head)
{
    struct exchange *x = a->exchange;
    struct str pieces[2] = {buf_str(&a->held), a->body};
    head->content_length = a->head.framing == FRAMING_LENGTH ? a->head.content_length : -1;
    http_exchange_send_head(x->http, head);
    enum io io = http_exchange_send_body(x->http, pieces, 2);
    buf_done(&a->held);
    while (io == IO_OK) {
        struct str chunk;
        enum io got = http_call_read_body(a->call, &chunk, read_deadline(a), &a->err);
        if (got == IO_END)
            return http_exchange_finish(x->http) == IO_OK ? OUTCOME_SUCCESS : OUTCOME_CALLER_GONE;
        if (got == IO_CANCELLED) return OUTCOME_CALLER_GONE;
        if (got != IO_OK) {
            http_exchange_abort(x->http);
            return OUTCOME_INCOMPLETE;
        }
        io = http_exchange_send_body(x->http, &chunk, 1);
    }
    return OUTCOME_CALLER_GONE;
}

static enum outcome relay_plain(struct attempt *a)
{
    struct lines l;
    head_lines(a, &l);
    struct http_reply_head head = {.status = a->head.status, .header_lines = lines_str(&l)};
    if (a->is_cut_short) return relay_rest(a, &head);
    head.content_length = (int64_t)a->body.len;
    enum io io = http_exchange_reply(a->exchange->http, &head, &a->body, 1);
    return io == IO_OK ? OUTCOME_SUCCESS : OUTCOME_CALLER_GONE;
}

void relay_rejection(struct attempt *a)
{
    a->exchange->committed_ns = clock_monotonic_ns();
    a->exchange->upstream_ns += a->exchange->committed_ns - a->started_ns;
    a->exchange->error_type = str_from_cstr(problem_type(problem_of_status(a->head.status)));
    if (a->exchange->has_head)
        relay_error_event(a->exchange, &(struct chat_error){.problem = problem_of_status(a->head.status),
                                                            .message = a->verdict.message,
                                                            .provider = a->target.provider->name});
    else
        (void)!relay_plain(a);
}

/* ---- a stream ---- */
/* What one chunk becomes: pieces of one write. Neighbours in memory are one piece, so there are rarely more than two; when
 * the list is full, what follows is gathered in the attempt's `held`. Nothing is written before the chunk's last event
 * is taken, because a wait would end the chunk's life. */
enum { BATCH_MAX_PIECES = 8, BATCH_MAX_BYTES = 1 << 20 };
struct batch {
    struct str pieces[BATCH_MAX_PIECES + 1];
    unsigned count;
    size_t held_from; /* where in `held` the last piece begins */
    bool is_starved;  /* there was no memory to write it */
};

/* What was held before the commit comes first. */
static void batch_init(struct batch *b, const struct attempt *a)
{
    b->count = 0;
    b->is_starved = false;
    b->held_from = a->held.len;
    if (a->held.len) b->pieces[b->count++] = buf_str(&a->held);
}

static bool batch_add(struct batch *b, struct attempt *a, struct str raw)
{
    struct str *last = b->count ? &b->pieces[b->count - 1] : NULL;
    if (last && last->at + last->len == raw.at && b->held_from == a->held.len)
        last->len += raw.len;
    else if (b->count < BATCH_MAX_PIECES && b->held_from == a->held.len)
        b->pieces[b->count++] = raw;
    else
        return buf_append(&a->held, raw);
    return true;
}

/* `held` may have moved while it grew: its pieces are set anew. */
static struct str *batch_pieces(struct batch *b, const struct attempt *a)
{
    if (b->held_from == a->held.len) return b->pieces;
    if (b->held_from) b->pieces[0] = str_of(a->held.at, b->held_from);
    b->pieces[b->count++] = str_from(buf_str(&a->held), b->held_from);
    return b->pieces;
}

/* A write of over 1 MiB waits in between, and that would end the chunk's life: then all of it is copied first. */
static enum io batch_write_copy(struct batch *b, size_t bytes, struct attempt *a)
{
    struct buf copy;
    buf_init_counted(&copy, bytes, exchange_budget(a->exchange));
    b->is_starved = !buf_reserve(&copy, bytes);
    for (unsigned i = 0; i < b->count && !b->is_starved; i++)
        b->is_starved = !buf_append(&copy, b->pieces[i]);
    struct str all = buf_str(&copy);
    enum io io = b->is_starved ? IO_FAIL : http_exchange_send_body(a->exchange->http, &all, 1);
    buf_done(&copy);
    return io;
}

static enum io batch_write(struct batch *b, struct attempt *a)
{
    struct str *pieces = batch_pieces(b, a);
    size_t bytes = 0;
    for (unsigned i = 0; i < b->count; i++) bytes += pieces[i].len;
    enum io io = IO_OK;
    if (bytes > BATCH_MAX_BYTES)
        io = batch_write_copy(b, bytes, a);
    else if (bytes)
        io = http_exchange_send_body(a->exchange->http, pieces, b->count);
    buf_clear(&a->held);
    return io;
}

/* How a stream that has begun ends badly. */
void relay_error_event(struct exchange *x, const struct chat_error *err)
{
    enum { MAX_EVENT_BYTES = 128 * 1024, MAX_MESSAGE_BYTES = 2048 };
    struct chat_error shown = *err;
    struct buf event;
    buf_init(&event, MAX_EVENT_BYTES);
    if (shown.message.len > MAX_MESSAGE_BYTES) shown.message.len = MAX_MESSAGE_BYTES;
    bool fits = x->dialect->write_error_event(&event, &shown);
    struct str text = buf_str(&event);
    http_exchange_close_after(x->http);
    (void)!http_exchange_send_last(x->http, &text, fits ? 1 : 0);
    buf_done(&event);
    x->error_type = str_from_cstr(problem_type(err->problem));
}

void relay_no_room(struct exchange *x)
{
    if (x->has_head)
        relay_error_event(x, &(struct chat_error){.problem = PROBLEM_UNAVAILABLE,
                                                  .message = STR("The gateway has no room for the reply now "
                                                                 "(server.max_buffered).")});
    else
        reply_no_room(x);
}

static enum outcome end_no_room(struct attempt *a)
{
    relay_no_room(a->exchange);
    return attempt_no_room(a);
}

static enum outcome end_incomplete(struct attempt *a, enum problem problem, struct str message)
{
    relay_error_event(
        a->exchange,
        &(struct chat_error){.problem = problem, .message = message, .provider = a->target.provider->name});
    return OUTCOME_INCOMPLETE;
}

/* The caller left, or the grace of a shutdown is over and he is told so. */
static enum outcome end_cancelled(struct attempt *a)
{
    if (http_exchange_is_caller_gone(a->exchange->http)) return OUTCOME_CALLER_GONE;
    return end_incomplete(a, PROBLEM_UNAVAILABLE,
                          STR("The gateway is shutting down; the stream is not complete."));
}

/* No more comes, by the provider's end (IO_END) or for worse. What is complete stays complete: with its finish reason or
 * end mark everything that counts is out, unless half an event is left. */
static enum outcome end_of_stream(struct attempt *a, enum io io)
{
    struct exchange *x = a->exchange;
    struct str rest = sse_rest(&a->sse);
    bool is_complete = x->dialect->same->read_end(&a->observer) == ENDING_COMPLETE;
    if (is_complete && (io == IO_END || rest.len == 0)) {
        io = http_exchange_send_last(x->http, &rest, rest.len ? 1 : 0);
        return io == IO_OK ? OUTCOME_SUCCESS : OUTCOME_CALLER_GONE;
    }
    if (io == IO_FAIL && a->decoder.is_starved) return end_no_room(a);
    if (io == IO_TIMEOUT)
        return end_incomplete(a, PROBLEM_TIMEOUT, STR("The provider's stream stalled; it is not complete."));
    return end_incomplete(a, PROBLEM_UPSTREAM,
                          io == IO_END ? STR("The provider's stream ended before it was complete.")
                                       : STR("The provider's stream broke off."));
}

/* The provider's own error event goes on as it is; then the stream is over whatever the provider sends. */
static enum outcome end_reported(struct attempt *a, struct batch *b)
{
    struct exchange *x = a->exchange;
    err_set(&a->err, ERR_INVALID, "the stream reports an error");
    http_exchange_close_after(x->http);
    if (batch_write(b, a) == IO_OK) (void)!http_exchange_finish(x->http);
    x->error_type = str_from_cstr(problem_type(PROBLEM_UPSTREAM));
    return OUTCOME_INCOMPLETE;
}

/* What was held, then everything that is complete in the reader, in one write. OUTCOME_SUCCESS: go on reading. */
static enum outcome relay_events(struct attempt *a)
{
    struct exchange *x = a->exchange;
    struct batch batch;
    struct sse_event event;
    enum sse sse;
    batch_init(&batch, a);
    while ((sse = sse_next(&a->sse, &event, &a->err)) == SSE_EVENT) {
        unsigned facts = 0;
        if (event.is_dispatched)
            facts = x->dialect->same->observe_event(&a->observer, event.name, event.data);
        if (attempt_hides(a, facts)) continue;
        if (facts & EVENT_MALFORMED || !batch_add(&batch, a, event.raw)) break;
        if (facts & EVENT_ERROR) return end_reported(a, &batch);
    }
    if (batch_write(&batch, a) != IO_OK && !batch.is_starved)
        return OUTCOME_CALLER_GONE; /* nothing can be told any more, either */
    bool has_no_room = buf_is_starved(&a->held) || (sse == SSE_BAD && a->err.code == ERR_SYSTEM);
    if (batch.is_starved || has_no_room) return end_no_room(a);
    if (sse == SSE_MORE) return OUTCOME_SUCCESS;
    return end_incomplete(a, PROBLEM_UPSTREAM, STR("The provider's stream broke: an event cannot be read."));
}

static void send_stream_head(struct attempt *a)
{
    struct exchange *x = a->exchange;
    if (x->has_head) return;
    struct lines l;
    head_lines(a, &l);
    x->has_head = true;
    http_exchange_send_head(x->http, &(struct http_reply_head){.status = a->head.status,
                                                               .header_lines = lines_str(&l),
                                                               .content_length = -1});
}

static enum outcome relay_stream(struct attempt *a)
{
    struct exchange *x = a->exchange;
    send_stream_head(a);
    enum outcome outcome = relay_events(a);
    buf_done(&a->held);
    exchange_release_request(x);
    fiber_trim_stack();
    while (outcome == OUTCOME_SUCCESS) {
        struct str chunk;
        enum io io = decoder_read(&a->decoder, &chunk, read_deadline(a), &a->err);
        if (io == IO_CANCELLED) return end_cancelled(a);
        if (io != IO_OK) return end_of_stream(a, io);
        sse_feed(&a->sse, chunk);
        outcome = relay_events(a);
    }
    return outcome;
}

enum outcome relay(struct attempt *a)
{
    commit(a);
    a->exchange->doing = "relaying";
    return a->has_sse ? relay_stream(a) : relay_plain(a);
}
