/* Errors in OpenAI's words, and what the errors of others mean. */
#include "test.h"

#include "dialects/dialect.h"
#include "json/check.h"
#include "json/cursor.h"

static struct arena arena;

/* ---- writing ---- */
static struct str written(const struct chat_error *e, bool is_event)
{
    struct buf out;
    buf_init(&out, 8192);
    arena_done(&arena);
    EXPECT_TRUE(is_event ? dialect_openai_chat.write_error_event(&out, e)
                         : dialect_openai_chat.write_error(&out, e));
    struct str copy = arena_copy(&arena, buf_str(&out));
    buf_done(&out);
    return copy;
}

TEST(openai_error, has_the_shape_that_sdks_read)
{
    struct chat_error e = {
        .problem = PROBLEM_MODEL_NOT_FOUND, .message = STR("no \"such\" model"), .param = STR("model")};
    EXPECT_STR_EQ(written(&e, false),
                  "{\"error\":{\"message\":\"no \\\"such\\\" model\",\"type\":"
                  "\"invalid_request_error\",\"param\":\"model\",\"code\":\"model_not_found\"}}");
}

/* CONTRACT section 4, the table of errors; status, type, code ("-": null). */
TEST(openai_error, each_problem_has_the_contracts_type_and_code)
{
    static const struct {
        enum problem problem;
        int status;
        const char *type, *code;
    } rows[] = {
        {PROBLEM_INVALID_REQUEST, 400, "invalid_request_error", NULL},
        {PROBLEM_UNSUPPORTED_TYPE, 415, "invalid_request_error", NULL},
        {PROBLEM_UNAUTHORIZED, 401, "invalid_request_error", "invalid_api_key"},
        {PROBLEM_FORBIDDEN, 403, "permission_error", NULL},
        {PROBLEM_MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found"},
        {PROBLEM_TOO_LARGE, 413, "invalid_request_error", "request_too_large"},
        {PROBLEM_RATE_LIMITED, 429, "rate_limit_error", "rate_limit_exceeded"},
        {PROBLEM_UPSTREAM, 502, "server_error", "upstream_error"},
        {PROBLEM_UNAVAILABLE, 503, "server_error", "service_unavailable"},
        {PROBLEM_TIMEOUT, 504, "server_error", "timeout"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct json_value error = json_get(
            json_value_of(written(&(struct chat_error){.problem = rows[i].problem}, false)), STR("error"));
        struct json_value code = json_get(error, STR("code"));
        EXPECT_EQ(problem_status(rows[i].problem), rows[i].status);
        EXPECT_TRUE(json_str_equals(json_get(error, STR("type")), str_from_cstr(rows[i].type)));
        EXPECT_TRUE(rows[i].code ? json_str_equals(code, str_from_cstr(rows[i].code)) : json_is_null(code));
    }
}

TEST(openai_error, every_problem_has_a_type)
{
    for (int p = 0; p < PROBLEM_COUNT; p++) {
        struct json_value error = json_get(
            json_value_of(written(&(struct chat_error){.problem = (enum problem)p}, false)), STR("error"));
        EXPECT_TRUE(json_str_raw(json_get(error, STR("type"))).len > 0);
    }
}

TEST(openai_error, shows_who_was_tried_and_what_they_said)
{
    static const struct chat_error_attempt attempts[] = {
        {.provider = STR_INIT("a"),
         .model = STR_INIT("m"),
         .reason = STR_INIT("server_error"),
         .status = 500,
         .ms = 12},
        {.provider = STR_INIT("b"), .model = STR_INIT("n"), .reason = STR_INIT("unreachable")},
    };
    struct chat_error e = {.problem = PROBLEM_UPSTREAM,
                           .message = STR("failed"),
                           .code = STR("own"),
                           .provider = STR("b"),
                           .attempts = attempts,
                           .attempt_count = 2};
    EXPECT_STR_EQ(
        written(&e, false),
        "{\"error\":{\"message\":\"failed\",\"type\":\"server_error\",\"param\":null,\"code\":\"own\","
        "\"provider\":\"b\",\"attempts\":[{\"provider\":\"a\",\"model\":\"m\",\"status\":500,"
        "\"reason\":\"server_error\",\"ms\":12},{\"provider\":\"b\",\"model\":\"n\",\"status\":null,"
        "\"reason\":\"unreachable\",\"ms\":0}]}}");
}

TEST(openai_error, in_a_stream_is_one_event_of_valid_json)
{
    struct err err;
    struct str event = written(&(struct chat_error){.problem = PROBLEM_TIMEOUT, .message = STR("a\nb\xff")},
                               true);
    EXPECT_TRUE(str_starts_with(event, STR("data: {")) && str_ends_with(event, STR("}\n\n")));
    EXPECT_EQ(str_find(event, STR("\n")), event.len - 2);
    EXPECT_TRUE(json_check(str_part(event, 6, event.len - 8), NULL, 0, NULL, &err));
}

TEST(openai_error, says_so_when_it_does_not_fit)
{
    struct buf out;
    buf_init(&out, 40);
    EXPECT_FALSE(
        dialect_openai_chat.write_error(&out, &(struct chat_error){.message = STR("quite a long one")}));
    buf_done(&out);
}

/* ---- reading ---- */
static struct verdict verdict_of(int status, struct http_header *headers, unsigned count, struct str body)
{
    struct verdict v;
    struct http_headers all = {.at = headers, .count = count};
    arena_done(&arena);
    for (unsigned i = 0; i < count; i++) headers[i].id = http_name_id(headers[i].name);
    dialect_openai_chat.classify(&v, &arena,
                                 &(struct http_message){.status = status, .headers = &all, .body = body});
    return v;
}

static struct verdict verdict_of_header(const char *name, const char *value)
{
    struct http_header h = {.name = str_from_cstr(name), .value = str_from_cstr(value)};
    return verdict_of(429, &h, 1, STR(""));
}

TEST(openai_error, how_long_to_wait_is_read_from_every_family_of_headers)
{
    static const struct {
        const char *name, *value;
        int64_t ms;
    } rows[] = {
        {"retry-after-ms", "1500", 1500},
        {"Retry-After", "20", 20000},
        {"retry-after", "0.5", 500},
        {"retry-after", "7.66s", 7660},
        {"x-ratelimit-reset-requests", "6m0s", 360000},
        {"x-ratelimit-reset-tokens", "2m59.56s", 179560},
        {"x-ratelimit-reset-tokens", "20ms", 20},
        {"x-ratelimit-reset-tokens", "1h2m3s4ms", 3723004},
        {"retry-after", "1m30", 90000},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        EXPECT_EQ(verdict_of_header(rows[i].name, rows[i].value).retry_after_ms, rows[i].ms);
}

TEST(openai_error, a_wait_that_makes_no_sense_was_not_said)
{
    static const char *const values[] = {
        "",   "soon", "-1", "1x", "ms", "1..5", "0", "99999999999999999999999999s", "9223372036854775807",
        "5 s"};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        EXPECT_EQ(verdict_of_header("retry-after", values[i]).retry_after_ms, 0);
        EXPECT_EQ(verdict_of_header("retry-after", values[i]).retry_at_s, 0);
    }
    EXPECT_EQ(verdict_of_header("retry-after-ms", "9223372036854775807").retry_after_ms, 0);
}

TEST(openai_error, a_date_is_kept_as_a_date)
{
    struct verdict v = verdict_of_header("retry-after", "Fri, 20 Nov 2026 18:00:00 GMT");
    EXPECT_EQ(v.retry_at_s, 1795197600);
    EXPECT_EQ(v.retry_after_ms, 0);
}

TEST(openai_error, the_most_exact_header_decides)
{
    struct http_header h[] = {{.name = STR("retry-after"), .value = STR("2")},
                              {.name = STR("retry-after-ms"), .value = STR("1234")},
                              {.name = STR("x-ratelimit-reset-requests"), .value = STR("1h")}};
    EXPECT_EQ(verdict_of(429, h, 3, STR("")).retry_after_ms, 1234);
    struct http_header resets[] = {{.name = STR("x-ratelimit-reset-requests"), .value = STR("1s")},
                                   {.name = STR("x-ratelimit-reset-tokens"), .value = STR("3s")}};
    EXPECT_EQ(verdict_of(429, resets, 2, STR("")).retry_after_ms, 3000);
}

TEST(openai_error, why_a_400_was_refused_is_found_by_code_or_words)
{
    static const struct {
        const char *body;
        enum rejection kind;
    } rows[] = {
        {"{\"error\":{\"code\":\"context_length_exceeded\"}}", REJECTION_CONTEXT_WINDOW},
        {"{\"error\":{\"message\":\"This model's Maximum Context Length is 8192\"}}",
         REJECTION_CONTEXT_WINDOW},
        {"{\"error\":{\"code\":\"content_filter\"}}", REJECTION_CONTENT_POLICY},
        {"{\"detail\":\"extra field: stream_options\"}", REJECTION_STREAM_OPTIONS},
        {"{\"error\":{\"message\":\"temperature\"}}", REJECTION_OTHER},
        {"", REJECTION_OTHER},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        EXPECT_EQ(verdict_of(400, NULL, 0, str_from_cstr(rows[i].body)).kind, rows[i].kind);
    EXPECT_EQ(verdict_of(500, NULL, 0, STR("stream_options")).kind, REJECTION_OTHER);
}

TEST(openai_error, the_sentence_is_found_in_both_shapes)
{
    EXPECT_STR_EQ(verdict_of(400, NULL, 0, STR(" {\"error\":{\"message\":\"no\\u0021\"}} ")).message, "no!");
    EXPECT_STR_EQ(verdict_of(400, NULL, 0, STR("{\"error\":\"text\"}")).message, "text");
    EXPECT_TRUE(str_is_empty(verdict_of(400, NULL, 0, STR("<html>")).message));
    EXPECT_TRUE(str_is_empty(verdict_of(400, NULL, 0, STR("{\"error\":{\"message\":\"\\x\"}}")).message));
    arena_done(&arena);
}
