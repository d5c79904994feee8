/* The OpenAI dialect's answers, without a socket. */
#include "http/sse.h"
#include "json/cursor.h"
#include "simulate/dialect.h"
#include "simulate/text.h"

#include "test.h"

#include <math.h>

struct asked {
    struct arena arena;
    struct sim_answer answer;
    struct json_value root; /* of a plain answer */
};

static void ask_with(struct asked *t, const char *path, const char *body, unsigned tokens)
{
    struct buf out;
    arena_init(&t->arena);
    struct sim_request in = {.method = body ? M_POST : M_GET,
                             .path = str_from_cstr(path),
                             .body = str_from_cstr(body),
                             .arena = &t->arena,
                             .now_s = 1790000000,
                             .id = STR("0123456789abcdef"),
                             .tokens = tokens};
    buf_init(&out, SIM_MAX_ANSWER_BYTES);
    sim_answer_init(&t->answer, &t->arena, out);
    sim_dialect_openai.answer(&t->answer, &in);
    t->root = t->answer.is_stream ? (struct json_value){0} : json_value_of(t->answer.body);
    if (!t->answer.is_stream) EXPECT_THAT(json_exists(t->root), "%s: the answer is no JSON", path);
}

static void ask(struct asked *t, const char *path, const char *body)
{
    ask_with(t, path, body, 0);
}

static void done(struct asked *t)
{
    sim_answer_done(&t->answer);
    arena_done(&t->arena);
}

/* "choices.0.message.content" of a value, as text. */
static struct str at(struct asked *t, struct json_value v, const char *where)
{
    struct str rest = str_from_cstr(where), text;
    while (rest.at) {
        struct str part = str_cut(&rest, '.');
        v = v.type == JSON_ARRAY ? json_at(v, (size_t)(part.at[0] - '0')) : json_get(v, part);
    }
    return json_to_str(v, &t->arena, &text) ? text : v.raw;
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi there, 16 byt\"}]"

TEST(openai, answers_a_chat)
{
    struct asked t;
    ask(&t, "/v1/chat/completions", "{\"model\":\"m\\u00e9\"," HI "}");
    EXPECT_EQ(t.answer.status, 200);
    EXPECT_STR_EQ(at(&t, t.root, "id"), "chatcmpl-0123456789abcdef");
    EXPECT_STR_EQ(at(&t, t.root, "object"), "chat.completion");
    EXPECT_STR_EQ(at(&t, t.root, "created"), "1790000000");
    EXPECT_STR_EQ(at(&t, t.root, "model"), "m\xc3\xa9");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.finish_reason"), "stop");
    EXPECT_TRUE(
        str_starts_with(at(&t, t.root, "choices.0.message.content"), STR("This is a simulated reply")));
    EXPECT_TRUE(str_find(t.answer.body, STR("Hi there")) == SIZE_MAX);
    EXPECT_STR_EQ(at(&t, t.root, "usage.prompt_tokens"), "4");
    EXPECT_TRUE(str_find(t.answer.header_lines, STR("Content-Type: application/json\r\n")) != SIZE_MAX);
    done(&t);
}

TEST(openai, knows_paths_by_their_end)
{
    static const char *const paths[] = {"/chat/completions", "/openai/v1/chat/completions",
                                        "/api/v1/chat/completions", "/openai/deployments/x/chat/completions"};
    struct asked t;
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        ask(&t, paths[i], "{\"model\":\"m\"," HI "}");
        EXPECT_EQ(t.answer.status, 200);
        done(&t);
    }
    ask(&t, "/v1/nothing", "{}");
    EXPECT_EQ(t.answer.status, 404);
    EXPECT_STR_EQ(at(&t, t.root, "error.type"), "invalid_request_error");
    done(&t);
    ask(&t, "/v1/chat/completions", NULL);
    EXPECT_EQ(t.answer.status, 405);
    done(&t);
}

TEST(openai, refuses_with_the_field_at_fault)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {"{", ""},
        {"[]", ""},
        {"{\"model\":\"a\",\"model\":\"b\"}", ""},
        {"{" HI "}", "model"},
        {"{\"model\":\"m\"}", "messages"},
        {"{\"model\":\"m\",\"messages\":[]}", "messages"},
        {"{\"model\":\"m\",\"messages\":[\"hi\"]}", "messages"},
        {"{\"model\":\"m\"," HI ",\"max_tokens\":0}", "max_tokens"},
        {"{\"model\":\"m\"," HI ",\"max_tokens\":\"9\"}", "max_tokens"},
        {"{\"model\":\"m\"," HI ",\"n\":1000}", "n"},
        {"{\"model\":\"m\"," HI ",\"tool_choice\":\"required\"}", "tool_choice"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct asked t;
        ask(&t, "/v1/chat/completions", rows[i].body);
        EXPECT_EQ(t.answer.status, 400);
        EXPECT_STR_EQ(at(&t, t.root, "error.type"), "invalid_request_error");
        EXPECT_STR_EQ(at(&t, t.root, "error.param"), rows[i].param[0] ? rows[i].param : "null");
        done(&t);
    }
}

