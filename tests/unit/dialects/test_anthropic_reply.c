/* Replies and streams in Anthropic's Messages format, both ways. Each pitfall that concerns them has a test of its
 * number. */
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
    request = (struct chat_request){.model = STR("asked"), .is_stream = true};
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
    return dialect_anthropic.read_reply(&reply, &arena, &in, &request, &failure);
}

static struct str said(const char *json)
{
    EXPECT_THAT(reads(json), "%.*s", STR_ARG(failure.message));
    reply_text(&text, &reply);
    return buf_str(&text);
}
#define REPLY(content, stop)                                                                                 \
    "{\"id\":\"r\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[" content        \
    "],\"stop_reason\":" stop ",\"stop_sequence\":null}"
#define SAYS(lines) "id \"r\"\nmodel \"m\"\nchoice 0\n" lines

TEST(anthropic_reply, its_blocks_are_parts)
{
    EXPECT_STR_EQ(
        said(REPLY("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},"
                   "{\"type\":\"redacted_thinking\",\"data\":\"x\"},"
                   "{\"type\":\"text\",\"text\":\"a\"},"
                   "{\"type\":\"server_tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{}},"
                   "{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{\"x\":1}}",
                   "\"tool_use\"")),
        SAYS("  thinking \"hm\" anthropic \"s\"\n  thinking anthropic \"x\" redacted\n  text \"a\"\n"
             "  other \"server_tool_use\" json "
             "{\"type\":\"server_tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{}}\n"
             "  call \"c\" \"f\" json {\"x\":1}\n  finish tool_calls\n"));
}

TEST(anthropic_reply, sources_are_read)
{
    EXPECT_STR_EQ(
        said(REPLY(
            "{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":\"web_search_result_location\","
            "\"cited_text\":\"q\",\"url\":\"https://x\",\"title\":\"t\",\"encrypted_index\":\"e\"},"
            "{\"type\":\"char_location\",\"cited_text\":\"w\",\"document_index\":0,\"document_title\":\"d\","
            "\"start_char_index\":3,\"end_char_index\":4}]}",
            "\"end_turn\"")),
        SAYS("  text \"a\" cites 0-0 \"https://x\" \"t\" \"q\" cites 0-0 \"d\" \"w\"\n  finish stop\n"));
}

TEST(anthropic_reply, what_is_none_is_refused)
{
    static const char *const rows[] = {
        "[]",
        "{}",
        "{\"content\":[",
        "{\"content\":\"text\",\"stop_reason\":\"end_turn\"}",
        REPLY("", "null"),
        "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_FALSE(reads(rows[i]));
        EXPECT_TRUE(failure.message.len > 0);
    }
    EXPECT_EQ(failure.problem, PROBLEM_UNAVAILABLE);
    EXPECT_STR_EQ(failure.message, "Overloaded");
    EXPECT_TRUE(reads(REPLY("", "\"end_turn\""))); /* it has nothing to say, and says so */
}

TEST(anthropic_reply, every_stop_reason_has_a_finish_pitfall_20)
{
    static const struct {
        const char *word;
        enum chat_finish finish;
        const char *native;
    } rows[] = {
        {"end_turn", FINISH_STOP, ""},
        {"stop_sequence", FINISH_STOP, ""},
        {"pause_turn", FINISH_STOP, "pause_turn"},
        {"max_tokens", FINISH_LENGTH, ""},
        {"model_context_window_exceeded", FINISH_LENGTH, "model_context_window_exceeded"},
        {"tool_use", FINISH_TOOL_CALLS, ""},
        {"refusal", FINISH_FILTER, ""},
        {"a_new_word", FINISH_STOP, "a_new_word"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        begin();
        char json[200];
        snprintf(json, sizeof json,
                 "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}],\"stop_reason\":\"%s\"}", rows[i].word);
        EXPECT_TRUE(reads(json));
        EXPECT_EQ(reply.choices->finish, rows[i].finish);
        EXPECT_STR_EQ(reply.choices->native_finish, rows[i].native);
    }
}

TEST(anthropic_reply, usage_has_parts_that_do_not_overlap_pitfall_22)
{
    static const struct {
        const char *usage, *text;
    } rows[] = {
        {"{\"input_tokens\":5,\"cache_creation_input_tokens\":30,\"cache_read_input_tokens\":7,\"cache_creation\":"
         "{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":20},\"output_tokens\":9,"
         "\"output_tokens_details\":{\"thinking_tokens\":4},\"server_tool_use\":{\"web_search_requests\":2}}",
         "usage in 5 read 7 wrote 10 wrote 1h 20 out 5 reasoning 4 searches 2\n"},
        {"{\"input_tokens\":5,\"cache_creation_input_tokens\":30,\"output_tokens\":9}",
         "usage in 5 wrote 30 out 9\n"},
        /* tools that the service ran: the split is that of the beginning */
        {"{\"input_tokens\":17,\"cache_creation_input_tokens\":11627,\"cache_creation\":"
         "{\"ephemeral_5m_input_tokens\":366,\"ephemeral_1h_input_tokens\":0},\"output_tokens\":6}",
         "usage in 17 wrote 11627 out 6\n"},
        {"{\"input_tokens\":1,\"cache_creation_input_tokens\":50,\"cache_creation\":"
         "{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":40},\"output_tokens\":6}",
         "usage in 1 wrote 1h 50 out 6\n"},
        {"{}", ""},
        {"null", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char json[500];
        snprintf(json, sizeof json, "{\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":%s}",
                 rows[i].usage);
        EXPECT_TRUE(reads(json));
        say_usage(&text, &reply.usage);
        EXPECT_STR_EQ(buf_str(&text), rows[i].text);
    }
}

