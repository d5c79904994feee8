/* dialects/tool_calls.h: what formats disagree on about calls of tools: which names are allowed, what arguments must be,
 * and where a signature can hide from callers who do not know signatures. Pure. */
#ifndef WEIR_DIALECTS_TOOL_CALLS_H
#define WEIR_DIALECTS_TOOL_CALLS_H

#include "base/arena.h"
#include "chat/losses.h"
#include "chat/request.h"

/* ---- names ---- */
/* Of functions; bytes beside letters, digits, '_' and '-' that a format allows, and how long they may be. */
struct tool_name_rule {
    struct str also;
    size_t max_bytes;
};
extern const struct tool_name_rule TOOL_NAMES_OPENAI, TOOL_NAMES_ANTHROPIC, TOOL_NAMES_GEMINI;

/* The name itself if it is allowed, else the beginning of it with a digest of the whole. The same each time. */
struct str tool_name_to(const struct tool_name_rule *rule, struct str name, struct arena *a);
/* Back: the name of the request's tool that became `written`; `written` itself if none did. */
struct str tool_name_from(const struct tool_name_rule *rule, struct str written,
                          const struct chat_request *request, struct arena *a);

/* ---- arguments ---- */
/* A JSON object, whatever the model wrote: nothing becomes {}, anything that is no object {"arguments": "<its text>"}
 * and a loss (NULL: not counted): its words are kept, and no provider has to refuse the conversation for them. */
struct str tool_arguments_object(struct str arguments, struct arena *a, struct losses *dropped);

/* ---- ids ---- */
/* An id for call `n` of a reply whose provider gave it none: the same for the same reply, another for another. */
struct str tool_id_make(struct str reply_id, unsigned n, struct arena *a);

/* ---- signatures in ids ---- */
/*     call_1__thought__<signature>       of Gemini's
 *     toolu_1__thought__a.<signature>    of Anthropic's
 * Callers give back ids as they got them. A signature of more than TOOL_ID_MAX_SIGNATURE bytes does not travel. */
enum { TOOL_ID_MAX_SIGNATURE = 16 * 1024 };
struct str tool_id_join(struct str id, struct str signature, enum chat_format format, struct arena *a);
/* Takes the signature off: *id is the provider's own again. False: there is none. */
bool tool_id_split(struct str *id, struct str *signature, enum chat_format *format);

#endif
