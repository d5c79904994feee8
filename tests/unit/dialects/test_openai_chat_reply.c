/* Replies and streams in OpenAI's chat format, both ways. Each pitfall that concerns them has a test of its number. */
#include "test.h"

#include "neutral.h"

static struct arena arena;
static struct buf text, body;
static struct chat_request request;
static struct chat_reply reply;
static struct chat_error failure;
static struct reply_frame frame;
static struct listener listener;

static void begin(void)
{
    listener_done(&listener);
    arena_done(&arena);
    buf_done(&text);
    buf_done(&body);
    buf_init(&text, 1 << 20);
    buf_init(&body, 1 << 20);
    request = (struct chat_request){.model = STR("asked")};
    reply = (struct chat_reply){0};
    failure = (struct chat_error){0};
    frame = (struct reply_frame){&arena, &request, STR("abc"), STR("asked"), 5};
    listener_init(&listener, &arena);
}

/* ---- plain replies, read ---- */
static bool reads(const char *json)
{
    begin();
    struct http_message in = {.status = 200, .body = str_from_cstr(json)};
    return dialect_openai_chat.read_reply(&reply, &arena, &in, &request, &failure);
}

static struct str said(const char *json)
{
    EXPECT_THAT(reads(json), "%.*s", STR_ARG(failure.message));
    reply_text(&text, &reply);
    return buf_str(&text);
}
#define REPLY(message, finish)                                                                               \
    "{\"id\":\"r\",\"model\":\"m\",\"created\":9,\"choices\":[{\"index\":0,\"message\":" message             \
    ",\"finish_reason\":" finish "}]}"
#define SAYS(lines) "id \"r\"\nmodel \"m\"\ncreated 9\nchoice 0\n" lines

TEST(openai_chat_reply, words_thoughts_calls_and_refusals_are_read)
{
    EXPECT_STR_EQ(
        said(REPLY("{\"content\":\"a\",\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":\"c\",\"type\":"
                   "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}",
                   "\"tool_calls\"")),
        SAYS("  thinking \"hm\"\n  text \"a\"\n  call \"c\" \"f\" json {}\n  finish tool_calls\n"));
    EXPECT_STR_EQ(said(REPLY("{\"content\":null,\"refusal\":\"no\"}", "\"stop\"")),
                  SAYS("  refusal \"no\"\n  finish stop\n"));
    EXPECT_STR_EQ(said(REPLY("{\"content\":{\"age\":5}}", "\"stop\"")), /* Cloudflare */
                  SAYS("  text \"{\\\"age\\\":5}\"\n  finish stop\n"));
    EXPECT_STR_EQ(
        said(REPLY(
            "{\"content\":\"a\",\"refusal\":\"\",\"audio\":{\"id\":\"\",\"data\":\"\"},\"function_call\":"
            "{\"name\":\"\",\"arguments\":\"\"},\"tool_calls\":null}",
            "\"\"")), /* Snowflake */
        SAYS("  text \"a\"\n  finish stop\n"));
}

TEST(openai_chat_reply, thoughts_with_signatures_are_read_once)
{
    EXPECT_STR_EQ(
        said(REPLY(
            "{\"content\":\"a\",\"reasoning\":\"hm\",\"reasoning_details\":[{\"type\":\"reasoning.text\","
            "\"text\":\"hm\",\"signature\":\"s\",\"format\":\"anthropic-claude-v1\"},{\"type\":"
            "\"reasoning.encrypted\",\"data\":\"x\",\"format\":\"anthropic-claude-v1\"}]}",
            "\"stop\"")),
        SAYS("  thinking \"hm\" anthropic \"s\"\n  thinking anthropic \"x\" redacted\n  text \"a\"\n"
             "  finish stop\n"));
}

