/* chat/traits.h: what a target's model takes and refuses, as data: filled in from the rows of presets and of the
 * catalogue of models, read by writers. Never asked for by a model's name. All zero: nothing is known, and everything that
 * the format has is sent. */
#ifndef WEIR_CHAT_TRAITS_H
#define WEIR_CHAT_TRAITS_H

#include <stdint.h>

enum model_trait { /* or'ed */
                   /* refuses: what is asked for is dropped, and named as a loss */
                   TRAIT_NO_TEMPERATURE = 1 << 0,
                   TRAIT_NO_TOP_P = 1 << 1,
                   TRAIT_NO_TOP_P_WITH_TEMPERATURE = 1 << 2, /* one of them; temperature stays */
                   TRAIT_NO_TOP_K = 1 << 3,
                   TRAIT_NO_PENALTIES = 1 << 4,
                   TRAIT_NO_STOP = 1 << 5,
                   TRAIT_NO_SEED = 1 << 6,
                   TRAIT_NO_LOGPROBS = 1 << 7,
                   TRAIT_NO_CHOICES = 1 << 8,        /* n > 1 */
                   TRAIT_NO_PARALLEL_TOOLS = 1 << 9, /* the parameter, not the calls */
                   TRAIT_NO_SCHEMA = 1 << 10,        /* json_schema: sent as json_object */
                   TRAIT_NO_JSON = 1 << 11,          /* neither */
                   TRAIT_NO_TOOLS = 1 << 12,
                   TRAIT_NO_IMAGES = 1 << 13,
                   TRAIT_NO_STREAM_USAGE = 1 << 14, /* stream_options */
                   TRAIT_NO_STRICT_TOOLS = 1 << 15, /* function.strict */
                   TRAIT_NO_METADATA = 1 << 16,
                   /* wants: how a thing is said where a format has two ways */
                   TRAIT_MAX_COMPLETION_TOKENS = 1 << 20, /* not max_tokens (OpenAI's own) */
                   TRAIT_DEVELOPER_ROLE =
                       1 << 21,                 /* system messages as developer (OpenAI's reasoning models) */
                   TRAIT_CACHE_MARKS = 1 << 22, /* cache_control in OpenAI's format (OpenRouter, Vercel) */
                   TRAIT_REASONING_CONTENT =
                       1 << 23, /* past thinking comes back as reasoning_content (DeepSeek) */
                   TRAIT_REASONING_DETAILS = 1
                                             << 24, /* … as reasoning_details, with signatures (OpenRouter) */
                   TRAIT_TOP_K = 1 << 25, /* top_k in OpenAI's format (vLLM, OpenRouter, Together) */
                   TRAIT_GOOGLE_SIGNATURES =
                       1
                       << 26, /* extra_content.google.thought_signature on calls (Gemini's OpenAI endpoint) */
                   TRAIT_RESULT_MEDIA =
                       1 << 27, /* results of tools hold images in Gemini's format (Gemini 3) */
                   TRAIT_OPENAPI_SCHEMA =
                       1 << 28, /* schemas in Google's subset, not JSON Schema (before 2.5) */
                   TRAIT_NEEDS_SIGNATURES =
                       1 << 29, /* calls without a thought signature are refused (Gemini 3) */
};

/* How a model is told to think. */
enum reasoning_style {
    REASONING_UNKNOWN,  /* the format's usual way */
    REASONING_NONE,     /* it cannot: dropped, a loss */
    REASONING_EFFORT,   /* reasoning_effort, thinkingLevel, output_config.effort */
    REASONING_BUDGET,   /* budget_tokens, thinkingBudget */
    REASONING_ADAPTIVE, /* thinking: adaptive, with output_config.effort */
    REASONING_OBJECT,   /* "reasoning": {effort | max_tokens} (OpenRouter) */
    REASONING_SWITCH,   /* "thinking": {"type": "enabled"} (Z.ai, DeepSeek) */
};

struct model_traits {
    unsigned bits;                      /* enum model_trait */
    enum reasoning_style reasoning;     /* how */
    int64_t context_window, max_output; /* tokens; 0: not known */
};

#endif
