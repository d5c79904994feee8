/* The observer: what each event is, when a stream is complete, what it cost. */
#include "test.h"

#include "dialects/dialect.h"

#include <stdio.h>

static struct arena arena;
static struct observer observer;

static void begin(enum operation op)
{
    arena_done(&arena);
    dialect_openai_chat.same->observer_init(&observer, &arena, op);
}

static unsigned see_named(const char *name, const char *data)
{
    return dialect_openai_chat.same->observe_event(&observer, str_from_cstr(name), str_from_cstr(data));
}

/* Of an event that is the stream's first. */
static unsigned facts_of(const char *data)
{
    begin(OP_CHAT);
    return see_named("", data);
}

static enum ending ending(void)
{
    return dialect_openai_chat.same->read_end(&observer);
}
#define DELTA(members) "{\"choices\":[{\"index\":0,\"delta\":{" members "},\"finish_reason\":null}]}"

/* ---- events ---- */
TEST(openai_observe, content_is_text_thinking_tools_refusal_and_audio)
{
    static const char *const content[] = {
        DELTA("\"role\":\"assistant\",\"content\":\"H\""),
        DELTA("\"reasoning_content\":\"hm\""),
        DELTA("\"reasoning\":\"hm\",\"content\":\"\""),
        DELTA("\"reasoning_details\":[{\"type\":\"text\"}]"),
        DELTA("\"content\":[{\"type\":\"thinking\"}]"),
        DELTA("\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"),
        DELTA("\"function_call\":{\"name\":\"f\"}"),
        DELTA("\"refusal\":\"no\""),
        DELTA("\"audio\":{\"data\":\"AA==\"}"),
        "{\"choices\":[{\"text\":\"H\"}]}",
        "{\"choices\":[{\"delta\":{}},{\"index\":1,\"delta\":{\"content\":\"second\"}}]}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(content); i++)
        EXPECT_THAT(facts_of(content[i]) == EVENT_CONTENT, "%s: 0x%x", content[i], observer.seen);
}

TEST(openai_observe, roles_empty_texts_and_filters_of_prompts_are_no_content)
{
    static const char *const others[] = {
        DELTA("\"role\":\"assistant\""),
        DELTA("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"),
        DELTA("\"content\":null,\"tool_calls\":[ ],\"reasoning\":\"\""),
        DELTA(""),
        "{\"choices\":[],\"prompt_filter_results\":[{}]}",
        "{\"choices\":[{\"delta\":null,\"text\":\"\"}]}",
        "{\"object\":\"ping\"}",
        "{\"choices\":null,\"usage\":null}",
        "{}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        EXPECT_THAT(facts_of(others[i]) == 0, "%s: 0x%x", others[i], observer.seen);
}

TEST(openai_observe, a_finish_reason_ends_well_with_or_without_done)
{
    EXPECT_EQ(facts_of("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"), EVENT_FINISH);
    EXPECT_EQ(ending(), ENDING_COMPLETE);
    EXPECT_EQ(see_named("", "[DONE]"), EVENT_TERMINAL);
    EXPECT_EQ(see_named("", " [DONE] "), EVENT_TERMINAL);
    EXPECT_EQ(ending(), ENDING_COMPLETE);
    EXPECT_EQ(observer.events, 3);
}

TEST(openai_observe, without_finish_or_done_it_is_not_complete)
{
    EXPECT_EQ(facts_of(DELTA("\"content\":\"H\"")), EVENT_CONTENT);
    EXPECT_EQ(ending(), ENDING_INCOMPLETE);
    EXPECT_EQ(see_named("", "{\"choices\":[{\"delta\":{},\"finish_reason\":\"\"}]}"), 0);
    EXPECT_EQ(ending(), ENDING_INCOMPLETE);
}

TEST(openai_observe, what_is_no_object_is_malformed_and_never_ends_well)
{
    static const char *const broken[] = {"",
                                         "{",
                                         "null",
                                         "[1]",
                                         "{\"choices\":[{]}",
                                         "{\"choices\":[1]}",
                                         "{\"choices\":[{\"delta\":{}}",
                                         "{\"choices\":[{\"delta\":{}} {}]}",
                                         "DONE"};
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++)
        EXPECT_THAT(facts_of(broken[i]) & EVENT_MALFORMED, "%s: 0x%x", broken[i], observer.seen);
    EXPECT_EQ(see_named("", "[DONE]"), EVENT_TERMINAL);
    EXPECT_EQ(ending(), ENDING_INCOMPLETE);
}

TEST(openai_observe, only_an_event_with_empty_choices_and_usage_is_usage_alone)
{
    EXPECT_EQ(facts_of("{\"choices\":[ ],\"usage\":{\"prompt_tokens\":1}}"), EVENT_USAGE_ONLY);
    EXPECT_EQ(facts_of("{\"choices\":[],\"usage\":null}"), 0);
    EXPECT_EQ(facts_of("{\"usage\":{\"prompt_tokens\":1}}"), 0);
    EXPECT_EQ(facts_of("{\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}}"), 0);
    EXPECT_TRUE(observer.usage.is_known);
}

TEST(openai_observe, errors_in_a_stream_are_known_by_name_or_member)
{
    EXPECT_EQ(facts_of("{\"error\":{\"message\":\"too \\u0062ad\",\"code\":502}}"), EVENT_ERROR);
    EXPECT_EQ(ending(), ENDING_INCOMPLETE);
    begin(OP_CHAT);
    EXPECT_EQ(see_named("error", "{\"message\":\"failed\"}"), EVENT_ERROR);
    EXPECT_EQ(facts_of("{\"error\":\"text\",\"choices\":[{\"delta\":{\"content\":\"\"}}]}"), EVENT_ERROR);
    EXPECT_EQ(facts_of("{\"error\":null,\"choices\":[]}"), 0);
    EXPECT_EQ(facts_of("{\"error\":\"\",\"choices\":[]}"), 0);
}

/* ---- usage ---- */
static struct usage usage_of(const char *usage)
{
    char event[600];
    snprintf(event, sizeof event, "{\"choices\":[],\"usage\":%s}", usage);
    begin(OP_CHAT);
    see_named("", event);
    return observer.usage;
}

static void expect_sum(const struct usage *u, int64_t input, int64_t output)
{
    EXPECT_TRUE(u->is_known);
    EXPECT_EQ(usage_input(u), input);
    EXPECT_EQ(usage_output(u), output);
    EXPECT_EQ(usage_total(u), input + output);
}

TEST(openai_observe, usage_is_parted_without_overlap)
{
    struct usage u = usage_of("{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150,"
                              "\"prompt_tokens_details\":{\"cached_tokens\":60,\"audio_tokens\":5},"
                              "\"completion_tokens_details\":{\"reasoning_tokens\":30,\"audio_tokens\":2}}");
    expect_sum(&u, 100, 50);
    EXPECT_EQ(u.input_uncached, 40);
    EXPECT_EQ(u.cache_read, 60);
    EXPECT_EQ(u.output, 20);
    EXPECT_EQ(u.reasoning, 30);
    EXPECT_EQ(u.audio_input, 5);
    EXPECT_EQ(u.audio_output, 2);
}

TEST(openai_observe, xai_counts_reasoning_on_top_as_its_total_shows)
{
    struct usage u = usage_of("{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":35,"
                              "\"completion_tokens_details\":{\"reasoning_tokens\":20}}");
    expect_sum(&u, 10, 25);
    EXPECT_EQ(u.reasoning, 20);
}

TEST(openai_observe, deepseek_and_openrouter_name_the_cache_elsewhere)
{
    struct usage u = usage_of("{\"prompt_tokens\":10,\"completion_tokens\":5,\"prompt_cache_hit_tokens\":8}");
    expect_sum(&u, 10, 5);
    EXPECT_EQ(u.cache_read, 8);
    u = usage_of("{\"prompt_tokens\":10,\"completion_tokens\":5,"
                 "\"prompt_tokens_details\":{\"cached_tokens\":3,\"cache_write_tokens\":4}}");
    expect_sum(&u, 10, 5);
    EXPECT_EQ(u.cache_write_5m, 4);
    EXPECT_EQ(u.input_uncached, 3);
}

TEST(openai_observe, parts_larger_than_their_whole_are_cut)
{
    struct usage u = usage_of("{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,"
                              "\"prompt_tokens_details\":{\"cached_tokens\":99,\"audio_tokens\":99},"
                              "\"completion_tokens_details\":{\"reasoning_tokens\":99,\"audio_tokens\":99}}");
    expect_sum(&u, 10, 5);
    EXPECT_EQ(u.cache_read, 10);
    EXPECT_EQ(u.reasoning, 5);
    EXPECT_EQ(u.audio_input + u.audio_output, 0);
}

TEST(openai_observe, numbers_beyond_reason_make_no_sum_overflow)
{
    struct usage u = usage_of(
        "{\"prompt_tokens\":9223372036854775807,\"completion_tokens\":9223372036854775807,"
        "\"total_tokens\":9223372036854775807,"
        "\"completion_tokens_details\":{\"reasoning_tokens\":9223372036854775807}}");
    EXPECT_TRUE(usage_total(&u) > 0);
    u = usage_of("{\"prompt_tokens\":-5,\"completion_tokens\":\"7\"}");
    expect_sum(&u, 0, 0);
}

TEST(openai_observe, the_last_usage_counts_and_an_empty_one_says_nothing)
{
    begin(OP_CHAT);
    see_named("", "{\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}");
    see_named("", "{\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}");
    see_named("", "{\"choices\":[{\"delta\":{}}],\"usage\":{}}");
    see_named("", "{\"choices\":[{\"delta\":{}}],\"usage\":null}");
    expect_sum(&observer.usage, 3, 2);
}

TEST(openai_observe, groqs_usage_lies_in_a_member_of_its_own)
{
    begin(OP_CHAT);
    see_named("", "{\"choices\":[],\"x_groq\":{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}}");
    expect_sum(&observer.usage, 3, 1);
}

/* ---- plain replies ---- */
static bool is_reply(enum operation op, const char *body)
{
    struct err err;
    begin(op);
    return dialect_openai_chat.same->observe_reply(&observer, str_from_cstr(body), &err);
}

TEST(openai_observe, a_plain_reply_has_what_its_operation_gives)
{
    EXPECT_TRUE(is_reply(OP_CHAT,
                         "\n\n {\"choices\":[{}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}} "));
    expect_sum(&observer.usage, 3, 1);
    EXPECT_TRUE(is_reply(OP_COMPLETIONS, "{\"choices\":[{\"text\":\"\"}]}"));
    EXPECT_TRUE(is_reply(OP_EMBEDDINGS, "{\"data\":[{}],\"usage\":{\"total_tokens\":5}}"));
    expect_sum(&observer.usage, 5, 0);
    EXPECT_TRUE(is_reply(OP_MODERATIONS, "{\"results\":[{}]}"));
}

TEST(openai_observe, a_plain_reply_without_that_is_none)
{
    static const char *const bodies[] = {"",
                                         "{",
                                         "{}",
                                         "[]",
                                         "<html></html>",
                                         "{\"choices\":[]}",
                                         "{\"choices\":[ ]}",
                                         "{\"choices\":{}}",
                                         "{\"choices\":null}",
                                         "{\"data\":[{}]}",
                                         "{\"choices\":[{}]",
                                         "{\"choices\":[{}]} {}",
                                         "{\"error\":{\"message\":\"late\"}}",
                                         "{\"choices\":[],\"error\":\"late\"}"};
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++)
        EXPECT_THAT(!is_reply(OP_CHAT, bodies[i]), "%s", bodies[i]);
    EXPECT_FALSE(is_reply(OP_EMBEDDINGS, "{\"choices\":[{}]}"));
    EXPECT_TRUE(is_reply(OP_CHAT, "{\"choices\":[{}],\"error\":null}"));
    arena_done(&arena);
}
