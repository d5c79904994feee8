/* dialects/stream.h: what every reader of streams needs, so that each keeps the order of chat/event.h: which part of
 * which choice is open, what has been seen, and memory that lasts for one event.
 *
 *     struct my_reader {
 *         struct event_reader base;      // first
 *         struct stream_choice choice;
 *     };
 *     …
 *     stream_begin(&r->base, sink);                       // at the start of each read_event() and of read_end()
 *     stream_start(&r->base, id, model, created_s);       // once
 *     stream_text(&r->base, &r->choice, CHAT_TEXT, text); // opens a part if need be
 *     stream_finish(&r->base, &r->choice, FINISH_STOP, …);
 *     …
 *     return stream_end(&r->base);                        // at the end of read_end()
 *
 * Nothing is allocated per event but from `scratch`, which is emptied by stream_begin(). */
#ifndef WEIR_DIALECTS_STREAM_H
#define WEIR_DIALECTS_STREAM_H

#include "dialects/dialect.h"

enum { STREAM_SCRATCH_BYTES = 768, STREAM_MAX_CHOICES = 16, STREAM_MAX_PARTS = 1024 };

struct event_reader {
    struct arena *arena; /* of the stream: bounded things only */
    const struct chat_request *request;
    struct chat_event_sink *sink; /* of this call */
    struct usage usage;           /* all that is known */
    unsigned seen;                /* event facts so far, or'ed */
    bool has_started;
    struct arena scratch; /* until the next call */
    _Alignas(ARENA_ALIGNMENT) char room[STREAM_SCRATCH_BYTES];
};

struct stream_choice {
    unsigned index;
    unsigned parts; /* begun so far */
    bool is_open, is_finished, has_calls;
    enum chat_part_kind kind; /* of the open part */
};

void stream_init(struct event_reader *r, struct arena *a, const struct chat_request *request);
void stream_done(struct event_reader *r); /* for close_reader, where scratch was used */
void stream_begin(struct event_reader *r, struct chat_event_sink *sink);

/* START, if it has not been; `r->usage` goes with it if it is known. */
void stream_start(struct event_reader *r, struct str id, struct str model, int64_t created_s);
/* USAGE: r->usage has changed. */
void stream_usage(struct event_reader *r);
void stream_ping(struct event_reader *r);
/* ERROR. What comes later is not handed out any more. */
void stream_tell_error(struct event_reader *r, const struct chat_error *error);

/* Begins a part of begin->part_kind (END of the one before it comes by itself); the other members of *begin are its
 * own. Choice and number are filled in. */
void stream_open(struct event_reader *r, struct stream_choice *c, const struct chat_event *begin);
/* More of the open part (DELTA; empty: nothing). If another kind is open, or none, one of this kind begins. */
void stream_text(struct event_reader *r, struct stream_choice *c, enum chat_part_kind kind, struct str text);
/* SIGNATURE, CITATION, TRANSCRIPT, LOGPROBS of the open part; without one: nothing. */
void stream_add(struct event_reader *r, struct stream_choice *c, const struct chat_event *event);
void stream_close_part(struct event_reader *r, struct stream_choice *c); /* END, if one is open */
/* FINISH, once; settled by chat_finish_settled(). */
void stream_finish(struct event_reader *r, struct stream_choice *c, enum chat_finish finish,
                   struct str stop_sequence, struct str native);

/* STOP and ENDING_COMPLETE if something finished and nothing was wrong. */
enum ending stream_end(struct event_reader *r);

#endif
