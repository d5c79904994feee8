/* Requests in Anthropic's Messages format: what is read means what it says, what is written says what was meant. Each
 * pitfall that concerns this format has a test of its number. */
#include "test.h"

#include "neutral.h"

static struct arena arena;
static struct buf text, body;
static struct chat_request request;
static struct chat_error failure;
static struct losses dropped;
static struct model_traits traits;
static struct upstream_request up;

static void begin(void)
{
    arena_done(&arena);
    buf_done(&text);
    buf_done(&body);
    buf_init(&text, 1 << 20);
    buf_init(&body, 1 << 20);
    request = (struct chat_request){.model = STR("m"), .max_tokens = 10};
    failure = (struct chat_error){0};
    dropped = (struct losses){0};
    traits = (struct model_traits){0};
}

static bool reads(const char *json)
{
    begin();
    struct http_message in = {.body = str_from_cstr(json)};
    return dialect_anthropic.read_request(&request, &arena, &in, &failure);
}

/* What is read, as text. */
static struct str said(const char *json)
{
    EXPECT_THAT(reads(json), "%.*s", STR_ARG(failure.message));
    buf_clear(&text);
    request_text(&text, &request);
    return buf_str(&text);
}
#define WITH(members) "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]," members "}"
#define SAYS(lines) "user\n  text \"hi\"\n" lines
#define MESSAGES(list) "{\"messages\":[" list "]}"

/* What is written of `request`. */
static struct str written(void)
{
    up = (struct upstream_request){.arena = &arena, .body = &body, .traits = &traits};
    buf_clear(&body);
    dropped = (struct losses){0};
    EXPECT_TRUE(dialect_anthropic.write_request(&up, &request, &dropped, &failure));
    EXPECT_STR_EQ(up.path, "/messages");
    return buf_str(&body);
}

static struct str lost(void)
{
    return losses_join(&dropped, &arena);
}

static void expect_written(const char *part)
{
    struct str all = written();
    EXPECT_THAT(str_find(all, str_from_cstr(part)) != SIZE_MAX, "%s is not in %.*s", part, STR_ARG(all));
}

static void expect_unwritten(const char *part)
{
    struct str all = written();
    EXPECT_THAT(str_find(all, str_from_cstr(part)) == SIZE_MAX, "%s is in %.*s", part, STR_ARG(all));
}

static struct chat_part *say_as(enum chat_role role, enum chat_part_kind kind, struct str words)
{
    struct chat_message *m = chat_request_continue(&request, &arena, role);
    struct chat_part *p = kind >= CHAT_IMAGE && kind <= CHAT_DOCUMENT
                              ? chat_parts_add_media(&m->parts, &arena, kind)
                              : chat_parts_add(&m->parts, &arena, kind);
    p->text = words;
    return p;
}

static struct chat_part *call(struct str id, struct str name, struct str arguments)
{
    struct chat_part *p = say_as(CHAT_ROLE_ASSISTANT, CHAT_TOOL_CALL, STR(""));
    p->id = id;
    p->name = name;
    p->json = arguments;
    return p;
}

static struct chat_part *result(struct str id, struct str words)
{
    struct chat_part *p = say_as(CHAT_ROLE_TOOL, CHAT_TOOL_RESULT, STR(""));
    p->id = id;
    if (words.len > 0) chat_parts_add(&p->content, &arena, CHAT_TEXT)->text = words;
    return p;
}

static struct chat_tool *function(struct str name)
{
    struct chat_tool *t = chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION);
    t->name = name;
    return t;
}

static void ask(void)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
}

/* ---- reading ---- */
TEST(anthropic_request, every_parameter_is_read)
{
    EXPECT_STR_EQ(
        said(WITH("\"model\":\"c\",\"stream\":true,\"max_tokens\":10,\"temperature\":0.5,\"top_p\":0.9,"
                  "\"top_k\":4,\"stop_sequences\":[\"a\",\"b\"],\"metadata\":{\"user_id\":\"u\"},"
                  "\"service_tier\":\"auto\",\"cache_control\":{\"type\":\"ephemeral\"},"
                  "\"system\":\"be\",\"container\":null")),
        "model \"c\"\nstream with usage\nsystem\n  text \"be\"\n" SAYS(
            "max_tokens 10\ntemperature 0.5\ntop_p 0.9\ntop_k 4\nstop \"a\"\nstop \"b\"\n"
            "user \"u\"\ncache 5m\nextra \"service_tier\" is \"auto\"\n"));
}