TEST(anthropic_reply, changed_names_and_missing_ids_are_made_good_pitfall_10)
{
    begin();
    static const char json[] =
        "{\"content\":[{\"type\":\"tool_use\",\"name\":\"%.*s\",\"input\":{}}],\"stop_reason\":\"end_turn\"}";
    struct str name = STR("a.tool"), changed;
    chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION)->name = name;
    struct losses dropped = {0};
    struct upstream_request up = {.arena = &arena, .body = &body};
    struct chat_message *turn = chat_request_add_message(&request, &arena, CHAT_ROLE_USER);
    chat_parts_add(&turn->parts, &arena, CHAT_TEXT)->text = STR("hi");
    EXPECT_TRUE(dialect_anthropic.write_request(&up, &request, &dropped, &failure));
    changed = str_from(buf_str(&body), str_find(buf_str(&body), STR("a_tool")));
    changed = str_cut(&changed, '"');
    struct http_message in = {.body = arena_printf(&arena, json, STR_ARG(changed))};
    EXPECT_TRUE(dialect_anthropic.read_reply(&reply, &arena, &in, &request, &failure));
    EXPECT_STR_EQ(reply.choices->parts.first->name, "a.tool");
    EXPECT_TRUE(reply.choices->parts.first->id.len > 0);
    EXPECT_EQ(reply.choices->finish, FINISH_TOOL_CALLS);
}

/* ---- plain replies, written ---- */
static struct chat_part *add(enum chat_part_kind kind, struct str words)
{
    if (!reply.choices) {
        chat_reply_add_choice(&reply, &arena)->finish = FINISH_STOP;
        reply.id = STR("r");
        reply.model = STR("m");
    }
    struct chat_part *p = chat_parts_add(&reply.choices->parts, &arena, kind);
    p->text = words;
    return p;
}

static struct str written(void)
{
    buf_clear(&body);
    EXPECT_TRUE(dialect_anthropic.write_reply(&body, &reply, &frame));
    return buf_str(&body);
}

static void expect_written(const char *part)
{
    struct str all = written();
    EXPECT_THAT(str_find(all, str_from_cstr(part)) != SIZE_MAX, "%s is not in %.*s", part, STR_ARG(all));
}

TEST(anthropic_reply, is_written_whole_pitfall_33)
{
    begin();
    add(CHAT_TEXT, STR("hi"));
    reply.id = reply.model = STR("");
    reply.usage = (struct usage){.is_known = true,
                                 .input_uncached = 1,
                                 .cache_read = 2,
                                 .cache_write_5m = 3,
                                 .cache_write_1h = 4,
                                 .output = 5,
                                 .reasoning = 6};
    EXPECT_STR_EQ(
        written(),
        "{\"id\":\"msg_abc\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"asked\",\"content\":[{\"type\":"
        "\"text\",\"text\":\"hi\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":1,"
        "\"cache_creation_input_tokens\":7,\"cache_read_input_tokens\":2,\"cache_creation\":{"
        "\"ephemeral_5m_input_tokens\":3,\"ephemeral_1h_input_tokens\":4},\"output_tokens\":11,"
        "\"output_tokens_details\":{\"thinking_tokens\":6},\"service_tier\":\"standard\"}}");
}

