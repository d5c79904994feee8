/* net/net.c: what all streams of one loop share: the read buffer and the watch over streams that do not read.
 *
 * After uv_read_stop libuv reports no hang-up, and neither could epoll without waking us for the unread bytes for ever.
 * So once a second one poll() looks at all stopped sockets together: POLLRDHUP is seen past unread bytes, for TCP and
 * unix sockets alike. */
#include "net/inside.h"

#include "base/mem.h"
#include "fiber/sanitize.h"
#include "net/resolver.h"

#include <poll.h>

enum { WATCH_MS = 1000, WATCH_BATCH = 64 };

static void on_net_closed(uv_handle_t *handle)
{
    struct net *n = handle->data;
    SANITIZE_ALLOW(n->buffer, STREAM_READ_BYTES);
    xfree(n->buffer);
    xfree(n->held);
    tls_scratch_free(n->tls);
    if (n->owns_resolver) resolver_free(n->resolver);
    xfree(n);
}

static void net_done(void *state)
{
    struct net *n = state;
    uv_close((uv_handle_t *)&n->watch, on_net_closed);
}

struct net *net_of(struct loop *l)
{
    struct net *n = loop_attached(l);
    if (n) return n;
    n = xzalloc(sizeof *n);
    n->loop = l;
    n->buffer = xmalloc(STREAM_READ_BYTES);
    list_init(&n->stopped);
    uv_timer_init(loop_uv(l), &n->watch);
    uv_unref((uv_handle_t *)&n->watch);
    n->watch.data = n;
    loop_attach(l, n, net_done);
    return n;
}

struct watch_batch {
    nfds_t count;
    struct pollfd fds[WATCH_BATCH];
    struct plain *streams[WATCH_BATCH];
};

/* The hooks are called later: they may close any stream. */
static void watch_look(struct net *n, struct watch_batch *b)
{
    int found = b->count ? poll(b->fds, b->count, 0) : 0;
    for (nfds_t i = 0; found > 0 && i < b->count; i++) {
        struct plain *p = b->streams[i];
        if (!(b->fds[i].revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL))) continue;
        p->has_seen_end = true;
        list_remove(&p->stopped);
        if (p->hooks && !loop_item_is_queued(&p->later)) loop_enqueue(n->loop, &p->later);
    }
    b->count = 0;
}

static void on_watch(uv_timer_t *timer)
{
    struct net *n = timer->data;
    struct watch_batch batch = {.count = 0};
    LIST_EACH(p, &n->stopped, struct plain, stopped)
    {
        batch.fds[batch.count] = (struct pollfd){.fd = p->fd, .events = POLLRDHUP};
        batch.streams[batch.count++] = p;
        if (batch.count == WATCH_BATCH) watch_look(n, &batch);
    }
    watch_look(n, &batch);
    if (!list_is_empty(&n->stopped)) return;
    n->is_watching = false;
    uv_timer_stop(&n->watch);
}

void net_watch_start(struct net *n)
{
    if (n->is_watching) return;
    n->is_watching = true;
    uv_timer_start(&n->watch, on_watch, WATCH_MS, WATCH_MS);
}
