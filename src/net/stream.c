/* net/stream.c: a socket's reading side, and the six verbs' way to the kind of stream.
 *
 * Bytes are read when the kernel has some (watch.c); room_for_more() says where to, on_bytes() what becomes of them:
 *
 *     a fiber waits in stream_read       -> lent to it in the loop's buffer, and it is resumed at once
 *     a fiber waits in stream_read_into  -> straight into its memory; it is resumed when all are there
 *     nobody waits                       -> they stay `fresh` in the loop's buffer until that is needed again, then move
 *                                           to the heap as `early` bytes; beyond STREAM_EARLY_BYTES reading stops
 *
 * Order in time: early bytes come before fresh ones, and fresh ones exist only while there are no early ones.
 * Reading starts again when all of them are taken (stop and start cost four epoll_ctl).
 * What stream_read lends lies in the loop's buffer or, for early bytes, in net->held; both are used again by the next
 * read of any stream, which cannot come before the fiber waits. */
#include "net/inside.h"

#include "base/check.h"
#include "base/mem.h"
#include "fiber/sanitize.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

enum {
    DIRECT_BYTES = 16 * 1024, /* below this the loop's buffer and a copy cost less than one more read */
    READS_PER_TURN = 8,       /* then others have theirs; 64 KiB of tiny chunks or events take 2 ms */
};

/* ---- bytes that nobody has taken yet ---- */

static size_t early_bytes(const struct plain *p)
{
    return (p->early ? p->early->len : 0) + p->fresh.len;
}

static void early_append(struct plain *p, struct str more)
{
    struct early *e = p->early;
    size_t have = e ? e->len : 0;
    if (!e || e->from + e->len + more.len > e->room) {
        size_t room = 256;
        while (room < have + more.len) room *= 2;
        struct early *wider = xmalloc(sizeof *wider + room);
        *wider = (struct early){.len = have, .room = room};
        if (have) memcpy(wider->bytes, e->bytes + e->from, have);
        xfree(e);
        p->early = e = wider;
    }
    memcpy(e->bytes + e->from + e->len, more.at, more.len);
    e->len += more.len;
}

static struct str fresh_take(struct plain *p)
{
    struct str bytes = p->fresh;
    p->fresh = (struct str){NULL, 0};
    p->net->fresh_owner = NULL;
    SANITIZE_ALLOW(bytes.at, bytes.len);
    return bytes;
}

static void fresh_put(struct plain *p, struct str bytes)
{
    p->fresh = bytes;
    p->net->fresh_owner = bytes.len ? p : NULL;
}

void net_reuse_buffer(struct net *n)
{
    struct plain *owner = n->fresh_owner;
    if (UNLIKELY(owner != NULL)) {
        struct str bytes = fresh_take(owner);
        early_append(owner, bytes);
    }
    if (UNLIKELY(n->held != NULL)) {
        xfree(n->held);
        n->held = NULL;
    }
    SANITIZE_ALLOW(n->buffer, STREAM_READ_BYTES);
}

static bool reading_start(struct plain *p)
{
    if (p->is_reading) return true;
    p->is_reading = true;
    p->is_stopped = false;
    int code = plain_watch(p);
    if (code == 0) return true;
    p->is_reading = false;
    p->end_code = code;
    return false;
}

/* All early bytes are taken. Whoever took them may never wait for more (a connection becomes idle): what was stopped
 * because of them goes on now. */
static void early_is_empty(struct plain *p)
{
    p->has_told_readable = false;
    if (UNLIKELY(p->is_stopped) && !p->end_code) (void)reading_start(p);
}

bool plain_take(struct plain *p, struct str *chunk)
{
    struct net *n = p->net;
    if (p->fresh.len) {
        *chunk = fresh_take(p);
        early_is_empty(p);
        fiber_lend(chunk->at, chunk->len);
        return true;
    }
    if (!p->early) return false;
    xfree(n->held);
    n->held = p->early;
    p->early = NULL;
    early_is_empty(p);
    *chunk = str_of(n->held->bytes + n->held->from, n->held->len);
    fiber_lend(chunk->at, chunk->len);
    return true;
}

