/* dialects/responses.h: what the files of OpenAI's Responses format share. Pure. */
#ifndef WEIR_DIALECTS_RESPONSES_H
#define WEIR_DIALECTS_RESPONSES_H

#include "dialects/dialect.h"
#include "dialects/members.h"
#include "dialects/put.h"

/* ---- responses_items.c: what conversations and outputs are made of, both ways ---- */
/* A message's content or a call's output, into struct chat_parts: a string, or a list of parts. */
bool responses_read_content(struct reading *r, void *parts, struct json_value content);
/* The same of what a model said: words that are empty are none. */
bool responses_read_said(struct reading *r, void *parts, struct json_value content);
/* An item that a model makes: "message" of the assistant, "reasoning", "function_call", "image_generation_call"; what else
 * there is becomes CHAT_OTHER. Into struct chat_parts. */
bool responses_read_item(struct reading *r, void *parts, struct json_value item);
/* An item of an "annotations" list; false: it is none that we know. */
bool responses_read_citation(struct json_value annotation, struct arena *a, struct chat_citation *out);
void responses_put_citation(struct json_writer *w, const struct chat_citation *c);

/* One part of a content that a caller gives; false: this format has no words for it (nothing was written). */
bool responses_put_input(struct json_writer *w, const struct chat_part *part, struct arena *a);

/* "encrypted_content" of a reasoning item: ours is the signature itself; what others signed says whose it is in front:
 * "weir-a.…", "weir-r.…" (Anthropic's redacted thinking), "weir-g.…". */
struct str responses_seal(struct str signature, enum chat_format format, bool is_redacted, struct arena *a);
/* Takes the mark off again: signature, format and is_redacted of a thought. */
void responses_unseal(struct chat_part *thought, struct str encrypted);

/* ---- responses_usage.c ---- */
void responses_read_usage(struct usage *u, struct json_value usage);
/* The member "usage"; null if nobody knows. */
void responses_put_usage(struct json_writer *w, const struct usage *u);

/* ---- responses_request_read.c, responses_request_write.c ---- */
bool responses_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                            struct chat_error *err);
bool responses_write_request(struct upstream_request *out, const struct chat_request *in,
                             struct losses *dropped, struct chat_error *err);
/* The members "tools", "tool_choice" and "text" as the format has them, for requests and for replies, which repeat them.
 * names_are_changed: as providers want them. */
struct request_style {
    struct arena *arena;
    bool names_are_changed;
};
void responses_put_tool(struct json_writer *w, const struct chat_tool *t, const struct chat_request *in,
                        const struct request_style *style);
void responses_put_choice(struct json_writer *w, const struct chat_request *in,
                          const struct request_style *style);
void responses_put_output(struct json_writer *w, const struct chat_output_format *o);

/* ---- responses_reply.c ---- */
bool responses_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                          const struct chat_request *request, struct chat_error *err);
bool responses_write_reply(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame);
/* Why a response with this "status" and "incomplete_details" ended; *native: the provider's word, if it says more. */
enum chat_finish responses_read_finish(struct json_value status, struct json_value details, struct arena *a,
                                       struct str *native);
/* Names of calls that had to be changed are the caller's again, ids without signature the provider's own. */
void responses_restore_call(struct chat_part *call, const struct chat_request *request, struct arena *a);

/* A response object: begin_…(), then the member "output", then end_…(). */
struct response_head {
    const struct reply_frame *frame;
    struct str id, model; /* empty: the frame's */
    int64_t created_s;    /* 0: the frame's */
    bool is_over;
    enum chat_finish finish;   /* once it is over */
    const struct usage *usage; /* NULL: null */
};
void responses_begin_response(struct json_writer *w, const struct response_head *h);
void responses_end_response(struct json_writer *w, const struct response_head *h);
/* "completed", or "incomplete". */
struct str responses_status_word(enum chat_finish finish);
/* "rs_abc_3": an item's id of our own. */
struct str responses_item_id(const char *prefix, unsigned n, const struct reply_frame *frame);

/* ---- responses_events_read.c, responses_events_write.c ---- */
struct event_writer *responses_open_writer(const struct reply_frame *frame);
bool responses_write_event(struct event_writer *w, struct buf *out, const struct chat_event *event);
void responses_close_writer(struct event_writer *w);
struct event_reader *responses_open_reader(struct arena *a, const struct chat_request *request);
bool responses_read_event(struct event_reader *r, struct str name, struct str data,
                          struct chat_event_sink *sink, struct chat_error *err);
enum ending responses_read_end(struct event_reader *r, struct chat_event_sink *sink);
void responses_close_reader(struct event_reader *r);

/* ---- responses.c ---- */
/* sequence < 0: not known. */
bool responses_put_error_event(struct buf *out, const struct chat_error *err, int64_t sequence);

#endif
