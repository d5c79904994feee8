/* dialects/responses_usage.c: what tokens are called in OpenAI's Responses format. */
#include "dialects/responses.h"

#include "json/skim.h"

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

/* input_tokens holds the cached ones, output_tokens the reasoning ones. An object that says nothing leaves what was known. */
void responses_read_usage(struct usage *u, struct json_value usage)
{
    enum { INPUT, OUTPUT, INPUT_DETAILS, OUTPUT_DETAILS, COUNT };
    static const struct str names[COUNT] = {[INPUT] = STR_INIT("input_tokens"),
                                            [OUTPUT] = STR_INIT("output_tokens"),
                                            [INPUT_DETAILS] = STR_INIT("input_tokens_details"),
                                            [OUTPUT_DETAILS] = STR_INIT("output_tokens_details")};
    struct json_value got[COUNT];
    if (usage.type != JSON_OBJECT || !json_skim(usage.raw, names, COUNT, got)) return;
    if (!json_exists(got[INPUT]) && !json_exists(got[OUTPUT])) return;
    int64_t input = tokens(got[INPUT]), output = tokens(got[OUTPUT]);
    *u = (struct usage){.is_known = true};
    u->cache_read = least(tokens(json_get(got[INPUT_DETAILS], STR("cached_tokens"))), input);
    u->cache_write_5m = least(tokens(json_get(got[INPUT_DETAILS], STR("cache_write_tokens"))),
                              input - u->cache_read);
    u->input_uncached = input - u->cache_read - u->cache_write_5m;
    u->reasoning = least(tokens(json_get(got[OUTPUT_DETAILS], STR("reasoning_tokens"))), output);
    u->output = output - u->reasoning;
}

void responses_put_usage(struct json_writer *w, const struct usage *u)
{
    if (!u || !u->is_known) {
        json_put_null(w, STR("usage"));
        return;
    }
    int64_t written = u->cache_write_5m + u->cache_write_1h;
    begin_object_at(w, STR("usage"));
    json_put_i64(w, STR("input_tokens"), usage_input(u));
    begin_object_at(w, STR("input_tokens_details"));
    json_put_i64(w, STR("cached_tokens"), u->cache_read);
    json_put_i64(w, STR("cache_write_tokens"), written); /* SDKs need it */
    json_end_object(w);
    json_put_i64(w, STR("output_tokens"), usage_output(u));
    begin_object_at(w, STR("output_tokens_details"));
    json_put_i64(w, STR("reasoning_tokens"), u->reasoning);
    json_end_object(w);
    json_put_i64(w, STR("total_tokens"), usage_total(u));
    json_end_object(w);
}