/* Copies up to room.len bytes out; how many. */
static size_t take_into(struct plain *p, char *at, size_t bytes)
{
    size_t taken = 0;
    if (p->early) {
        struct early *e = p->early;
        taken = e->len < bytes ? e->len : bytes;
        memcpy(at, e->bytes + e->from, taken);
        e->from += taken;
        e->len -= taken;
        if (e->len) return taken;
        xfree(e);
        p->early = NULL;
    } else if (p->fresh.len) {
        struct str fresh = fresh_take(p);
        taken = fresh.len < bytes ? fresh.len : bytes;
        memcpy(at, fresh.at, taken);
        fresh_put(p, str_from(fresh, taken));
        if (p->fresh.len) return taken;
    }
    early_is_empty(p);
    return taken;
}

/* ---- hooks ---- */

static void tell_readable(struct plain *p)
{
    if (!p->hooks || !p->hooks->on_readable || p->has_told_readable || p->reader) return;
    p->has_told_readable = true;
    p->hooks->on_readable(p->hooks_arg);
}

static void tell_end(struct plain *p)
{
    if (!p->hooks || !p->hooks->on_end || p->has_told_end || p->reader) return;
    p->has_told_end = true;
    p->hooks->on_end(p->hooks_arg);
}

static bool plain_has_early(const struct stream *s)
{
    return early_bytes(plain_of_const(s)) > 0;
}

static bool plain_has_ended(const struct stream *s)
{
    const struct plain *p = plain_of_const(s);
    return p->end_code != 0 || p->has_seen_end;
}

/* The first hook may close the stream (its memory stays until the loop has closed the handle). */
void plain_on_later(struct loop_item *item)
{
    struct plain *p = CONTAINER_OF(item, struct plain, later);
    if (early_bytes(p)) tell_readable(p);
    if (plain_has_ended(&p->stream)) tell_end(p);
}

static void hooks_later(struct plain *p)
{
    if (!p->hooks || loop_item_is_queued(&p->later)) return;
    if (early_bytes(p) || plain_has_ended(&p->stream)) loop_enqueue(p->net->loop, &p->later);
}

/* ---- the loop's side ---- */

static struct str room_for_more(struct plain *p)
{
    struct net *n = p->net;
    bool is_awaited = p->reader && fiber_is_waiting(p->reader);
    if (is_awaited && p->into_left >= DIRECT_BYTES) return str_of(p->into, p->into_left);
    size_t room = STREAM_READ_BYTES, early = early_bytes(p);
    bool starts_someone = p->hooks && p->hooks->on_readable && early == 0;
    if (!is_awaited && !starts_someone) room = early < STREAM_EARLY_BYTES ? STREAM_EARLY_BYTES - early : 0;
    if (room) net_reuse_buffer(n);
    return str_of(n->buffer, room);
}

static void on_end(struct plain *p, int code)
{
    p->end_code = code;
    p->is_reading = false;
    if (!p->reader)
        tell_end(p);
    else if (fiber_is_waiting(p->reader))
        fiber_wake_now(p->reader, IO_OK);
}

void plain_hung_up(struct plain *p)
{
    p->is_stopped = false;
    p->has_seen_end = true;
    hooks_later(p);
}

/* More has come than may be kept. */
static void on_full(struct plain *p)
{
    p->is_reading = false;
    p->is_stopped = true;
    if (p->has_hung_up) plain_hung_up(p);
}

static void on_unawaited(struct plain *p, struct str bytes)
{
    if (p->early)
        early_append(p, bytes);
    else
        fresh_put(p, bytes);
    tell_readable(p);
}

static void on_into(struct plain *p, struct str bytes)
{
    size_t taken = bytes.len < p->into_left ? bytes.len : p->into_left;
    if (bytes.at != p->into) {
        memcpy(p->into, bytes.at, taken);
        fresh_put(p, str_from(bytes, taken));
    }
    p->into += taken;
    p->into_left -= taken;
    if (p->into_left == 0) fiber_wake_now(p->reader, IO_OK);
}

static void on_bytes(struct plain *p, struct str bytes)
{
    if (!p->reader || !fiber_is_waiting(p->reader)) {
        on_unawaited(p, bytes);
    } else if (p->into_left) {
        on_into(p, bytes);
    } else {
        fresh_put(p, bytes);
        fiber_wake_now(p->reader, IO_OK);
    }
}

