/* net/stream_write.c: a socket's writing side, its birth and its end.
 *
 * The kernel is asked first, with all pieces in one call. What it does not take moves into a buffer of the stream's that
 * libuv writes while the fiber waits: that wait is the back-pressure, and the buffer's size is all that a slow peer
 * costs. The fiber's own memory is only read while the fiber runs, so it may leave at any wait.
 * A relay writes what stream_read() has lent it, which is gone with the first wait. So up to LENT_BYTES move at once;
 * more than that cannot be lent, and goes OUTPUT_BYTES at a time. */
#include "net/inside.h"

#include "base/check.h"
#include "base/mem.h"
#include "net/pieces.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* LENT_BYTES: a whole read, and what a protocol puts around it. */
enum { OUTPUT_BYTES = 16 * 1024, LENT_BYTES = STREAM_READ_BYTES + 8 * 1024, PIECES_PER_CALL = 16 };

struct output {
    uv_write_t request;
    char bytes[];
};

/* ---- writing ---- */

static void on_written(uv_write_t *request, int code)
{
    struct plain *p = request->data;
    xfree(p->output);
    p->output = NULL;
    if (code < 0) p->write_code = code;
    if (p->wants_shutdown) plain_shutdown(&p->stream);
    if (p->writer && fiber_is_waiting(p->writer)) fiber_wake_now(p->writer, code < 0 ? IO_FAIL : IO_OK);
}

static enum io write_failed(struct plain *p, int code)
{
    p->write_code = code;
    return IO_FAIL;
}

/* What the kernel takes now; IO_FAIL or IO_OK with *c moved. The kernel is called without libc's wrapper, which would make a
 * point of pthread_cancel() of it: two locked instructions each time, as soon as there is a second thread. */
static enum io write_try(struct plain *p, struct pieces *c)
{
    struct iovec pieces[PIECES_PER_CALL];
    struct msghdr message = {.msg_iov = pieces};
    size_t skip = c->skip;
    for (unsigned n = 0; n < c->count && n < PIECES_PER_CALL; n++, skip = 0)
        pieces[message.msg_iovlen++] = (struct iovec){(char *)(uintptr_t)c->at[n].at + skip,
                                                      c->at[n].len - skip};
    long wrote;
    do wrote = syscall(SYS_sendmsg, p->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (wrote < 0 && errno == EINTR);
    if (wrote >= 0)
        pieces_advance(c, (size_t)wrote);
    else if (errno != EAGAIN && errno != ENOBUFS)
        return write_failed(p, uv_translate_sys_error(errno));
    return IO_OK;
}

/* Moves a slice into the stream's buffer and waits until the kernel has it. */
static enum io write_slice(struct plain *p, struct pieces *c, msec_t deadline)
{
    size_t bytes = pieces_left(c, LENT_BYTES + 1);
    if (bytes > LENT_BYTES) bytes = OUTPUT_BYTES;
    p->output = xmalloc(sizeof *p->output + bytes);
    p->output->request.data = p;
    uv_buf_t buf = uv_buf_init(p->output->bytes, (unsigned)pieces_copy(c, p->output->bytes, bytes));
    int code = uv_write(&p->output->request, &p->uv.stream, &buf, 1, on_written);
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
    list_remove(&p->stopped);
    if (p->net->fresh_owner == p) p->net->fresh_owner = NULL;
    p->fresh = (struct str){NULL, 0};
    xfree(p->early);
    p->early = NULL;
    p->hooks = NULL;
    p->wants_shutdown = false;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (is_abort && !p->is_unix && p->fd >= 0)
        (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    p->fd = -1;
    uv_close(&p->uv.any, on_closed);
}

struct plain *plain_new(struct loop *l, bool is_unix)
{
    struct plain *p = xzalloc(sizeof *p);
    p->stream.ops = &plain_ops;
    p->net = net_of(l);
    p->fd = -1;
    p->is_unix = is_unix;
    loop_item_init(&p->later, plain_on_later);
    list_init(&p->stopped);
    if (is_unix)
        uv_pipe_init(loop_uv(l), &p->uv.pipe, 0);
    else
        uv_tcp_init(loop_uv(l), &p->uv.tcp);
    p->uv.any.data = p;
    return p;
}

void plain_set_peer(struct plain *p, const struct sockaddr *peer)
{
    p->peer_bytes = address_format(peer, p->peer);
    p->is_loopback = address_is_loopback(peer);
}

void plain_connected(struct plain *p)
{
    uv_os_fd_t fd = -1;
    if (uv_fileno(&p->uv.any, &fd) == 0) p->fd = fd;
    stream_set_nodelay(&p->stream, true);
}

struct stream *stream_from_fd(struct loop *l, int fd, const struct sockaddr *peer, struct err *err)
{
    struct sockaddr_storage own = {.ss_family = AF_UNSPEC};
    socklen_t own_bytes = sizeof own;
    if (!peer) {
        (void)getpeername(fd, (struct sockaddr *)&own, &own_bytes);
        peer = (struct sockaddr *)&own;
    }
    struct plain *p = plain_new(l, peer->sa_family == AF_UNIX);
    int code = p->is_unix ? uv_pipe_open(&p->uv.pipe, fd) : uv_tcp_open(&p->uv.tcp, fd);
    if (code < 0) {
        close(fd);
        plain_close(&p->stream, false);
        err_set(err, ERR_SYSTEM, "taking a connection: %s", uv_strerror(code));
        return NULL;
    }
    plain_set_peer(p, peer);
    plain_connected(p);
    return &p->stream;
}
