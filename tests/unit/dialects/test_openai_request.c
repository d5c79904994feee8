/* What the gateway needs of a request is found, and nothing else of it changes. */
#include "test.h"

#include "base/buf.h"
#include "dialects/dialect.h"

#include <stdlib.h>

static struct arena arena;
static struct request_facts facts;
static struct chat_error error;

static bool scan(enum operation op, struct str body)
{
    arena_done(&arena);
    error = (struct chat_error){0};
    return dialect_openai_chat.same->scan_request(&facts, &arena, op, body, &error);
}

static struct str splice(const char *model, bool asks_usage)
{
    struct spliced s;
    EXPECT_TRUE(
        dialect_openai_chat.same->splice_request(&s, &arena, &facts, str_from_cstr(model), asks_usage));
    struct str joined = arena_join(&arena, s.pieces, s.count);
    EXPECT_EQ(joined.len, s.bytes);
    return joined;
}

#define SPLICED(body, model, asks, want)                                                                     \
    do {                                                                                                     \
        EXPECT_TRUE(scan(OP_CHAT, STR(body)));                                                               \
        EXPECT_STR_EQ(splice(model, asks), want);                                                            \
    } while (0)

TEST(openai_request, finds_model_stream_usage_and_the_limit_of_tokens)
{
    EXPECT_TRUE(
        scan(OP_CHAT, STR("{\"messages\":[{\"model\":\"no\"}],\"max_tokens\":7,\"stream\":true,"
                          "\"stream_options\":{\"include_usage\":true},\"mo\\u0064el\":\"gpt\\/4\"}")));
    EXPECT_STR_EQ(facts.model, "gpt/4");
    EXPECT_TRUE(facts.is_stream && facts.wants_usage);
    EXPECT_EQ(facts.max_tokens, 7);
}

TEST(openai_request, max_completion_tokens_is_the_newer_word_and_wins)
{
    EXPECT_TRUE(scan(OP_CHAT, STR("{\"max_tokens\":7,\"max_completion_tokens\":9}")));
    EXPECT_EQ(facts.max_tokens, 9);
    EXPECT_TRUE(scan(OP_CHAT, STR("{\"max_tokens\":7,\"max_completion_tokens\":null}")));
    EXPECT_EQ(facts.max_tokens, 7);
}

TEST(openai_request, what_is_left_out_or_null_is_empty)
{
    EXPECT_TRUE(scan(OP_CHAT, STR("{\"model\":null,\"stream\":null,\"stream_options\":null}")));
    EXPECT_TRUE(str_is_empty(facts.model));
    EXPECT_FALSE(facts.is_stream || facts.wants_usage);
    EXPECT_EQ(facts.max_tokens, 0);
    EXPECT_TRUE(scan(OP_CHAT, STR("{}")));
    EXPECT_TRUE(str_is_empty(facts.model));
}

TEST(openai_request, values_are_not_judged_but_a_stream_is_only_where_there_are_streams)
{
    EXPECT_TRUE(scan(OP_CHAT, STR("{\"stream\":\"true\",\"temperature\":\"hot\"}")));
    EXPECT_FALSE(facts.is_stream);
    EXPECT_TRUE(scan(OP_EMBEDDINGS, STR("{\"stream\":true}")));
    EXPECT_FALSE(facts.is_stream);
    EXPECT_TRUE(scan(OP_COMPLETIONS, STR("{\"stream\":true}")));
    EXPECT_TRUE(facts.is_stream);
}

TEST(openai_request, refuses_what_is_no_object_with_line_and_column)
{
    EXPECT_FALSE(scan(OP_CHAT, STR("{\n  \"model\": x}")));
    EXPECT_EQ(error.problem, PROBLEM_INVALID_REQUEST);
    EXPECT_TRUE(str_find(error.message, STR("line 2, column 12")) != SIZE_MAX);
    EXPECT_FALSE(scan(OP_CHAT, STR("[]")));
    EXPECT_FALSE(scan(OP_CHAT, STR("")));
    EXPECT_FALSE(scan(OP_CHAT, STR("{\"model\":\"a\",\"messages\":[],\"mod\\u0065l\":\"b\"}")));
}

