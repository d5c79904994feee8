/* dialects/openai_chat.h: what the files of OpenAI's chat format share. Pure. */
#ifndef WEIR_DIALECTS_OPENAI_CHAT_H
#define WEIR_DIALECTS_OPENAI_CHAT_H

#include "dialects/dialect.h"
#include "dialects/members.h"
#include "dialects/put.h"

/* ---- openai_parts.c: what messages are made of, both ways ---- */
/* A "content": a string, or a list of parts; Cloudflare answers with an object where a schema was asked for. */
bool openai_read_content(struct reading *r, void *parts, struct json_value content);
/* Everything of an assistant's message (a past turn, or "message" of a reply): thinking, words, calls. reply_id: for
 * calls without an id; empty: chat_request_link() gives them one. */
bool openai_read_assistant(struct reading *r, struct json_value message, struct str reply_id,
                           struct chat_parts *parts);
/* "reasoning_details" of a message or delta. */
bool openai_read_details(struct reading *r, void *parts, struct json_value details);
/* One of "tool_calls", of a message or delta; what is not there is empty, the index -1. */
struct openai_call {
    int64_t index;
    struct str id, name, arguments, signature /* Gemini's */;
};
bool openai_read_call(struct reading *r, struct json_value v, struct openai_call *out);
/* "function" of one, or "function_call" of 2023, into a struct openai_call. */
bool openai_read_function_call(struct reading *r, void *into, struct json_value v);
/* "audio" of a message or delta, into a struct chat_media. */
bool openai_read_sound(struct reading *r, void *into, struct json_value v);
/* Signatures that hid in ids of calls go to the thought before them, but for Gemini's. */
void openai_place_signatures(struct chat_parts *parts, struct arena *a);
/* OpenRouter's words for who signed a thought; CHAT_FORMAT_NONE: nobody that we know. */
enum chat_format openai_signer(struct str word);

/* One part of a "content" list; false: this format has no words for it (nothing was written). */
bool openai_put_part(struct json_writer *w, const struct chat_part *part, bool marks_cache, struct arena *a);
/* The member "reasoning_details": thoughts with their signatures, as OpenRouter writes them. Nothing without any. */
void openai_put_reasoning_details(struct json_writer *w, const struct chat_parts *parts);
/* The member "tool_calls". Ids carry the signatures of other formats, if they may. */
struct call_style {
    struct arena *arena;
    bool ids_carry_signatures, names_are_changed, has_google_signatures;
};
void openai_put_tool_calls(struct json_writer *w, const struct chat_parts *parts,
                           const struct call_style *style);

/* ---- openai_request_read.c, openai_request_write.c ---- */
bool openai_chat_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                              struct chat_error *err);
bool openai_chat_write_request(struct upstream_request *out, const struct chat_request *in,
                               struct losses *dropped, struct chat_error *err);
extern const struct words openai_effort_words;

/* ---- openai_reply.c ---- */
bool openai_chat_write_reply(struct buf *out, const struct chat_reply *reply,
                             const struct reply_frame *frame);
bool openai_chat_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                            const struct chat_request *request, struct chat_error *err);
enum chat_finish openai_read_finish(struct str word);
struct str openai_finish_word(enum chat_finish finish);
/* The provider's id, or one of the frame's. */
struct str openai_reply_id(struct str id, const struct reply_frame *frame);
/* "logprobs": {"content": […]} into a list; NULL: there are none. And back, as a member. */
struct chat_token *openai_read_logprobs(struct json_value logprobs, struct arena *a);
void openai_put_logprobs(struct json_writer *w, const struct chat_token *tokens);
/* The list alone; with its brackets. */
struct chat_token *openai_read_tokens(struct json_value list, struct arena *a);
void openai_write_tokens(struct json_writer *w, const struct chat_token *tokens);
/* An item of "annotations"; false: it is none that we know. */
bool openai_read_citation(struct json_value annotation, struct arena *a, struct chat_citation *out);
void openai_put_citation(struct json_writer *w, const struct chat_citation *c);
/* An "error" object or text, as it stands in a body or a stream. */
void openai_read_error(struct chat_error *out, struct json_value error, struct arena *a);

/* ---- openai_events_read.c, openai_events_write.c ---- */
struct event_writer *openai_chat_open_writer(const struct reply_frame *frame);
bool openai_chat_write_event(struct event_writer *w, struct buf *out, const struct chat_event *event);
struct event_reader *openai_chat_open_reader(struct arena *a, const struct chat_request *request);
bool openai_chat_read_event(struct event_reader *r, struct str name, struct str data,
                            struct chat_event_sink *sink, struct chat_error *err);
enum ending openai_chat_read_end(struct event_reader *r, struct chat_event_sink *sink);
void openai_chat_close_reader(struct event_reader *r);

/* ---- openai_chat.c ---- */
/* The object behind "error", and the whole body. */
void openai_put_error(struct json_writer *w, const struct chat_error *err);
bool openai_chat_write_error(struct buf *out, const struct chat_error *err);
bool openai_chat_write_error_event(struct buf *out, const struct chat_error *err);

#endif