TEST(openai_chat_reply, what_is_none_is_refused)
{
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"", "The provider's reply is not JSON: "},
        {"{\"choices\":[]}", "The provider's reply has no choices."},
        {"[]", "The provider's reply has no choices."},
        {"{\"error\":{\"message\":\"busy\",\"code\":429}}", "busy"},
        {"{\"error\":\"busy\"}", "busy"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_FALSE(reads(rows[i].json));
        EXPECT_TRUE(str_starts_with(failure.message, str_from_cstr(rows[i].message)));
    }
    EXPECT_FALSE(reads("{\"error\":{\"message\":\"busy\",\"code\":429}}"));
    EXPECT_EQ(failure.problem, PROBLEM_RATE_LIMITED);
}

TEST(openai_chat_reply, a_stop_with_calls_is_tool_calls_pitfall_21)
{
    EXPECT_TRUE(reads(REPLY(
        "{\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}", "\"stop\"")));
    EXPECT_EQ(reply.choices->finish, FINISH_TOOL_CALLS);
}

TEST(openai_chat_reply, every_finish_has_one_of_five_words_and_keeps_its_own_pitfall_20)
{
    static const struct {
        const char *word;
        enum chat_finish finish;
        const char *native;
    } rows[] = {
        {"\"stop\"", FINISH_STOP, ""},
        {"\"length\"", FINISH_LENGTH, ""},
        {"\"content_filter\"", FINISH_FILTER, ""},
        {"\"eos\"", FINISH_STOP, "eos"},
        {"\"insufficient\"", FINISH_STOP, "insufficient"},
        {"\"model_length\"", FINISH_LENGTH, "model_length"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":%s}]}",
                 rows[i].word);
        EXPECT_TRUE(reads(json));
        EXPECT_EQ(reply.choices->finish, rows[i].finish);
        EXPECT_STR_EQ(reply.choices->native_finish, rows[i].native);
    }
}

TEST(openai_chat_reply, calls_without_an_id_get_one_that_stays_pitfall_30)
{
    static const char json[] = REPLY(
        "{\"tool_calls\":[{\"id\":\"\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
        "{\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}",
        "\"tool_calls\"");
    EXPECT_TRUE(reads(json));
    char first[64];
    const struct chat_part *call = reply.choices->parts.first;
    snprintf(first, sizeof first, "%.*s", STR_ARG(call->id));
    EXPECT_TRUE(call->id.len > 0 && !str_equals(call->id, call->next->id));
    EXPECT_TRUE(reads(json));
    EXPECT_STR_EQ(reply.choices->parts.first->id, first);
}

TEST(openai_chat_reply, changed_names_of_tools_are_the_callers_again_pitfall_10)
{
    struct str name = STR("a.tool"), changed;
    begin();
    chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION)->name = name;
    changed = STR("a_tool");
    struct buf up_body;
    struct losses dropped = {0};
    buf_init(&up_body, 1 << 16);
    struct upstream_request up = {.arena = &arena, .body = &up_body};
    EXPECT_TRUE(dialect_openai_chat.write_request(&up, &request, &dropped, &failure));
    struct str all = buf_str(&up_body);
    size_t at = str_find(all, changed);
    changed = str_part(all, at, str_find_char(str_from(all, at), '"'));
    struct http_message in = {
        .body = arena_printf(
            &arena,
            "{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"%.*s\"}}]}}]}",
            STR_ARG(changed))};
    EXPECT_TRUE(dialect_openai_chat.read_reply(&reply, &arena, &in, &request, &failure));
    EXPECT_STR_EQ(reply.choices->parts.first->name, "a.tool");
    buf_done(&up_body);
}

/* ---- plain replies, written ---- */
static struct chat_part *add(enum chat_part_kind kind, struct str words)
{
    if (!reply.choices) {
        chat_reply_add_choice(&reply, &arena)->finish = FINISH_STOP;
        reply.id = STR("r");
        reply.model = STR("m");
        reply.created_s = 9;
    }
    struct chat_part *p = chat_parts_add(&reply.choices->parts, &arena, kind);
    p->text = words;
    return p;
}

