/* dialects/anthropic.h: what the files of Anthropic's Messages format share. Pure.
 * Facts: https://docs.anthropic.com/en/api/messages, .../messages-streaming, .../errors. */
#ifndef WEIR_DIALECTS_ANTHROPIC_H
#define WEIR_DIALECTS_ANTHROPIC_H

#include "dialects/dialect.h"
#include "dialects/members.h"
#include "dialects/put.h"

/* ---- anthropic_parts.c: blocks, both ways ---- */
/* A "content" of a turn, a result or a reply, or "system": a string, or a list of blocks; into struct chat_parts. */
bool anthropic_read_content(struct reading *r, void *parts, struct json_value content);
/* An item of "citations"; false: it is none that we know. */
bool anthropic_read_citation(struct json_value citation, struct arena *a, struct chat_citation *out);
void anthropic_put_citation(struct json_writer *w, const struct chat_citation *c);

/* Signatures of other services' thoughts travel in a block's signature, with a mark in front: callers give back what
 * they got. Unmarked ones are Anthropic's own. */
struct str anthropic_mark_signature(struct str signature, struct str id, enum chat_format format,
                                    struct arena *a);
void anthropic_take_signature(struct chat_part *part, struct str signature);

/* How blocks are written: to a provider, or to a caller. */
struct block_style {
    struct arena *arena;
    struct losses *dropped; /* NULL: nobody asks */
    bool is_reply;
};
/* Has this format a block for it? */
bool anthropic_can_put(const struct chat_part *part, const struct block_style *style);
void anthropic_put_block(struct json_writer *w, const struct chat_part *part,
                         const struct block_style *style);
/* The loss of a part that cannot be put. */
void anthropic_lose_part(const struct chat_part *part, const struct block_style *style);

/* ---- anthropic_request_read.c, anthropic_request_write.c ---- */
bool anthropic_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                            struct chat_error *err);
bool anthropic_write_request(struct upstream_request *out, const struct chat_request *in,
                             struct losses *dropped, struct chat_error *err);
extern const struct words anthropic_effort_words;

/* ---- anthropic_reply.c ---- */
bool anthropic_write_reply(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame);
bool anthropic_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                          const struct chat_request *request, struct chat_error *err);
enum chat_finish anthropic_read_finish(struct str word);
/* What to say beside the finish: the word itself where it is not the usual one. */
struct str anthropic_native_finish(struct str word, enum chat_finish finish);
/* The members "stop_reason" and "stop_sequence". */
struct anthropic_stop {
    enum chat_finish finish;
    struct str native, sequence;
    bool is_refused;
};
void anthropic_put_stop(struct json_writer *w, const struct anthropic_stop *stop);
/* The provider's id, or one of the frame's. */
struct str anthropic_reply_id(struct str id, const struct reply_frame *frame);

/* ---- anthropic_usage.c ---- */
/* Counts are totals so far: what is not said stays as it was. */
void anthropic_read_usage(struct usage *u, struct json_value usage);
/* The member "usage". */
void anthropic_put_usage(struct json_writer *w, const struct usage *u);

/* ---- anthropic_events_read.c, anthropic_events_write.c ---- */
struct event_writer *anthropic_open_writer(const struct reply_frame *frame);
bool anthropic_write_event(struct event_writer *w, struct buf *out, const struct chat_event *event);
struct event_reader *anthropic_open_reader(struct arena *a, const struct chat_request *request);
bool anthropic_read_event(struct event_reader *r, struct str name, struct str data,
                          struct chat_event_sink *sink, struct chat_error *err);
enum ending anthropic_read_end(struct event_reader *r, struct chat_event_sink *sink);

/* ---- anthropic_observe.c ---- */
void anthropic_observer_init(struct observer *o, struct arena *a, enum operation op);
unsigned anthropic_observe_event(struct observer *o, struct str name, struct str data);
enum ending anthropic_observe_end(const struct observer *o);
bool anthropic_observe_reply(struct observer *o, struct str body, struct err *err);
enum rejection anthropic_rejection_in(struct str words);
void anthropic_classify(struct verdict *out, struct arena *a, const struct http_message *reply);

/* ---- anthropic_messages.c ---- */
/* An "error" object, as it stands in a body or a stream. */
void anthropic_read_error(struct chat_error *out, struct json_value error, struct arena *a);
bool anthropic_write_error_event(struct buf *out, const struct chat_error *err);

#endif
