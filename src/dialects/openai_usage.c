/* dialects/openai_usage.c: what tokens are called in OpenAI's chat format, and in those of the many who copy it. */
#include "dialects/openai_usage.h"

#include "json/skim.h"
#include "json/cursor.h"

/* Clipped, so that sums of a few stay numbers whatever a provider says. */
static int64_t tokens(struct json_value v)
{
    const int64_t most = (int64_t)1 << 50;
    int64_t n = 0;
    if (!json_to_i64(v, &n) || n < 0) return 0;
    return n < most ? n : most;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The members of an object that may be missing. */
static void pick(struct json_value object, const struct str *names, size_t count, struct json_value *got)
{
    if (object.type == JSON_OBJECT && json_skim(object.raw, names, count, got)) return;
    memset(got, 0, count * sizeof *got);
}

enum usage_member { PROMPT, COMPLETION, TOTAL, CACHE_HIT, INPUT, OUTPUT, USAGE_COUNT };
static const struct str usage_names[USAGE_COUNT] = {
    [PROMPT] = STR_INIT("prompt_tokens"),        [COMPLETION] = STR_INIT("completion_tokens"),
    [TOTAL] = STR_INIT("total_tokens"),          [CACHE_HIT] = STR_INIT("prompt_cache_hit_tokens"),
    [INPUT] = STR_INIT("prompt_tokens_details"), [OUTPUT] = STR_INIT("completion_tokens_details"),
};
enum detail { CACHED, CACHE_WRITTEN, REASONING, AUDIO, DETAIL_COUNT };
static const struct str detail_names[DETAIL_COUNT] = {
    [CACHED] = STR_INIT("cached_tokens"),
    [CACHE_WRITTEN] = STR_INIT("cache_write_tokens"),
    [REASONING] = STR_INIT("reasoning_tokens"),
    [AUDIO] = STR_INIT("audio_tokens"),
};

/* prompt_tokens holds the cached ones, completion_tokens the reasoning ones; only xAI counts reasoning on top, which its
 * total shows; Gemini, where it speaks this format, shows it by its total alone. DeepSeek names cache hits outside the
 * details. Voyage's embeddings have a total alone. An object that says nothing leaves what was said before. */
void openai_read_usage(struct usage *u, struct json_value usage)
{
    struct json_value got[USAGE_COUNT], input[DETAIL_COUNT], output[DETAIL_COUNT];
    if (usage.type != JSON_OBJECT) return;
    pick(usage, usage_names, USAGE_COUNT, got);
    bool has_parts = json_exists(got[PROMPT]) || json_exists(got[COMPLETION]);
    if (!has_parts && !json_exists(got[TOTAL])) return;
    pick(got[INPUT], detail_names, DETAIL_COUNT, input);
    pick(got[OUTPUT], detail_names, DETAIL_COUNT, output);
    int64_t prompt = tokens(got[has_parts ? PROMPT : TOTAL]), completion = tokens(got[COMPLETION]);
    int64_t cached = tokens(input[CACHED]), reasoning = tokens(output[REASONING]);
    if (cached == 0) cached = tokens(got[CACHE_HIT]);
    int64_t beyond = tokens(got[TOTAL]) - prompt - completion;
    if (beyond > 0 && !json_exists(got[OUTPUT]) && completion > 0) reasoning = beyond;
    if (beyond > 0 && beyond == reasoning) completion += reasoning;

    *u = (struct usage){.is_known = true};
    u->cache_read = least(cached, prompt);
    u->cache_write_5m = least(tokens(input[CACHE_WRITTEN]), prompt - u->cache_read);
    u->input_uncached = prompt - u->cache_read - u->cache_write_5m;
    u->reasoning = least(reasoning, completion);
    u->output = completion - u->reasoning;
    u->audio_input = least(tokens(input[AUDIO]), u->input_uncached);
    u->audio_output = least(tokens(output[AUDIO]), u->output);
}

/* ---- writing ---- */
static void put_details(struct json_writer *w, struct str name, struct str what, int64_t tokens,
                        int64_t audio)
{
    json_write_key(w, name);
    json_begin_object(w);
    json_put_i64(w, what, tokens);
    json_put_i64(w, STR("audio_tokens"), audio);
}

void openai_put_usage(struct json_writer *w, const struct usage *u)
{
    json_write_key(w, STR("usage"));
    json_begin_object(w);
    json_put_i64(w, STR("prompt_tokens"), usage_input(u));
    json_put_i64(w, STR("completion_tokens"), usage_output(u));
    json_put_i64(w, STR("total_tokens"), usage_total(u));
    put_details(w, STR("prompt_tokens_details"), STR("cached_tokens"), u->cache_read, u->audio_input);
    int64_t written = u->cache_write_5m + u->cache_write_1h;
    if (written > 0) json_put_i64(w, STR("cache_write_tokens"), written);
    json_end_object(w);
    put_details(w, STR("completion_tokens_details"), STR("reasoning_tokens"), u->reasoning, u->audio_output);
    json_put_i64(w, STR("accepted_prediction_tokens"), 0);
    json_put_i64(w, STR("rejected_prediction_tokens"), 0);
    json_end_object(w);
    json_end_object(w);
}
