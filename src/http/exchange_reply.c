/* http/exchange_reply.c: an exchange's reply, written.
 *
 *     NONE --reply--------------------------------------------> FINISHED
 *       '--send_head--> HEAD_HELD --send_body, flush--> STARTED --finish--> FINISHED
 *
 * The head is made of the status line, the date (formatted once a second), the framing, and the handler's lines; it
 * leaves together with the first bytes of the body, in one write. Bodies are not copied here. A caller who reads
 * slowly makes the write wait; one who takes less than 256 KiB in body_ms is given up.
 *
 * The last word of a reply is tried even when the fiber is cancelled: what the kernel takes at once needs no wait, and
 * so a stream can still be told that it ends. All others then return IO_CANCELLED, so that a handler that only writes
 * notices, too. */
#include "http/exchange.h"

#include "base/check.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "http/writer.h"

enum {
    HEAD_BYTES = 256,        /* all that is ours in a head */
    HEAD_STACK_BYTES = 1000, /* with the handler's lines when they fit */
};

/* ---- the head ---- */
static struct str date_line(struct http_server *s)
{
    msec_t now = fiber_now();
    if (now >= s->date_until) {
        int64_t wall_ms = clock_wall_ms();
        memcpy(s->date_line, "Date: ", 6);
        http_date_format(s->date_line + 6, wall_ms);
        memcpy(s->date_line + 6 + HTTP_DATE_BYTES, "\r\n", 2);
        s->date_until = now + 1000 - wall_ms % 1000;
    }
    return str_of(s->date_line, DATE_LINE_BYTES);
}

static char *format_status_line(char *at, int status)
{
    struct str reason = str_part(http_status_reason(status), 0, 64);
    at = fmt_str(at, STR("HTTP/1.1 "));
    at = fmt_u64(at, (uint64_t)status);
    *at++ = ' ';
    at = fmt_str(at, reason);
    return fmt_str(at, STR("\r\n"));
}

static bool status_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

/* How the caller will know where the reply ends. */
static void choose_framing(struct http_exchange *x, int64_t content_length)
{
    if (!status_has_body(x->status)) {
        x->framing = FRAMING_NONE;
    } else if (content_length >= 0) {
        x->framing = FRAMING_LENGTH;
        x->left = (uint64_t)content_length;
    } else {
        x->framing = x->is_http_1_0 ? FRAMING_CLOSE : FRAMING_CHUNKED;
    }
    if (x->framing == FRAMING_CLOSE || x->server->is_draining) x->closes = true;
    if (http_exchange_has_unread_body(x) && (x->awaits_continue || x->body.left > DRAIN_MAX_BYTES))
        x->closes = true;
}

/* Everything up to the handler's lines; at most HEAD_BYTES. */
static char *format_head(struct http_exchange *x, char *at)
{
    at = format_status_line(at, x->status);
    at = fmt_str(at, date_line(x->server));
    if (x->framing == FRAMING_LENGTH) {
        at = fmt_str(at, STR("Content-Length: "));
        at = fmt_u64(at, x->left);
        at = fmt_str(at, STR("\r\n"));
    } else if (x->framing == FRAMING_CHUNKED) {
        at = fmt_str(at, STR("Transfer-Encoding: chunked\r\n"));
    }
    if (x->closes)
        at = fmt_str(at, STR("Connection: close\r\n"));
    else if (x->is_http_1_0)
        at = fmt_str(at, STR("Connection: keep-alive\r\n"));
    return at;
}

/* ---- writing ---- */
static void reply_writer_init(struct writer *w, const struct http_exchange *x)
{
    writer_init(w, x->stream, NEVER, x->server->options.body_ms);
}

static enum io reply_write(struct http_exchange *x, struct writer *w)
{
    enum io io = writer_finish(w);
    if (io != IO_OK) x->is_cut = x->closes = true;
    return io;
}

static size_t pieces_bytes(const struct str *pieces, unsigned count)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < count; i++) bytes += pieces[i].len;
    return bytes;
}

static void add_pieces(struct writer *w, const struct str *pieces, unsigned count)
{
    for (unsigned i = 0; i < count; i++) writer_add(w, pieces[i]);
}

enum io http_exchange_reply(struct http_exchange *x, const struct http_reply_head *head,
                            const struct str *pieces, unsigned count)
{
    require(x->state == REPLY_NONE && x->stream);
    size_t bytes = pieces_bytes(pieces, count);
    x->status = head->status;
    choose_framing(x, bytes == 0 && x->is_head_request && head->content_length > 0 ? head->content_length
                                                                                   : (int64_t)bytes);
    char text[HEAD_STACK_BYTES], *at = format_head(x, text);
    struct writer w;
    reply_writer_init(&w, x);
    if (head->header_lines.len <= HEAD_STACK_BYTES - HEAD_BYTES) {
        at = fmt_str(at, head->header_lines);
        at = fmt_str(at, STR("\r\n"));
        writer_add(&w, str_of(text, (size_t)(at - text)));
    } else {
        writer_add(&w, str_of(text, (size_t)(at - text)));
        writer_add(&w, head->header_lines);
        writer_add(&w, STR("\r\n"));
    }
    if (x->framing == FRAMING_LENGTH && !x->is_head_request) {
        add_pieces(&w, pieces, count);
        x->sent_bytes = bytes;
    }
    x->left = 0;
    x->state = REPLY_FINISHED;
    return reply_write(x, &w);
}

