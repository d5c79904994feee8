/* chat/event.h: a streamed answer as a row of events, in nobody's format. Everything an event points to is lent until
 * the sink returns.
 *
 * The order that every reader keeps and every writer may rely on:
 *
 *     START  ( PING | USAGE | of each choice: ( BEGIN ( DELTA | SIGNATURE | CITATION | LOGPROBS )* END )* FINISH )*  STOP
 *
 *   - of each choice at most one part is open at a time; parts are numbered from 0 in the order in which they begin
 *   - no event of a choice comes behind its FINISH, nothing but USAGE and PING behind the FINISH of all of them
 *   - USAGE holds all that is known so far, it is set, not added; the last one before STOP is the true one
 *   - STOP comes once, from the reader's read_end(), and only if the answer is complete. So writers wait with what needs
 *     both finish and usage until then
 *   - ERROR is the last event: no FINISH, no STOP comes behind it */
#ifndef WEIR_CHAT_EVENT_H
#define WEIR_CHAT_EVENT_H

#include "chat/error.h"
#include "chat/reply.h"

enum chat_event_kind {
    CHAT_EVENT_START, /* id, model, created_s; usage, if the input's is known already */
    CHAT_EVENT_BEGIN, /* part_kind; calls: id, name, signature + format; thinking: id, is_redacted with signature;
                             media: the whole part, no DELTA follows */
    CHAT_EVENT_DELTA, /* text: more of the open part, never empty: its words, or a call's arguments; of AUDIO: base64 */
    CHAT_EVENT_SIGNATURE,  /* signature, format: of the open part. The whole of it */
    CHAT_EVENT_CITATION,   /* citation: of the open text */
    CHAT_EVENT_TRANSCRIPT, /* text: the words of the open AUDIO part, beside its data */
    CHAT_EVENT_LOGPROBS,   /* logprobs: of the tokens since the last ones */
    CHAT_EVENT_END,        /* part_kind */
    CHAT_EVENT_FINISH,     /* finish, stop_sequence, native_finish */
    CHAT_EVENT_USAGE,      /* usage */
    CHAT_EVENT_PING,       /* the provider is alive */
    CHAT_EVENT_ERROR,      /* error */
    CHAT_EVENT_STOP,       /* usage */
};

struct chat_event {
    enum chat_event_kind kind;
    unsigned choice;               /* from 0 */
    unsigned part;                 /* in its choice */
    enum chat_part_kind part_kind; /* of BEGIN to END */
    struct str text;
    struct str id, name; /* START: name is the model's */
    struct str signature;
    enum chat_format format; /* whose signature */
    bool is_redacted;
    int64_t created_s;
    enum chat_finish finish;
    struct str stop_sequence, native_finish;
    const struct usage *usage;
    const struct chat_media *media;
    const struct chat_citation *citation;
    const struct chat_token *logprobs;
    const struct chat_error *error;
};

/* Takes events as they are read. Embedded in whoever takes them (CONTAINER_OF). */
struct chat_event_sink {
    void (*take)(struct chat_event_sink *sink, const struct chat_event *event);
};

/* Is this what a caller waits for (CONTRACT section 4, commit)? */
static inline bool chat_event_is_content(const struct chat_event *e)
{
    if (e->kind == CHAT_EVENT_BEGIN)
        return e->part_kind == CHAT_TOOL_CALL || e->is_redacted || e->media != NULL;
    return e->kind == CHAT_EVENT_DELTA || e->kind == CHAT_EVENT_TRANSCRIPT || e->kind == CHAT_EVENT_FINISH;
}

#endif
