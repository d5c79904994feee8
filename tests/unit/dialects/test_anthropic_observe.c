/* What passes through in Anthropic's format: the request's facts and its splice, what each event is, what a stream cost;
 * errors in its words, and what its errors mean. */
#include "test.h"

#include "dialects/dialect.h"
#include "json/check.h"
#include "json/cursor.h"
#include "recordings.h"

static struct arena arena;
static struct request_facts facts;
static struct chat_error failure;
static struct observer observer;

/* ---- the request ---- */
static bool scans(const char *json)
{
    arena_done(&arena);
    failure = (struct chat_error){0};
    return dialect_anthropic.same->scan_request(&facts, &arena, OP_CHAT, str_from_cstr(json), &failure);
}

static struct str spliced(struct str model)
{
    struct spliced s;
    EXPECT_TRUE(dialect_anthropic.same->splice_request(&s, &arena, &facts, model, true));
    return arena_join(&arena, s.pieces, s.count);
}

TEST(anthropic_request_facts, are_model_stream_and_limit)
{
    EXPECT_TRUE(scans("{\"model\":\"smart\",\"max_tokens\":7,\"stream\":true,\"x\":[1]}"));
    EXPECT_STR_EQ(facts.model, "smart");
    EXPECT_EQ(facts.max_tokens, 7);
    EXPECT_TRUE(facts.is_stream && facts.wants_usage);
    EXPECT_TRUE(scans("{\"model\":null}"));
    EXPECT_TRUE(facts.model.len == 0 && !facts.is_stream);
}

TEST(anthropic_request_facts, only_the_model_is_spliced)
{
    EXPECT_TRUE(scans("{\"stream\":true,\"model\" : \"smart\", \"thinking\":{\"type\":\"new\"}}"));
    EXPECT_STR_EQ(spliced(STR("claude")),
                  "{\"stream\":true,\"model\" : \"claude\", \"thinking\":{\"type\":\"new\"}}");
    EXPECT_STR_EQ(spliced(STR("")),
                  "{\"stream\":true,\"model\" : \"smart\", \"thinking\":{\"type\":\"new\"}}");
    EXPECT_TRUE(scans("{\"max_tokens\":1}"));
    EXPECT_STR_EQ(spliced(STR("c\"d")), "{\"model\":\"c\\\"d\",\"max_tokens\":1}");
}

TEST(anthropic_request_facts, what_is_no_request_is_refused_with_its_place)
{
    EXPECT_FALSE(scans("{\"model\":"));
    EXPECT_TRUE(str_find(failure.message, STR("line 1, column")) != SIZE_MAX);
    EXPECT_FALSE(scans("{\"model\":5}"));
    EXPECT_STR_EQ(failure.param, "model");
    EXPECT_FALSE(scans("[]"));
}

/* ---- events ---- */
static void begin(void)
{
    arena_done(&arena);
    dialect_anthropic.same->observer_init(&observer, &arena, OP_CHAT);
}

static unsigned see(const char *name, const char *data)
{
    return dialect_anthropic.same->observe_event(&observer, str_from_cstr(name), str_from_cstr(data));
}

static unsigned facts_of(const char *data)
{
    begin();
    return see("", data);
}
#define DELTA(delta) "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":" delta "}"
#define BLOCK(block) "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":" block "}"

TEST(anthropic_observe, content_is_words_thoughts_and_calls)
{
    static const struct {
        const char *data;
        unsigned facts;
    } rows[] = {
        {"{\"type\":\"message_start\",\"message\":{}}", 0},
        {"{\"type\": \"ping\"}", 0},
        {BLOCK("{\"type\":\"text\",\"text\":\"\"}"), 0},
        {BLOCK("{\"type\":\"thinking\",\"thinking\":\"\"}"), 0},
        {BLOCK("{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}"), EVENT_CONTENT},
        {BLOCK("{\"type\":\"server_tool_use\",\"id\":\"c\"}"), EVENT_CONTENT},
        {BLOCK("{\"type\":\"redacted_thinking\",\"data\":\"x\"}"), EVENT_CONTENT},
        {DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}"), EVENT_CONTENT},
        {DELTA("{\"type\":\"text_delta\",\"text\":\"\"}"), 0},
        {DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"a\"}"), EVENT_CONTENT},
        {DELTA("{\"type\":\"signature_delta\",\"signature\":\"a\"}"), 0},
        {DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"{\"}"), EVENT_CONTENT},
        {"{\"type\":\"content_block_stop\",\"index\":0   }  ", 0},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}", EVENT_FINISH},
        {"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null}}", 0},
        {"{\"type\":\"message_stop\"  }", EVENT_TERMINAL},
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}", EVENT_ERROR},
        {"{\"type\":\"something_new\"}", 0},
        {"no json", EVENT_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        EXPECT_THAT(facts_of(rows[i].data) == rows[i].facts, "row %zu", i);
}