TEST(anthropic_request, thinking_and_effort_are_read)
{
    EXPECT_STR_EQ(said(WITH("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}")),
                  SAYS("reasoning on budget 2000\n"));
    EXPECT_STR_EQ(said(WITH("\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
                            "\"output_config\":{\"effort\":\"xhigh\"}")),
                  SAYS("reasoning on max shown budget -1\n"));
    EXPECT_STR_EQ(said(WITH("\"thinking\":{\"type\":\"disabled\"}")), SAYS("reasoning off\n"));
    EXPECT_FALSE(reads(WITH("\"thinking\":{\"type\":\"much\"}")));
    EXPECT_STR_EQ(failure.param, "thinking.type");
}

TEST(anthropic_request, schemas_are_read_in_both_places)
{
    static const char schema[] = SAYS("output schema is {\"type\":\"object\"}\n");
    EXPECT_STR_EQ(said(WITH("\"output_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}")),
                  schema);
    EXPECT_STR_EQ(said(WITH("\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":"
                            "{\"type\":\"object\"}}}")),
                  schema);
}

TEST(anthropic_request, blocks_are_read)
{
    EXPECT_STR_EQ(
        said(MESSAGES(
            "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{\"type\":"
            "\"ephemeral\",\"ttl\":\"1h\"}},{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":"
            "\"image/png\",\"data\":\"AA==\"}},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
            "\"https://x/i\"}},{\"type\":\"document\",\"title\":\"t\",\"source\":{\"type\":\"text\","
            "\"media_type\":\"text/plain\",\"data\":\"words\"}},{\"type\":\"document\",\"source\":{\"type\":"
            "\"file\",\"file_id\":\"file_1\"}},{\"type\":\"search_result\",\"source\":\"s\",\"title\":\"st\","
            "\"content\":[{\"type\":\"text\",\"text\":\"p\"},{\"type\":\"text\",\"text\":\"q\"}]},"
            "{\"type\":\"container_upload\",\"file_id\":\"f\"}]}")),
        "user\n  text \"a\" cache 1h\n  image \"image/png\" data \"AA==\"\n  image url \"https://x/i\"\n"
        "  document \"text/plain\" text \"words\" name \"t\"\n  document file \"file_1\"\n"
        "  document text \"p\\n\\nq\" name \"st\"\n"
        "  other \"container_upload\" json {\"type\":\"container_upload\",\"file_id\":\"f\"}\n");
}

TEST(anthropic_request, results_come_before_what_else_a_turn_says_pitfall_01)
{
    EXPECT_STR_EQ(
        said(MESSAGES(
            "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},"
            "{\"type\":\"redacted_thinking\",\"data\":\"x\"},{\"type\":\"tool_use\",\"id\":\"c1\",\"name\":\"f\","
            "\"input\":{\"a\":1}},{\"type\":\"tool_use\",\"id\":\"c2\",\"name\":\"g\",\"input\":{}}]},"
            "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":\"one\"},"
            "{\"type\":\"text\",\"text\":\"and\"},{\"type\":\"tool_result\",\"tool_use_id\":\"c2\",\"is_error\":true,"
            "\"content\":[{\"type\":\"text\",\"text\":\"two\"},{\"type\":\"image\",\"source\":{\"type\":\"url\","
            "\"url\":\"https://i\"}}]}]}")),
        "assistant\n  thinking \"hm\" anthropic \"s\"\n  thinking anthropic \"x\" redacted\n"
        "  call \"c1\" \"f\" json {\"a\":1}\n  call \"c2\" \"g\" json {}\n"
        "tool\n  result \"c1\" \"f\"\n    text \"one\"\n  result \"c2\" \"g\" error\n    text \"two\"\n"
        "    image url \"https://i\"\nuser\n  text \"and\"\n");
}