TEST(anthropic_reply, thoughts_and_calls_are_blocks_of_their_own_pitfall_26)
{
    begin();
    add(CHAT_THINKING, STR("hm"));
    add(CHAT_TEXT, STR("a"));
    struct chat_part *call = add(CHAT_TOOL_CALL, STR(""));
    call->id = STR("c");
    call->name = STR("a.tool");
    call->signature = STR("sig");
    call->format = CHAT_FORMAT_GEMINI;
    reply.choices->finish = FINISH_TOOL_CALLS;
    expect_written(
        "\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"},{\"type\":\"text\",\"text\":"
        "\"a\"},{\"type\":\"tool_use\",\"id\":\"c__thought__sig\",\"name\":\"a.tool\",\"input\":{}}],"
        "\"stop_reason\":\"tool_use\"");
}

TEST(anthropic_reply, signatures_of_others_are_marked_pitfall_27)
{
    begin();
    struct chat_part *p = add(CHAT_THINKING, STR("hm"));
    p->id = STR("rs_1");
    p->signature = STR("enc");
    p->format = CHAT_FORMAT_OPENAI_RESPONSES;
    expect_written("\"signature\":\"weir.openai.rs_1~enc\"");
    p->format = CHAT_FORMAT_ANTHROPIC;
    expect_written("\"signature\":\"enc\"");
}

TEST(anthropic_reply, why_it_ended_is_said_in_its_words_pitfall_20)
{
    static const struct {
        enum chat_finish finish;
        struct str native, sequence;
        const char *json;
    } rows[] = {
        {FINISH_STOP, STR_INIT(""), STR_INIT(""), "\"stop_reason\":\"end_turn\",\"stop_sequence\":null"},
        {FINISH_STOP, STR_INIT(""), STR_INIT("X"),
         "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"X\""},
        {FINISH_STOP, STR_INIT("pause_turn"), STR_INIT(""), "\"stop_reason\":\"pause_turn\""},
        {FINISH_LENGTH, STR_INIT("length"), STR_INIT(""), "\"stop_reason\":\"max_tokens\""},
        {FINISH_FILTER, STR_INIT("SAFETY"), STR_INIT(""), "\"stop_reason\":\"refusal\""},
        {FINISH_NONE, STR_INIT(""), STR_INIT(""), "\"stop_reason\":\"end_turn\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        begin();
        add(CHAT_TEXT, STR("a"));
        reply.choices->finish = rows[i].finish;
        reply.choices->native_finish = rows[i].native;
        reply.choices->stop_sequence = rows[i].sequence;
        expect_written(rows[i].json);
    }
    begin();
    add(CHAT_REFUSAL, STR("no"));
    expect_written("[{\"type\":\"text\",\"text\":\"no\"}],\"stop_reason\":\"refusal\"");
}

/* ---- streams, read ---- */
#define EVENT(json) "data: " json "\n\n"
#define START                                                                                                  \
    EVENT(                                                                                                     \
        "{\"type\":\"message_start\",\"message\":{\"id\":\"r\",\"model\":\"m\",\"usage\":{\"input_tokens\":5," \
        "\"cache_creation_input_tokens\":30,\"cache_creation\":{\"ephemeral_1h_input_tokens\":30},"            \
        "\"output_tokens\":1}}}")
#define BLOCK(block) EVENT("{\"type\":\"content_block_start\",\"index\":0,\"content_block\":" block "}")
#define DELTA(delta) EVENT("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":" delta "}")
#define BLOCK_STOP EVENT("{\"type\":\"content_block_stop\",\"index\":0   }   ")
#define END(stop)                                                                                            \
    EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":" stop                                     \
          "},\"usage\":{\"output_tokens\":9}}")                                                              \
    EVENT("{\"type\":\"message_stop\"}")
#define HEARS(lines) SAYS(lines "usage in 5 wrote 1h 30 out 9\nstop\n")

static struct stream_run run;
static struct str heard(const char *stream)
{
    begin();
    run = listen_to(&listener, &dialect_anthropic, str_from_cstr(stream), strlen(stream), &request);
    listener_text(&text, &listener);
    return buf_str(&text);
}