TEST(openai, honours_limits_counts_and_the_echo_model)
{
    struct asked t;
    ask(&t, "/v1/chat/completions", "{\"model\":\"m\"," HI ",\"max_completion_tokens\":2,\"n\":3}");
    EXPECT_STR_EQ(at(&t, t.root, "choices.2.message.content"), "This is ");
    EXPECT_STR_EQ(at(&t, t.root, "choices.2.finish_reason"), "length");
    EXPECT_STR_EQ(at(&t, t.root, "choices.2.index"), "2");
    EXPECT_STR_EQ(at(&t, t.root, "usage.completion_tokens"), "6");
    EXPECT_STR_EQ(at(&t, t.root, "usage.total_tokens"), "10");
    done(&t);
    ask(&t, "/v1/chat/completions",
        "{\"model\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\n\"},{\"type\":"
        "\"text\",\"text\":\"\\\"b\\\"\"}]}]}");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.message.content"), "a\n\"b\"");
    done(&t);
    ask_with(&t, "/v1/chat/completions", "{\"model\":\"m\"," HI "}", 500);
    EXPECT_STR_EQ(at(&t, t.root, "usage.completion_tokens"), "500");
    done(&t);
}

#define TOOLS                                                                                                \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"one\",\"parameters\":{\"type\":\"object\","  \
    "\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}},{\"type\":\"function\","     \
    "\"function\":{\"name\":\"two\"}}]"

TEST(openai, calls_the_tool_that_must_be_called)
{
    struct asked t;
    ask(&t, "/v1/chat/completions", "{\"model\":\"m\"," HI "," TOOLS ",\"tool_choice\":\"required\"}");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.finish_reason"), "tool_calls");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.message.content"), "null");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.message.tool_calls.0.function.name"), "one");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.message.tool_calls.0.function.arguments"),
                  "{\"city\":\"simulated\"}");
    done(&t);
    ask(&t, "/v1/chat/completions",
        "{\"model\":\"m\"," HI "," TOOLS
        ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"two\"}}}");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.message.tool_calls.0.function.name"), "two");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.message.tool_calls.0.function.arguments"), "{}");
    done(&t);
    ask(&t, "/v1/chat/completions", "{\"model\":\"m\"," HI "," TOOLS "}");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.finish_reason"), "stop");
    done(&t);
}

TEST(openai, answers_a_schema_with_a_value_that_fits_it)
{
    struct asked t;
    ask(&t, "/v1/chat/completions",
        "{\"model\":\"m\"," HI
        ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":"
        "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}}}}");
    EXPECT_STR_EQ(at(&t, t.root, "choices.0.message.content"), "{\"n\":0}");
    done(&t);
}

/* Puts the deltas together again; `where` in each event. */
static struct str joined(struct asked *t, const char *where, unsigned *events, struct str *last)
{
    struct sse_reader reader;
    struct sse_event event;
    struct err err;
    struct str all = STR("");
    size_t seen = 0;
    *events = 0;
    sse_init(&reader, 1 << 20);
    sse_feed(&reader, t->answer.body);
    while (sse_next(&reader, &event, &err) == SSE_EVENT) {
        EXPECT_EQ(t->answer.event_ends[*events], seen += event.raw.len);
        struct json_value v = str_equals(event.data, STR("[DONE]")) ? (struct json_value){0}
                                                                    : json_value_of(event.data);
        if (json_exists(v)) EXPECT_STR_EQ(at(t, v, "id"), "chatcmpl-0123456789abcdef");
        struct str text = at(t, v, where);
        if (text.at && !str_equals(text, STR("null")))
            all = arena_join(&t->arena, (struct str[]){all, text}, 2);
        if (json_exists(v)) *last = arena_copy(&t->arena, event.data);
        ++*events;
    }
    EXPECT_EQ(*events, t->answer.event_count);
    EXPECT_TRUE(str_ends_with(t->answer.body, STR("data: [DONE]\n\n")));
    sse_done(&reader);
    return all;
}

