/* dialects/gemini_error.c: errors in google.rpc's shape (https://cloud.google.com/apis/design/errors), both ways:
 *
 *     {"error": {"code": 429, "message": …, "status": "RESOURCE_EXHAUSTED", "details": [
 *         {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "48s"}]}}
 *
 * The details that matter: RetryInfo (when to come back), ErrorInfo (a reason in one word; a key that is none comes as 400
 * with API_KEY_INVALID), BadRequest (which field). */
#include "dialects/gemini.h"

#include "dialects/same.h"
#include "http/date.h"

/* ---- words ---- */
/* Of each problem; of each word the first problem is what it means when it is read (CONTRACT section 4). */
static const struct word status_rows[] = {
    {STR_INIT("INVALID_ARGUMENT"), PROBLEM_INVALID_REQUEST},
    {STR_INIT("INVALID_ARGUMENT"), PROBLEM_METHOD_NOT_ALLOWED},
    {STR_INIT("INVALID_ARGUMENT"), PROBLEM_TOO_LARGE},
    {STR_INIT("INVALID_ARGUMENT"), PROBLEM_UNSUPPORTED_TYPE},
    {STR_INIT("FAILED_PRECONDITION"), PROBLEM_INVALID_REQUEST},
    {STR_INIT("OUT_OF_RANGE"), PROBLEM_INVALID_REQUEST},
    {STR_INIT("UNAUTHENTICATED"), PROBLEM_UNAUTHORIZED},
    {STR_INIT("PERMISSION_DENIED"), PROBLEM_FORBIDDEN},
    {STR_INIT("NOT_FOUND"), PROBLEM_MODEL_NOT_FOUND},
    {STR_INIT("NOT_FOUND"), PROBLEM_NOT_FOUND},
    {STR_INIT("RESOURCE_EXHAUSTED"), PROBLEM_RATE_LIMITED},
    {STR_INIT("INTERNAL"), PROBLEM_UPSTREAM},
    {STR_INIT("INTERNAL"), PROBLEM_INTERNAL},
    {STR_INIT("UNAVAILABLE"), PROBLEM_UNAVAILABLE},
    {STR_INIT("DEADLINE_EXCEEDED"), PROBLEM_TIMEOUT},
    {STR_INIT("DEADLINE_EXCEEDED"), PROBLEM_SLOW_REQUEST},
};
static const struct words status_words = WORDS(status_rows);