TEST(openai_request, refuses_a_model_that_is_no_text_or_too_long)
{
    EXPECT_FALSE(scan(OP_CHAT, STR("{\"model\":[\"gpt\"]}")));
    EXPECT_STR_EQ(error.param, "model");
    EXPECT_TRUE(str_find(error.message, STR("an array")) != SIZE_MAX);
    struct buf body;
    buf_init(&body, 2048);
    for (size_t bytes = MODEL_NAME_MAX_BYTES; bytes <= MODEL_NAME_MAX_BYTES + 1; bytes++) {
        buf_clear(&body);
        EXPECT_TRUE(buf_append(&body, STR("{\"model\":\"")));
        for (size_t i = 0; i < bytes; i++) EXPECT_TRUE(buf_append_char(&body, 'm'));
        EXPECT_TRUE(buf_append(&body, STR("\"}")));
        EXPECT_EQ(scan(OP_CHAT, buf_str(&body)), bytes <= MODEL_NAME_MAX_BYTES);
    }
    EXPECT_STR_EQ(error.param, "model");
    buf_done(&body);
}

TEST(openai_request, the_model_outlives_the_body)
{
    char *body = malloc(32);
    memcpy(body, "{\"model\":\"gpt-4o\"}", 18);
    EXPECT_TRUE(scan(OP_CHAT, str_of(body, 18)));
    memset(body, 'x', 32);
    free(body);
    EXPECT_STR_EQ(facts.model, "gpt-4o");
}

TEST(openai_request, the_model_is_spliced_and_everything_else_stays)
{
    SPLICED("{ \"seed\" : 1e2,\"model\" : \"a\" ,\"x\":{\"model\":1} }", "b/c", false,
            "{ \"seed\" : 1e2,\"model\" : \"b/c\" ,\"x\":{\"model\":1} }");
    SPLICED("{\"messages\":[]}", "b", false, "{\"model\":\"b\",\"messages\":[]}");
    SPLICED("{}", "b", false, "{\"model\":\"b\"}");
    SPLICED("{\"model\":null}", "b", false, "{\"model\":\"b\"}");
}

TEST(openai_request, the_same_or_no_model_changes_nothing)
{
    SPLICED("{\"m\\u006fdel\":\"\\u0061\"}", "a", false, "{\"m\\u006fdel\":\"\\u0061\"}");
    SPLICED("{\"input\":\"x\"}", "", false, "{\"input\":\"x\"}");
}

TEST(openai_request, a_model_with_quotes_and_controls_is_escaped)
{
    SPLICED("{\"model\":\"a\"}", "q\"\\\n\x01", false, "{\"model\":\"q\\\"\\\\\\n\\u0001\"}");
}

TEST(openai_request, usage_is_asked_for_wherever_the_caller_left_room)
{
    SPLICED("{\"stream\":true}", "", true, "{\"stream_options\":{\"include_usage\":true},\"stream\":true}");
    SPLICED("{\"stream\":true,\"stream_options\":null}", "", true,
            "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    SPLICED("{\"stream\":true,\"stream_options\":{}}", "", true,
            "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    SPLICED("{\"stream\":true,\"stream_options\":{\"x\":1}}", "", true,
            "{\"stream\":true,\"stream_options\":{\"include_usage\":true,\"x\":1}}");
    SPLICED("{\"stream\":true,\"stream_options\":{\"include_usage\":false}}", "", true,
            "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
}

TEST(openai_request, usage_is_not_asked_for_twice_nor_without_a_stream)
{
    SPLICED("{\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "", true,
            "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    SPLICED("{\"stream\":false}", "", true, "{\"stream\":false}");
    SPLICED("{\"stream\":true}", "", false, "{\"stream\":true}");
}

TEST(openai_request, model_and_usage_are_spliced_together)
{
    SPLICED("{\"stream\":true}", "b", true,
            "{\"model\":\"b\",\"stream_options\":{\"include_usage\":true},\"stream\":true}");
    SPLICED("{\"stream_options\":{},\"model\":\"a\",\"stream\":true}", "b", true,
            "{\"stream_options\":{\"include_usage\":true},\"model\":\"b\",\"stream\":true}");
    arena_done(&arena);
}
