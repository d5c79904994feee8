/* chat/reply.h: a model's whole answer, in nobody's format. Memory and strings: chat/part.h. */
#ifndef WEIR_CHAT_REPLY_H
#define WEIR_CHAT_REPLY_H

#include "chat/part.h"
#include "chat/usage.h"

/* Why it ended. */
enum chat_finish {
    FINISH_NONE, /* it has not, or nobody said */
    FINISH_STOP,
    FINISH_LENGTH,     /* max_tokens, or the context window is full */
    FINISH_TOOL_CALLS, /* whenever there is a call: see chat_finish_settled() */
    FINISH_FILTER,     /* refused or cut by the provider: content filter, safety, recitation */
};

/* A token and its likeliest rivals. */
struct chat_token {
    struct chat_token *next;
    struct str text;
    double logprob;
    struct chat_token *rivals;
};

struct chat_choice {
    struct chat_choice *next;
    unsigned index;
    struct chat_parts parts; /* thinking, text, calls … in the model's order */
    enum chat_finish finish;
    struct str stop_sequence; /* the one that ended it; empty: none */
    struct str native_finish; /* the provider's own word */
    struct chat_token *logprobs;
};

struct chat_reply {
    struct str id, model; /* the provider's; empty: not said */
    int64_t created_s;    /* Unix seconds; 0: not said */
    struct chat_choice *choices, *_last_choice;
    struct usage usage;
};

struct chat_choice *chat_reply_add_choice(struct chat_reply *r, struct arena *a);

/* What every reader returns: services say stop, or nothing, where there were calls, and agents go by this word. */
static inline enum chat_finish chat_finish_settled(enum chat_finish said, bool has_calls)
{
    return has_calls && (said == FINISH_STOP || said == FINISH_NONE) ? FINISH_TOOL_CALLS : said;
}

#endif
