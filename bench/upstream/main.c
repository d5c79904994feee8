/* upstream/main.c: an upstream that costs less than any proxy: one thread, one epoll, replies made beforehand.
 *
 *     upstream --listen PORT --reply-bytes 2048              each POST gets the same chat completion
 *     upstream --listen PORT --events 50 --interval-ms 200   each POST gets an event stream: one event at once, one each
 *                                                            200 ms, the finish, the usage and [DONE]: 50 data lines
 *
 * A request's head is searched for Content-Length alone, and its body is dropped in the kernel (MSG_TRUNC), so a body of
 * 1 MB costs no copy. With --spin 1 it yields the core instead of sleeping. Ends by SIGTERM, or by itself after --limit
 * seconds. --tls FILE: speaks TLS with the certificate and key in it. Loopback only. */
#include "wire.h"
#include "upstream/answers.h"
#include "upstream/wheel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10, MAX_HEAD_BYTES = 8 << 10, MAX_EVENTS = 512, DROP_BYTES = 16 << 20 };

struct settings {
    long listen, reply_bytes, events, interval_ms, event_bytes, limit, spin;
};

struct conn {
    struct timer timer; /* first: a timer is its connection */
    struct upstream *upstream;
    int fd;
    uint64_t body_rest;   /* of the request */
    uint32_t sent_events; /* of the stream that runs; 0: none runs */
    uint32_t held_bytes;
    char *held; /* the beginning of a head that came in pieces */
    char *unsent;
    size_t unsent_bytes; /* what a send left over; nothing else is sent before it */
    size_t unsent_at;
};

struct upstream {
    struct settings settings;
    struct answers answers;
    struct wheel wheel;
    int epoll_fd, listen_fd;
    int64_t now_ns;
    unsigned next_phase;
    char read_buffer[READ_BYTES];
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "upstream: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

static int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void conn_close(struct conn *c)
{
    wheel_remove(&c->upstream->wheel, &c->timer);
    wire_close(c->fd);
    free(c->held);
    free(c->unsent);
    free(c);
}

/* ---- sending: false when the connection is gone ---- */

static bool flush(struct conn *c)
{
    while (c->unsent_at < c->unsent_bytes) {
        ssize_t n = wire_send(c->fd, c->unsent + c->unsent_at, c->unsent_bytes - c->unsent_at);
        if (n < 0 && errno == EAGAIN) return true;
        if (n < 0) {
            conn_close(c);
            return false;
        }
        c->unsent_at += (size_t)n;
    }
    c->unsent_at = c->unsent_bytes = 0;
    return true;
}

static bool send_piece(struct conn *c, const struct piece *p)
{
    ssize_t n = 0;
    if (c->unsent_bytes == 0) {
        n = wire_send(c->fd, p->bytes, p->count);
        if (n == (ssize_t)p->count) return true;
        if (n < 0 && errno != EAGAIN) {
            conn_close(c);
            return false;
        }
        if (n < 0) n = 0;
    }
    char *grown = realloc(c->unsent, c->unsent_bytes + p->count);
    if (!grown) die("out of memory");
    c->unsent = grown;
    memcpy(c->unsent + c->unsent_bytes, p->bytes + n, p->count - (size_t)n);
    c->unsent_bytes += p->count - (size_t)n;
    return true;
}

/* ---- streams ---- */

static bool begin_stream(struct conn *c)
{
    struct upstream *u = c->upstream;
    answers_stamp(&u->answers, u->now_ns);
    if (!send_piece(c, &u->answers.begin)) return false;
    c->sent_events = 1;
    /* Streams that begin together are spread over the interval, so that events come evenly. */
    long interval_ms = u->settings.interval_ms;
    wheel_add(&u->wheel, &c->timer, u->now_ns / 1000000 + 1 + u->next_phase++ % (unsigned)interval_ms);
    return true;
}

static void go_on(struct conn *c)
{
    struct upstream *u = c->upstream;
    bool is_last = c->sent_events + 2 >= (uint32_t)u->settings.events;
    int64_t due_ms = c->timer.due_ms;
    if (c->unsent_bytes == 0) { /* else the reader is slow: this event waits for the next round */
        if (!send_piece(c, is_last ? &u->answers.finish : &u->answers.event)) return;
        c->sent_events++;
        if (is_last) {
            c->sent_events = 0;
            return;
        }
    }
    wheel_add(&u->wheel, &c->timer, due_ms + u->settings.interval_ms);
}

static void fire(struct upstream *u)
{
    struct timer *t;
    unsigned since_stamp = 0;
    while ((t = wheel_next(&u->wheel, u->now_ns / 1000000))) {
        if (since_stamp++ % 16 == 0) answers_stamp(&u->answers, clock_ns());
        go_on((struct conn *)t);
    }
}

/* ---- requests ---- */

static bool answer(struct conn *c)
{
    if (c->upstream->settings.events > 0) return begin_stream(c);
    return send_piece(c, &c->upstream->answers.plain);
}

static const char *find_length(const char *head, size_t count)
{
    static const char name[] = "\ncontent-length:";
    for (const char *at = head; (at = memchr(at, '\n', (size_t)(head + count - at))); at++) {
        if ((size_t)(head + count - at) < sizeof name) return NULL;
        if (strncasecmp(at, name, sizeof name - 1) == 0) return at + sizeof name - 1;
    }
    return NULL;
}

/* Reads a head at `bytes` if it is whole and answers when the body is here too. Returns the bytes that are used up; 0:
 * more is needed; -1: the connection is gone. */
static ssize_t take_request(struct conn *c, const char *bytes, size_t count)
{
    const char *blank = memmem(bytes, count, "\r\n\r\n", 4);
    if (!blank) return 0;
    size_t head = (size_t)(blank - bytes) + 4;
    const char *length = find_length(bytes, head);
    uint64_t body = length ? strtoull(length, NULL, 10) : 0;
    if ((!length && bytes[0] == 'P') || c->sent_events > 0) {
        fprintf(stderr, "upstream: a request without a length, or in the midst of a stream\n");
        conn_close(c);
        return -1;
    }
    if (count - head < body) {
        c->body_rest = body - (count - head);
        return (ssize_t)count;
    }
    return answer(c) ? (ssize_t)(head + body) : -1;
}

static bool take(struct conn *c, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t used = take_request(c, bytes, count);
        if (used < 0) return false;
        if (used == 0) break;
        bytes += used;
        count -= (size_t)used;
    }
    if (count > MAX_HEAD_BYTES) {
        conn_close(c);
        return false;
    }
    if (count > 0 && !c->held) c->held = malloc(MAX_HEAD_BYTES);
    if (count > 0 && !c->held) die("out of memory");
    if (count > 0) memmove(c->held, bytes, count);
    c->held_bytes = (uint32_t)count;
    return true;
}

