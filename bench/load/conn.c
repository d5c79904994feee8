/* load/conn.c: a keep-alive connection that carries one request at a time.
 *
 * Registered once, edge-triggered for both directions, so a request costs one send and one read and no epoll_ctl. A read
 * that filled the buffer is repeated; a shorter one emptied the socket. */
#include "load/load.h"
#include "wire.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

bool conn_open(struct conn *c)
{
    struct load *l = c->load;
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (const struct sockaddr *)&l->settings.target, sizeof l->settings.target) != 0 &&
        errno != EINPROGRESS) {
        close(c->fd);
        return false;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
    c->state = CONN_CONNECTING;
    l->opened++;
    return true;
}

void conn_close(struct conn *c)
{
    if (c->state == CONN_CLOSED) return;
    if (c->state == CONN_BUSY) c->load->busy--;
    wire_close(c->fd);
    reply_done(&c->reply);
    c->state = CONN_CLOSED;
    c->load->opened--;
}

static void send_rest(struct conn *c)
{
    const struct load *l = c->load;
    while (c->sent < l->request_bytes) {
        ssize_t n = wire_send(c->fd, l->request + c->sent, l->request_bytes - c->sent);
        if (n < 0) {
            if (errno != EAGAIN) load_on_failure(c->load, c, "sending failed");
            return;
        }
        c->sent += (size_t)n;
    }
}

void conn_send(struct conn *c, int64_t started_ns)
{
    c->state = CONN_BUSY;
    c->load->busy++;
    c->sent = 0;
    c->started_ns = started_ns;
    reply_init(&c->reply);
    send_rest(c);
}

static const char *judge(const struct conn *c)
{
    const struct settings *s = &c->load->settings;
    const struct reply *r = &c->reply;
    if (c->sent < c->load->request_bytes) return "a reply before the whole request was sent";
    if (s->expect_bytes >= 0 && (double)r->body_bytes != s->expect_bytes) return "a body of the wrong length";
    if (s->expect_events < 0) return NULL;
    if (!r->is_stream) return "a reply that is no event stream";
    if (!r->saw_done) return "a stream without [DONE] at its end";
    if ((double)r->events != s->expect_events) return "a stream with the wrong number of events";
    return NULL;
}

static void take(struct conn *c, size_t count)
{
    struct load *l = c->load;
    const char *wrong = c->state == CONN_BUSY ? NULL : "bytes that nobody asked for";
    if (!wrong) wrong = reply_take(&c->reply, l->read_buffer, count, &(struct reply_sink){load_on_event, c});
    if (!wrong && c->reply.state != REPLY_COMPLETE) return;
    if (!wrong) wrong = judge(c);
    if (wrong) {
        load_on_failure(l, c, wrong);
        return;
    }
    c->state = CONN_IDLE;
    l->busy--;
    l->served++;
    l->mode->on_reply(l, c);
}

static void receive(struct conn *c)
{
    struct load *l = c->load;
    for (;;) {
        ssize_t n = wire_recv(c->fd, l->read_buffer, READ_BYTES);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            load_on_failure(l, c, n < 0 ? "receiving failed" : "the connection was closed");
            return;
        }
        if (l->phase == PHASE_WINDOW) l->tally.reads++;
        take(c, (size_t)n);
        if (n < READ_BYTES || c->state == CONN_CLOSED) return;
    }
}

void conn_on_events(struct conn *c, uint32_t events)
{
    if (c->state == CONN_CLOSED) return; /* closed earlier in this turn */
    c->load->now_ns = load_clock_ns();
    if (c->state == CONN_CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            load_on_failure(c->load, c, "connecting failed");
            return;
        }
        if (!(events & EPOLLOUT)) return;
        c->state = CONN_IDLE;
        c->load->mode->on_ready(c->load, c);
    } else if ((events & EPOLLOUT) && c->state == CONN_BUSY) {
        send_rest(c);
    }
    if (c->state != CONN_CLOSED && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(c);
}
