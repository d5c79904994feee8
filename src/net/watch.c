/* net/watch.c: what the kernel says of a socket: readable, writable, hung up.
 *
 *     reading              READABLE and DISCONNECT
 *     stopped (too much)   DISCONNECT: unread bytes must not wake us, the end behind them shall
 *     output, connecting   and WRITABLE
 *
 * epoll asks a socket whose bytes were just taken once more before each sleep (it is level-triggered): 100 ns a read.
 * So a connection that has proved to live for more than one message is made edge-triggered, behind libuv's back: that is
 * one epoll_ctl() on libuv's own epoll, which it undoes by itself whenever it is asked for other events. Nothing depends
 * on it. What an edge asks of us is done in any case: to read until there are no more bytes, and, where a hang-up came
 * with the bytes, until the end. Unix sockets stay as they are, for their reads may be short of what is there. */
#include "net/inside.h"

#include <sys/epoll.h>

enum { EDGE_WAKEUPS = 2, MANY_WAKEUPS = 255 };

static void on_ready(uv_poll_t *poll, int status, int events);

static int wanted_events(const struct plain *p)
{
    int events = 0;
    if (p->is_reading) events |= UV_READABLE | UV_DISCONNECT;
    if (p->is_stopped) events |= UV_DISCONNECT;
    if (p->output || p->is_connecting) events |= UV_WRITABLE;
    return events;
}

int plain_watch(struct plain *p)
{
    int events = wanted_events(p);
    if (events == p->watched) return 0;
    p->watched = events;
    p->is_edge = false;
    return events ? uv_poll_start(&p->poll, events, on_ready) : uv_poll_stop(&p->poll);
}

/* Also where it is one already: the kernel looks at the socket and tells of what is there. */
static void make_edge(struct plain *p)
{
    struct epoll_event edge = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.fd = p->fd};
    p->is_edge = epoll_ctl(uv_backend_fd(p->poll.loop), EPOLL_CTL_MOD, p->fd, &edge) == 0;
}

static void after_wakeup(struct plain *p, bool has_more)
{
    if (p->wakeups < MANY_WAKEUPS) p->wakeups++;
    if (wanted_events(p) != p->watched) (void)plain_watch(p);
    bool may_be_edge = p->wakeups >= EDGE_WAKEUPS && !p->is_unix &&
                       p->watched == (UV_READABLE | UV_DISCONNECT);
    if (has_more ? p->is_edge : may_be_edge && !p->is_edge) make_edge(p);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct plain *p = poll->data;
    bool has_more = false;
    if (UNLIKELY(status < 0)) { /* an error of the socket; libuv does not watch it any more */
        p->watched = 0;
        p->is_edge = false;
        events = UV_READABLE | UV_WRITABLE | UV_DISCONNECT;
    }
    if (events & UV_DISCONNECT) p->has_hung_up = true;
    if (p->is_reading && (events & (UV_READABLE | UV_DISCONNECT)))
        has_more = plain_read_ready(p);
    else if (p->is_stopped && p->has_hung_up)
        plain_hung_up(p);
    if (UNLIKELY((events & UV_WRITABLE) && p->fd >= 0)) plain_write_ready(p);
    if (LIKELY(p->fd >= 0)) after_wakeup(p, has_more);
}
