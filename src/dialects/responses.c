/* dialects/responses.c: OpenAI's Responses API, as OpenAI, Azure, xAI, DeepSeek, OpenRouter and others speak it
 * (https://platform.openai.com/docs/api-reference/responses).
 *
 * Same dialect on both sides: the model is spliced, events pass and are looked at: nearly all are told by their name alone;
 * where a service leaves names out (OpenRouter), by "type". Streams always end with their usage; [DONE] is not needed. */
#include "dialects/responses.h"

#include "dialects/openai_chat.h"
#include "dialects/openai_observe.h"
#include "dialects/same.h"
#include "json/skim.h"

/* ---- the request ---- */
enum { MODEL, STREAM, MAX_OUTPUT_TOKENS, MEMBER_COUNT };
static const struct json_wanted members[MEMBER_COUNT] = {
    [MODEL] = {STR_INIT("model")},
    [STREAM] = {STR_INIT("stream")},
    [MAX_OUTPUT_TOKENS] = {STR_INIT("max_output_tokens")},
};
_Static_assert((int)MEMBER_COUNT <= (int)FACTS_MAX_MEMBERS,
               "request_facts holds every member that we look for");

static bool scan_request(struct request_facts *out, struct arena *a, enum operation op, struct str body,
                         struct chat_error *err)
{
    struct err broken;
    (void)op;
    *out = (struct request_facts){.body = body, .wants_usage = true};
    if (!json_check(body, members, MEMBER_COUNT, out->members, &broken)) {
        *err = (struct chat_error){
            .problem = PROBLEM_INVALID_REQUEST,
            .message = arena_printf(a, "The request body is not valid JSON: %s", broken.text)};
        return false;
    }
    if (!same_read_model(out, a, out->members[MODEL].value, err)) return false;
    (void)!json_to_bool(out->members[STREAM].value, &out->is_stream);
    (void)!json_to_i64(out->members[MAX_OUTPUT_TOKENS].value, &out->max_tokens);
    return true;
}

static bool splice_request(struct spliced *out, struct arena *a, const struct request_facts *facts,
                           struct str model, bool asks_usage)
{
    struct json_splice s;
    (void)asks_usage; /* it comes anyway */
    json_splice_init(&s, facts->body);
    same_splice_model(&s, a, facts, facts->members[MODEL].value, model);
    same_take_pieces(out, &s);
    return true;
}

/* ---- the reply ---- */
/* What an item says that came whole: words, a call, an image. */
static bool item_has_content(struct json_value item)
{
    static const struct str empty[] = {STR_INIT("reasoning"), STR_INIT("web_search_call"),
                                       STR_INIT("file_search_call"), STR_INIT("mcp_list_tools")};
    struct json_value type = json_get(item, STR("type"));
    if (json_str_equals(type, STR("message"))) return json_exists(json_at(json_get(item, STR("content")), 0));
    for (size_t i = 0; i < ARRAY_COUNT(empty); i++)
        if (json_str_equals(type, empty[i])) return false;
    return type.type == JSON_STRING;
}

/* Empty where there is neither. */
static struct str event_type(struct str name, struct str data)
{
    static const struct str names[] = {STR_INIT("type")};
    struct json_value got[1];
    if (str_starts_with(name, STR("response.")) || !json_skim(data, names, 1, got)) return name;
    struct str type = json_str_raw(got[0]);
    return type.len > 0 ? type : name;
}

static unsigned observe_end(struct observer *o, struct str data, unsigned facts)
{
    static const struct str names[] = {STR_INIT("response")};
    struct json_value got[1];
    if (!json_skim(data, names, 1, got)) return EVENT_MALFORMED;
    responses_read_usage(&o->usage, json_get(got[0], STR("usage")));
    return facts;
}

/* Words, thoughts, arguments, code … all come in events of this name; the text is never empty but at a call's beginning. */
static unsigned observe_delta(const struct observer *o, struct str data)
{
    static const struct str names[] = {STR_INIT("delta")};
    struct json_value got[1];
    if (o->seen & EVENT_CONTENT) return 0;
    if (!json_skim(data, names, 1, got)) return EVENT_MALFORMED;
    return got[0].raw.len > 2 ? EVENT_CONTENT : 0;
}

static unsigned observe_item(const struct observer *o, struct str data)
{
    static const struct str names[] = {STR_INIT("item")};
    struct json_value got[1];
    if (o->seen & EVENT_CONTENT) return 0;
    if (!json_skim(data, names, 1, got)) return EVENT_MALFORMED;
    return item_has_content(got[0]) ? EVENT_CONTENT : 0;
}