static struct str written(void)
{
    buf_clear(&body);
    EXPECT_TRUE(dialect_openai_chat.write_reply(&body, &reply, &frame));
    return buf_str(&body);
}
#define WRITES(message, finish)                                                                              \
    "{\"id\":\"r\",\"object\":\"chat.completion\",\"created\":9,\"model\":\"m\",\"choices\":[{\"index\":0,"  \
    "\"message\":{\"role\":\"assistant\"," message "},\"logprobs\":null,\"finish_reason\":\"" finish "\"}]"

TEST(openai_chat_reply, texts_and_thoughts_are_one_string_each_pitfall_15)
{
    begin();
    add(CHAT_THINKING, STR("h"));
    add(CHAT_THINKING, STR("m"));
    add(CHAT_TEXT, STR("one "));
    add(CHAT_TEXT, STR("two"));
    EXPECT_STR_EQ(written(), WRITES("\"content\":\"one two\",\"refusal\":null,\"reasoning_content\":\"hm\"",
                                    "stop") "}");
}

TEST(openai_chat_reply, a_signature_rides_in_the_first_calls_id_pitfall_28)
{
    begin();
    struct chat_part *p = add(CHAT_THINKING, STR("hm"));
    p->signature = STR("c2ln");
    p->format = CHAT_FORMAT_ANTHROPIC;
    p = add(CHAT_TOOL_CALL, STR(""));
    p->id = STR("a");
    p->name = STR("f");
    p = add(CHAT_TOOL_CALL, STR(""));
    p->id = STR("b");
    p->name = STR("g");
    p->json = STR("{\"x\":1}");
    reply.choices->finish = FINISH_TOOL_CALLS;
    EXPECT_STR_EQ(
        written(),
        WRITES(
            "\"content\":null,\"refusal\":null,\"reasoning_content\":\"hm\",\"reasoning_details\":[{\"type\":"
            "\"reasoning.text\",\"text\":\"hm\",\"signature\":\"c2ln\",\"format\":\"anthropic-claude-v1\","
            "\"index\":0}],\"tool_calls\":[{\"id\":\"a__thought__a.c2ln\",\"type\":\"function\",\"function\":{"
            "\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":"
            "\"g\",\"arguments\":\"{\\\"x\\\":1}\"}}]",
            "tool_calls") "}");
}

TEST(openai_chat_reply, prompts_hold_what_was_cached_and_completions_what_was_thought_pitfall_22)
{
    begin();
    add(CHAT_TEXT, STR("a"));
    reply.usage = (struct usage){.input_uncached = 1,
                                 .cache_read = 10,
                                 .cache_write_5m = 100,
                                 .cache_write_1h = 1000,
                                 .output = 5,
                                 .reasoning = 50,
                                 .is_known = true};
    EXPECT_STR_EQ(
        written(),
        WRITES(
            "\"content\":\"a\",\"refusal\":null",
            "stop") ",\"usage\":{\"prompt_tokens\":1111,\"completion_tokens\":55,\"total_tokens\":1166,"
                    "\"prompt_tokens_details\":{\"cached_tokens\":10,\"audio_tokens\":0,\"cache_write_tokens\":1100},"
                    "\"completion_tokens_details\":{\"reasoning_tokens\":50,\"audio_tokens\":0,"
                    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}");
}

TEST(openai_chat_reply, what_the_provider_leaves_out_comes_from_the_frame_pitfall_33)
{
    begin();
    chat_reply_add_choice(&reply, &arena)->finish = FINISH_FILTER;
    EXPECT_STR_EQ(
        written(),
        "{\"id\":\"chatcmpl-abc\",\"object\":\"chat.completion\",\"created\":5,\"model\":\"asked\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},"
        "\"logprobs\":null,\"finish_reason\":\"content_filter\"}]}");
}