TEST(anthropic_request, tools_and_choices_are_read)
{
    EXPECT_STR_EQ(
        said(WITH("\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},"
                  "\"strict\":true,\"cache_control\":{\"type\":\"ephemeral\"},\"defer_loading\":true},"
                  "{\"type\":\"web_search_20250305\",\"name\":\"web_search\"}],"
                  "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}")),
        SAYS("function \"f\" \"d\" takes {\"type\":\"object\"} strict cache 5m\n"
             "tool \"web_search_20250305\" json {\"type\":\"web_search_20250305\",\"name\":\"web_search\"}\n"
             "tool_choice required\nparallel no\nextra \"tools.defer_loading\" is true\n"));
}

TEST(anthropic_request, a_wrong_value_is_refused_with_its_place)
{
    static const struct {
        const char *json, *param;
    } rows[] = {
        {"{\"model\":\"c\"}", "messages"},
        {"{\"messages\":[]}", "messages"},
        {MESSAGES("{\"content\":\"a\"}"), "messages[0]"},
        {MESSAGES("{\"role\":\"tool\",\"content\":\"a\"}"), "messages[0].role"},
        {MESSAGES("{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]}"), "messages[0].content[0]"},
        {MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\"}]}"), "messages[0].content[0]"},
        {WITH("\"tools\":[{\"input_schema\":{}}]"), "tools[0]"},
        {WITH("\"tool_choice\":{\"type\":\"tool\"}"), "tool_choice"},
        {WITH("\"max_tokens\":\"many\""), "max_tokens"},
        {WITH("\"output_config\":{\"format\":{}}"), "output_config.format"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_FALSE(reads(rows[i].json));
        EXPECT_EQ(failure.problem, PROBLEM_INVALID_REQUEST);
        EXPECT_STR_EQ(failure.param, rows[i].param);
    }
}

/* ---- writing: turns ---- */
TEST(anthropic_request, is_written_whole)
{
    ask();
    request.is_stream = true;
    request.user = STR("u");
    EXPECT_STR_EQ(written(),
                  "{\"model\":\"m\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\",\"content\":[{"
                  "\"type\":\"text\",\"text\":\"hi\"}]}],\"metadata\":{\"user_id\":\"u\"},"
                  "\"stream\":true}");
    EXPECT_STR_EQ(lost(), "");
}

TEST(anthropic_request, results_of_parallel_calls_are_one_turn_pitfall_01)
{
    ask();
    call(STR("c1"), STR("f"), STR("{}"));
    call(STR("c2"), STR("g"), STR("{}"));
    result(STR("c1"), STR("one"));
    result(STR("c2"), STR("two"));
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("go on"));
    expect_written(
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":[{"
        "\"type\":\"text\",\"text\":\"one\"}]},{\"type\":\"tool_result\",\"tool_use_id\":\"c2\","
        "\"content\":[{\"type\":\"text\",\"text\":\"two\"}]},{\"type\":\"text\",\"text\":\"go on\"}]}]");
}

TEST(anthropic_request, a_results_parts_are_one_block_pitfall_02)
{
    ask();
    call(STR("c1"), STR("f"), STR("{}"));
    struct chat_part *r = result(STR("c1"), STR("one"));
    chat_parts_add(&r->content, &arena, CHAT_TEXT)->text = STR("two");
    chat_parts_add_media(&r->content, &arena, CHAT_IMAGE)->media->data = STR("AA==");
    r->is_error = true;
    expect_written(
        "{\"type\":\"tool_result\",\"tool_use_id\":\"c1\",\"content\":[{\"type\":\"text\",\"text\":"
        "\"one\"},{\"type\":\"text\",\"text\":\"two\"},{\"type\":\"image\",\"source\":{\"type\":"
        "\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"}}],\"is_error\":true}");
    begin();
    result(STR("c"), STR(""))->is_error = true;
    expect_written("\"content\":\"error\",\"is_error\":true");
}

TEST(anthropic_request, arguments_that_are_nothing_are_an_object_pitfall_03)
{
    ask();
    call(STR("c"), STR("f"), STR(""));
    expect_written("\"input\":{}");
    EXPECT_STR_EQ(lost(), "");
}

TEST(anthropic_request, broken_arguments_keep_their_words_pitfall_04)
{
    ask();
    call(STR("c"), STR("f"), STR("{\"a\":"));
    expect_written("\"input\":{\"arguments\":\"{\\\"a\\\":\"}");
    EXPECT_STR_EQ(lost(), "tool_calls.function.arguments");
}

