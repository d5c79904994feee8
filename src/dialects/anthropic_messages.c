/* dialects/anthropic_messages.c: Anthropic's Messages as the service, and those who copy it, speak it
 * (https://docs.anthropic.com/en/api/messages): the row, what passes through unchanged, and errors.
 *
 * Same dialect on both sides: the model's name is spliced in, all else goes as it came; the usage is in every stream,
 * nothing has to be asked for. */
#include "dialects/anthropic.h"

#include "dialects/same.h"
#include "dialects/stream.h"

/* ---- the request ---- */
enum { MODEL, STREAM, MAX_TOKENS, MEMBER_COUNT };
static const struct json_wanted members[MEMBER_COUNT] = {
    [MODEL] = {STR_INIT("model")},
    [STREAM] = {STR_INIT("stream")},
    [MAX_TOKENS] = {STR_INIT("max_tokens")},
};
_Static_assert((int)MEMBER_COUNT <= (int)FACTS_MAX_MEMBERS,
               "request_facts holds every member that we look for");

static bool scan_request(struct request_facts *out, struct arena *a, enum operation op, struct str body,
                         struct chat_error *err)
{
    struct err broken;
    bool is_stream = false;
    *out = (struct request_facts){.body = body};
    if (!json_check(body, members, MEMBER_COUNT, out->members, &broken)) {
        *err = (struct chat_error){
            .problem = PROBLEM_INVALID_REQUEST,
            .message = arena_printf(a, "The request body is not valid JSON: %s", broken.text)};
        return false;
    }
    if (!same_read_model(out, a, out->members[MODEL].value, err)) return false;
    (void)!json_to_bool(out->members[STREAM].value, &is_stream);
    out->is_stream = is_stream && operation_row(op)->can_stream;
    out->wants_usage = out->is_stream; /* it comes anyway */
    (void)!json_to_i64(out->members[MAX_TOKENS].value, &out->max_tokens);
    return true;
}

static bool splice_request(struct spliced *out, struct arena *a, const struct request_facts *facts,
                           struct str model, bool asks_usage)
{
    struct json_splice s;
    (void)asks_usage;
    json_splice_init(&s, facts->body);
    same_splice_model(&s, a, facts, facts->members[MODEL].value, model);
    same_take_pieces(out, &s);
    return true;
}

/* ---- errors ---- */
static const struct str error_types[PROBLEM_COUNT] = {
    [PROBLEM_INVALID_REQUEST] = STR_INIT("invalid_request_error"),
    [PROBLEM_UNAUTHORIZED] = STR_INIT("authentication_error"),
    [PROBLEM_FORBIDDEN] = STR_INIT("permission_error"),
    [PROBLEM_NOT_FOUND] = STR_INIT("not_found_error"),
    [PROBLEM_MODEL_NOT_FOUND] = STR_INIT("not_found_error"),
    [PROBLEM_METHOD_NOT_ALLOWED] = STR_INIT("invalid_request_error"),
    [PROBLEM_SLOW_REQUEST] = STR_INIT("invalid_request_error"),
    [PROBLEM_TOO_LARGE] = STR_INIT("request_too_large"),
    [PROBLEM_UNSUPPORTED_TYPE] = STR_INIT("invalid_request_error"),
    [PROBLEM_RATE_LIMITED] = STR_INIT("rate_limit_error"),
    [PROBLEM_INTERNAL] = STR_INIT("api_error"),
    [PROBLEM_UPSTREAM] = STR_INIT("api_error"),
    [PROBLEM_UNAVAILABLE] = STR_INIT("overloaded_error"),
    [PROBLEM_TIMEOUT] = STR_INIT("api_error"),
};

static bool write_error(struct buf *out, const struct chat_error *err)
{
    struct json_writer w;
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    json_put_str(&w, STR("type"), STR("error"));
    begin_object_at(&w, STR("error"));
    json_put_str(&w, STR("type"), error_types[err->problem]);
    json_put_str(&w, STR("message"), err->message);
    put_str_if(&w, STR("provider"), err->provider);
    same_put_attempts(&w, err);
    json_end_object(&w);
    json_put_null(&w, STR("request_id"));
    json_end_object(&w);
    return json_writer_finish(&w);
}

bool anthropic_write_error_event(struct buf *out, const struct chat_error *err)
{
    return buf_append(out, STR("event: error\ndata: ")) && write_error(out, err) &&
           buf_append(out, STR("\n\n"));
}

void anthropic_read_error(struct chat_error *out, struct json_value error, struct arena *a)
{
    static const struct word rows[] = {
        {STR_INIT("invalid_request_error"), PROBLEM_INVALID_REQUEST},
        {STR_INIT("authentication_error"), PROBLEM_UNAUTHORIZED},
        {STR_INIT("permission_error"), PROBLEM_FORBIDDEN},
        {STR_INIT("billing_error"), PROBLEM_FORBIDDEN},
        {STR_INIT("not_found_error"), PROBLEM_NOT_FOUND},
        {STR_INIT("request_too_large"), PROBLEM_TOO_LARGE},
        {STR_INIT("rate_limit_error"), PROBLEM_RATE_LIMITED},
        {STR_INIT("overloaded_error"), PROBLEM_UNAVAILABLE},
        {STR_INIT("timeout_error"), PROBLEM_TIMEOUT},
    };
    static const struct words words = WORDS(rows);
    int problem = PROBLEM_UPSTREAM;
    (void)!words_find(&words, json_str_raw(json_get(error, STR("type"))), &problem);
    *out = (struct chat_error){.problem = (enum problem)problem};
    if (!json_to_str(error, a, &out->message)) out->message = member_text(error, STR("message"), a);
    if (out->message.len == 0) out->message = STR("The provider reported an error without a message.");
    if (out->problem == PROBLEM_INVALID_REQUEST) out->rejection = anthropic_rejection_in(out->message);
}

static const struct same_dialect same = {
    .scan_request = scan_request,
    .splice_request = splice_request,
    .observer_init = anthropic_observer_init,
    .observe_event = anthropic_observe_event,
    .read_end = anthropic_observe_end,
    .observe_reply = anthropic_observe_reply,
};

const struct dialect dialect_anthropic = {
    .name = "anthropic",
    .format = CHAT_FORMAT_ANTHROPIC,
    .same = &same,
    .read_request = anthropic_read_request,
    .write_reply = anthropic_write_reply,
    .open_writer = anthropic_open_writer,
    .write_event = anthropic_write_event,
    .write_error = write_error,
    .write_error_event = anthropic_write_error_event,
    .keepalive = STR_INIT("event: ping\ndata: {\"type\": \"ping\"}\n\n"),
    .write_request = anthropic_write_request,
    .read_reply = anthropic_read_reply,
    .open_reader = anthropic_open_reader,
    .read_event = anthropic_read_event,
    .read_end = anthropic_read_end,
    .close_reader = stream_done,
    .classify = anthropic_classify,
};
