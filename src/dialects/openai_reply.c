/* dialects/openai_reply.c: looks at replies that pass by: is this content, is it the end, what did it cost? Each event
 * costs one skim; once content has been seen, deltas are not looked into any more. */
#include "dialects/openai_reply.h"

#include "http/date.h"
#include "json/cursor.h"
#include "json/skim.h"

void openai_observer_init(struct observer *o, struct arena *a, enum operation op)
{
    *o = (struct observer){.operation = op, .arena = a};
}

/* ---- usage ---- */
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
 * total shows. DeepSeek names cache hits outside the details. Voyage's embeddings have a total alone. An object that
 * says nothing leaves what was said before. */
static void read_usage(struct usage *u, struct json_value usage)
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
    if (reasoning > 0 && tokens(got[TOTAL]) == prompt + completion + reasoning) completion += reasoning;

    *u = (struct usage){.is_known = true};
    u->cache_read = least(cached, prompt);
    u->cache_write_5m = least(tokens(input[CACHE_WRITTEN]), prompt - u->cache_read);
    u->input_uncached = prompt - u->cache_read - u->cache_write_5m;
    u->reasoning = least(reasoning, completion);
    u->output = completion - u->reasoning;
    u->audio_input = least(tokens(input[AUDIO]), u->input_uncached);
    u->audio_output = least(tokens(output[AUDIO]), u->output);
}

/* ---- one event ---- */
/* An array with something between its brackets. */
static bool has_items(struct json_value v)
{
    return v.type == JSON_ARRAY && str_trim(str_part(v.raw, 1, v.raw.len - 2)).len > 0;
}

static bool has_substance(struct json_value v)
{
    switch (v.type) {
    case JSON_STRING: return v.raw.len > 2;
    case JSON_ARRAY: return has_items(v);
    case JSON_OBJECT: return true;
    case JSON_NONE:
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER: break;
    }
    return false;
}

/* What counts as content in a delta. A role alone does not. */
static bool delta_has_content(struct json_value delta)
{
    static const struct str names[] = {
        STR_INIT("content"),    STR_INIT("reasoning_content"),
        STR_INIT("reasoning"),  STR_INIT("reasoning_details"),
        STR_INIT("tool_calls"), STR_INIT("function_call"),
        STR_INIT("refusal"),    STR_INIT("audio"),
    };
    struct json_value got[ARRAY_COUNT(names)];
    if (delta.type != JSON_OBJECT || !json_skim(delta.raw, names, ARRAY_COUNT(names), got)) return false;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (has_substance(got[i])) return true;
    return false;
}

static unsigned observe_choice(const struct observer *o, struct json_value choice)
{
    enum { DELTA, FINISH_REASON, TEXT, COUNT };
    static const struct str names[COUNT] = {
        [DELTA] = STR_INIT("delta"), [FINISH_REASON] = STR_INIT("finish_reason"), [TEXT] = STR_INIT("text")};
    struct json_value got[COUNT];
    if (choice.type != JSON_OBJECT || !json_skim(choice.raw, names, COUNT, got)) return EVENT_MALFORMED;
    unsigned facts = 0;
    if (got[FINISH_REASON].type == JSON_STRING && got[FINISH_REASON].raw.len > 2) facts |= EVENT_FINISH;
    if (!(o->seen & EVENT_CONTENT) && (delta_has_content(got[DELTA]) || has_substance(got[TEXT])))
        facts |= EVENT_CONTENT;
    return facts;
}

/* Behind the first content only a finish reason is of interest, and nearly every event has `null` there. A quote inside of
 * a string is escaped, so the name between quotes is a name (or, at worst, a reason to look closer). */
static bool may_finish(struct json_value choices)
{
    static const struct str name = STR_INIT("\"finish_reason\"");
    struct str rest = choices.raw;
    for (;;) {
        size_t at = str_find(rest, name);
        if (at == SIZE_MAX) return false;
        rest = str_trim(str_from(rest, at + name.len));
        if (!str_starts_with(str_trim(str_from(rest, 1)), STR("null"))) return true;
    }
}