TEST(anthropic_request, ids_and_names_have_only_what_is_taken_pitfall_10)
{
    ask();
    function(STR("a.b"));
    call(STR("functions.f:0"), STR("a.b"), STR("{}"));
    result(STR("functions.f:0"), STR("x"));
    struct str all = written();
    EXPECT_TRUE(str_find(all, STR("functions.f:0")) == SIZE_MAX && str_find(all, STR("\"a.b\"")) == SIZE_MAX);
    size_t at = str_find(all, STR("\"id\":\"")), to = str_find(all, STR("\"tool_use_id\":\""));
    struct str id = str_from(all, at + 6), of_result = str_from(all, to + 15);
    EXPECT_STR_EQ(str_cut(&id, '"'), arena_cstr(&arena, str_cut(&of_result, '"')));
}

TEST(anthropic_request, all_system_messages_go_to_one_place_with_their_marks_pitfall_12)
{
    begin();
    say_as(CHAT_ROLE_SYSTEM, CHAT_TEXT, STR("one"));
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    say_as(CHAT_ROLE_DEVELOPER, CHAT_TEXT, STR("two"))->cache = CHAT_CACHE_1H;
    expect_written(
        "\"system\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"text\",\"text\":\"two\","
        "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}],\"messages\":[{\"role\":\"user\"");
    begin();
    say_as(CHAT_ROLE_SYSTEM, CHAT_TEXT, STR("alone"));
    expect_written("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"alone\"}]}]");
    expect_unwritten("\"system\"");
}

TEST(anthropic_request, blank_texts_are_left_out_pitfall_13)
{
    ask();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR(" \n"));
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR(""));
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("there"));
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR("so \n"));
    expect_written(
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":"
        "\"text\",\"text\":\"there\"}]},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":"
        "\"so\"}]}]");
    EXPECT_STR_EQ(lost(), "");
}

TEST(anthropic_request, in_which_nobody_says_anything_is_refused_pitfall_13)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR(" "));
    up = (struct upstream_request){.arena = &arena, .body = &body, .traits = &traits};
    EXPECT_FALSE(dialect_anthropic.write_request(&up, &request, &dropped, &failure));
    EXPECT_EQ(failure.problem, PROBLEM_INVALID_REQUEST);
    EXPECT_STR_EQ(failure.param, "messages");
}

TEST(anthropic_request, media_have_the_source_that_fits_pitfall_14)
{
    ask();
    say_as(CHAT_ROLE_USER, CHAT_IMAGE, STR(""))->media->url = STR("https://x/i");
    struct chat_part *p = say_as(CHAT_ROLE_USER, CHAT_IMAGE, STR(""));
    p->media->data = STR("AA==");
    p->media->mime = STR("image/jpg");
    p = say_as(CHAT_ROLE_USER, CHAT_DOCUMENT, STR(""));
    p->media->data = STR("JVBERg==");
    p->media->mime = STR("application/pdf");
    p->media->name = STR("a.pdf");
    p = say_as(CHAT_ROLE_USER, CHAT_DOCUMENT, STR(""));
    p->media->data = STR("aGVsbG8=");
    p->media->mime = STR("text/markdown");
    p = say_as(CHAT_ROLE_USER, CHAT_IMAGE, STR(""));
    p->media->file_id = STR("file_1");
    p->format = CHAT_FORMAT_ANTHROPIC;
    expect_written(
        "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/i\"}},{\"type\":\"image\",\"source\":{"
        "\"type\":\"base64\",\"media_type\":\"image/jpeg\",\"data\":\"AA==\"}},{\"type\":\"document\",\"source\":{"
        "\"type\":\"base64\",\"media_type\":\"application/pdf\",\"data\":\"JVBERg==\"},\"title\":\"a.pdf\"},{"
        "\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\",\"data\":\"hello\"}},{"
        "\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"file_1\"}}");
    EXPECT_EQ(up.header_count, 1);
    EXPECT_STR_EQ(up.headers[0].value, "files-api-2025-04-14");
    EXPECT_STR_EQ(lost(), "");
}