TEST(anthropic_stream, blocks_are_parts_pitfall_26)
{
    EXPECT_STR_EQ(
        heard(START BLOCK("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
                  EVENT("{\"type\": \"ping\"}") DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"h\"}")
                      DELTA("{\"type\":\"thinking_delta\",\"thinking\":\"m\"}")
                          DELTA("{\"type\":\"signature_delta\",\"signature\":\"s\"}")
                              BLOCK_STOP BLOCK("{\"type\":\"redacted_thinking\",\"data\":\"x\"}")
                                  BLOCK_STOP BLOCK("{\"type\":\"text\",\"text\":\"\"}")
                                      DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}")
                                          BLOCK_STOP END("\"end_turn\"")),
        HEARS("  thinking \"hm\" anthropic \"s\"\n  thinking anthropic \"x\" redacted\n  text \"a\"\n"
              "  finish stop\n"));
    EXPECT_EQ(run.ending, ENDING_COMPLETE);
    EXPECT_EQ(listener.pings, 1);
}

TEST(anthropic_stream, calls_have_the_arguments_that_came_pitfall_05)
{
    EXPECT_STR_EQ(
        heard(START BLOCK("{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\",\"input\":{}}")
                  DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"\"}") BLOCK_STOP BLOCK(
                      "{\"type\":\"tool_use\",\"id\":\"c2\",\"name\":\"g\",\"input\":{}}")
                      DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"\"}") DELTA(
                          "{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\"\"}")
                          DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\":1}\"}") BLOCK_STOP BLOCK(
                              "{\"type\":\"tool_use\",\"id\":\"c3\",\"name\":\"h\",\"input\":{\"b\":2}}")
                              BLOCK_STOP END("\"tool_use\"")),
        HEARS(
            "  call \"c1\" \"f\" json {}\n  call \"c2\" \"g\" json {\"a\":1}\n  call \"c3\" \"h\" json {\"b\":2}\n"
            "  finish tool_calls\n"));
}

TEST(anthropic_stream, tools_that_the_service_runs_are_passed_over)
{
    EXPECT_STR_EQ(
        heard(
            START BLOCK("{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}")
                DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}")
                    BLOCK_STOP BLOCK("{\"type\":\"web_search_tool_result\",\"content\":[]}") BLOCK_STOP BLOCK(
                        "{\"type\":\"text\",\"text\":\"\"}") DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}")
                        DELTA(
                            "{\"type\":\"citations_delta\",\"citation\":{\"type\":\"web_search_result_location\","
                            "\"cited_text\":\"q\",\"url\":\"u\",\"title\":\"t\"}}")
                            BLOCK_STOP END("\"end_turn\"")),
        HEARS("  text \"a\" cites 0-0 \"u\" \"t\" \"q\"\n  finish stop\n"));
    EXPECT_EQ(listener.pings, 2);
}

TEST(anthropic_stream, counts_are_set_and_what_is_not_said_stays_pitfall_23)
{
    EXPECT_STR_EQ(
        heard(START BLOCK("{\"type\":\"text\",\"text\":\"a\"}") BLOCK_STOP EVENT(
            "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"X\"},"
            "\"usage\":{\"input_tokens\":7,\"cache_creation_input_tokens\":40,\"cache_read_input_tokens\":3,"
            "\"output_tokens\":9,\"output_tokens_details\":{\"thinking_tokens\":2}}}")
                  EVENT("{\"type\":\"message_stop\"}")),
        SAYS(
            "  text \"a\"\n  finish stop at \"X\"\nusage in 7 read 3 wrote 1h 40 out 7 reasoning 2\nstop\n"));
}

TEST(anthropic_stream, an_error_in_it_is_the_last_that_is_said_pitfall_32)
{
    EXPECT_STR_EQ(heard(START BLOCK("{\"type\":\"text\",\"text\":\"\"}")
                            DELTA("{\"type\":\"text_delta\",\"text\":\"a\"}") "event: error\n" EVENT(
                                "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                                "\"message\":\"Overloaded\"}}") END("\"end_turn\"")),
                  "id \"r\"\nmodel \"m\"\nchoice 0\n  text\n  finish none\nusage in 5 wrote 1h 30 out 1\n"
                  "choice 0 has an open part \"a\"\nerror 12 0 \"Overloaded\"\nno stop\n");
    EXPECT_EQ(run.ending, ENDING_INCOMPLETE);
    EXPECT_EQ(listener.problem, PROBLEM_UNAVAILABLE);
}