static bool reports_error(struct json_value error)
{
    return error.type == JSON_OBJECT || (error.type == JSON_STRING && error.raw.len > 2);
}

static unsigned observe_object(struct observer *o, struct str name, struct str data)
{
    enum { CHOICES, USAGE, ERROR, X_GROQ, COUNT };
    static const struct str names[COUNT] = {[CHOICES] = STR_INIT("choices"),
                                            [USAGE] = STR_INIT("usage"),
                                            [ERROR] = STR_INIT("error"),
                                            [X_GROQ] = STR_INIT("x_groq")};
    struct json_value got[COUNT];
    if (!json_skim(data, names, COUNT, got)) return EVENT_MALFORMED;
    if (got[USAGE].type == JSON_OBJECT)
        read_usage(&o->usage, got[USAGE]);
    else if (got[X_GROQ].type == JSON_OBJECT)
        read_usage(&o->usage, json_get(got[X_GROQ], STR("usage")));
    if (reports_error(got[ERROR]) || str_equals(name, STR("error"))) return EVENT_ERROR;

    unsigned facts = 0;
    struct json_items it;
    struct json_value choice;
    bool is_empty = true;
    if ((o->seen & EVENT_CONTENT) && has_items(got[CHOICES]) && !may_finish(got[CHOICES])) return 0;
    json_items_init(&it, got[CHOICES]);
    while (json_items_next(&it, &choice)) {
        is_empty = false;
        facts |= observe_choice(o, choice);
    }
    if (got[CHOICES].type == JSON_ARRAY && is_empty && got[USAGE].type == JSON_OBJECT)
        facts |= EVENT_USAGE_ONLY;
    return it.is_malformed ? facts | EVENT_MALFORMED : facts;
}

unsigned openai_observe_event(struct observer *o, struct str name, struct str data)
{
    struct str text = str_trim(data);
    unsigned facts = str_equals(text, STR("[DONE]")) ? EVENT_TERMINAL : observe_object(o, name, text);
    o->seen |= facts;
    o->events++;
    return facts;
}

/* A stream is complete with a finish reason or with [DONE]; an error is never followed by a good end. */
enum ending openai_read_end(const struct observer *o)
{
    if (o->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    return o->seen & (EVENT_FINISH | EVENT_TERMINAL) ? ENDING_COMPLETE : ENDING_INCOMPLETE;
}

/* ---- a plain reply ---- */
bool openai_observe_reply(struct observer *o, struct str body, struct err *err)
{
    enum { RESULT, USAGE, ERROR, COUNT };
    const struct str names[COUNT] = {operation_row(o->operation)->result_member, STR("usage"), STR("error")};
    struct json_value got[COUNT];
    if (!json_skim(str_trim(body), names, COUNT, got))
        return err_set(err, ERR_INVALID, "the reply is not a JSON object");
    read_usage(&o->usage, got[USAGE]);
    if (reports_error(got[ERROR]) && !has_substance(got[RESULT])) {
        o->seen |= EVENT_ERROR;
        return err_set(err, ERR_INVALID, "the reply has status 200 and reports an error");
    }
    if (!has_items(got[RESULT]))
        return err_set(err, ERR_INVALID, "the reply has no %.*s", STR_ARG(names[RESULT]));
    o->seen |= EVENT_CONTENT | EVENT_FINISH;
    return true;
}

/* ---- what an error status means ---- */
#define MAX_LENGTH_MS 1e12 /* 31 years: what is longer says nothing */

static const struct {
    struct str name;
    double ms;
} units[] = {{STR_INIT("ms"), 1}, {STR_INIT("s"), 1000}, {STR_INIT("m"), 60e3}, {STR_INIT("h"), 3600e3}};

/* Takes the unit at the front off: its milliseconds, 0 for an unknown one. At the end of the text: seconds. */
static double take_unit(struct str *text)
{
    if (text->len == 0) return 1000;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (!str_starts_with(*text, units[i].name)) continue;
        *text = str_from(*text, units[i].name.len);
        return units[i].ms;
    }
    return 0;
}

