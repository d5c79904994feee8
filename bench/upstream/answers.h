/* upstream/answers.h: the bytes that bench/upstream answers with, made once. */
#ifndef BENCH_UPSTREAM_ANSWERS_H
#define BENCH_UPSTREAM_ANSWERS_H

#include <stddef.h>
#include <stdint.h>

struct piece {
    char *bytes;
    size_t count;
};

struct answers {
    struct piece plain;  /* head and a chat completion of the wanted length */
    struct piece begin;  /* head of an event stream and its first event, which bears the role */
    struct piece event;  /* an event of text, in its chunk */
    struct piece finish; /* the event with the finish reason, that with the usage, [DONE], the last chunk */
    size_t stamp_at[4];  /* where the stamps of `begin`, `event` and (two) `finish` stand */
};

enum { ANSWERS_MIN_EVENTS = 4, ANSWERS_MIN_REPLY_BYTES = 320 };

/* reply_bytes: of the plain reply's body. event_bytes: of an event's, at least; padded with text. */
void answers_make(struct answers *a, size_t reply_bytes, size_t event_bytes);
void answers_done(struct answers *a);
/* Writes the moment into the events, for bench/load to tell how long they were under way. */
void answers_stamp(struct answers *a, int64_t now_ns);

#endif