TEST(anthropic_stream, it_is_complete_with_a_stop_reason_or_message_stop)
{
    static const char text_block[] = START BLOCK("{\"type\":\"text\",\"text\":\"a\"}") BLOCK_STOP;
    static const struct {
        const char *rest;
        enum ending ending;
    } rows[] = {
        {"", ENDING_INCOMPLETE},
        {END("null"), ENDING_COMPLETE},
        {EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}"), ENDING_COMPLETE},
        {EVENT("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null}}"), ENDING_INCOMPLETE},
        {EVENT("no json") END("\"end_turn\""), ENDING_INCOMPLETE},
        {DELTA("[]") END("\"end_turn\""), ENDING_INCOMPLETE},
        {DELTA("{\"type\":\"input_json_delta\",\"partial_json\":\"x\"}") END("\"end_turn\""),
         ENDING_INCOMPLETE},
        {EVENT("{\"type\":\"something_new\"}") END("\"end_turn\""), ENDING_COMPLETE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char stream[2000];
        snprintf(stream, sizeof stream, "%s%s", text_block, rows[i].rest);
        heard(stream);
        EXPECT_THAT(run.ending == rows[i].ending, "row %zu ends as %d", i, run.ending);
    }
    (void)heard(START END("null"));
    EXPECT_EQ(run.ending, ENDING_INCOMPLETE); /* nothing was said, not even why it ended */
}

/* ---- streams, written ---- */
static struct event_writer *writer;

static void write(struct chat_event e)
{
    EXPECT_TRUE(dialect_anthropic.write_event(writer, &body, &e));
}

static void open_stream(void)
{
    begin();
    writer = dialect_anthropic.open_writer(&frame);
    write((struct chat_event){.kind = CHAT_EVENT_START, .name = STR("m")});
    buf_clear(&body);
}

#define W_EVENT(name, json) "event: " name "\ndata: " json "\n\n"
#define W_START(index, block)                                                                                \
    W_EVENT("content_block_start",                                                                           \
            "{\"type\":\"content_block_start\",\"index\":" index ",\"content_block\":" block "}")
#define W_DELTA(index, delta)                                                                                \
    W_EVENT("content_block_delta",                                                                           \
            "{\"type\":\"content_block_delta\",\"index\":" index ",\"delta\":{\"type\":" delta "}}")
#define W_STOP(index) W_EVENT("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":" index "}")
#define W_PING W_EVENT("ping", "{\"type\": \"ping\"}")

static void say_part(enum chat_part_kind kind, struct str words)
{
    write((struct chat_event){.kind = CHAT_EVENT_BEGIN, .part_kind = kind, .id = STR("c"), .name = STR("f")});
    if (words.len > 0) write((struct chat_event){.kind = CHAT_EVENT_DELTA, .part_kind = kind, .text = words});
}

static void end_part(enum chat_part_kind kind)
{
    write((struct chat_event){.kind = CHAT_EVENT_END, .part_kind = kind});
}

TEST(anthropic_stream, begins_with_one_message_start_pitfall_33)
{
    begin();
    writer = dialect_anthropic.open_writer(&frame);
    const struct usage usage = {.is_known = true, .input_uncached = 5};
    write((struct chat_event){.kind = CHAT_EVENT_START, .usage = &usage});
    EXPECT_STR_EQ(
        buf_str(&body),
        W_EVENT(
            "message_start",
            "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_abc\",\"type\":\"message\",\"role\":"
            "\"assistant\",\"model\":\"asked\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
            "\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
            "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"
            "\"output_tokens\":0,\"service_tier\":\"standard\"}}}"));
}

TEST(anthropic_stream, is_written_in_the_order_of_the_real_service_pitfall_25)
{
    open_stream();
    say_part(CHAT_THINKING, STR("hm"));
    write((struct chat_event){.kind = CHAT_EVENT_SIGNATURE,
                              .part_kind = CHAT_THINKING,
                              .signature = STR("s"),
                              .format = CHAT_FORMAT_ANTHROPIC});
    end_part(CHAT_THINKING);
    say_part(CHAT_TEXT, STR("a\n"));
    end_part(CHAT_TEXT);
    say_part(CHAT_TOOL_CALL, STR("{\"x\":1}"));
    end_part(CHAT_TOOL_CALL);
    EXPECT_STR_EQ(buf_str(&body),
                  W_START("0", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
                      W_PING W_DELTA("0", "\"thinking_delta\",\"thinking\":\"hm\"")
                          W_DELTA("0", "\"signature_delta\",\"signature\":\"s\"") W_STOP("0")
                              W_START("1", "{\"type\":\"text\",\"text\":\"\"}")
                                  W_DELTA("1", "\"text_delta\",\"text\":\"a\\n\"") W_STOP("1") W_START(
                                      "2", "{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\",\"input\":{}}")
                                      W_DELTA("2", "\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":1}\"")
                                          W_STOP("2"));
}

TEST(anthropic_stream, its_end_waits_for_the_usage_pitfall_24)
{
    open_stream();
    struct usage usage = {.is_known = true, .input_uncached = 5, .cache_read = 2, .output = 3};
    write((struct chat_event){.kind = CHAT_EVENT_FINISH, .finish = FINISH_STOP, .stop_sequence = STR("X")});
    EXPECT_STR_EQ(buf_str(&body), "");
    write((struct chat_event){.kind = CHAT_EVENT_USAGE, .usage = &usage});
    write((struct chat_event){.kind = CHAT_EVENT_STOP, .usage = &usage});
    EXPECT_STR_EQ(
        buf_str(&body),
        W_EVENT("message_delta",
                "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":"
                "\"X\"},\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":0,"
                "\"cache_read_input_tokens\":2,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"
                "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":3,\"service_tier\":\"standard\"}}")
            W_EVENT("message_stop", "{\"type\":\"message_stop\"}"));
    write((struct chat_event){.kind = CHAT_EVENT_PING});
    EXPECT_TRUE(str_ends_with(buf_str(&body), STR("{\"type\":\"message_stop\"}\n\n")));
}

TEST(anthropic_stream, parts_without_a_block_are_not_counted)
{
    open_stream();
    const struct chat_media image = {.data = STR("AA==")}, sound = {.id = STR("s")};
    write((struct chat_event){.kind = CHAT_EVENT_BEGIN, .part_kind = CHAT_IMAGE, .media = &image});
    end_part(CHAT_IMAGE);
    EXPECT_STR_EQ(buf_str(&body), "");
    write((struct chat_event){.kind = CHAT_EVENT_BEGIN, .part_kind = CHAT_AUDIO, .media = &sound});
    write((struct chat_event){.kind = CHAT_EVENT_DELTA, .part_kind = CHAT_AUDIO, .text = STR("AA==")});
    write((struct chat_event){.kind = CHAT_EVENT_TRANSCRIPT, .part_kind = CHAT_AUDIO, .text = STR("hi")});
    end_part(CHAT_AUDIO);
    EXPECT_STR_EQ(buf_str(&body), W_START("0", "{\"type\":\"text\",\"text\":\"\"}")
                                      W_PING W_DELTA("0", "\"text_delta\",\"text\":\"hi\"") W_STOP("0"));
}

TEST(anthropic_stream, signatures_of_others_are_marked_pitfall_28)
{
    open_stream();
    write((struct chat_event){.kind = CHAT_EVENT_BEGIN, .part_kind = CHAT_THINKING, .id = STR("rs_1")});
    write((struct chat_event){.kind = CHAT_EVENT_SIGNATURE,
                              .part_kind = CHAT_THINKING,
                              .signature = STR("enc"),
                              .format = CHAT_FORMAT_OPENAI_RESPONSES});
    end_part(CHAT_THINKING);
    write((struct chat_event){.kind = CHAT_EVENT_BEGIN,
                              .part_kind = CHAT_TOOL_CALL,
                              .id = STR("c"),
                              .name = STR("f"),
                              .signature = STR("sig"),
                              .format = CHAT_FORMAT_GEMINI});
    EXPECT_TRUE(str_find(buf_str(&body), STR("\"signature\":\"weir.openai.rs_1~enc\"")) != SIZE_MAX);
    EXPECT_TRUE(str_find(buf_str(&body), STR("\"id\":\"c__thought__sig\"")) != SIZE_MAX);
}

TEST(anthropic_stream, an_error_ends_it_without_message_stop_pitfall_32)
{
    open_stream();
    const struct chat_error e = {.problem = PROBLEM_UNAVAILABLE, .message = STR("full")};
    write((struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &e});
    write((struct chat_event){.kind = CHAT_EVENT_STOP});
    EXPECT_STR_EQ(buf_str(&body),
                  W_EVENT("error", "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
                                   "\"full\"},\"request_id\":null}"));
}

TEST(anthropic_stream, pings_keep_it_alive_pitfall_35)
{
    open_stream();
    write((struct chat_event){.kind = CHAT_EVENT_PING});
    EXPECT_STR_EQ(buf_str(&body), W_PING);
    EXPECT_STR_EQ(dialect_anthropic.keepalive, W_PING);
}