static bool drop_body(struct conn *c)
{
    size_t wanted = c->body_rest < DROP_BYTES ? (size_t)c->body_rest : DROP_BYTES;
    ssize_t n = wire_recv(c->fd, NULL, wanted);
    if (n < 0 && errno == EAGAIN) return false;
    if (n <= 0) {
        conn_close(c);
        return false;
    }
    c->body_rest -= (uint64_t)n;
    return c->body_rest > 0 || answer(c);
}

static void receive(struct conn *c)
{
    struct upstream *u = c->upstream;
    for (;;) {
        if (c->body_rest > 0) {
            if (!drop_body(c)) return;
            continue;
        }
        memcpy(u->read_buffer, c->held, c->held_bytes);
        size_t room = READ_BYTES - c->held_bytes;
        ssize_t n = wire_recv(c->fd, u->read_buffer + c->held_bytes, room);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) {
            conn_close(c);
            return;
        }
        if (!take(c, u->read_buffer, c->held_bytes + (size_t)n)) return;
        if ((size_t)n < room && c->body_rest == 0) return;
    }
}

/* ---- the loop ---- */

static void accept_all(struct upstream *u)
{
    int fd, one = 1;
    while ((fd = accept4(u->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        if (!c) die("out of memory");
        c->upstream = u;
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static void listen_on(struct upstream *u)
{
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)u->settings.listen),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    u->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(u->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(u->listen_fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(u->listen_fd, 4096) != 0)
        die("listening failed");
    u->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, u->listen_fd, &event);
}

static void run(struct upstream *u)
{
    static struct epoll_event events[MAX_EVENTS];
    u->now_ns = clock_ns();
    int64_t end_ns = u->now_ns + u->settings.limit * INT64_C(1000000000);
    wheel_init(&u->wheel, u->now_ns / 1000000);
    while (u->now_ns < end_ns) {
        int wait_ms = u->settings.spin ? 0 : u->wheel.count > 0 ? 1 : 1000;
        int n = epoll_wait(u->epoll_fd, events, MAX_EVENTS, wait_ms);
        u->now_ns = clock_ns();
        if (n == 0 && u->settings.spin) sched_yield();
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c)
                accept_all(u);
            else if (!(events[i].events & EPOLLOUT) || flush(c))
                receive(c);
        }
        fire(u);
    }
}

static void read_options(struct settings *s, int argc, char **argv)
{
    const struct {
        const char *name;
        long *at, min, max;
    } options[] = {
        {"--listen", &s->listen, 1, 65535},
        {"--reply-bytes", &s->reply_bytes, ANSWERS_MIN_REPLY_BYTES, 1 << 20},
        {"--events", &s->events, ANSWERS_MIN_EVENTS, 1000000},
        {"--interval-ms", &s->interval_ms, 1, WHEEL_SLOTS / 2},
        {"--event-bytes", &s->event_bytes, 0, 4000},
        {"--limit", &s->limit, 1, 3600},
        {"--spin", &s->spin, 0, 1},
    };
    *s = (struct settings){.reply_bytes = 2048, .interval_ms = 100, .event_bytes = 200, .limit = 600};
    for (int i = 1; i < argc; i += 2) {
        bool is_known = strcmp(argv[i], "--tls") == 0 && argv[i + 1];
        const char *wrong = is_known ? wire_use_tls(argv[i + 1], argv[i + 1]) : NULL;
        if (wrong) die(wrong);
        for (size_t k = 0; k < sizeof options / sizeof *options && !is_known; k++) {
            if (strcmp(argv[i], options[k].name) != 0 || !argv[i + 1]) continue;
            *options[k].at = strtol(argv[i + 1], NULL, 10);
            is_known = *options[k].at >= options[k].min && *options[k].at <= options[k].max;
        }
        if (!is_known) die("see the head of bench/upstream/main.c for the options");
    }
    if (!s->listen) die("--listen PORT is needed");
}

int main(int argc, char **argv)
{
    static struct upstream upstream;
    struct rlimit files;
    read_options(&upstream.settings, argc, argv);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    answers_make(&upstream.answers, (size_t)upstream.settings.reply_bytes,
                 (size_t)upstream.settings.event_bytes);
    listen_on(&upstream);
    run(&upstream);
    answers_done(&upstream.answers);
    return 0;
}
