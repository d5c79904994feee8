/* net/stream_write.c: a socket's writing side, its birth and its end.
 *
 * The kernel is asked first, with all pieces in one call. What it does not take moves into a buffer of the stream's, out of
 * which the loop writes while the fiber waits: that wait is the back-pressure, and the buffer's size is all that a slow
 * peer costs. The fiber's own memory is only read while the fiber runs, so it may leave at any wait.
 * A relay writes what stream_read() has lent it, which is gone with the first wait. So up to LENT_BYTES move at once;
 * more than that cannot be lent, and goes OUTPUT_BYTES at a time. */
#include "net/inside.h"

#include "base/check.h"
#include "base/mem.h"
#include "net/pieces.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/uio.h>
#include <unistd.h>

/* LENT_BYTES: a whole read, and what a protocol puts around it. */
enum { OUTPUT_BYTES = 16 * 1024, LENT_BYTES = STREAM_READ_BYTES + 8 * 1024, PIECES_PER_CALL = 16 };

struct output {
    size_t from, len; /* bytes[from .. from + len) */
    char bytes[];
};

/* ---- writing ---- */

static enum io write_failed(struct plain *p, int code)
{
    p->write_code = code;
    return IO_FAIL;
}

/* How many bytes the kernel took, 0 when it takes none now, or libuv's code. */
static ssize_t sent_result(ssize_t sent)
{
    if (LIKELY(sent >= 0)) return sent;
    return errno == EAGAIN || errno == ENOBUFS ? 0 : uv_translate_sys_error(errno);
}

