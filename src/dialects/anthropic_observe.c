/* dialects/anthropic_observe.c: looks at replies in Anthropic's Messages format that pass by: is this content, is it the
 * end, what did it cost? Once content has been seen, deltas are not looked into any more: their event's name says that
 * they are no end. What errors mean is judged here, too. */
#include "dialects/anthropic.h"

#include "dialects/openai_observe.h"
#include "json/skim.h"

void anthropic_observer_init(struct observer *o, struct arena *a, enum operation op)
{
    *o = (struct observer){.operation = op, .arena = a};
}

/* ---- one event ---- */
/* Content is words, thoughts and arguments, and any block that is not to be filled with words. */
static bool is_word_block(struct json_value block)
{
    struct json_value type = json_get(block, STR("type"));
    return json_str_equals(type, STR("text")) || json_str_equals(type, STR("thinking"));
}

static bool delta_has_content(struct json_value delta)
{
    static const struct str names[] = {STR_INIT("text"), STR_INIT("thinking"), STR_INIT("partial_json")};
    struct json_value got[ARRAY_COUNT(names)];
    if (delta.type != JSON_OBJECT || !json_skim(delta.raw, names, ARRAY_COUNT(names), got)) return false;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (got[i].type == JSON_STRING && got[i].raw.len > 2) return true;
    return false;
}

static unsigned observe_object(struct observer *o, struct str name, struct str data)
{
    enum { TYPE, MESSAGE, BLOCK, DELTA, USAGE, ERROR, COUNT };
    static const struct str names[COUNT] = {
        [TYPE] = STR_INIT("type"),   [MESSAGE] = STR_INIT("message"), [BLOCK] = STR_INIT("content_block"),
        [DELTA] = STR_INIT("delta"), [USAGE] = STR_INIT("usage"),     [ERROR] = STR_INIT("error"),
    };
    struct json_value got[COUNT];
    if (!json_skim(data, names, COUNT, got)) return EVENT_MALFORMED;
    struct str said = json_str_raw(got[TYPE]), type = said.len > 0 ? said : name;
    if (str_equals(type, STR("content_block_delta")))
        return delta_has_content(got[DELTA]) ? EVENT_CONTENT : 0;
    if (str_equals(type, STR("content_block_start"))) return is_word_block(got[BLOCK]) ? 0 : EVENT_CONTENT;
    if (str_equals(type, STR("error")) || got[ERROR].type == JSON_OBJECT) return EVENT_ERROR;
    if (str_equals(type, STR("message_stop"))) return EVENT_TERMINAL;
    if (str_equals(type, STR("message_start")))
        anthropic_read_usage(&o->usage, json_get(got[MESSAGE], STR("usage")));
    if (!str_equals(type, STR("message_delta"))) return 0;
    anthropic_read_usage(&o->usage, got[USAGE]);
    return json_get(got[DELTA], STR("stop_reason")).type == JSON_STRING ? EVENT_FINISH : 0;
}

/* Is it whole at least? A cut or foreign piece does not end as an object does. */
static bool looks_whole(struct str data)
{
    return data.len >= 2 && data.at[0] == '{' && data.at[data.len - 1] == '}';
}

unsigned anthropic_observe_event(struct observer *o, struct str name, struct str data)
{
    struct str text = str_trim(data);
    bool is_more = (o->seen & EVENT_CONTENT) && str_equals(name, STR("content_block_delta"));
    unsigned facts = is_more ? (looks_whole(text) ? 0 : EVENT_MALFORMED) : observe_object(o, name, text);
    o->seen |= facts;
    o->events++;
    return facts;
}

/* A stream is complete with a stop_reason or with message_stop; an error is never followed by a good end. */
enum ending anthropic_observe_end(const struct observer *o)
{
    if (o->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    return o->seen & (EVENT_FINISH | EVENT_TERMINAL) ? ENDING_COMPLETE : ENDING_INCOMPLETE;
}

/* ---- a plain reply ---- */
bool anthropic_observe_reply(struct observer *o, struct str body, struct err *err)
{
    enum { CONTENT, STOP_REASON, USAGE, ERROR, COUNT };
    static const struct str names[COUNT] = {
        [CONTENT] = STR_INIT("content"),
        [STOP_REASON] = STR_INIT("stop_reason"),
        [USAGE] = STR_INIT("usage"),
        [ERROR] = STR_INIT("error"),
    };
    struct json_value got[COUNT];
    if (!json_skim(str_trim(body), names, COUNT, got))
        return err_set(err, ERR_INVALID, "the reply is not a JSON object");
    anthropic_read_usage(&o->usage, got[USAGE]);
    if (got[ERROR].type == JSON_OBJECT && got[CONTENT].type != JSON_ARRAY) {
        o->seen |= EVENT_ERROR;
        return err_set(err, ERR_INVALID, "the reply has status 200 and reports an error");
    }
    if (got[CONTENT].type != JSON_ARRAY) return err_set(err, ERR_INVALID, "the reply has no content");
    if (got[STOP_REASON].type != JSON_STRING)
        return err_set(err, ERR_INVALID, "the reply has no stop_reason");
    o->seen |= EVENT_CONTENT | EVENT_FINISH;
    return true;
}

/* ---- what an error status means ---- */
/* "prompt is too long" is known to everybody; these are the service's own. */
enum rejection anthropic_rejection_in(struct str words)
{
    static const struct {
        struct str needle;
        enum rejection kind;
    } rows[] = {
        {STR_INIT("exceed context limit"), REJECTION_CONTEXT_WINDOW},
        {STR_INIT("content filtering policy"), REJECTION_CONTENT_POLICY},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (str_contains_nocase(words, rows[i].needle)) return rows[i].kind;
    return openai_rejection_in(words);
}

/* Its types are no codes: they say what the status says. */
void anthropic_classify(struct verdict *out, struct arena *a, const struct http_message *reply)
{
    openai_classify(out, a, reply);
    bool is_refusal = reply->status == 400 || reply->status == 422;
    out->kind = is_refusal ? anthropic_rejection_in(out->message) : REJECTION_OTHER;
}
