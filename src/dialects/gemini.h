/* dialects/gemini.h: what the files of Gemini's format (generateContent, streamGenerateContent) share. Pure.
 *
 * Names come in two spellings, camelCase and the snake_case of protocol buffers; both are read, the first is written. An
 * object where a list is due is a list of one, as Google's own parser takes it. */
#ifndef WEIR_DIALECTS_GEMINI_H
#define WEIR_DIALECTS_GEMINI_H

#include "dialects/dialect.h"
#include "dialects/members.h"
#include "dialects/put.h"
#include "http/sse.h"

/* A row for each spelling. */
#define BOTH_AT(camel, snake, kind, type, field)                                                             \
    MEMBER_AT(camel, kind, type, field), MEMBER_AT(snake, kind, type, field)
#define BOTH_CALL(camel, snake, read) MEMBER_CALL(camel, read), MEMBER_CALL(snake, read)

/* ---- gemini_parts.c: what contents are made of, both ways ---- */
/* A list, or one object for a list of one. */
bool gemini_read_list(struct reading *r, struct json_value list,
                      bool (*item)(struct reading *r, void *into, struct json_value value), void *into);
/* "parts" of a content, into a struct chat_parts. Results of tools are CHAT_TOOL_RESULT parts among the others. */
bool gemini_read_parts(struct reading *r, void *parts, struct json_value list);

struct gemini_style {
    struct arena *arena;
    struct losses *dropped;    /* NULL: not counted */
    bool ids_carry_signatures; /* a reply's: of formats that this one has no words for */
    bool names_are_changed;    /* a request's */
    bool results_hold_media;   /* functionResponse.parts (Gemini 3) */
    bool needs_signatures;     /* a call without one gets Google's word for "made elsewhere" */
};
/* One part; false: this format has no words for it (nothing was written). */
bool gemini_put_part(struct json_writer *w, const struct chat_part *part, const struct gemini_style *style);

/* ---- gemini_schema.c ---- */
/* JSON Schema of a schema in Google's own words ("type": "STRING", "nullable"), in the arena. */
struct str gemini_schema_to_json(struct json_value schema, struct arena *a);
/* Back, into the subset that older models take: references are put in place, allOf is flattened, const is an enum of one;
 * what it cannot say is dropped, and named. Empty: an object without properties, which has no words there. */
struct str gemini_schema_from_json(struct json_value schema, struct arena *a, struct losses *dropped);

/* ---- gemini_request_read.c, gemini_request_write.c ---- */
bool gemini_read_request(struct chat_request *out, struct arena *a, const struct http_message *in,
                         struct chat_error *err);
bool gemini_write_request(struct upstream_request *out, const struct chat_request *in, struct losses *dropped,
                          struct chat_error *err);

/* ---- gemini_reply.c ---- */
bool gemini_write_reply(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame);
bool gemini_read_reply(struct chat_reply *out, struct arena *a, const struct http_message *in,
                       const struct chat_request *request, struct chat_error *err);
/* A word, or its number where enums are sent as such. *native: the word, where it says more than the finish. */
enum chat_finish gemini_read_finish(struct json_value word, struct arena *a, struct str *native);
struct str gemini_finish_word(enum chat_finish finish, struct str native);
/* "promptFeedback": was the prompt refused? *native: why. */
bool gemini_read_block(struct json_value feedback, struct arena *a, struct str *native);
/* "usageMetadata"; what it does not say stays. */
void gemini_read_usage(struct usage *u, struct json_value metadata);
void gemini_put_usage(struct json_writer *w, const struct usage *u);
/* "logprobsResult", into a list; NULL: there are none. And back, as a member. */
struct chat_token *gemini_read_logprobs(struct json_value result, struct arena *a);
void gemini_put_logprobs(struct json_writer *w, const struct chat_token *tokens);
/* "functionCall" names that had to be changed for this format are the caller's again; calls get ids. */
struct str gemini_call_id(struct str id, struct str reply_id, unsigned n, struct arena *a);

/* ---- gemini_sources.c: groundingMetadata and citationMetadata. Google counts bytes, we characters ---- */
struct gemini_source {
    struct chat_citation citation; /* start and end are bytes */
    int64_t part;                  /* of the content */
};
/* Each source of a candidate, in order. */
struct gemini_sources {
    struct gemini_source *at;
    unsigned count;
};
void gemini_read_sources(struct gemini_sources *out, struct json_value grounding, struct json_value citations,
                         struct arena *a);
/* The member "groundingMetadata"; nothing without sources. */
void gemini_put_sources(struct json_writer *w, const struct gemini_sources *sources);
/* How many characters lie in the first `bytes` of a text, and back. */
int64_t gemini_characters(struct str text, int64_t bytes);
int64_t gemini_bytes(struct str text, int64_t characters);

/* ---- gemini_error.c ---- */
/* An "error" object, as it stands in a body or a stream. */
void gemini_read_error(struct chat_error *out, struct json_value error, struct arena *a);
bool gemini_write_error(struct buf *out, const struct chat_error *err);
bool gemini_write_error_event(struct buf *out, const struct chat_error *err);
void gemini_classify(struct verdict *out, struct arena *a, const struct http_message *reply);

/* ---- gemini_events_read.c, gemini_events_write.c ---- */
struct event_writer *gemini_open_writer(const struct reply_frame *frame);
bool gemini_write_event(struct event_writer *w, struct buf *out, const struct chat_event *event);
void gemini_close_writer(struct event_writer *w);
struct event_reader *gemini_open_reader(struct arena *a, const struct chat_request *request);
bool gemini_read_event(struct event_reader *r, struct str name, struct str data, struct chat_event_sink *sink,
                       struct chat_error *err);
enum ending gemini_read_end(struct event_reader *r, struct chat_event_sink *sink);
void gemini_close_reader(struct event_reader *r);

/* ---- gemini_observe.c ---- */
extern const struct same_dialect gemini_same;

/* ---- gemini_array.c ---- */
/* Cuts a stream that is one JSON array into its items; used as http/sse.h is. */
struct gemini_array {
    bool has_begun, has_ended; /* the array's brackets */
    struct buf _held;          /* the beginning of an item whose end has not come */
    struct str _chunk;
    size_t _depth; /* in the open item; 0: between two */
    bool _in_string, _is_escaped, _is_lent;
};
void gemini_array_init(struct gemini_array *s, size_t max_item_bytes);
void gemini_array_done(struct gemini_array *s);
/* Lent until gemini_array_next() has said MORE. */
void gemini_array_feed(struct gemini_array *s, struct str chunk);
/* SSE_EVENT: *item, lent until the next call. SSE_MORE: feed again. SSE_BAD: no such list, or too large; for good. */
enum sse gemini_array_next(struct gemini_array *s, struct str *item, struct err *err);

/* ---- gemini_path.c ---- */
/* What "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse" says. */
struct gemini_target {
    struct str model;  /* decoded; empty: there is none */
    struct str method; /* generateContent, … */
    bool is_stream;
    bool is_array; /* a stream as one JSON array: without alt=sse */
};
/* The model is what stands between the first "/models/" and the last colon; tunedModels/x keeps its folder. */
void gemini_read_path(struct gemini_target *out, struct arena *a, struct str path, struct str query);
/* "/models/gemini-2.5-flash:streamGenerateContent", below the base URL. */
struct str gemini_write_path(struct str model, struct str method, struct arena *a);

#endif
