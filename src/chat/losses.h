/* chat/losses.h: what a request asked for that its target's format or model cannot take. Callers see the names in
 * X-Weir-Dropped, or as a 400 with X-Weir-Strict: 1 (the gateway's to do: writers just add). Data only. */
#ifndef WEIR_CHAT_LOSSES_H
#define WEIR_CHAT_LOSSES_H

#include "base/arena.h"
#include "base/str.h"

enum { LOSSES_MAX = 24, LOSS_NAME_MAX_BYTES = 64 };

struct losses {
    struct str names[LOSSES_MAX]; /* each once */
    unsigned count;
    bool is_cut; /* there were more */
};

/* Names are OpenAI's where it has one (seed, logprobs, tools.web_search), else the caller's own. The name must live as
 * long as `l`; one that no header could hold (not visible ASCII, too long) is counted as "other". */
void losses_add(struct losses *l, struct str name);
static inline void losses_add_if(struct losses *l, bool is_lost, struct str name)
{
    if (is_lost) losses_add(l, name);
}
/* "seed, logprobs"; empty: nothing was lost. */
struct str losses_join(const struct losses *l, struct arena *a);

#endif