TEST(openai, streams_the_same_text_as_it_answers)
{
    struct asked plain, stream;
    unsigned events;
    struct str last;
    ask(&plain, "/v1/chat/completions", "{\"model\":\"m\"," HI "}");
    ask(&stream, "/v1/chat/completions",
        "{\"model\":\"m\"," HI ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    EXPECT_TRUE(stream.answer.is_stream);
    EXPECT_STR_EQ(joined(&stream, "choices.0.delta.content", &events, &last),
                  at(&plain, plain.root, "choices.0.message.content"));
    EXPECT_TRUE(events > 10);
    EXPECT_STR_EQ(at(&stream, json_value_of(last), "choices"), "[]");
    EXPECT_STR_EQ(at(&stream, json_value_of(last), "usage.total_tokens"),
                  at(&plain, plain.root, "usage.total_tokens"));
    done(&plain);
    done(&stream);
}

TEST(openai, streams_tool_calls_in_pieces)
{
    struct asked t;
    unsigned events;
    struct str last;
    ask(&t, "/v1/chat/completions",
        "{\"model\":\"m\"," HI "," TOOLS ",\"tool_choice\":\"required\",\"stream\":true}");
    EXPECT_STR_EQ(joined(&t, "choices.0.delta.tool_calls.0.function.arguments", &events, &last),
                  "{\"city\":\"simulated\"}");
    EXPECT_STR_EQ(at(&t, json_value_of(last), "choices.0.finish_reason"), "tool_calls");
    EXPECT_TRUE(str_find(last, STR("usage")) == SIZE_MAX);
    done(&t);
}

TEST(openai, completes_prompts)
{
    struct asked t;
    ask(&t, "/v1/completions", "{\"model\":\"m\",\"prompt\":[\"a\",\"b\"],\"n\":2,\"max_tokens\":1}");
    EXPECT_STR_EQ(at(&t, t.root, "object"), "text_completion");
    EXPECT_STR_EQ(at(&t, t.root, "choices.3.text"), "This");
    EXPECT_STR_EQ(at(&t, t.root, "choices.4"), "");
    done(&t);
    ask(&t, "/v1/completions", "{\"model\":\"m\",\"prompt\":\"a\",\"stream\":true}");
    EXPECT_TRUE(t.answer.is_stream);
    EXPECT_TRUE(str_starts_with(t.answer.body, STR("data: {\"id\":\"cmpl-")));
    done(&t);
}

TEST(openai, embeds_in_unit_vectors_of_the_size_asked_for)
{
    struct asked t;
    double sum = 0, d;
    struct json_items it;
    struct json_value v;
    unsigned count = 0;
    ask(&t, "/v1/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\",\"a\"],\"dimensions\":64}");
    struct json_value data = json_get(t.root, STR("data"));
    json_items_init(&it, json_get(json_at(data, 0), STR("embedding")));
    for (; json_items_next(&it, &v); count++) {
        ASSERT_TRUE(json_to_double(v, &d));
        sum += d * d;
    }
    EXPECT_EQ(count, 64);
    EXPECT_NEAR(sqrt(sum), 1, 1e-5);
    EXPECT_STR_EQ(at(&t, data, "0.embedding"), at(&t, data, "2.embedding"));
    EXPECT_STR_NE(at(&t, data, "0.embedding"), at(&t, data, "1.embedding"));
    done(&t);
    ask(&t, "/v1/embeddings",
        "{\"model\":\"m\",\"input\":[1,2,3],\"dimensions\":8,\"encoding_format\":\"base64\"}");
    EXPECT_EQ(at(&t, t.root, "data.0.embedding").len, 44); /* 32 bytes */
    EXPECT_STR_EQ(at(&t, t.root, "data.1"), "");
    done(&t);
    ask(&t, "/v1/embeddings", "{\"model\":\"m\",\"input\":{}}");
    EXPECT_EQ(t.answer.status, 400);
    done(&t);
}

TEST(openai, moderates_each_input)
{
    struct asked t;
    ask(&t, "/v1/moderations", "{\"input\":[\"a\",\"b\"]}");
    EXPECT_EQ(t.answer.status, 200);
    EXPECT_STR_EQ(at(&t, t.root, "results.1.flagged"), "false");
    EXPECT_STR_EQ(at(&t, t.root, "results.2"), "");
    done(&t);
}

TEST(openai, lists_models_and_knows_each_by_its_name)
{
    struct asked t;
    ask(&t, "/v1/models", NULL);
    EXPECT_STR_EQ(at(&t, t.root, "data.0.id"), "demo");
    EXPECT_STR_EQ(at(&t, t.root, "data.0.owned_by"), "weir-simulated");
    done(&t);
    ask(&t, "/v1/models/gpt-4o%2Dmini", NULL);
    EXPECT_STR_EQ(at(&t, t.root, "id"), "gpt-4o-mini");
    done(&t);
    ask(&t, "/v1/models/none", NULL);
    EXPECT_EQ(t.answer.status, 404);
    EXPECT_STR_EQ(at(&t, t.root, "error.code"), "model_not_found");
    done(&t);
}

TEST(openai, names_the_dialects_that_there_are)
{
    struct err err;
    EXPECT_TRUE(sim_dialect_find(STR("openai"), &err) == &sim_dialect_openai);
    EXPECT_NULL(sim_dialect_find(STR("gemini"), &err));
    EXPECT_STR_EQ(str_from_cstr(err.text), "the dialect gemini is not built yet; allowed: openai");
    EXPECT_NULL(sim_dialect_find(STR("klingon"), &err));
}