/* ---- streams, read ---- */
static struct stream_run run;

static struct str heard(const char *stream)
{
    begin();
    run = listen_to(&listener, &dialect_openai_chat, str_from_cstr(stream), 1 << 20, &request);
    listener_text(&text, &listener);
    return buf_str(&text);
}
#define CHUNK(delta, finish)                                                                                 \
    "data: {\"id\":\"r\",\"model\":\"m\",\"created\":9,\"choices\":[{\"index\":0,\"delta\":{" delta          \
    "},\"finish_reason\":" finish "}]}\n\n"
#define CALL(index, rest) CHUNK("\"tool_calls\":[{\"index\":" index "," rest "}]", "null")
#define NAMED(index, id, name)                                                                               \
    CALL(index,                                                                                              \
         "\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"\"}")
#define ARGUMENTS(index, piece) CALL(index, "\"function\":{\"arguments\":\"" piece "\"}")
#define DONE "data: [DONE]\n\n"

TEST(openai_chat_stream, words_and_thoughts_are_parts_of_their_own_pitfall_26)
{
    EXPECT_STR_EQ(heard(CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null")
                            CHUNK("\"reasoning_content\":\"h\"", "null") CHUNK("\"reasoning\":\"m\"", "null")
                                CHUNK("\"content\":\"a\"", "null") CHUNK("\"content\":\"b\"", "null")
                                    CHUNK("", "\"stop\"") DONE),
                  SAYS("  thinking \"hm\"\n  text \"ab\"\n  finish stop\nstop\n"));
    EXPECT_EQ(run.ending, ENDING_COMPLETE);
}

TEST(openai_chat_stream, calls_in_any_order_are_one_after_the_other_pitfall_06)
{
    EXPECT_STR_EQ(
        heard(NAMED("0", "a", "f") ARGUMENTS("0", "{\\\"x\\\"") NAMED("1", "b", "g") ARGUMENTS(
            "1", "{\\\"y\\\"") ARGUMENTS("0", ":1}") ARGUMENTS("1", ":2}") CHUNK("", "\"tool_calls\"") DONE),
        SAYS(
            "  call \"a\" \"f\" json {\"x\":1}\n  call \"b\" \"g\" json {\"y\":2}\n  finish tool_calls\nstop\n"));
}