void http_exchange_send_head(struct http_exchange *x, const struct http_reply_head *head)
{
    require(x->state == REPLY_NONE && x->stream);
    x->status = head->status;
    choose_framing(x, head->content_length);
    char *text = xmalloc(HEAD_BYTES + head->header_lines.len), *at = format_head(x, text);
    at = fmt_str(at, head->header_lines);
    at = fmt_str(at, STR("\r\n"));
    x->held_head = str_of(text, (size_t)(at - text));
    x->state = REPLY_HEAD_HELD;
}

static void add_head(struct http_exchange *x, struct writer *w)
{
    if (x->state != REPLY_HEAD_HELD) return;
    writer_add(w, x->held_head);
    x->state = REPLY_STARTED;
}

/* What the kernel has not taken is the stream's by now: replies that take long do not hold their head. */
static void drop_head(struct http_exchange *x)
{
    xfree((char *)x->held_head.at);
    x->held_head = str_of(NULL, 0);
}

enum io http_exchange_flush(struct http_exchange *x)
{
    require(x->state != REPLY_NONE);
    if (x->is_cut || x->state != REPLY_HEAD_HELD) return x->is_cut ? IO_FAIL : IO_OK;
    struct writer w;
    reply_writer_init(&w, x);
    add_head(x, &w);
    enum io io = reply_write(x, &w);
    drop_head(x);
    return io;
}

/* The body bytes of one call in their framing; `is_last` adds what ends the message. */
static enum io send_part(struct http_exchange *x, const struct str *pieces, unsigned count, bool is_last)
{
    require(x->state == REPLY_HEAD_HELD || x->state == REPLY_STARTED);
    if (x->is_cut) return IO_FAIL;
    if (!is_last && fiber_is_cancelled(x->connection->fiber)) return IO_CANCELLED;
    size_t bytes = pieces_bytes(pieces, count);
    if (x->framing == FRAMING_NONE || x->is_head_request) bytes = 0;
    if (bytes == 0 && !is_last) return count > 0 ? http_exchange_flush(x) : IO_OK;
    struct writer w;
    char size[CHUNKED_HEAD_BYTES];
    reply_writer_init(&w, x);
    add_head(x, &w);
    if (x->framing == FRAMING_LENGTH && bytes > 0) {
        require(bytes <= x->left);
        x->left -= bytes;
    }
    if (x->framing == FRAMING_CHUNKED && bytes > 0)
        writer_add(&w, str_of(size, (size_t)(chunked_write_size(size, bytes) - size)));
    if (bytes > 0) add_pieces(&w, pieces, count);
    if (x->framing == FRAMING_CHUNKED && bytes > 0)
        writer_add(&w, is_last ? STR("\r\n0\r\n\r\n") : STR("\r\n"));
    if (x->framing == FRAMING_CHUNKED && bytes == 0 && !x->is_head_request) writer_add(&w, STR("0\r\n\r\n"));
    x->sent_bytes += bytes;
    enum io io = reply_write(x, &w);
    drop_head(x);
    return io;
}

enum io http_exchange_send_body(struct http_exchange *x, const struct str *pieces, unsigned count)
{
    return send_part(x, pieces, count, false);
}

enum io http_exchange_send_last(struct http_exchange *x, const struct str *pieces, unsigned count)
{
    if (x->state == REPLY_FINISHED) return x->is_cut ? IO_FAIL : IO_OK;
    /* A stream's head may have promised a connection that goes on. So the end comes with the last bytes: a caller
     * that has read them must not send its next request into a connection that is about to close. */
    bool ends_with_it = x->closes && x->framing == FRAMING_CHUNKED;
    if (ends_with_it) stream_hold_last(x->stream);
    enum io io = send_part(x, pieces, count, true);
    if (io != IO_OK) return io;
    if (x->left > 0 && !x->is_head_request) { /* shorter than announced */
        x->is_cut = x->closes = true;
        return IO_FAIL;
    }
    x->state = REPLY_FINISHED;
    if (ends_with_it) stream_shutdown(x->stream);
    return IO_OK;
}

enum io http_exchange_finish(struct http_exchange *x)
{
    return http_exchange_send_last(x, NULL, 0);
}

/* ---- other endings ---- */
void http_exchange_close_after(struct http_exchange *x)
{
    x->closes = true;
}

void http_exchange_abort(struct http_exchange *x)
{
    x->state = REPLY_ABORTED;
    x->closes = true;
}

struct stream *http_exchange_take_over(struct http_exchange *x)
{
    static const struct stream_hooks nobody = {0};
    struct stream *s = x->stream;
    stream_set_hooks(s, &nobody, NULL);
    x->stream = x->connection->stream = NULL;
    return s;
}

/* ---- looking ---- */
bool http_exchange_has_sent(const struct http_exchange *x)
{
    return x->state == REPLY_STARTED || x->state == REPLY_FINISHED || x->sent_bytes > 0;
}

int http_exchange_status(const struct http_exchange *x)
{
    return x->status;
}

uint64_t http_exchange_sent_bytes(const struct http_exchange *x)
{
    return x->sent_bytes;
}