/* Takes "12" or "1.5" off the front; false: there is none, or one too long to mean anything. */
static bool take_number(struct str *text, double *out)
{
    size_t i = 0;
    double scale = 1;
    *out = 0;
    for (; i < text->len && text->at[i] >= '0' && text->at[i] <= '9'; i++)
        *out = *out * 10 + (text->at[i] - '0');
    if (i > 0 && i < text->len && text->at[i] == '.')
        for (i++; i < text->len && text->at[i] >= '0' && text->at[i] <= '9'; i++)
            *out += (text->at[i] - '0') * (scale /= 10);
    *text = str_from(*text, i);
    return i > 0 && i <= 24;
}

/* "6m0s", "1.5s", "12ms", "42" (seconds): how rate-limit headers of these services give lengths. 0: not one. */
static int64_t read_length_ms(struct str text)
{
    double total_ms = 0;
    while (text.len > 0) {
        double number = 0, unit_ms = 0;
        if (!take_number(&text, &number) || (unit_ms = take_unit(&text)) == 0) return 0;
        total_ms += number * unit_ms;
    }
    return total_ms < MAX_LENGTH_MS ? (int64_t)(total_ms + 0.5) : 0;
}

static void read_retry_after(struct verdict *out, const struct http_headers *headers)
{
    int64_t ms;
    if (str_to_u63(http_headers_value(headers, H_RETRY_AFTER_MS), &ms) && ms < (int64_t)MAX_LENGTH_MS) {
        out->retry_after_ms = ms;
        return;
    }
    struct str after = http_headers_value(headers, H_RETRY_AFTER);
    if ((out->retry_after_ms = read_length_ms(after)) > 0) return;
    if (http_date_parse(after, &out->retry_at_s)) return;
    static const struct str resets[] = {STR_INIT("x-ratelimit-reset-requests"),
                                        STR_INIT("x-ratelimit-reset-tokens")};
    for (size_t i = 0; i < ARRAY_COUNT(resets); i++) {
        const struct http_header *h = http_headers_find_text(headers, resets[i]);
        ms = h ? read_length_ms(h->value) : 0;
        if (ms > out->retry_after_ms) out->retry_after_ms = ms;
    }
}

/* How services say why a request was refused: by code, or by words in the message. */
static const struct {
    struct str needle;
    enum rejection kind;
} rejections[] = {
    {STR_INIT("context_length_exceeded"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("maximum context length"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("context window"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("prompt is too long"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("content_policy_violation"), REJECTION_CONTENT_POLICY},
    {STR_INIT("content_filter"), REJECTION_CONTENT_POLICY},
    {STR_INIT("stream_options"), REJECTION_STREAM_OPTIONS},
};

void openai_classify(struct verdict *out, struct arena *a, const struct http_message *reply)
{
    *out = (struct verdict){0};
    read_retry_after(out, reply->headers);
    struct str body = str_part(reply->body, 0, 16 * 1024);
    bool is_refusal = reply->status == 400 || reply->status == 422; /* FastAPI services refuse with 422 */
    for (size_t i = 0; i < ARRAY_COUNT(rejections) && is_refusal; i++)
        if (str_contains_nocase(body, rejections[i].needle)) {
            out->kind = rejections[i].kind;
            break;
        }
    struct json_value error = json_get(json_value_of(str_trim(reply->body)), STR("error"));
    struct json_value message = error.type == JSON_OBJECT ? json_get(error, STR("message")) : error;
    struct str text;
    if (json_to_str(message, a, &text)) out->message = arena_copy(a, text);
}
