/* chat/reasoning.c: the table between efforts and budgets. Google's documents give 1024, 8192 and 24576 for low, medium
 * and high (https://ai.google.dev/gemini-api/docs/openai); Anthropic's give 1024 as the least
 * (https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking). */
#include "chat/reasoning.h"

enum { LEAST_BUDGET = 1024 };

static const int64_t budgets[] = {
    [CHAT_EFFORT_UNSAID] = 0,  [CHAT_EFFORT_NONE] = 0,      [CHAT_EFFORT_MINIMAL] = 1024,
    [CHAT_EFFORT_LOW] = 1024,  [CHAT_EFFORT_MEDIUM] = 8192, [CHAT_EFFORT_HIGH] = 24576,
    [CHAT_EFFORT_MAX] = 32768,
};

enum chat_tristate chat_reasoning_is_wanted(const struct chat_reasoning *r)
{
    if (r->is_on != CHAT_UNSAID) return r->is_on;
    if (r->effort != CHAT_EFFORT_UNSAID) return r->effort == CHAT_EFFORT_NONE ? CHAT_NO : CHAT_YES;
    if (r->budget.is_set) return r->budget.value == 0 ? CHAT_NO : CHAT_YES;
    return CHAT_UNSAID;
}

int64_t chat_reasoning_budget(const struct chat_reasoning *r, int64_t max_tokens)
{
    if (chat_reasoning_is_wanted(r) != CHAT_YES) return 0;
    int64_t budget = budgets[r->effort == CHAT_EFFORT_UNSAID ? CHAT_EFFORT_MEDIUM : r->effort];
    if (r->budget.is_set && r->budget.value > 0) budget = r->budget.value;
    if (budget < LEAST_BUDGET) budget = LEAST_BUDGET;
    if (max_tokens > 0 && budget >= max_tokens) budget = max_tokens - 1;
    return budget >= LEAST_BUDGET ? budget : 0;
}

enum chat_effort chat_reasoning_effort(const struct chat_reasoning *r)
{
    if (r->effort != CHAT_EFFORT_UNSAID) return r->effort;
    switch (chat_reasoning_is_wanted(r)) {
    case CHAT_UNSAID: return CHAT_EFFORT_UNSAID;
    case CHAT_NO: return CHAT_EFFORT_NONE;
    case CHAT_YES: break;
    }
    if (!r->budget.is_set || r->budget.value < 0) return CHAT_EFFORT_MEDIUM;
    if (r->budget.value <= 4096) return CHAT_EFFORT_LOW;
    return r->budget.value <= 16384 ? CHAT_EFFORT_MEDIUM : CHAT_EFFORT_HIGH;
}
