/* net/listener.c: accepting on a worker.
 *
 * The descriptor is watched with uv_poll and emptied in batches by accept4, which gives sockets that are non-blocking and
 * close-on-exec at once. A batch is bounded so that a flood of connections leaves time for those that are already here.
 * Without descriptors (EMFILE, ENFILE) or memory the queue stays in the kernel: watching it would spin, so accepting
 * pauses for PAUSE_MS. Closing one of two sockets that share a port resets what waits in its queue, so a listener takes
 * those connections before it closes. */
#include "net/inside.h"
#include "net/listener.h"

#include "base/mem.h"

#include <errno.h>
#include <unistd.h>

enum { BATCH = 64, PAUSE_MS = 100 };

struct listener {
    struct loop *loop;
    uv_poll_t poll;
    uv_timer_t pause;
    int fd;
    unsigned open_handles;
    bool is_paused, is_closing;
    listener_accept *on_accept;
    void *arg;
    struct listener_stats stats;
};

static void on_ready(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *l = timer->data;
    if (!l->is_paused) uv_poll_start(&l->poll, UV_READABLE, on_ready);
}

static void pause_for_descriptors(struct listener *l)
{
    l->stats.out_of_descriptors++;
    if (l->is_closing) return;
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
}

/* False: nothing (more) to take now. */
static bool accept_one(struct listener *l)
{
    struct sockaddr_storage peer = {.ss_family = AF_UNIX};
    socklen_t bytes = sizeof peer;
    int fd = accept4(l->fd, (struct sockaddr *)&peer, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        bool is_gone = errno == ECONNABORTED || errno == EINTR || errno == EPROTO || errno == EPERM;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_for_descriptors(l);
        return is_gone;
    }
    struct err err;
    struct stream *s = stream_from_fd(l->loop, fd, (const struct sockaddr *)&peer, &err);
    if (!s) return true; /* the connection is closed; its peer sees it */
    l->stats.accepted++;
    l->on_accept(l->arg, s);
    return true;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < BATCH && !l->is_paused && !l->is_closing && accept_one(l); i++) continue;
}

struct listener *listener_new(struct loop *l, int fd, listener_accept *on_accept, void *arg, struct err *err)
{
    struct listener *new = xzalloc(sizeof *new);
    *new = (struct listener){.loop = l, .fd = fd, .on_accept = on_accept, .arg = arg, .open_handles = 2};
    int code = uv_poll_init(loop_uv(l), &new->poll, fd);
    if (code < 0) {
        err_set(err, ERR_SYSTEM, "watching a listening socket: %s", uv_strerror(code));
        close(fd);
        xfree(new);
        return NULL;
    }
    uv_timer_init(loop_uv(l), &new->pause);
    new->poll.data = new->pause.data = new;
    uv_poll_start(&new->poll, UV_READABLE, on_ready);
    return new;
}

void listener_pause(struct listener *l, bool is_paused)
{
    if (l->is_paused == is_paused) return;
    l->is_paused = is_paused;
    uv_timer_stop(&l->pause);
    if (is_paused)
        uv_poll_stop(&l->poll);
    else
        uv_poll_start(&l->poll, UV_READABLE, on_ready);
}

static void on_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    if (--l->open_handles == 0) xfree(l);
}

void listener_close(struct listener **listener)
{
    struct listener *l = *listener;
    if (!l) return;
    *listener = NULL;
    l->is_closing = true;
    uv_poll_stop(&l->poll);
    while (accept_one(l)) continue;
    uv_close((uv_handle_t *)&l->poll, on_closed);
    close(l->fd);
    uv_close((uv_handle_t *)&l->pause, on_closed);
}

struct listener_stats listener_read_stats(const struct listener *l)
{
    return l->stats;
}