static const struct {
    struct str needle;
    enum rejection kind;
} rejections[] = {
    {STR_INIT("exceeds the maximum number of tokens"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("input token count"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("context window"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("context length"), REJECTION_CONTEXT_WINDOW},
    {STR_INIT("safety"), REJECTION_CONTENT_POLICY},
    {STR_INIT("content policy"), REJECTION_CONTENT_POLICY},
    {STR_INIT("prohibited content"), REJECTION_CONTENT_POLICY},
    {STR_INIT("blocked by"), REJECTION_CONTENT_POLICY},
};

static enum rejection rejection_in(struct str message)
{
    for (size_t i = 0; i < ARRAY_COUNT(rejections); i++)
        if (str_contains_nocase(message, rejections[i].needle)) return rejections[i].kind;
    return REJECTION_OTHER;
}

/* ---- details ---- */
struct details {
    struct str reason, field;
    int64_t retry_ms;
};

/* "48s", "48.939935699s": Google's JSON for a length of time. 0: it is none, or more than a month. */
static int64_t length_ms(struct str text)
{
    double seconds = 0;
    if (!str_ends_with(text, STR("s"))) return 0;
    struct json_value number = json_value_of(str_part(text, 0, text.len - 1));
    if (!json_to_double(number, &seconds) || !(seconds > 0 && seconds < 31 * 86400.0)) return 0;
    int64_t ms = (int64_t)(seconds * 1000 + 0.999);
    return ms;
}

static void read_details(struct details *out, struct json_value error, struct arena *a)
{
    struct json_items it;
    struct json_value item;
    json_items_init(&it, json_get(error, STR("details")));
    while (json_items_next(&it, &item)) {
        struct str type = member_text(item, STR("@type"), a);
        if (str_ends_with(type, STR("google.rpc.RetryInfo")))
            out->retry_ms = length_ms(member_text(item, STR("retryDelay"), a));
        else if (str_ends_with(type, STR("google.rpc.ErrorInfo")))
            out->reason = member_text(item, STR("reason"), a);
        else if (str_ends_with(type, STR("google.rpc.BadRequest")))
            out->field = member_text(json_at(json_get(item, STR("fieldViolations")), 0), STR("field"), a);
    }
}

static bool is_about_the_key(struct str reason, struct str message)
{
    return str_starts_with(reason, STR("API_KEY_")) ||
           str_contains_nocase(message, STR("API key not valid")) ||
           str_contains_nocase(message, STR("API key expired"));
}

/* ---- reading ---- */
void gemini_read_error(struct chat_error *out, struct json_value error, struct arena *a)
{
    struct details d = {0};
    struct str status = member_text(error, STR("status"), a);
    int64_t code = 0;
    int problem = PROBLEM_UPSTREAM;
    read_details(&d, error, a);
    *out = (struct chat_error){.message = member_text(error, STR("message"), a)};
    if (json_to_i64(json_get(error, STR("code")), &code) && code >= 400 && code <= 599)
        problem = (int)problem_of_status((int)code);
    else
        (void)!words_find(&status_words, status, &problem);
    out->problem = (enum problem)problem;
    if (is_about_the_key(d.reason, out->message)) out->problem = PROBLEM_UNAUTHORIZED;
    out->rejection = rejection_in(out->message);
    out->code = d.reason.len > 0 ? d.reason : status;
    out->param = d.field;
    out->retry_after_ms = d.retry_ms;
    if (out->message.len == 0) out->message = STR("The provider reported an error without a message.");
}

static void read_retry_header(struct verdict *out, const struct http_headers *headers)
{
    int64_t s;
    struct str after = http_headers_value(headers, H_RETRY_AFTER);
    if (str_to_u63(after, &s) && s < 31 * 86400)
        out->retry_after_ms = s * 1000;
    else
        (void)!http_date_parse(after, &out->retry_at_s);
}

static struct str kept(struct arena *a, struct str s)
{
    return s.len > 0 ? arena_copy(a, s) : (struct str){0};
}

/* Streams without alt=sse wrap even errors in a list. */
void gemini_classify(struct verdict *out, struct arena *a, const struct http_message *reply)
{
    struct json_value body = json_value_of(str_trim(reply->body));
    struct chat_error e;
    *out = (struct verdict){0};
    read_retry_header(out, reply->headers);
    if (body.type == JSON_ARRAY) body = json_at(body, 0);
    struct json_value error = json_get(body, STR("error"));
    if (error.type != JSON_OBJECT) return;
    gemini_read_error(&e, error, a);
    if (e.retry_after_ms > 0) out->retry_after_ms = e.retry_after_ms;
    if (reply->status == 400) out->kind = e.rejection;
    if (e.problem == PROBLEM_UNAUTHORIZED) out->kind = REJECTION_CREDENTIALS;
    out->message = kept(a, member_text(error, STR("message"), a));
    out->code = kept(a, e.code);
    out->param = kept(a, e.param);
}

/* ---- writing ---- */
static void begin_detail(struct json_writer *w, struct str type)
{
    json_begin_object(w);
    json_put_str(w, STR("@type"), type);
}

static void put_retry(struct json_writer *w, const struct chat_error *err, struct arena *a)
{
    if (err->retry_after_ms <= 0) return;
    begin_detail(w, STR("type.googleapis.com/google.rpc.RetryInfo"));
    long long s = (long long)((err->retry_after_ms + 999) / 1000);
    json_put_str(w, STR("retryDelay"), arena_printf(a, "%llds", s));
    json_end_object(w);
}

static struct str reason_of(const struct chat_error *err)
{
    if (err->code.len > 0) return err->code;
    if (err->rejection == REJECTION_CONTEXT_WINDOW) return STR("CONTEXT_LENGTH_EXCEEDED");
    if (err->rejection == REJECTION_CONTENT_POLICY) return STR("CONTENT_POLICY_VIOLATION");
    return err->problem == PROBLEM_UNAUTHORIZED ? STR("API_KEY_INVALID") : STR("");
}

static void put_info(struct json_writer *w, const struct chat_error *err)
{
    struct str reason = reason_of(err);
    if (reason.len + err->provider.len == 0) return;
    begin_detail(w, STR("type.googleapis.com/google.rpc.ErrorInfo"));
    json_put_str(w, STR("reason"), reason);
    json_put_str(w, STR("domain"), err->provider.len > 0 ? err->provider : STR("weir"));
    json_end_object(w);
}

static void put_field(struct json_writer *w, const struct chat_error *err)
{
    if (err->param.len == 0) return;
    begin_detail(w, STR("type.googleapis.com/google.rpc.BadRequest"));
    begin_array_at(w, STR("fieldViolations"));
    json_begin_object(w);
    json_put_str(w, STR("field"), err->param);
    json_put_str(w, STR("description"), err->message);
    json_end_object(w);
    json_end_array(w);
    json_end_object(w);
}

bool gemini_write_error(struct buf *out, const struct chat_error *err)
{
    struct json_writer w;
    struct arena scratch;
    arena_init(&scratch);
    json_writer_init(&w, out, 0);
    json_begin_object(&w);
    begin_object_at(&w, STR("error"));
    json_put_i64(&w, STR("code"), err->status ? err->status : problem_status(err->problem));
    json_put_str(&w, STR("message"), err->message);
    json_put_str(&w, STR("status"), words_of(&status_words, (int)err->problem));
    if (err->retry_after_ms > 0 || err->param.len + err->provider.len + reason_of(err).len > 0) {
        begin_array_at(&w, STR("details"));
        put_info(&w, err);
        put_field(&w, err);
        put_retry(&w, err, &scratch);
        json_end_array(&w);
    }
    same_put_attempts(&w, err);
    json_end_object(&w);
    json_end_object(&w);
    arena_done(&scratch);
    return json_writer_finish(&w);
}

/* Google's SDKs raise for a chunk that has an `error` member. */
bool gemini_write_error_event(struct buf *out, const struct chat_error *err)
{
    return buf_append(out, STR("data: ")) && gemini_write_error(out, err) && buf_append(out, STR("\n\n"));
}
