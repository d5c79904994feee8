/* dialects/openai_observe.c: looks at replies that pass by: is this content, is it the end, what did it cost? Each event
 * costs one skim; once content has been seen, deltas are not looked into any more. */
#include "dialects/openai_observe.h"

#include "dialects/openai_usage.h"
#include "http/date.h"
#include "json/cursor.h"
#include "json/skim.h"

void openai_observer_init(struct observer *o, struct arena *a, enum operation op)
{
    *o = (struct observer){.operation = op, .arena = a};
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
        openai_read_usage(&o->usage, got[USAGE]);
    else if (got[X_GROQ].type == JSON_OBJECT)
        openai_read_usage(&o->usage, json_get(got[X_GROQ], STR("usage")));
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
    openai_read_usage(&o->usage, got[USAGE]);
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

/* A string's meaning, in the arena; empty: it is none. */
static struct str copy_of(struct json_value v, struct arena *a)
{
    struct str text;
    return json_to_str(v, a, &text) && text.len > 0 ? arena_copy(a, text) : (struct str){0};
}

enum rejection openai_rejection_in(struct str words)
{
    for (size_t i = 0; i < ARRAY_COUNT(rejections); i++)
        if (str_contains_nocase(words, rejections[i].needle)) return rejections[i].kind;
    return REJECTION_OTHER;
}

void openai_classify(struct verdict *out, struct arena *a, const struct http_message *reply)
{
    *out = (struct verdict){0};
    read_retry_after(out, reply->headers);
    struct str body = str_part(reply->body, 0, 16 * 1024);
    bool is_refusal = reply->status == 400 || reply->status == 422; /* FastAPI services refuse with 422 */
    if (is_refusal) out->kind = openai_rejection_in(body);
    struct json_value error = json_get(json_value_of(str_trim(reply->body)), STR("error"));
    out->message = copy_of(error.type == JSON_OBJECT ? json_get(error, STR("message")) : error, a);
    out->code = copy_of(json_get(error, STR("code")), a);
    out->param = copy_of(json_get(error, STR("param")), a);
}