static ssize_t send_piece(struct plain *p, const char *at, size_t bytes)
{
    ssize_t sent;
    do sent = kernel_send(p->fd, at, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (UNLIKELY(sent < 0 && errno == EINTR));
    return sent_result(sent);
}

static ssize_t send_pieces(struct plain *p, const struct pieces *c)
{
    struct iovec pieces[PIECES_PER_CALL];
    struct msghdr message = {.msg_iov = pieces};
    size_t skip = c->skip;
    for (unsigned n = 0; n < c->count && n < PIECES_PER_CALL; n++, skip = 0)
        pieces[message.msg_iovlen++] = (struct iovec){(void *)((uintptr_t)c->at[n].at + skip),
                                                      c->at[n].len - skip};
    ssize_t sent;
    do sent = kernel_sendmsg(p->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (UNLIKELY(sent < 0 && errno == EINTR));
    return sent_result(sent);
}

/* What the kernel takes now; IO_FAIL or IO_OK with *c moved. It takes one piece for less than several: to copy those of
 * a small write into a place that is warm costs less than its reading a list of them (measured: 60 ns of 2,600). */
static enum io write_try(struct plain *p, struct pieces *c)
{
    ssize_t sent;
    if (c->count == 1) {
        sent = send_piece(p, c->at->at + c->skip, c->at->len - c->skip);
    } else if (pieces_left(c, GATHERED_BYTES + 1) <= GATHERED_BYTES) {
        struct pieces all = *c;
        sent = send_piece(p, p->net->gathered, pieces_copy(&all, p->net->gathered, GATHERED_BYTES));
    } else {
        sent = send_pieces(p, c);
    }
    if (sent < 0) return write_failed(p, (int)sent);
    pieces_advance(c, (size_t)sent);
    return IO_OK;
}

static void output_end(struct plain *p, int code)
{
    xfree(p->output);
    p->output = NULL;
    if (code < 0) p->write_code = code;
    if (p->wants_shutdown) plain_shutdown(&p->stream);
    if (p->writer && fiber_is_waiting(p->writer)) fiber_wake_now(p->writer, code < 0 ? IO_FAIL : IO_OK);
}

/* The fiber that is resumed here may close the stream, or write more. */
void plain_write_ready(struct plain *p)
{
    struct output *o = p->output;
    if (UNLIKELY(p->is_connecting)) {
        p->is_connecting = false; /* the kernel would tell it again and again */
        p->is_connect_decided = true;
        if (fiber_is_waiting(p->writer)) fiber_wake_now(p->writer, IO_OK);
        return;
    }
    if (!o) return;
    ssize_t sent = send_piece(p, o->bytes + o->from, o->len);
    if (sent > 0) {
        o->from += (size_t)sent;
        o->len -= (size_t)sent;
    }
    if (sent < 0 || o->len == 0) output_end(p, sent < 0 ? (int)sent : 0);
}

bool plain_write_now(struct plain *p, struct str piece)
{
    if (piece.len == 0) return true;
    return !p->output && !p->write_code && send_piece(p, piece.at, piece.len) == (ssize_t)piece.len;
}

/* Moves a slice into the stream's buffer and waits until the kernel has it. */
static enum io write_slice(struct plain *p, struct pieces *c, msec_t deadline)
{
    size_t bytes = pieces_left(c, LENT_BYTES + 1);
    if (bytes > LENT_BYTES) bytes = OUTPUT_BYTES;
    p->output = xmalloc(sizeof *p->output + bytes);
    p->output->from = 0;
    p->output->len = pieces_copy(c, p->output->bytes, bytes);
    int code = plain_watch(p);
    if (code < 0) {
        xfree(p->output);
        p->output = NULL;
        return write_failed(p, code);
    }
    require(p->writer == NULL);
    p->writer = fiber_current();
    enum io io = fiber_wait(deadline);
    p->writer = NULL;
    return io;
}

enum io plain_write(struct stream *s, const struct str *pieces, unsigned count, msec_t deadline)
{
    struct plain *p = plain_of(s);
    if (p->write_code) return IO_FAIL;
    if (p->output)
        return write_failed(p, UV_EPIPE); /* the rest of a write that was given up is still on its way */
    struct pieces c = {.at = pieces, .count = count};
    pieces_advance(&c, 0);
    while (c.count) {
        if (write_try(p, &c) != IO_OK) return IO_FAIL;
        if (LIKELY(c.count == 0)) break;
        if (fiber_is_cancelled(fiber_current())) return IO_CANCELLED;
        enum io io = write_slice(p, &c, deadline);
        if (io != IO_OK) return io;
    }
    return IO_OK;
}

void plain_shutdown(struct stream *s)
{
    struct plain *p = plain_of(s);
    p->wants_shutdown = p->output != NULL;
    if (!p->wants_shutdown && p->fd >= 0) (void)shutdown(p->fd, SHUT_WR);
}

/* ---- birth and end ---- */

static void on_closed(uv_handle_t *handle)
{
    xfree(handle->data);
}

void plain_close(struct stream *s, bool is_abort)
{
    struct plain *p = plain_of(s);
    require(!p->reader && !p->writer);
    loop_item_cancel(&p->later);
    if (p->net->fresh_owner == p) p->net->fresh_owner = NULL;
    p->fresh = (struct str){NULL, 0};
    xfree(p->early);
    p->early = NULL;
    xfree(p->output);
    p->output = NULL;
    p->hooks = NULL;
    p->is_reading = p->is_stopped = p->wants_shutdown = false;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (is_abort && !p->is_unix) (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    uv_close((uv_handle_t *)&p->poll, on_closed);
    close(p->fd);
    p->fd = -1;
}

struct plain *plain_new(struct loop *l, int fd, bool is_unix, struct err *err)
{
    struct plain *p = xzalloc(sizeof *p);
    int code = uv_poll_init(loop_uv(l), &p->poll, fd);
    if (code < 0) {
        err_set(err, ERR_SYSTEM, "watching a socket: %s", uv_strerror(code));
        close(fd);
        xfree(p);
        return NULL;
    }
    p->stream.ops = &plain_ops;
    p->net = net_of(l);
    p->fd = fd;
    p->is_unix = is_unix;
    p->poll.data = p;
    loop_item_init(&p->later, plain_on_later);
    stream_set_nodelay(&p->stream, true);
    return p;
}

enum io plain_connect_begin(struct plain *p, const struct sockaddr *to, socklen_t bytes, int *code)
{
    *code = 0;
    if (connect(p->fd, to, bytes) == 0) return IO_OK;
    *code = uv_translate_sys_error(errno);
    if (errno != EINPROGRESS) return IO_FAIL;
    p->is_connecting = true;
    p->writer = fiber_current();
    *code = plain_watch(p);
    return *code == 0 ? IO_TIMEOUT : IO_FAIL;
}

bool plain_connect_is_decided(const struct plain *p)
{
    return p->is_connect_decided;
}

/* Refused at once or later: the socket knows why. */
int plain_connect_code(const struct plain *p)
{
    int error = 0;
    socklen_t bytes = sizeof error;
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) error = errno;
    return error ? uv_translate_sys_error(error) : 0;
}

void plain_connect_end(struct plain *p)
{
    p->writer = NULL;
    p->is_connecting = p->is_connect_decided = false;
}

void plain_set_peer(struct plain *p, const struct sockaddr *peer)
{
    p->peer_bytes = address_format(peer, p->peer);
}

struct stream *stream_from_fd(struct loop *l, int fd, const struct sockaddr *peer, struct err *err)
{
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t own_bytes = sizeof own;
    if (!peer) {
        (void)getpeername(fd, (struct sockaddr *)&own, &own_bytes);
        peer = (struct sockaddr *)&own;
    }
    struct plain *p = plain_new(l, fd, peer->sa_family == AF_UNIX, err);
    if (!p) return NULL;
    plain_set_peer(p, peer);
    return &p->stream;
}