TEST(anthropic_observe, deltas_behind_the_first_content_must_still_be_whole)
{
    begin();
    EXPECT_EQ(see("content_block_delta", DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}")), EVENT_CONTENT);
    EXPECT_EQ(see("content_block_delta", DELTA("{\"type\":\"text_delta\",\"text\":\"b\"}") "   "), 0);
    EXPECT_EQ(see("content_block_delta", "{\"type\":\"content_block_de"), EVENT_MALFORMED);
    EXPECT_EQ(dialect_anthropic.same->read_end(&observer), ENDING_INCOMPLETE);
}

/* The usage of the beginning stays where the end does not say otherwise. */
TEST(anthropic_observe, counts_are_set_not_added_pitfall_23)
{
    begin();
    see("message_start",
        "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":5,"
        "\"cache_creation_input_tokens\":7,\"cache_creation\":{\"ephemeral_5m_input_tokens\":3,"
        "\"ephemeral_1h_input_tokens\":4},\"output_tokens\":1}}}");
    see("message_delta",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}");
    const struct usage *u = &observer.usage;
    EXPECT_TRUE(u->is_known && u->input_uncached == 10 && u->cache_read == 5 && u->output == 9);
    EXPECT_TRUE(u->cache_write_5m == 3 && u->cache_write_1h == 4);
    EXPECT_EQ(dialect_anthropic.same->read_end(&observer), ENDING_COMPLETE);
    see("message_stop", "{\"type\":\"message_stop\"}");
    EXPECT_EQ(dialect_anthropic.same->read_end(&observer), ENDING_COMPLETE);
    see("error", "{\"type\":\"error\",\"error\":{}}");
    EXPECT_EQ(dialect_anthropic.same->read_end(&observer), ENDING_INCOMPLETE);
}

static bool observes(const char *body)
{
    struct err err;
    begin();
    return dialect_anthropic.same->observe_reply(&observer, str_from_cstr(body), &err);
}

TEST(anthropic_observe, a_reply_has_content_and_a_stop_reason)
{
    EXPECT_TRUE(observes("{\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":3}}"));
    EXPECT_EQ(observer.usage.input_uncached, 3);
    EXPECT_FALSE(observes("{\"content\":[],\"stop_reason\":null}"));
    EXPECT_FALSE(observes("{\"stop_reason\":\"end_turn\"}"));
    EXPECT_FALSE(observes("{\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}"));
    EXPECT_TRUE(observer.seen & EVENT_ERROR);
    EXPECT_FALSE(observes("<html>"));
}

/* ---- errors ---- */
static struct str written(const struct chat_error *e, bool is_event)
{
    struct buf out;
    buf_init(&out, 8192);
    arena_done(&arena);
    EXPECT_TRUE(is_event ? dialect_anthropic.write_error_event(&out, e)
                         : dialect_anthropic.write_error(&out, e));
    struct str copy = arena_copy(&arena, buf_str(&out));
    buf_done(&out);
    return copy;
}

/* CONTRACT section 4, the table of errors. */
TEST(anthropic_error, each_problem_has_the_contracts_type_pitfall_32)
{
    static const struct {
        enum problem problem;
        const char *type;
    } rows[] = {
        {PROBLEM_INVALID_REQUEST, "invalid_request_error"},
        {PROBLEM_UNSUPPORTED_TYPE, "invalid_request_error"},
        {PROBLEM_UNAUTHORIZED, "authentication_error"},
        {PROBLEM_FORBIDDEN, "permission_error"},
        {PROBLEM_MODEL_NOT_FOUND, "not_found_error"},
        {PROBLEM_TOO_LARGE, "request_too_large"},
        {PROBLEM_RATE_LIMITED, "rate_limit_error"},
        {PROBLEM_INTERNAL, "api_error"},
        {PROBLEM_UPSTREAM, "api_error"},
        {PROBLEM_UNAVAILABLE, "overloaded_error"},
        {PROBLEM_TIMEOUT, "api_error"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct chat_error e = {.problem = rows[i].problem, .message = STR("m")};
        char want[200];
        snprintf(want, sizeof want,
                 "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"m\"},\"request_id\":null}",
                 rows[i].type);
        EXPECT_STR_EQ(written(&e, false), want);
    }
    for (int p = 0; p < PROBLEM_COUNT; p++) {
        struct str type = json_str_raw(
            json_get(json_get(json_value_of(written(&(struct chat_error){.problem = (enum problem)p}, false)),
                              STR("error")),
                     STR("type")));
        EXPECT_TRUE(type.len > 0);
    }
}

TEST(anthropic_error, attempts_and_events_are_written)
{
    const struct chat_error_attempt attempt = {STR("p"), STR("m"), STR("timeout"), 504, 12};
    struct chat_error e = {
        .problem = PROBLEM_TIMEOUT, .message = STR("late"), .attempts = &attempt, .attempt_count = 1};
    EXPECT_STR_EQ(
        written(&e, true),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"late\",\"attempts\":["
        "{\"provider\":\"p\",\"model\":\"m\",\"status\":504,\"reason\":\"timeout\",\"ms\":12}]},"
        "\"request_id\":null}\n\n");
}

static struct verdict verdict_of(int status, const char *body)
{
    static const struct http_headers none;
    struct verdict v;
    struct http_message reply = {.status = status, .headers = &none, .body = str_from_cstr(body)};
    arena_done(&arena);
    dialect_anthropic.classify(&v, &arena, &reply);
    return v;
}
#define ERROR(type, message)                                                                                 \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"},\"request_id\":\"r\"}"

TEST(anthropic_error, says_why_a_request_was_refused)
{
    static const struct {
        int status;
        const char *message;
        enum rejection kind;
    } rows[] = {
        {400, ERROR("invalid_request_error", "prompt is too long: 3333404 tokens > 200000 maximum"),
         REJECTION_CONTEXT_WINDOW},
        {400, ERROR("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
         REJECTION_CONTEXT_WINDOW},
        {400, ERROR("invalid_request_error", "Output blocked by content filtering policy"),
         REJECTION_CONTENT_POLICY},
        {400, ERROR("invalid_request_error", "max_tokens: Field required"), REJECTION_OTHER},
        {529, ERROR("overloaded_error", "Overloaded"), REJECTION_OTHER},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct verdict v = verdict_of(rows[i].status, rows[i].message);
        EXPECT_THAT(v.kind == rows[i].kind, "row %zu", i);
        EXPECT_TRUE(v.message.len > 0 && v.code.len == 0);
    }
    EXPECT_STR_EQ(verdict_of(502, "<html>").message, "");
}

/* ---- the recordings ---- */
static void judge_error(const struct recording *r)
{
    static const struct http_headers none;
    struct verdict v;
    struct http_message reply = {.status = 400, .headers = &none, .body = r->text};
    dialect_anthropic.classify(&v, &arena, &reply);
    EXPECT_THAT(v.message.len > 0, "%s", r->path);
}

static void judge_reply(const struct recording *r)
{
    struct err err = {0};
    begin();
    EXPECT_THAT(dialect_anthropic.same->observe_reply(&observer, r->text, &err), "%s: %s", r->path, err.text);
    EXPECT_THAT(observer.usage.is_known && usage_input(&observer.usage) > 0, "%s", r->path);
}

TEST(anthropic_observe, recorded_replies_and_errors_are_understood)
{
    if (!judge_provider("anthropic", "errors", "response.json", judge_error)) SKIP("there are no recordings");
    (void)judge_provider("anthropic", "messages", "response.json", judge_reply);
}
