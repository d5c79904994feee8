/* dialects/openai_chat.c: OpenAI's chat completions and its smaller siblings (completions, embeddings, moderations), as
 * OpenAI and the many services that copy it speak them (https://platform.openai.com/docs/api-reference).
 *
 * Same dialect on both sides: a request is scanned once and spliced, a reply is observed and passes unchanged. What
 * really comes over the wire differs by service; the differences that matter are named where they are handled
 * (reasoning text under three names, usage in three places, `[DONE]` or none). */
#include "dialects/openai_observe.h"

#include "dialects/openai_chat.h"
#include "dialects/same.h"
#include "json/cursor.h"
#include "json/writer.h"

/* ---- the request ---- */
enum { MODEL, STREAM, STREAM_OPTIONS, MAX_COMPLETION_TOKENS, MAX_TOKENS, MEMBER_COUNT };
static const struct json_wanted members[MEMBER_COUNT] = {
    [MODEL] = {STR_INIT("model")},
    [STREAM] = {STR_INIT("stream")},
    [STREAM_OPTIONS] = {STR_INIT("stream_options")},
    [MAX_COMPLETION_TOKENS] = {STR_INIT("max_completion_tokens")},
    [MAX_TOKENS] = {STR_INIT("max_tokens")},
};
_Static_assert((int)MEMBER_COUNT <= (int)FACTS_MAX_MEMBERS,
               "request_facts holds every member that we look for");

static bool refuse(struct chat_error *err, struct str param, struct str message)
{
    *err = (struct chat_error){.problem = PROBLEM_INVALID_REQUEST, .param = param, .message = message};
    return false;
}

static bool scan_request(struct request_facts *out, struct arena *a, enum operation op, struct str body,
                         struct chat_error *err)
{
    *out = (struct request_facts){.body = body};
    struct err broken;
    if (!json_check(body, members, MEMBER_COUNT, out->members, &broken))
        return refuse(err, STR(""), arena_printf(a, "The request body is not valid JSON: %s", broken.text));
    if (!same_read_model(out, a, out->members[MODEL].value, err)) return false;

    bool is_stream = false, wants_usage = false;
    (void)!json_to_bool(out->members[STREAM].value, &is_stream);
    (void)!json_to_bool(json_get(out->members[STREAM_OPTIONS].value, STR("include_usage")), &wants_usage);
    out->is_stream = is_stream && operation_row(op)->can_stream;
    out->wants_usage = wants_usage;
    if (!json_to_i64(out->members[MAX_COMPLETION_TOKENS].value, &out->max_tokens))
        (void)!json_to_i64(out->members[MAX_TOKENS].value, &out->max_tokens);
    return true;
}

/* stream_options may be missing, null, or an object that says nothing or no. */
static void splice_usage(struct json_splice *s, const struct request_facts *facts)
{
    struct json_value options = facts->members[STREAM_OPTIONS].value;
    struct json_value said = json_get(options, STR("include_usage"));
    if (!json_exists(options))
        json_splice_insert(s, STR("\"stream_options\":{\"include_usage\":true}"));
    else if (options.type != JSON_OBJECT)
        json_splice_replace(s, options, STR("{\"include_usage\":true}"));
    else if (json_exists(said))
        json_splice_replace(s, said, STR("true"));
    else
        json_splice_insert_into(s, options, STR("\"include_usage\":true"));
}

static bool splice_request(struct spliced *out, struct arena *a, const struct request_facts *facts,
                           struct str model, bool asks_usage)
{
    struct json_splice s;
    json_splice_init(&s, facts->body);
    same_splice_model(&s, a, facts, facts->members[MODEL].value, model);
    if (asks_usage && facts->is_stream && !facts->wants_usage) splice_usage(&s, facts);
    same_take_pieces(out, &s);
    return true;
}

/* ---- errors ---- */
static const struct {
    const char *type, *code; /* code NULL: null */
} error_words[PROBLEM_COUNT] = {
    [PROBLEM_INVALID_REQUEST] = {"invalid_request_error", NULL},
    [PROBLEM_UNAUTHORIZED] = {"invalid_request_error", "invalid_api_key"},
    [PROBLEM_FORBIDDEN] = {"permission_error", NULL},
    [PROBLEM_NOT_FOUND] = {"invalid_request_error", "not_found"},
    [PROBLEM_MODEL_NOT_FOUND] = {"invalid_request_error", "model_not_found"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {"invalid_request_error", "method_not_allowed"},
    [PROBLEM_SLOW_REQUEST] = {"invalid_request_error", "timeout"},
    [PROBLEM_TOO_LARGE] = {"invalid_request_error", "request_too_large"},
    [PROBLEM_UNSUPPORTED_TYPE] = {"invalid_request_error", NULL},
    [PROBLEM_RATE_LIMITED] = {"rate_limit_error", "rate_limit_exceeded"},
    [PROBLEM_INTERNAL] = {"server_error", "internal_error"},
    [PROBLEM_UPSTREAM] = {"server_error", "upstream_error"},
    [PROBLEM_UNAVAILABLE] = {"server_error", "service_unavailable"},
    [PROBLEM_TIMEOUT] = {"server_error", "timeout"},
};

static struct str code_of(const struct chat_error *err)
{
    if (err->rejection == REJECTION_CONTEXT_WINDOW) return STR("context_length_exceeded");
    if (err->rejection == REJECTION_CONTENT_POLICY) return STR("content_policy_violation");
    return str_from_cstr(error_words[err->problem].code);
}

void openai_put_error(struct json_writer *w, const struct chat_error *err)
{
    json_begin_object(w);
    json_put_str(w, STR("message"), err->message);
    json_put_str(w, STR("type"), str_from_cstr(error_words[err->problem].type));
    put_str_or_null(w, STR("param"), err->param);
    struct str own_code = code_of(err);
    put_str_or_null(w, STR("code"), str_is_empty(err->code) ? own_code : err->code);
    if (!str_is_empty(err->provider)) json_put_str(w, STR("provider"), err->provider);
    same_put_attempts(w, err);
    json_end_object(w);
}

bool openai_chat_write_error(struct buf *out, const struct chat_error *err)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    json_write_key(&w, STR("error"));
    openai_put_error(&w, err);
    json_end_object(&w);
    return json_writer_finish(&w);
}

/* The openai SDKs raise APIError for a data line that has an `error` member; no [DONE] may follow. */
bool openai_chat_write_error_event(struct buf *out, const struct chat_error *err)
{
    return buf_append(out, STR("data: ")) && openai_chat_write_error(out, err) &&
           buf_append(out, STR("\n\n"));
}

static const struct same_dialect same = {
    .scan_request = scan_request,
    .splice_request = splice_request,
    .observer_init = openai_observer_init,
    .observe_event = openai_observe_event,
    .read_end = openai_read_end,
    .observe_reply = openai_observe_reply,
};

const struct dialect dialect_openai_chat = {
    .name = "openai",
    .format = CHAT_FORMAT_OPENAI_CHAT,
    .same = &same,
    .read_request = openai_chat_read_request,
    .write_reply = openai_chat_write_reply,
    .open_writer = openai_chat_open_writer,
    .write_event = openai_chat_write_event,
    .write_error = openai_chat_write_error,
    .write_error_event = openai_chat_write_error_event,
    .keepalive = STR_INIT(": keep-alive\n\n"),
    .write_request = openai_chat_write_request,
    .read_reply = openai_chat_read_reply,
    .open_reader = openai_chat_open_reader,
    .read_event = openai_chat_read_event,
    .read_end = openai_chat_read_end,
    .close_reader = openai_chat_close_reader,
    .classify = openai_classify,
};