TEST(anthropic_request, media_without_a_block_are_named)
{
    ask();
    say_as(CHAT_ROLE_USER, CHAT_AUDIO, STR(""))->media->data = STR("AA==");
    say_as(CHAT_ROLE_USER, CHAT_IMAGE, STR(""))->media->url = STR("gs://x");
    struct chat_part *p = say_as(CHAT_ROLE_USER, CHAT_DOCUMENT, STR(""));
    p->media->file_id = STR("file-x");
    p->format = CHAT_FORMAT_OPENAI_CHAT;
    expect_unwritten("file-x");
    EXPECT_STR_EQ(lost(), "input_audio, image, file");
}

/* ---- writing: tools ---- */
TEST(anthropic_request, choices_of_tools_have_their_words_pitfall_08)
{
    static const struct {
        enum chat_choice_mode mode;
        enum chat_tristate parallel;
        const char *json;
    } rows[] = {
        {CHAT_CHOICE_AUTO, CHAT_UNSAID, "\"tool_choice\":{\"type\":\"auto\"}"},
        {CHAT_CHOICE_REQUIRED, CHAT_UNSAID, "\"tool_choice\":{\"type\":\"any\"}"},
        {CHAT_CHOICE_NONE, CHAT_NO, "\"tool_choice\":{\"type\":\"none\"}"},
        {CHAT_CHOICE_NAMED, CHAT_NO,
         "\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":true}"},
        {CHAT_CHOICE_UNSAID, CHAT_NO,
         "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true}"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        ask();
        function(STR("f"));
        request.tool_choice = rows[i].mode;
        request.tool_choice_name = STR("f");
        request.parallel_tools = rows[i].parallel;
        expect_written(rows[i].json);
    }
    request.tool_choice = CHAT_CHOICE_UNSAID;
    request.parallel_tools = CHAT_YES;
    expect_unwritten("tool_choice");
}

TEST(anthropic_request, schemas_go_whole_and_have_a_type_pitfall_09)
{
    ask();
    function(STR("f"))->schema = STR(
        "{\"type\":\"object\",\"$defs\":{\"a\":{}},\"properties\":{\"x\":{\"$ref\":\"#/$defs/a\"}}}");
    function(STR("g"));
    function(STR("h"))->schema = STR("{\"properties\":{}}");
    function(STR("i"))->schema = STR("{}");
    expect_written(
        "\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"$defs\":{\"a\":{}},"
        "\"properties\":{\"x\":{\"$ref\":\"#/$defs/a\"}}}},{\"name\":\"g\",\"input_schema\":{\"type\":"
        "\"object\",\"properties\":{}}},{\"name\":\"h\",\"input_schema\":{\"type\":\"object\","
        "\"properties\":{}}},{\"name\":\"i\",\"input_schema\":{\"type\":\"object\"}}]");
}

TEST(anthropic_request, tools_of_others_are_dropped_and_chosen_no_more_pitfall_11)
{
    ask();
    struct chat_tool *t = chat_request_add_tool(&request, &arena, CHAT_TOOL_OTHER);
    t->name = STR("web_search");
    t->json = STR("{\"type\":\"web_search\"}");
    t->format = CHAT_FORMAT_OPENAI_RESPONSES;
    function(STR("f"));
    request.tool_choice = CHAT_CHOICE_NAMED;
    request.tool_choice_name = STR("web_search");
    expect_unwritten("web_search");
    expect_unwritten("tool_choice");
    EXPECT_STR_EQ(lost(), "tools.web_search");
}

TEST(anthropic_request, only_allowed_tools_are_sent)
{
    ask();
    function(STR("f"));
    function(STR("g"));
    request.allowed_tools = (struct chat_strings){&(struct str){"g", 1}, 1};
    expect_unwritten("\"name\":\"f\"");
    expect_written("\"name\":\"g\"");
}

/* ---- writing: parameters ---- */
TEST(anthropic_request, max_tokens_comes_from_the_model_where_nobody_said_pitfall_16)
{
    static const struct {
        int64_t said, most;
        const char *json;
    } rows[] = {
        {10, 8192, "\"max_tokens\":10,"},
        {0, 8192, "\"max_tokens\":8192,"},
        {0, 128000, "\"max_tokens\":64000,"},
        {0, 0, "\"max_tokens\":32000,"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        ask();
        request.max_tokens = rows[i].said;
        traits.max_output = rows[i].most;
        expect_written(rows[i].json);
    }
}

TEST(anthropic_request, sampling_keeps_to_the_range_and_to_the_traits_pitfall_17)
{
    ask();
    request.temperature = (struct chat_double){true, 1.5};
    request.top_p = (struct chat_double){true, 0.5};
    request.top_k = (struct chat_int){true, 3};
    expect_written("\"temperature\":1,\"top_p\":0.5,\"top_k\":3");
    EXPECT_STR_EQ(lost(), "temperature");
    request.temperature.value = 0.3;
    traits.bits = TRAIT_NO_TOP_P_WITH_TEMPERATURE | TRAIT_NO_TOP_K;
    expect_written("\"temperature\":0.3}");
    EXPECT_STR_EQ(lost(), "top_p, top_k");
    traits.bits = TRAIT_NO_TEMPERATURE;
    expect_unwritten("temperature");
}

static void think(enum chat_effort effort, int64_t max_tokens, enum reasoning_style style)
{
    ask();
    request.reasoning.effort = effort;
    request.max_tokens = max_tokens;
    traits.reasoning = style;
}

TEST(anthropic_request, effort_is_a_budget_with_room_or_a_word_pitfall_18)
{
    think(CHAT_EFFORT_MEDIUM, 20000, REASONING_BUDGET);
    expect_written("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8192}");
    think(CHAT_EFFORT_HIGH, 4000, REASONING_UNKNOWN);
    expect_written("\"budget_tokens\":3999}");
    think(CHAT_EFFORT_HIGH, 1024, REASONING_BUDGET);
    expect_unwritten("thinking");
    EXPECT_STR_EQ(lost(), "reasoning_effort");
    think(CHAT_EFFORT_UNSAID, 4000, REASONING_BUDGET);
    request.reasoning.budget = (struct chat_int){true, 500};
    expect_written("\"budget_tokens\":1024}");
    think(CHAT_EFFORT_MINIMAL, 4000, REASONING_ADAPTIVE);
    expect_written("\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}");
    think(CHAT_EFFORT_MAX, 4000, REASONING_EFFORT);
    expect_written("\"output_config\":{\"effort\":\"max\"}");
    think(CHAT_EFFORT_NONE, 4000, REASONING_ADAPTIVE);
    expect_written("\"thinking\":{\"type\":\"disabled\"}");
    think(CHAT_EFFORT_LOW, 4000, REASONING_NONE);
    expect_unwritten("thinking");
    EXPECT_STR_EQ(lost(), "reasoning_effort");
}

TEST(anthropic_request, thinking_gives_way_to_a_forced_tool_and_sampling_to_thinking)
{
    think(CHAT_EFFORT_LOW, 4000, REASONING_BUDGET);
    request.temperature = (struct chat_double){true, 0.2};
    request.top_p = (struct chat_double){true, 0.5};
    request.top_k = (struct chat_int){true, 5};
    expect_unwritten("temperature");
    EXPECT_STR_EQ(lost(), "temperature, top_p, top_k");
    function(STR("f"));
    request.tool_choice = CHAT_CHOICE_REQUIRED;
    expect_written("\"temperature\":0.2");
    EXPECT_STR_EQ(lost(), "reasoning_effort");
}

TEST(anthropic_request, a_turn_that_goes_on_thinks_only_if_it_has_thought_pitfall_27)
{
    think(CHAT_EFFORT_LOW, 4000, REASONING_BUDGET);
    call(STR("c"), STR("f"), STR("{}"));
    result(STR("c"), STR("x"));
    expect_unwritten("\"thinking\"");
    EXPECT_STR_EQ(lost(), "reasoning_effort");
    think(CHAT_EFFORT_LOW, 4000, REASONING_BUDGET);
    struct chat_part *thought = say_as(CHAT_ROLE_ASSISTANT, CHAT_THINKING, STR("hm"));
    thought->signature = STR("s");
    thought->format = CHAT_FORMAT_ANTHROPIC;
    call(STR("c"), STR("f"), STR("{}"));
    result(STR("c"), STR("x"));
    expect_written(
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":"
        "\"s\"},{\"type\":\"tool_use\"");
    expect_written("\"thinking\":{\"type\":\"enabled\"");
}

TEST(anthropic_request, thoughts_of_others_are_not_shown_to_it_pitfall_27)
{
    ask();
    struct chat_part *thought = say_as(CHAT_ROLE_ASSISTANT, CHAT_THINKING, STR("hm"));
    thought->signature = STR("s");
    thought->format = CHAT_FORMAT_GEMINI;
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR("so"));
    expect_unwritten("hm");
    EXPECT_STR_EQ(lost(), "thinking");
    struct chat_part *redacted = say_as(CHAT_ROLE_ASSISTANT, CHAT_THINKING, STR(""));
    redacted->signature = STR("x");
    redacted->is_redacted = true;
    redacted->format = CHAT_FORMAT_ANTHROPIC;
    expect_written("{\"type\":\"redacted_thinking\",\"data\":\"x\"}");
}

/* Signatures of others ride in the block's own signature, or in an id, and come back. */
TEST(anthropic_request, signatures_of_others_come_back_pitfall_28)
{
    EXPECT_STR_EQ(
        said(MESSAGES(
            "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":"
            "\"weir.openai.rs_1~enc\"},{\"type\":\"tool_use\",\"id\":\"c__thought__sig\",\"name\":\"f\",\"input\":{}}]},"
            "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"c__thought__sig\"}]}")),
        "assistant\n  thinking \"rs_1\" \"hm\" responses \"enc\"\n  call \"c\" \"f\" json {} gemini \"sig\"\n"
        "tool\n  result \"c\" \"f\"\n");
    EXPECT_STR_EQ(said(MESSAGES("{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":"
                                "\"c__thought__a.sig\",\"name\":\"f\",\"input\":{}}]}")),
                  "assistant\n  thinking anthropic \"sig\"\n  call \"c\" \"f\" json {}\n");
}

TEST(anthropic_request, the_answers_form_is_a_schema_pitfall_19)
{
    ask();
    request.output.kind = CHAT_OUTPUT_SCHEMA;
    request.output.schema = STR("{\"type\":\"object\",\"additionalProperties\":false}");
    expect_written("\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\","
                   "\"additionalProperties\":false}}}");
    request.output.kind = CHAT_OUTPUT_JSON;
    expect_written(
        "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}}");
    traits.bits = TRAIT_NO_JSON;
    expect_unwritten("output_config");
    EXPECT_STR_EQ(lost(), "response_format");
}

TEST(anthropic_request, what_it_has_no_words_for_is_named_pitfall_31)
{
    ask();
    request.format = CHAT_FORMAT_OPENAI_CHAT;
    request.seed = (struct chat_int){true, 7};
    request.choices = (struct chat_int){true, 2};
    request.wants_logprobs = true;
    request.frequency_penalty = (struct chat_double){true, 1};
    request.presence_penalty = (struct chat_double){true, 0};
    request.metadata = STR("{}");
    request.stop = (struct chat_strings){(struct str[]){STR("a"), STR("\n")}, 2};
    chat_request_add_extra(&request, &arena, STR("logit_bias"), STR("{}"));
    expect_written("\"stop_sequences\":[\"a\"]");
    EXPECT_STR_EQ(lost(), "stop, logit_bias, n, seed, logprobs, frequency_penalty, metadata");
}

TEST(anthropic_request, its_own_extras_come_back_pitfall_36)
{
    EXPECT_TRUE(reads(WITH("\"service_tier\":\"auto\",\"output_config\":{\"task_budget\":{\"total\":5}}")));
    expect_written("\"output_config\":{\"task_budget\":{\"total\":5}}");
    expect_written("\"service_tier\":\"auto\"");
    EXPECT_STR_EQ(lost(), "");
}

TEST(anthropic_request, a_body_over_the_ceiling_is_too_large)
{
    ask();
    struct buf small;
    buf_init(&small, 20);
    up = (struct upstream_request){.arena = &arena, .body = &small, .traits = &traits};
    EXPECT_FALSE(dialect_anthropic.write_request(&up, &request, &dropped, &failure));
    EXPECT_EQ(failure.problem, PROBLEM_TOO_LARGE);
    buf_done(&small);
}
