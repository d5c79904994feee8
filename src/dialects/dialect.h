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
#include "chat/error.h"
#include "chat/usage.h"
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
// clang-format off
/*    operation       gen_ai.operation.name  below the base URL     streams  what a complete plain reply has */
#define OPERATIONS(X)                                                                       \
    X(OP_CHAT,        "chat",                "/chat/completions",   true,    "choices")     \
    X(OP_COMPLETIONS, "text_completion",     "/completions",        true,    "choices")     \
    X(OP_EMBEDDINGS,  "embeddings",          "/embeddings",         false,   "data")        \
    X(OP_MODERATIONS, "moderations",         "/moderations",        false,   "results")
// clang-format on
#define OPERATION_AS_ENUM(op, name, path, streams, result) op,
enum operation { OPERATIONS(OPERATION_AS_ENUM) OP_COUNT };

struct operation_row {
    struct str name, path;
    bool can_stream;
    struct str result_member; /* a non-empty array in each complete plain reply of the OpenAI dialect */
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
enum rejection {
    REJECTION_OTHER,
    REJECTION_CONTEXT_WINDOW,
    REJECTION_CONTENT_POLICY,
    REJECTION_STREAM_OPTIONS
};
struct verdict {
    int64_t retry_after_ms; /* 0: not said */
    int64_t retry_at_s;     /* Unix seconds, where a date was given; 0: not */
    enum rejection kind;    /* of a 400 */
    struct str message;     /* the provider's sentence, in the arena; for the caller, never for the log */
};

struct same_dialect {
    /* One validating pass; false: err names line, column or field. The model name lives in the arena. */
    bool (*scan_request)(struct request_facts *out, struct arena *a, enum operation op, struct str body,
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

struct chat_request;
struct chat_reply;
struct chat_event;
struct chat_event_sink;
struct event_writer;
struct event_reader;
struct losses;

struct dialect {
    const char *name;
    const struct same_dialect *same;

    /* server half: what callers send us and expect back */
    bool (*read_request)(struct chat_request *out, struct arena *a, const struct http_message *in,
                         struct chat_error *err);
    void (*write_reply)(struct http_message *out, const struct chat_reply *reply);
    void (*write_event)(struct event_writer *w, struct buf *out, const struct chat_event *event);
    bool (*write_error)(struct buf *out, const struct chat_error *err);       /* a body */
    bool (*write_error_event)(struct buf *out, const struct chat_error *err); /* in a stream that has begun */
    struct str keepalive;                                                     /* what idle streams are sent */

    /* client half: what we send providers and what comes back */
    bool (*write_request)(struct http_message *out, const struct chat_request *in, struct losses *dropped,
                          struct chat_error *err);
    bool (*read_reply)(struct chat_reply *out, struct arena *a, const struct http_message *in,
                       struct chat_error *err);
    bool (*read_event)(struct event_reader *r, struct str name, struct str data, struct chat_event_sink *sink,
                       struct chat_error *err);
    enum ending (*read_stream_end)(struct event_reader *r);
    void (*classify)(struct verdict *out, struct arena *a, const struct http_message *reply);
};

extern const struct dialect dialect_openai_chat;

#endif
