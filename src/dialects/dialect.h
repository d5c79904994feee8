/* dialects/dialect.h: what a wire format can do, as a struct of functions and facts. One file per format. Pure: bytes
 * in, bytes out; no socket, no clock.
 *
 * Two ways lead through here:
 * - Same dialect on both sides: `same` below. The request is scanned once, the model name is spliced in, and the
 *   reply's bytes go on unchanged while an observer picks up usage and finish. Unknown fields survive.
 * - Different dialects: read_… and write_… through the neutral form of chat/. A half that does not exist is NULL.
 * Errors and verdicts are needed both ways. */
#ifndef WEIR_DIALECTS_DIALECT_H
#define WEIR_DIALECTS_DIALECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "chat/event.h"
#include "chat/losses.h"
#include "chat/request.h"
#include "chat/traits.h"
#include "http/message.h"
#include "json/check.h"
#include "json/splice.h"

/* A request or reply in a wire format, without transport. */
struct http_message {
    int status; /* 0 in requests */
    struct str path, query;
    const struct http_headers *headers;
    struct str body;
};

/* ---- operations: what can be asked for ---- */
enum operation_kind {
    OF_TEXT,
    OF_MEDIA, /* what comes back is told by its content type: JSON, events, or anything else */
    OF_FORM,  /* the same, and the request is multipart/form-data */
};
// clang-format off
/*    operation          gen_ai.operation.name  below the base URL       streams  kind      what a complete JSON reply has */
#define OPERATIONS(X)                                                                                \
    X(OP_CHAT,           "chat",                "/chat/completions",     true,    OF_TEXT,  "choices")     \
    X(OP_COMPLETIONS,    "text_completion",     "/completions",          true,    OF_TEXT,  "choices")     \
    X(OP_EMBEDDINGS,     "embeddings",          "/embeddings",           false,   OF_TEXT,  "data")        \
    X(OP_MODERATIONS,    "moderations",         "/moderations",          false,   OF_TEXT,  "results")     \
    X(OP_IMAGES,         "image_generation",    "/images/generations",   false,   OF_MEDIA, "data")        \
    X(OP_IMAGE_EDITS,    "image_edit",          "/images/edits",         false,   OF_FORM,  "data")        \
    X(OP_SPEECH,         "text_to_speech",      "/audio/speech",         false,   OF_MEDIA, "")            \
    X(OP_TRANSCRIPTIONS, "transcription",       "/audio/transcriptions", false,   OF_FORM,  "")            \
    X(OP_TRANSLATIONS,   "translation",         "/audio/translations",   false,   OF_FORM,  "")
// clang-format on
#define OPERATION_AS_ENUM(op, name, path, streams, kind, result) op,
enum operation { OPERATIONS(OPERATION_AS_ENUM) OP_COUNT };

struct operation_row {
    struct str name, path;
    bool can_stream; /* where that is asked for, an event stream must come */
    enum operation_kind kind;
    struct str result_member; /* of text: a non-empty array in each complete plain reply; empty: none */
};
const struct operation_row *operation_row(enum operation op);

/* ---- same dialect: the request ---- */
enum { FACTS_MAX_MEMBERS = 8, MODEL_NAME_MAX_BYTES = 512 };
struct request_facts {
    struct str body;  /* lent */
    struct str model; /* unescaped, at most MODEL_NAME_MAX_BYTES; empty: left out */
    bool is_stream;
    bool wants_usage;                             /* the caller asked for a stream's usage himself */
    int64_t max_tokens;                           /* 0: not said */
    struct str in_form;                           /* the model where it stands in a form; NULL: no form */
    struct json_found members[FACTS_MAX_MEMBERS]; /* by the dialect's own list */
};
/* What goes upstream instead of the caller's bytes. */
enum { SPLICED_MAX_PIECES = JSON_SPLICE_MAX_PIECES };
struct spliced {
    struct str pieces[SPLICED_MAX_PIECES]; /* they point into the body and the arena */
    unsigned count;
    size_t bytes;
};

/* ---- same dialect: the reply ---- */
enum event_fact {                            /* of one stream event, or'ed */
                  EVENT_CONTENT = 1 << 0,    /* text, thinking, tool call, refusal, audio: the commit point */
                  EVENT_FINISH = 1 << 1,     /* has a finish reason */
                  EVENT_TERMINAL = 1 << 2,   /* the dialect's end mark */
                  EVENT_ERROR = 1 << 3,      /* the provider reports an error in the stream */
                  EVENT_USAGE_ONLY = 1 << 4, /* nothing but usage: dropped unless the caller asked */
                  EVENT_MALFORMED = 1 << 5,
};
struct observer {
    struct usage usage;
    enum operation operation;
    unsigned seen;   /* event facts of all events so far, or'ed */
    unsigned events; /* with data */
    struct arena *arena;
};
enum ending { ENDING_COMPLETE, ENDING_INCOMPLETE };

/* ---- what an answer means for the attempt ---- */
struct verdict {
    int64_t retry_after_ms; /* 0: not said */
    int64_t retry_at_s;     /* Unix seconds, where a date was given; 0: not */
    enum rejection kind;    /* of a 400 */
    struct str message;     /* the provider's sentence, in the arena; for the caller, never for the log */
    struct str code, param; /* its words for what is wrong, in the arena; empty: none */
};