/* True: there may be more. Fewer bytes than asked for were all that there were; who ended behind them is asked again. */
static bool read_once(struct plain *p)
{
    struct str room = room_for_more(p);
    if (room.len == 0) {
        on_full(p);
        return false;
    }
    ssize_t got;
    do got = kernel_recv(p->fd, (char *)(uintptr_t)room.at, room.len, MSG_DONTWAIT);
    while (UNLIKELY(got < 0 && errno == EINTR));
    if (UNLIKELY(got <= 0)) {
        if (got == 0 || errno != EAGAIN) on_end(p, got == 0 ? UV_EOF : uv_translate_sys_error(errno));
        return false;
    }
    on_bytes(p, str_of(room.at, (size_t)got));
    return (size_t)got == room.len || p->has_hung_up;
}

bool plain_read_ready(struct plain *p)
{
    for (int i = 0; i < READS_PER_TURN; i++)
        if (!read_once(p) || p->fd < 0 || !p->is_reading) return false;
    return true;
}

/* ---- the fiber's side ---- */

static enum io end_result(const struct plain *p)
{
    return p->end_code == UV_EOF ? IO_END : IO_FAIL;
}

/* IO_OK: bytes or the end are here. */
static enum io reader_wait(struct plain *p, msec_t deadline)
{
    if (!reading_start(p)) return IO_OK;
    require(p->reader == NULL);
    p->reader = fiber_current();
    enum io io = fiber_wait(deadline);
    p->reader = NULL;
    return io;
}

static enum io plain_read(struct stream *s, struct str *chunk, msec_t deadline)
{
    struct plain *p = plain_of(s);
    if (fiber_is_cancelled(fiber_current())) return IO_CANCELLED;
    if (plain_take(p, chunk)) return IO_OK;
    if (!p->end_code) {
        enum io io = reader_wait(p, deadline);
        if (io == IO_CANCELLED) {
            hooks_later(p);
            return io;
        }
        if (plain_take(p, chunk)) return IO_OK;
        if (io == IO_TIMEOUT && !p->end_code) return io;
    }
    p->has_told_end = true;
    return end_result(p);
}

static enum io plain_read_into(struct stream *s, struct str room, size_t *got, msec_t deadline)
{
    struct plain *p = plain_of(s);
    char *at = (char *)(uintptr_t)room.at;
    *got = 0;
    if (fiber_is_cancelled(fiber_current())) return IO_CANCELLED;
    *got = take_into(p, at, room.len);
    if (*got == room.len) return IO_OK;
    if (!p->end_code) {
        p->into = at + *got;
        p->into_left = room.len - *got;
        enum io io = reader_wait(p, deadline);
        *got = room.len - p->into_left;
        p->into = NULL;
        p->into_left = 0;
        if (*got == room.len) return IO_OK;
        if (io != IO_OK) {
            hooks_later(p);
            return io;
        }
    }
    p->has_told_end = true;
    return end_result(p);
}

static void plain_unread(struct stream *s, struct str rest)
{
    struct plain *p = plain_of(s);
    struct net *n = p->net;
    require(rest.len <= STREAM_READ_BYTES);
    if (rest.len == 0) return;
    bool is_in_buffer = rest.at >= n->buffer && rest.at < n->buffer + STREAM_READ_BYTES;
    if (is_in_buffer && !p->early && !n->fresh_owner) {
        fresh_put(p, rest);
        return;
    }
    struct early *h = n->held;
    if (h && !p->early && !p->fresh.len && rest.at + rest.len == h->bytes + h->from + h->len) {
        size_t kept = h->len - rest.len;
        fiber_lend(h->bytes + h->from,
                   kept > 8 ? kept - 8 : 0); /* not what comes back, nor the eight it begins in */
        h->from += kept;
        h->len = rest.len;
        p->early = h;
        n->held = NULL;
        return;
    }
    struct early *after = p->early;
    struct str fresh = p->fresh.len ? fresh_take(p) : (struct str){NULL, 0};
    p->early = NULL;
    early_append(p, rest);
    if (after) early_append(p, str_of(after->bytes + after->from, after->len));
    if (fresh.len) early_append(p, fresh);
    xfree(after);
}

static bool plain_take_early(struct stream *s, struct str *chunk)
{
    return plain_take(plain_of(s), chunk);
}

