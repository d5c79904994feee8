/* chat/usage.h: the one usage record. Every dialect's reader fills it, every writer projects from it, money is
 * counted from it. The parts do not overlap: total = sum of parts. Data only. */
#ifndef WEIR_CHAT_USAGE_H
#define WEIR_CHAT_USAGE_H

#include <stdbool.h>
#include <stdint.h>

struct usage { /* tokens */
    int64_t input_uncached;
    int64_t cache_read;
    int64_t cache_write_5m, cache_write_1h;
    int64_t output; /* without reasoning */
    int64_t reasoning;
    int64_t audio_input, audio_output; /* shares of input_uncached and output, not counted again */
    int64_t web_searches;              /* by the provider itself; paid for apart, no tokens */
    bool is_known;                     /* false: the provider has not said (yet) */
};

static inline int64_t usage_input(const struct usage *u)
{
    return u->input_uncached + u->cache_read + u->cache_write_5m + u->cache_write_1h;
}

static inline int64_t usage_output(const struct usage *u)
{
    return u->output + u->reasoning;
}

static inline int64_t usage_total(const struct usage *u)
{
    return usage_input(u) + usage_output(u);
}

#endif