TEST(openai_chat_stream, calls_with_one_index_or_none_are_told_apart_by_their_ids)
{
    EXPECT_STR_EQ(
        heard(CALL("0", "\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
                  CALL("0", "\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}") CHUNK(
                      "\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"h\",\"arguments\":\"{}\"}}]",
                      "\"tool_calls\"") DONE),
        SAYS("  call \"a\" \"f\" json {}\n  call \"b\" \"g\" json {}\n  call \"c\" \"h\" json {}\n"
             "  finish tool_calls\nstop\n"));
}

TEST(openai_chat_stream, two_calls_without_arguments_are_both_there_pitfall_05)
{
    EXPECT_STR_EQ(
        heard(NAMED("0", "a", "f") NAMED("1", "b", "g") CHUNK("", "\"stop\"")),
        SAYS("  call \"a\" \"f\" json {}\n  call \"b\" \"g\" json {}\n  finish tool_calls\nstop\n"));
    EXPECT_EQ(run.ending, ENDING_COMPLETE); /* without [DONE] */
}

TEST(openai_chat_stream, arguments_without_a_call_are_malformed)
{
    (void)heard(ARGUMENTS("0", "{}"));
    EXPECT_TRUE(run.is_malformed);
    (void)heard(CALL("0", "\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}")
                    CHUNK("\"content\":\"x\"", "null") ARGUMENTS("0", "{}"));
    EXPECT_TRUE(run.is_malformed);
    (void)heard("data: {\"choices\":[5]}\n\n");
    EXPECT_TRUE(run.is_malformed);
    (void)heard("data: nonsense\n\n");
    EXPECT_TRUE(run.is_malformed);
}

TEST(openai_chat_stream, the_last_usage_counts_wherever_it_stands_pitfall_23)
{
#define USAGE(n) "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":" n ",\"total_tokens\":9}"
    EXPECT_STR_EQ(
        heard(
            "data: {\"id\":\"r\",\"model\":\"m\",\"created\":9,\"choices\":[{\"delta\":{\"content\":\"a\"}}]," USAGE(
                "1") "}\n\n" CHUNK("", "\"stop\"") "data: {\"choices\":[],\"usage\":null}\n\n"
                                                   "data: {\"choices\":[]," USAGE("2") "}\n\n" DONE),
        SAYS("  text \"a\"\n  finish stop\nusage in 7 out 2\nstop\n"));
}

TEST(openai_chat_stream, an_error_in_it_is_the_last_that_is_said_pitfall_32)
{
    EXPECT_STR_EQ(
        heard(CHUNK("\"content\":\"a\"",
                    "null") "event: error\ndata: {\"error\":{\"message\":\"busy\",\"code\":"
                            "\"overloaded\",\"status_code\":503}}\n\n" CHUNK("\"content\":\"b\"", "\"stop\"")
                                DONE),
        SAYS(
            "  text\n  finish none\nchoice 0 has an open part \"a\"\nerror 12 0 code \"overloaded\" \"busy\"\n"
            "no stop\n"));
    EXPECT_EQ(run.ending, ENDING_INCOMPLETE);
    EXPECT_EQ(listener.problem, PROBLEM_UNAVAILABLE);
}

TEST(openai_chat_stream, it_is_complete_with_a_finish_or_done_and_not_without)
{
    (void)heard(CHUNK("\"content\":\"a\"", "null"));
    EXPECT_EQ(run.ending, ENDING_INCOMPLETE);
    (void)heard(CHUNK("\"content\":\"a\"", "null") DONE);
    EXPECT_EQ(run.ending, ENDING_COMPLETE);
    (void)heard(CHUNK("\"role\":\"assistant\"", "null") DONE);
    EXPECT_EQ(run.ending, ENDING_INCOMPLETE);
    (void)heard(CHUNK("", "\"length\"") CHUNK("\"content\":\"late\"", "\"length\"") DONE);
    EXPECT_EQ(run.ending, ENDING_COMPLETE);
}

TEST(openai_chat_stream, signatures_find_the_thought_or_the_call_they_belong_to_pitfall_27)
{
#define DETAIL(detail) CHUNK("\"reasoning_details\":[{" detail "}]", "null")
    EXPECT_STR_EQ(
        heard(CHUNK("\"reasoning\":\"h\"", "null") DETAIL(
            "\"type\":\"reasoning.text\",\"signature\":\"s1\",\"format\":\"anthropic-claude-v1\"")
                  CHUNK("\"reasoning\":\"m\"", "null")
                      DETAIL("\"type\":\"reasoning.encrypted\",\"data\":\"s2\",\"format\":"
                             "\"google-gemini-v1\",\"id\":\"b\"") NAMED("0", "b", "f") CHUNK("", "\"stop\"")),
        SAYS("  thinking \"h\" anthropic \"s1\"\n  thinking \"m\"\n  call \"b\" \"f\" json {} gemini \"s2\"\n"
             "  finish tool_calls\nstop\n"));
}

TEST(openai_chat_stream, sounds_sources_and_refusals_are_parts_too)
{
    EXPECT_STR_EQ(
        heard(CHUNK("\"audio\":{\"id\":\"i\",\"transcript\":\"he\"}", "null")
                  CHUNK("\"audio\":{\"data\":\"AA\"}", "null")
                      CHUNK("\"audio\":{\"data\":\"BB\",\"transcript\":\"y\"}", "null")
                          CHUNK("\"refusal\":\"no\"", "\"stop\"") DONE),
        SAYS("  audio data \"AABB\" text \"hey\" id \"i\"\n  refusal \"no\"\n  finish stop\nstop\n"));
    EXPECT_STR_EQ(heard(CHUNK("\"content\":\"a\"", "null") CHUNK(
                      "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\","
                      "\"title\":\"t\",\"start_index\":0,\"end_index\":1}}]",
                      "\"stop\"") DONE),
                  SAYS("  text \"a\" cites 0-1 \"u\" \"t\"\n  finish stop\nstop\n"));
}

TEST(openai_chat_stream, a_function_call_of_2023_is_a_call)
{
    (void)heard(CHUNK("\"function_call\":{\"name\":\"f\",\"arguments\":\"\"}", "null") CHUNK(
        "\"function_call\":{\"arguments\":\"{\\\"x\\\":1}\"}", "null") CHUNK("", "\"function_call\"") DONE);
    EXPECT_STR_EQ(listener.reply.choices->parts.first->json, "{\"x\":1}");
    EXPECT_EQ(listener.reply.choices->finish, FINISH_TOOL_CALLS);
}

/* ---- streams, written ---- */
static struct event_writer *writer;
#define HEAD                                                                                                 \
    "data: {\"id\":\"r\",\"object\":\"chat.completion.chunk\",\"created\":9,\"model\":\"m\",\"choices\":["
#define DELTA(delta) HEAD "{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
#define ROLE(content) DELTA("\"role\":\"assistant\",\"content\":" content ",\"refusal\":null")
#define FINISHED(word)                                                                                       \
    HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"" word "\"}]}\n\n"

static void tell(struct chat_event e)
{
    EXPECT_TRUE(dialect_openai_chat.write_event(writer, &body, &e));
}

static void tell_start(void)
{
    begin();
    writer = dialect_openai_chat.open_writer(&frame);
    tell((struct chat_event){.kind = CHAT_EVENT_START, .id = STR("r"), .name = STR("m"), .created_s = 9});
}

static void tell_part(enum chat_part_kind kind, struct str id, struct str words)
{
    tell((struct chat_event){.kind = CHAT_EVENT_BEGIN, .part_kind = kind, .id = id, .name = STR("f")});
    if (words.len > 0) tell((struct chat_event){.kind = CHAT_EVENT_DELTA, .part_kind = kind, .text = words});
}

static void tell_end(enum chat_part_kind kind)
{
    tell((struct chat_event){.kind = CHAT_EVENT_END, .part_kind = kind});
}

static void tell_finish(enum chat_finish finish, const struct usage *usage)
{
    tell((struct chat_event){.kind = CHAT_EVENT_FINISH, .finish = finish});
    tell((struct chat_event){.kind = CHAT_EVENT_STOP, .usage = usage});
}
static const struct usage seven = {.input_uncached = 5, .output = 2, .is_known = true};

TEST(openai_chat_stream, is_written_in_the_order_of_the_real_service_pitfall_25)
{
    tell_start();
    tell_part(CHAT_THINKING, STR(""), STR("hm"));
    tell_end(CHAT_THINKING);
    tell_part(CHAT_TEXT, STR(""), STR("a\"\n"));
    tell_end(CHAT_TEXT);
    tell_finish(FINISH_STOP, &seven);
    EXPECT_STR_EQ(buf_str(&body), ROLE("null") DELTA("\"reasoning_content\":\"hm\"")
                                      DELTA("\"content\":\"a\\\"\\n\"") FINISHED("stop") DONE);
}

TEST(openai_chat_stream, its_calls_count_from_0_and_have_arguments_pitfall_05)
{
    tell_start();
    tell_part(CHAT_TEXT, STR(""), STR("a"));
    tell_end(CHAT_TEXT);
    tell_part(CHAT_TOOL_CALL, STR("x"), STR(""));
    tell_end(CHAT_TOOL_CALL);
    tell_part(CHAT_TOOL_CALL, STR("y"), STR("{\"q\":1}"));
    tell_end(CHAT_TOOL_CALL);
    tell_finish(FINISH_TOOL_CALLS, &seven);
#define BEGUN(index, id)                                                                                     \
    DELTA("\"tool_calls\":[{\"index\":" index ",\"id\":\"" id                                                \
          "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]")
#define GIVEN(index, json)                                                                                   \
    DELTA("\"tool_calls\":[{\"index\":" index ",\"function\":{\"arguments\":\"" json "\"}}]")
    EXPECT_STR_EQ(buf_str(&body),
                  ROLE("\"\"") DELTA("\"content\":\"a\"") BEGUN("0", "x") GIVEN("0", "{}") BEGUN("1", "y")
                      GIVEN("1", "{\\\"q\\\":1}") FINISHED("tool_calls") DONE);
}

TEST(openai_chat_stream, usage_is_one_last_chunk_and_only_if_asked_for_pitfall_24)
{
    tell_start();
    request.wants_stream_usage = true;
    tell((struct chat_event){.kind = CHAT_EVENT_START, .id = STR("r"), .name = STR("m"), .created_s = 9});
    tell_part(CHAT_TEXT, STR(""), STR("a"));
    tell((struct chat_event){.kind = CHAT_EVENT_USAGE, .usage = &seven});
    tell_end(CHAT_TEXT);
    tell_finish(FINISH_STOP, &seven);
    struct str all = buf_str(&body);
    size_t at = str_find(
        all, STR(HEAD "],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7,"));
    EXPECT_TRUE(at != SIZE_MAX && str_find(str_part(all, 0, at), STR("prompt_tokens")) == SIZE_MAX);
    EXPECT_TRUE(str_find(all, STR("\"finish_reason\":\"stop\"}],\"usage\":null}\n\n")) < at);
    EXPECT_TRUE(str_ends_with(all, STR("}}\n\n" DONE)));
}

TEST(openai_chat_stream, an_error_ends_it_without_done_pitfall_32)
{
    tell_start();
    tell_part(CHAT_TEXT, STR(""), STR("a"));
    struct chat_error busy = {.problem = PROBLEM_UNAVAILABLE, .message = STR("busy")};
    tell((struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &busy});
    tell((struct chat_event){.kind = CHAT_EVENT_STOP, .usage = &seven});
    EXPECT_STR_EQ(
        buf_str(&body),
        ROLE("\"\"") DELTA(
            "\"content\":\"a\"") "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\",\"param\":null,\"code\":"
                                 "\"service_unavailable\"}}\n\n");
}

TEST(openai_chat_stream, pings_keep_it_alive_pitfall_35)
{
    tell_start();
    tell((struct chat_event){.kind = CHAT_EVENT_PING});
    EXPECT_STR_EQ(buf_str(&body), ": keep-alive\n\n");
}

TEST(openai_chat_stream, a_thoughts_signature_is_a_detail_and_rides_in_the_next_id_pitfall_27)
{
    tell_start();
    tell_part(CHAT_THINKING, STR(""), STR("hm"));
    tell((struct chat_event){.kind = CHAT_EVENT_SIGNATURE,
                             .part_kind = CHAT_THINKING,
                             .signature = STR("c2ln"),
                             .format = CHAT_FORMAT_ANTHROPIC});
    tell_end(CHAT_THINKING);
    tell_part(CHAT_TOOL_CALL, STR("x"), STR("{}"));
    EXPECT_STR_EQ(
        buf_str(&body),
        ROLE("null") DELTA("\"reasoning_content\":\"hm\"")
            DELTA("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"\",\"signature\":\"c2ln\","
                  "\"format\":\"anthropic-claude-v1\",\"index\":0}]") BEGUN("0", "x__thought__a.c2ln")
                GIVEN("0", "{}"));
}