static void plain_say_last(struct stream *s, struct str words)
{
    plain_write_now(plain_of(s), words);
    plain_shutdown(s);
}

static void plain_set_hooks(struct stream *s, const struct stream_hooks *hooks, void *arg)
{
    struct plain *p = plain_of(s);
    p->hooks = hooks;
    p->hooks_arg = arg;
    p->has_told_readable = p->has_told_end = false;
    if (!hooks) {
        loop_item_cancel(&p->later);
        return;
    }
    if (!p->is_reading && !p->end_code && early_bytes(p) < STREAM_EARLY_BYTES) (void)reading_start(p);
    hooks_later(p);
}

static const char *plain_error(const struct stream *s)
{
    const struct plain *p = plain_of_const(s);
    if (p->write_code) return uv_strerror(p->write_code);
    return p->end_code && p->end_code != UV_EOF ? uv_strerror(p->end_code) : "";
}

static struct plain *plain_bottom(struct stream *s)
{
    return plain_of(s);
}

const struct stream_ops plain_ops = {
    .read = plain_read,
    .read_into = plain_read_into,
    .unread = plain_unread,
    .take = plain_take_early,
    .say_last = plain_say_last,
    .write = plain_write,
    .shutdown = plain_shutdown,
    .close = plain_close,
    .set_hooks = plain_set_hooks,
    .has_early = plain_has_early,
    .has_ended = plain_has_ended,
    .error = plain_error,
    .bottom = plain_bottom,
};

/* ---- the verbs ---- */

enum io stream_read(struct stream *s, struct str *chunk, msec_t deadline)
{
    return LIKELY(s->ops == &plain_ops) ? plain_read(s, chunk, deadline) : s->ops->read(s, chunk, deadline);
}

enum io stream_read_into(struct stream *s, char *at, size_t bytes, size_t *got, msec_t deadline)
{
    return s->ops->read_into(s, str_of(at, bytes), got, deadline);
}

void stream_unread(struct stream *s, struct str rest)
{
    s->ops->unread(s, rest);
}

enum io stream_write(struct stream *s, const struct str *pieces, unsigned count, msec_t deadline)
{
    return LIKELY(s->ops == &plain_ops) ? plain_write(s, pieces, count, deadline)
                                        : s->ops->write(s, pieces, count, deadline);
}

bool stream_take(struct stream *s, struct str *chunk)
{
    return s->ops->take(s, chunk);
}

void stream_say_last(struct stream *s, struct str words)
{
    s->ops->say_last(s, words);
}

void stream_shutdown(struct stream *s)
{
    s->ops->shutdown(s);
}

void stream_close(struct stream **s)
{
    if (!*s) return;
    (*s)->ops->close(*s, false);
    *s = NULL;
}

void stream_abort(struct stream **s)
{
    if (!*s) return;
    (*s)->ops->close(*s, true);
    *s = NULL;
}

void stream_set_hooks(struct stream *s, const struct stream_hooks *hooks, void *arg)
{
    s->ops->set_hooks(s, hooks, arg);
}

bool stream_has_early(const struct stream *s)
{
    return s->ops->has_early(s);
}

bool stream_has_ended(const struct stream *s)
{
    return s->ops->has_ended(s);
}

const char *stream_error(const struct stream *s)
{
    return s->ops->error(s);
}

static struct plain *bottom_of(const struct stream *s)
{
    return s->ops->bottom((struct stream *)(uintptr_t)s);
}

struct str stream_peer(const struct stream *s)
{
    const struct plain *p = bottom_of(s);
    return str_of(p->peer, p->peer_bytes);
}

bool stream_peer_is_unix(const struct stream *s)
{
    return bottom_of(s)->is_unix;
}

/* A corked socket keeps an incomplete segment back, at most 200 ms; the FIN joins it (man 7 tcp, TCP_CORK). */
void stream_hold_last(struct stream *s)
{
    struct plain *p = bottom_of(s);
    int on = 1;
    if (!p->is_unix && p->fd >= 0) (void)setsockopt(p->fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

void stream_set_nodelay(struct stream *s, bool is_on)
{
    struct plain *p = bottom_of(s);
    int on = is_on;
    if (!p->is_unix && p->fd >= 0) (void)setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
