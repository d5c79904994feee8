/* simulate/answer.h: a request as a simulated provider sees it, and the whole answer it would give, faults aside.
 * An answer is complete before its first byte goes out: that keeps dialects pure, and the faults (simulate/deliver.h)
 * the same for all of them. One thread, no I/O. */
#ifndef WEIR_SIMULATE_ANSWER_H
#define WEIR_SIMULATE_ANSWER_H

#include "base/arena.h"
#include "base/buf.h"
#include "http/message.h"

struct sim_request {
    enum http_method method;
    struct str path, query, body; /* lent */
    struct arena *arena;          /* for what lives as long as the answer */
    int64_t now_s;                /* wall clock, seconds since 1970 */
    struct str id;                /* 16 hex digits, different for each request: ids are made of it */
    unsigned tokens;              /* length of the reply's text; 0: as it is written */
};

struct sim_answer {
    int status;
    bool is_stream;
    struct str header_lines; /* complete lines */
    struct str body;         /* set by sim_answer_close(), or lent from somewhere that outlives the answer */
    /* Of a stream: where each event ends in the body. */
    uint32_t *event_ends;
    unsigned event_count;
    bool is_cut_oddly; /* deliver in pieces that keep no event whole (recordings) */
    uint64_t odd_seed;
    /* While it is being written: */
    struct buf out;
    struct arena *_arena;
    unsigned _event_room;
    bool _is_full;
};

enum { SIM_MAX_ANSWER_BYTES = 64 << 20 };

/* `out` is a cleared buf with SIM_MAX_ANSWER_BYTES as its ceiling; done frees it unless it was taken away. */
void sim_answer_init(struct sim_answer *a, struct arena *arena, struct buf out);
void sim_answer_done(struct sim_answer *a);

/* Text is appended as it is, or as a JSON string in its quotes. What is too much is dropped and remembered. */
void sim_put(struct sim_answer *a, struct str text);
void sim_put_u64(struct sim_answer *a, uint64_t n);
void sim_put_json_str(struct sim_answer *a, struct str s);
void sim_end_event(struct sim_answer *a); /* what was put since the last one is an event */
void sim_add_event_end(struct sim_answer *a, size_t at);
/* Drops what was put so far, for an error instead. */
void sim_answer_restart(struct sim_answer *a);
bool sim_answer_is_full(const struct sim_answer *a); /* something was dropped */
/* The answer is all there. */
void sim_answer_close(struct sim_answer *a, int status, bool is_stream, struct str header_lines);

#endif
