/* chat/request.h: what a caller asks of a chat model, in nobody's format. A dialect's read_request() fills it in,
 * another's write_request() writes it. Memory and strings: chat/part.h.
 *
 * What every reader sees to, so that no writer has to:
 *   - system and developer messages are messages of those roles, where the caller put them
 *   - a CHAT_ROLE_TOOL message holds the results of all calls of the turn before it, and nothing else; what else stood in
 *     the same message follows as CHAT_ROLE_USER
 *   - every tool call has an id, every tool result the id and the name of its call (chat_request_link())
 *   - null means not given */
#ifndef WEIR_CHAT_REQUEST_H
#define WEIR_CHAT_REQUEST_H

#include "chat/part.h"

struct chat_double { /* a number that may be absent */
    bool is_set;
    double value;
};
struct chat_int {
    bool is_set;
    int64_t value;
};
struct chat_strings {
    struct str *at;
    unsigned count;
};
enum chat_tristate { CHAT_UNSAID, CHAT_NO, CHAT_YES };

/* ---- the conversation ---- */
enum chat_role {
    CHAT_ROLE_SYSTEM,
    CHAT_ROLE_DEVELOPER, /* OpenAI's newer word for system; whoever has only one of them takes both for it */
    CHAT_ROLE_USER,
    CHAT_ROLE_ASSISTANT,
    CHAT_ROLE_TOOL,
};
struct chat_message {
    struct chat_message *next;
    enum chat_role role;
    struct str name; /* of the speaker */
    struct chat_parts parts;
};

/* ---- tools ---- */
enum chat_tool_kind {
    CHAT_TOOL_FUNCTION,
    CHAT_TOOL_OTHER, /* run by the provider, or not a function: web search, code execution, … */
};
struct chat_tool {
    struct chat_tool *next;
    enum chat_tool_kind kind;
    struct str name; /* FUNCTION: what the model calls; OTHER: its type */
    struct str description;
    struct str schema; /* JSON: of the parameters, whole; empty: it takes none */
    enum chat_tristate is_strict;
    enum chat_cache cache;
    struct str json; /* OTHER: the whole of it */
    enum chat_format format;
};
enum chat_choice_mode {
    CHAT_CHOICE_UNSAID,
    CHAT_CHOICE_AUTO,
    CHAT_CHOICE_NONE,
    CHAT_CHOICE_REQUIRED, /* some tool */
    CHAT_CHOICE_NAMED,    /* tool_choice_name */
};

/* ---- the form of the answer ---- */
enum chat_output { CHAT_OUTPUT_UNSAID, CHAT_OUTPUT_TEXT, CHAT_OUTPUT_JSON, CHAT_OUTPUT_SCHEMA };
struct chat_output_format {
    enum chat_output kind;
    struct str name, description; /* of the schema */
    struct str schema;            /* JSON */
    enum chat_tristate is_strict;
};
enum chat_modality { CHAT_WANTS_TEXT = 1 << 0, CHAT_WANTS_IMAGE = 1 << 1, CHAT_WANTS_AUDIO = 1 << 2 };

/* ---- reasoning: by effort or by budget; chat/reasoning.h turns one into the other ---- */
enum chat_effort {
    CHAT_EFFORT_UNSAID,
    CHAT_EFFORT_NONE,
    CHAT_EFFORT_MINIMAL,
    CHAT_EFFORT_LOW,
    CHAT_EFFORT_MEDIUM,
    CHAT_EFFORT_HIGH,
    CHAT_EFFORT_MAX, /* xhigh, max */
};
struct chat_reasoning {
    enum chat_tristate is_on; /* said in so many words: enabled, adaptive; disabled */
    enum chat_effort effort;
    struct chat_int budget;      /* tokens; -1: the model decides */
    enum chat_tristate is_shown; /* its text (or a summary) is wanted in the reply */
};

/* A member that only one format has: kept for it, a loss for all others. */
struct chat_extra {
    struct chat_extra *next;
    struct str name, json;
};

struct chat_request {
    struct str model; /* as the caller wrote it */
    bool is_stream;
    bool wants_stream_usage; /* the caller asked for a last event with the usage */
    bool
        is_array_stream; /* a stream is wanted as one JSON array instead of events (Gemini without alt=sse) */

    struct chat_message *messages, *_last_message;
    struct chat_tool *tools, *_last_tool;
    enum chat_choice_mode tool_choice;
    struct str tool_choice_name;
    struct chat_strings allowed_tools; /* with AUTO or REQUIRED: only these; none: all */
    enum chat_tristate parallel_tools; /* more than one call in one turn */

    struct chat_output_format output;
    unsigned modalities; /* enum chat_modality, or'ed; 0: not said */
    struct str voice, audio_format;

    int64_t max_tokens; /* of the reply, reasoning included; 0: not said */
    struct chat_double temperature, top_p, frequency_penalty, presence_penalty;
    struct chat_int top_k, seed, choices /* n */, top_logprobs;
    bool wants_logprobs;
    struct chat_strings stop;
    struct chat_reasoning reasoning;

    struct str user;       /* an end user's id */
    struct str metadata;   /* JSON: an object of strings */
    enum chat_cache cache; /* a mark for the whole prompt */

    enum chat_format format; /* who was read; the extras are its own */
    struct chat_extra *extras;
};

struct chat_message *chat_request_add_message(struct chat_request *r, struct arena *a, enum chat_role role);
/* The last message if it has that role, else a new one: for results that belong into one turn. */
struct chat_message *chat_request_continue(struct chat_request *r, struct arena *a, enum chat_role role);
struct chat_tool *chat_request_add_tool(struct chat_request *r, struct arena *a, enum chat_tool_kind kind);
void chat_request_add_extra(struct chat_request *r, struct arena *a, struct str name, struct str json);
/* An extra's JSON; empty: there is none of that name, or the extras are another format's. */
struct str chat_request_extra(const struct chat_request *r, enum chat_format format, struct str name);

/* The function of that name; NULL: none. */
const struct chat_tool *chat_request_tool(const struct chat_request *r, struct str name);

/* What a reader does last: calls without an id get one ("call_<n>" by their place, the same each time the conversation
 * comes back), results without id get that of the next call of their name that has no result, and results without a
 * name get their call's. A choice among no tools is none. */
void chat_request_link(struct chat_request *r, struct arena *a);

#endif
