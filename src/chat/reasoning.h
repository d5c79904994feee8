/* chat/reasoning.h: efforts and budgets of thinking, turned into each other. Pure. */
#ifndef WEIR_CHAT_REASONING_H
#define WEIR_CHAT_REASONING_H

#include "chat/request.h"

/* The budget that a request asks for, in tokens, by its own or by its effort; 0: it asks for none, or there is no room
 * for one: a budget is at least 1024 and below max_tokens (0: no limit known). */
int64_t chat_reasoning_budget(const struct chat_reasoning *r, int64_t max_tokens);
/* The effort that a request asks for, in words or by its budget; CHAT_EFFORT_UNSAID: it does not. */
enum chat_effort chat_reasoning_effort(const struct chat_reasoning *r);
/* Does it ask for thinking (or for none, CHAT_NO)? */
enum chat_tristate chat_reasoning_is_wanted(const struct chat_reasoning *r);

#endif
