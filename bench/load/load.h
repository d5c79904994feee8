/* load/load.h: the load generator's inside: one thread, one epoll, a table of connections.
 *
 *   conn.c    a connection: connect, send the request, take the reply; tells load_on_reply() or load_on_failure()
 *   modes.c   what a reply leads to, and when the measured window begins and ends: closed, open, stream, idle
 *   main.c    options, the request, the loop, the result
 *
 * Everything is allocated once, before the first connection. Times are CLOCK_MONOTONIC in nanoseconds. */
#ifndef BENCH_LOAD_LOAD_H
#define BENCH_LOAD_LOAD_H

#include "load/histogram.h"
#include "load/reply.h"
#include "load/watch.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S INT64_C(1000000000)

enum { READ_BYTES = 256 << 10, MAX_ERRORS = 100 };

enum conn_state { CONN_CLOSED, CONN_CONNECTING, CONN_IDLE, CONN_BUSY };

struct conn {
    struct load *load;
    int fd;
    enum conn_state state;
    bool is_heard;      /* something of its first reply arrived */
    bool is_listed;     /* in load->idle, also if it has broken since */
    size_t sent;        /* of the request */
    int64_t started_ns; /* when its request was meant to be sent */
    struct reply reply;
};

struct settings {
    struct sockaddr_in target;
    const char *target_text, *path, *key, *model, *body_file, *mode;
    double connections, seconds, warmup, rate, ramp, max_requests, body_bytes, expect_bytes, expect_events,
        limit, spin, tls;
    struct watch watch;
};

/* What stands in the result. Counted in the measured window alone, but for errors. */
struct tally {
    uint64_t replies, events, reads, errors, finished_streams; /* the last over the whole run */
    const char *first_error;
    int64_t began_ns, ended_ns, cpu_ns, own_cpu_ns, rss_before_kb, rss_kb;
    struct histogram latency, event_latency;
};

enum phase {
    PHASE_RAMP,   /* connections are being opened */
    PHASE_WARM,   /* under load, not yet counted */
    PHASE_WINDOW, /* counted */
    PHASE_DRAIN,  /* what has begun may finish */
    PHASE_OVER
};

struct load {
    struct settings settings;
    const struct mode *mode;
    enum phase phase;
    int epoll_fd;
    struct conn *conns;
    unsigned count, launched, opened, heard, busy;
    char *request, *read_buffer;
    size_t request_bytes;
    int64_t now_ns, started_ns, phase_began_ns;
    uint64_t served; /* replies since the start */
    struct tally tally;
    /* open loop */
    int64_t next_arrival_ns;
    uint64_t random;
    struct conn **idle; /* a stack */
    unsigned idle_count;
    int64_t *waiting; /* intended times without a connection: a ring */
    size_t waiting_size, waiting_head, waiting_tail;
};

/* How a kind of load answers to what happens; no slot is NULL. */
struct mode {
    const char *name;
    void (*on_ready)(struct load *l, struct conn *c); /* a connection was opened */
    void (*on_reply)(struct load *l, struct conn *c); /* its reply is complete and right; it is idle now */
    /* Each turn: open, send, go to the next phase. Returns the time of the next turn at the latest. */
    int64_t (*on_turn)(struct load *l);
};
const struct mode *mode_find(const char *name); /* NULL: there is none of that name */

bool conn_open(struct conn *c);
void conn_close(struct conn *c);
void conn_send(struct conn *c, int64_t started_ns); /* begins a request on an idle connection */
void conn_on_events(struct conn *c, uint32_t events);

/* Counts it, closes the connection, and while the load lasts opens it anew. Too many of them end the run. */
void load_on_failure(struct load *l, struct conn *c, const char *why);
void load_on_event(void *conn, int64_t sent_ns);
void load_enter(struct load *l, enum phase phase);
int64_t load_clock_ns(void);

#endif