struct same_dialect {
    /* One validating pass; false: err names line, column or field. The model name lives in the arena. */
    bool (*scan_request)(struct request_facts *out, struct arena *a, enum operation op, struct str body,
                         struct chat_error *err);
    /* The same for a multipart/form-data body; NULL: the dialect has no such. */
    bool (*scan_form)(struct request_facts *out, struct arena *a, const struct http_message *in,
                      struct chat_error *err);
    /* model: the provider's name for it, empty: the request's own stays; asks_usage: add the request for a
     * stream's usage. */
    bool (*splice_request)(struct spliced *out, struct arena *a, const struct request_facts *facts,
                           struct str model, bool asks_usage);
    void (*observer_init)(struct observer *o, struct arena *a, enum operation op);
    unsigned (*observe_event)(struct observer *o, struct str name, struct str data); /* event facts */
    enum ending (*read_end)(const struct observer *o);
    /* A plain reply; false: not one of this operation (err says what is wrong with it). */
    bool (*observe_reply)(struct observer *o, struct str body, struct err *err);
};

/* ---- different dialects: writing ---- */
/* What a reply says besides what the model said. Lives as long as the reply is written. */
struct reply_frame {
    struct arena *arena; /* the exchange's; a writer's own state lies there */
    const struct chat_request *request;
    struct str
        id; /* unique; what is left of it is taken where the provider gave none: letters, digits, _ and - */
    struct str model;  /* the same, for the model's name */
    int64_t created_s; /* the same; Unix seconds */
};

struct upstream_header {
    struct str name, value;
};
enum { UPSTREAM_MAX_HEADERS = 4 };
/* What goes to a provider. The gateway sets the first three, write_request() the others. */
struct upstream_request {
    struct arena *arena;
    struct str model; /* the target's name for it; empty: the request's */
    const struct model_traits *traits;
    struct buf *body; /* appended to; its ceiling holds */
    struct str path;  /* below the base URL, with its '/'; in the arena or a constant */
    struct str query; /* without '?'; empty: none */
    struct upstream_header
        headers[UPSTREAM_MAX_HEADERS]; /* that the format needs for this request, beta switches */
    unsigned header_count;
};

/* The common parts of every dialect's readers and writers of streams; they are the first member of its own struct. */
struct event_writer {
    const struct reply_frame *frame;
};
struct event_reader; /* dialects/stream.h */

struct dialect {
    const char *name;
    enum chat_format format;
    const struct same_dialect *same;

    /* ---- server half: what callers send us and expect back; all or none ---- */
    /* The body has passed same->scan_request(). Strings are lent from `in`. */
    bool (*read_request)(struct chat_request *out, struct arena *a, const struct http_message *in,
                         struct chat_error *err);
    /* A body. False: over the ceiling of `out`. */
    bool (*write_reply)(struct buf *out, const struct chat_reply *reply, const struct reply_frame *frame);
    /* A stream: open, each event in the order of chat/event.h, close. Never fails but by the ceiling of `out`, or by one
     * of its own. ERROR is written as write_error_event() does. Events that say nothing here write nothing. */
    struct event_writer *(*open_writer)(const struct reply_frame *frame);
    bool (*write_event)(struct event_writer *w, struct buf *out, const struct chat_event *event);
    void (*close_writer)(struct event_writer *w);                             /* NULL: nothing to do */
    bool (*write_error)(struct buf *out, const struct chat_error *err);       /* a body */
    bool (*write_error_event)(struct buf *out, const struct chat_error *err); /* in a stream that has begun */
    struct str keepalive;                                                     /* what idle streams are sent */

    /* ---- client half: what we send providers and what comes back; all or none ---- */
    /* False: the format cannot say this, err tells why (a 400), or the body's ceiling (PROBLEM_TOO_LARGE). */
    bool (*write_request)(struct upstream_request *out, const struct chat_request *in, struct losses *dropped,
                          struct chat_error *err);
    /* A reply with a status below 400. Strings are lent from `in`. False: not a complete one of this format; err. */
    bool (*read_reply)(struct chat_reply *out, struct arena *a, const struct http_message *in,
                       const struct chat_request *request, struct chat_error *err);
    /* A stream. Each event of http/sse.h that is_dispatched goes to read_event(), which hands what it means to the sink.
     * False: malformed, err; the stream is broken then. Nothing that was lent is kept. read_end() when the stream has
     * ended, or once seen & EVENT_TERMINAL: ends what is open, and hands out STOP if the answer is complete. */
    struct event_reader *(*open_reader)(struct arena *a, const struct chat_request *request);
    bool (*read_event)(struct event_reader *r, struct str name, struct str data, struct chat_event_sink *sink,
                       struct chat_error *err);
    enum ending (*read_end)(struct event_reader *r, struct chat_event_sink *sink);
    void (*close_reader)(struct event_reader *r); /* NULL: nothing to do */
    void (*classify)(struct verdict *out, struct arena *a, const struct http_message *reply);
};

extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_openai_media;
extern const struct dialect dialect_gemini;
extern const struct dialect dialect_responses;
extern const struct dialect dialect_anthropic;

#endif
