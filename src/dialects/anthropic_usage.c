/* dialects/anthropic_usage.c: the usage object of Anthropic's Messages format. Its parts do not overlap but for thinking,
 * which is in output_tokens. A stream says it twice, at its beginning and in its end, and the latter leaves things out:
 * so each count is set if it is there. The end also has no split of what was written to the cache; where its total is
 * another one (tools that the service ran), the split of the beginning is scaled to it. */
#include "dialects/anthropic.h"

#include "json/cursor.h"
#include "json/skim.h"

enum { INPUT, OUTPUT, READ, WRITTEN, SPLIT, DETAILS, SERVER, COUNT };
static const struct str names[COUNT] = {
    [INPUT] = STR_INIT("input_tokens"),           [OUTPUT] = STR_INIT("output_tokens"),
    [READ] = STR_INIT("cache_read_input_tokens"), [WRITTEN] = STR_INIT("cache_creation_input_tokens"),
    [SPLIT] = STR_INIT("cache_creation"),         [DETAILS] = STR_INIT("output_tokens_details"),
    [SERVER] = STR_INIT("server_tool_use"),
};

/* Clipped, so that sums of a few stay numbers whatever a provider says. */
static bool set_count(int64_t *to, struct json_value v)
{
    const int64_t most = (int64_t)1 << 50;
    int64_t n;
    if (!json_to_i64(v, &n) || n < 0) return false;
    *to = n < most ? n : most;
    return true;
}

/* All that was written for an hour stays so; what there is more of is the usual five minutes'. */
static void scale_written(struct usage *u, int64_t total)
{
    if (u->cache_write_5m + u->cache_write_1h == total) return;
    bool is_all_1h = u->cache_write_1h > 0 && u->cache_write_5m == 0;
    if (is_all_1h || u->cache_write_1h > total) u->cache_write_1h = total;
    u->cache_write_5m = total - u->cache_write_1h;
}

void anthropic_read_usage(struct usage *u, struct json_value usage)
{
    struct json_value got[COUNT];
    if (usage.type != JSON_OBJECT || !json_skim(usage.raw, names, COUNT, got)) return;
    int64_t output = u->output + u->reasoning, written = 0;
    bool has_input = set_count(&u->input_uncached, got[INPUT]);
    bool has_output = set_count(&output, got[OUTPUT]);
    if (!has_input && !has_output && !u->is_known) return;
    u->is_known = true;
    (void)set_count(&u->cache_read, got[READ]);
    if (json_exists(got[SPLIT])) {
        (void)set_count(&u->cache_write_5m, json_get(got[SPLIT], STR("ephemeral_5m_input_tokens")));
        (void)set_count(&u->cache_write_1h, json_get(got[SPLIT], STR("ephemeral_1h_input_tokens")));
    }
    if (set_count(&written, got[WRITTEN])) scale_written(u, written);
    (void)set_count(&u->reasoning, json_get(got[DETAILS], STR("thinking_tokens")));
    if (u->reasoning > output) u->reasoning = output;
    u->output = output - u->reasoning;
    (void)set_count(&u->web_searches, json_get(got[SERVER], STR("web_search_requests")));
}

void anthropic_put_usage(struct json_writer *w, const struct usage *u)
{
    begin_object_at(w, STR("usage"));
    json_put_i64(w, STR("input_tokens"), u->input_uncached);
    json_put_i64(w, STR("cache_creation_input_tokens"), u->cache_write_5m + u->cache_write_1h);
    json_put_i64(w, STR("cache_read_input_tokens"), u->cache_read);
    begin_object_at(w, STR("cache_creation"));
    json_put_i64(w, STR("ephemeral_5m_input_tokens"), u->cache_write_5m);
    json_put_i64(w, STR("ephemeral_1h_input_tokens"), u->cache_write_1h);
    json_end_object(w);
    json_put_i64(w, STR("output_tokens"), usage_output(u));
    if (u->reasoning > 0) {
        begin_object_at(w, STR("output_tokens_details"));
        json_put_i64(w, STR("thinking_tokens"), u->reasoning);
        json_end_object(w);
    }
    if (u->web_searches > 0) {
        begin_object_at(w, STR("server_tool_use"));
        json_put_i64(w, STR("web_search_requests"), u->web_searches);
        json_end_object(w);
    }
    json_put_str(w, STR("service_tier"), STR("standard"));
    json_end_object(w);
}