static unsigned observe(struct observer *o, struct str name, struct str data)
{
    if (str_equals(data, STR("[DONE]"))) return EVENT_TERMINAL;
    if (data.len < 2 || data.at[0] != '{' || data.at[data.len - 1] != '}') return EVENT_MALFORMED;
    struct str type = event_type(name, data);
    if (str_ends_with(type, STR(".delta"))) return observe_delta(o, data);
    if (str_equals(type, STR("response.output_item.added")) ||
        str_equals(type, STR("response.output_item.done")))
        return observe_item(o, data);
    if (str_equals(type, STR("response.completed")) || str_equals(type, STR("response.incomplete")))
        return observe_end(o, data, EVENT_FINISH | EVENT_TERMINAL);
    if (str_equals(type, STR("response.failed"))) return observe_end(o, data, EVENT_ERROR | EVENT_TERMINAL);
    if (str_equals(type, STR("error"))) return EVENT_ERROR;
    return type.len > 0 ? 0 : EVENT_MALFORMED;
}

static unsigned observe_event(struct observer *o, struct str name, struct str data)
{
    unsigned facts = observe(o, name, str_trim(data));
    o->seen |= facts;
    o->events++;
    return facts;
}

static enum ending read_end(const struct observer *o)
{
    if (o->seen & (EVENT_ERROR | EVENT_MALFORMED)) return ENDING_INCOMPLETE;
    return o->seen & EVENT_FINISH ? ENDING_COMPLETE : ENDING_INCOMPLETE;
}

/* What is done in the background has no output yet. */
static bool may_be_empty(struct json_value status)
{
    return json_str_equals(status, STR("incomplete")) || json_str_equals(status, STR("queued")) ||
           json_str_equals(status, STR("in_progress"));
}

static bool observe_reply(struct observer *o, struct str body, struct err *err)
{
    enum { OUTPUT, USAGE, ERROR, STATUS, COUNT };
    static const struct str names[COUNT] = {[OUTPUT] = STR_INIT("output"),
                                            [USAGE] = STR_INIT("usage"),
                                            [ERROR] = STR_INIT("error"),
                                            [STATUS] = STR_INIT("status")};
    struct json_value got[COUNT];
    if (!json_skim(str_trim(body), names, COUNT, got))
        return err_set(err, ERR_INVALID, "the reply is not a JSON object");
    responses_read_usage(&o->usage, got[USAGE]);
    if (got[ERROR].type == JSON_OBJECT || got[ERROR].type == JSON_STRING ||
        json_str_equals(got[STATUS], STR("failed"))) {
        o->seen |= EVENT_ERROR;
        return err_set(err, ERR_INVALID, "the reply has status 200 and reports an error");
    }
    if (got[OUTPUT].type != JSON_ARRAY ||
        (!may_be_empty(got[STATUS]) && !json_exists(json_at(got[OUTPUT], 0))))
        return err_set(err, ERR_INVALID, "the reply has no output");
    o->seen |= EVENT_CONTENT | EVENT_FINISH;
    return true;
}

/* ---- errors ---- */
/* The service's own event has an object "error", its reference the same members at the root: SDKs look for the one or the
 * other. */
bool responses_put_error_event(struct buf *out, const struct chat_error *err, int64_t sequence)
{
    struct json_writer w;
    if (!buf_append(out, STR("event: error\ndata: "))) return false;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    json_put_str(&w, STR("type"), STR("error"));
    if (sequence >= 0) json_put_i64(&w, STR("sequence_number"), sequence);
    put_str_or_null(&w, STR("code"), err->code);
    json_put_str(&w, STR("message"), err->message);
    put_str_or_null(&w, STR("param"), err->param);
    json_write_key(&w, STR("error"));
    openai_put_error(&w, err);
    json_end_object(&w);
    return json_writer_finish(&w) && buf_append(out, STR("\n\n"));
}

static bool write_error_event(struct buf *out, const struct chat_error *err)
{
    return responses_put_error_event(out, err, -1);
}

static const struct same_dialect same = {
    .scan_request = scan_request,
    .splice_request = splice_request,
    .observer_init = openai_observer_init,
    .observe_event = observe_event,
    .read_end = read_end,
    .observe_reply = observe_reply,
};

const struct dialect dialect_responses = {
    .name = "openai-responses",
    .format = CHAT_FORMAT_OPENAI_RESPONSES,
    .same = &same,
    .read_request = responses_read_request,
    .write_reply = responses_write_reply,
    .open_writer = responses_open_writer,
    .write_event = responses_write_event,
    .close_writer = responses_close_writer,
    .write_error = openai_chat_write_error,
    .write_error_event = write_error_event,
    .keepalive = STR_INIT(": keep-alive\n\n"),
    .write_request = responses_write_request,
    .read_reply = responses_read_reply,
    .open_reader = responses_open_reader,
    .read_event = responses_read_event,
    .read_end = responses_read_end,
    .close_reader = responses_close_reader,
    .classify = openai_classify,
};
