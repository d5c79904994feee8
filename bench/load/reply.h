/* load/reply.h: reads one HTTP/1.1 reply as it arrives and judges it: status 200, framed by Content-Length or chunks,
 * the body's length, and for an event stream the number of events and [DONE] at its end.
 *
 * One thread; owns a small heap buffer while a head is cut in two. Strict, for whatever it does not expect is a fault
 * of what is being measured: an unread mistake would be counted as a fast reply. */
#ifndef BENCH_LOAD_REPLY_H
#define BENCH_LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Events of bench/upstream begin so; then follow STAMP_DIGITS digits: when it was sent, CLOCK_MONOTONIC in ns. */
#define REPLY_STAMP_BEFORE "data: {\"id\":\"chatcmpl-"
enum { REPLY_STAMP_DIGITS = 18, REPLY_PREFIX_BYTES = sizeof REPLY_STAMP_BEFORE - 1 + REPLY_STAMP_DIGITS };

enum reply_state {
    REPLY_HEAD,
    REPLY_LENGTH_BODY,
    REPLY_CHUNK_SIZE,
    REPLY_CHUNK_DATA,
    REPLY_CHUNK_END,
    REPLY_TRAILER,
    REPLY_COMPLETE
};

struct reply {
    enum reply_state state;
    bool is_stream;      /* from the Content-Type */
    bool saw_done;       /* data: [DONE] was the last event */
    uint64_t rest;       /* of the body or the chunk */
    uint64_t body_bytes; /* so far, chunk sizes not counted */
    uint32_t events;     /* data lines so far, without [DONE] */
    uint32_t line_bytes; /* of the framing line or event line that has begun */
    uint32_t held_bytes; /* in held: the beginning of a head */
    char *held;
    char prefix[REPLY_PREFIX_BYTES]; /* how the line began */
};

struct reply_sink {                                /* told of each event; may be all zero */
    void (*on_event)(void *self, int64_t sent_ns); /* 0: the event bore no stamp */
    void *self;
};

void reply_init(struct reply *r); /* also between two replies */
void reply_done(struct reply *r);
/* Takes the next bytes. NULL: so far it is right (see state), else what is wrong. */
const char *reply_take(struct reply *r, const char *bytes, size_t count, const struct reply_sink *sink);

#endif
