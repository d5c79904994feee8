/* Requests in OpenAI's chat format: what is read means what it says, what is written says what was meant. Each pitfall
 * that concerns this format has a test of its number. */
#include "test.h"

#include "neutral.h"

static struct arena arena;
static struct buf text, body;
static struct chat_request request;
static struct chat_error failure;
static struct losses dropped;
static struct model_traits traits;

static void begin(void)
{
    arena_done(&arena);
    buf_done(&text);
    buf_done(&body);
    buf_init(&text, 1 << 20);
    buf_init(&body, 1 << 20);
    request = (struct chat_request){.model = STR("m")};
    failure = (struct chat_error){0};
    dropped = (struct losses){0};
    traits = (struct model_traits){0};
}

static bool reads(const char *json)
{
    begin();
    struct http_message in = {.body = str_from_cstr(json)};
    return dialect_openai_chat.read_request(&request, &arena, &in, &failure);
}

/* What is read, as text. */
static struct str said(const char *json)
{
    EXPECT_THAT(reads(json), "%.*s", STR_ARG(failure.message));
    request_text(&text, &request);
    return buf_str(&text);
}

/* A request with one message, and more members. */
#define WITH(members) "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]," members "}"
#define SAYS(lines) "user\n  text \"hi\"\n" lines
#define MESSAGES(list) "{\"messages\":[" list "]}"

/* What is written of `request`. */
static struct str written(void)
{
    struct upstream_request up = {.arena = &arena, .body = &body, .traits = &traits};
    buf_clear(&body);
    EXPECT_TRUE(dialect_openai_chat.write_request(&up, &request, &dropped, &failure));
    EXPECT_STR_EQ(up.path, "/chat/completions");
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
    struct chat_part *p = chat_parts_add(&m->parts, &arena, kind);
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

static struct chat_tool *function(struct str name)
{
    struct chat_tool *t = chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION);
    t->name = name;
    return t;
}

/* ---- reading ---- */
TEST(openai_chat_request, every_parameter_is_read)
{
    EXPECT_STR_EQ(
        said(WITH(
            "\"model\":\"gpt\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"temperature\":0.5,"
            "\"top_p\":0.9,\"frequency_penalty\":1,\"presence_penalty\":-1,\"seed\":7,\"n\":2,\"logprobs\":true,"
            "\"top_logprobs\":3,\"stop\":[\"a\",\"b\"],\"max_tokens\":10,\"user\":\"u\",\"metadata\":{\"k\":\"v\"},"
            "\"reasoning_effort\":\"low\",\"parallel_tool_calls\":false,\"modalities\":[\"text\",\"audio\"],"
            "\"audio\":{\"voice\":\"alloy\",\"format\":\"mp3\"},\"logit_bias\":{\"5\":1},\"store\":null")),
        "model \"gpt\"\nstream with usage\n" SAYS(
            "parallel no\nmodalities 0x5\nvoice \"alloy\"\naudio_format \"mp3\"\n"
            "max_tokens 10\ntemperature 0.5\ntop_p 0.9\nfrequency_penalty 1\n"
            "presence_penalty -1\nseed 7\nn 2\nlogprobs\ntop_logprobs 3\n"
            "stop \"a\"\nstop \"b\"\nreasoning low\nuser \"u\"\n"
            "metadata is {\"k\":\"v\"}\nextra \"logit_bias\" is {\"5\":1}\n"));
}

TEST(openai_chat_request, a_wrong_value_is_refused_with_its_place)
{
    static const struct {
        const char *json, *param, *message;
    } rows[] = {
        {MESSAGES("{\"role\":\"user\",\"content\":5}"), "messages[0].content",
         "messages[0].content: a list is needed, got a number"},
        {MESSAGES("{\"role\":\"boss\"}"), "messages[0].role",
         "messages[0].role: one of system, developer, user, assistant, tool, function is needed, got \"boss\""},
        {MESSAGES("{\"content\":\"x\"}"), "messages[0]", "messages[0]: a message has a role"},
        {WITH("\"temperature\":\"hot\""), "temperature", "temperature: a number is needed, got a string"},
        {WITH("\"tools\":[{\"type\":\"function\",\"function\":{}}]"), "tools[0]",
         "tools[0]: a function with its name is needed"},
        {WITH("\"tool_choice\":\"maybe\""), "tool_choice",
         "tool_choice: one of auto, none, required, any is needed, got \"maybe\""},
        {WITH("\"response_format\":{\"type\":\"json_schema\"}"), "response_format",
         "response_format: a json_schema with its schema is needed"},
        {MESSAGES(""), "messages", "messages: a list with at least one message is needed"},
        {"[]", "", "an object is needed, got an array"},
        {MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":1}}]}"),
         "messages[0].content[0].image_url.url",
         "messages[0].content[0].image_url.url: a string is needed, got a number"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_FALSE(reads(rows[i].json));
        EXPECT_EQ(failure.problem, PROBLEM_INVALID_REQUEST);
        EXPECT_STR_EQ(failure.param, rows[i].param);
        EXPECT_STR_EQ(failure.message, rows[i].message);
    }
}

TEST(openai_chat_request, functions_of_2023_are_tools)
{
    EXPECT_STR_EQ(
        said("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":null,"
             "\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
             "{\"role\":\"function\",\"name\":\"f\",\"content\":\"42\"}],"
             "\"functions\":[{\"name\":\"f\",\"parameters\":{}}],\"function_call\":{\"name\":\"f\"}}"),
        "user\n  text \"hi\"\nassistant\n  call \"call_0\" \"f\" json {}\ntool\n  result \"call_0\" \"f\"\n"
        "    text \"42\"\nfunction \"f\" takes {}\ntool_choice named \"f\"\n");
}

TEST(openai_chat_request, thoughts_come_under_many_names)
{
    EXPECT_STR_EQ(
        said(MESSAGES("{\"role\":\"assistant\",\"content\":\"a\",\"reasoning_content\":\"hm\"},"
                      "{\"role\":\"assistant\",\"content\":\"a\",\"reasoning\":\"hm\"},"
                      "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":"
                      "\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":\"a\"}]}")),
        "assistant\n  thinking \"hm\"\n  text \"a\"\nassistant\n  thinking \"hm\"\n  text \"a\"\n"
        "assistant\n  thinking \"hm\"\n  text \"a\"\n");
}

/* ---- pitfalls: what is read ---- */
TEST(openai_chat_request, consecutive_results_are_one_turn_and_leave_as_messages_of_their_own_pitfall_01)
{
    EXPECT_STR_EQ(
        said(MESSAGES(
            "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{"
            "\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\",\"function\":{"
            "\"name\":\"g\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"b\","
            "\"content\":\"2\"},{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"}")),
        "assistant\n  call \"a\" \"f\" json {}\n  call \"b\" \"g\" json {}\ntool\n  result \"b\" \"g\"\n"
        "    text \"2\"\n  result \"a\" \"f\"\n    text \"1\"\n");
    expect_written("{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":\"2\"},"
                   "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"1\"}");
}

TEST(openai_chat_request, a_results_parts_stay_one_result_pitfall_02)
{
    EXPECT_STR_EQ(
        said(MESSAGES(
            "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"name\":\"f\",\"content\":[{\"type\":\"text\","
            "\"text\":\"x\"},{\"type\":\"text\",\"text\":\"y\"}]}")),
        "tool\n  result \"a\" \"f\"\n    text \"x\"\n    text \"y\"\n");
}

TEST(openai_chat_request, images_in_results_follow_as_a_users_message_pitfall_02)
{
    begin();
    struct chat_part *result = say_as(CHAT_ROLE_TOOL, CHAT_TOOL_RESULT, STR(""));
    result->id = STR("a");
    chat_parts_add(&result->content, &arena, CHAT_TEXT)->text = STR("see");
    chat_parts_add_media(&result->content, &arena, CHAT_IMAGE)->media->url = STR("https://x/i.png");
    expect_written(
        "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"see\"},{\"role\":\"user\",\"content\":[{\"type\":"
        "\"image_url\",\"image_url\":{\"url\":\"https://x/i.png\"}}]}");
}

TEST(openai_chat_request, empty_arguments_are_an_empty_object_pitfall_03)
{
    begin();
    call(STR("a"), STR("f"), STR(""));
    expect_written("\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}");
}

TEST(openai_chat_request, malformed_arguments_stay_as_they_are_pitfall_04)
{
    EXPECT_TRUE(reads(
        MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{"
                 "\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\"}}]}")));
    EXPECT_STR_EQ(request.messages->parts.first->json, "{\"a\":");
    expect_written("\"arguments\":\"{\\\"a\\\":\"");
}

TEST(openai_chat_request, tool_choice_has_all_its_forms_pitfall_08)
{
#define CHOICE(choice)                                                                                       \
    WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":" choice)
    static const struct {
        const char *json, *line, *member;
    } rows[] = {
        {CHOICE("\"auto\""), "tool_choice auto\n", "\"tool_choice\":\"auto\""},
        {CHOICE("\"none\""), "tool_choice none\n", "\"tool_choice\":\"none\""},
        {CHOICE("\"required\""), "tool_choice required\n", "\"tool_choice\":\"required\""},
        {CHOICE("{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"), "tool_choice named \"f\"\n",
         "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"},
        {CHOICE(
             "{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":\"function\","
             "\"function\":{\"name\":\"f\"}}]}}"),
         "tool_choice required or \"f\"\n", "\"tool_choice\":\"required\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct str all = said(rows[i].json);
        EXPECT_TRUE(str_ends_with(all, str_from_cstr(rows[i].line)));
        expect_written(rows[i].member);
    }
}

TEST(openai_chat_request, schemas_travel_whole_pitfall_09)
{
#define SCHEMA "{\"$defs\":{\"a\":{}},\"anyOf\":[{\"$ref\":\"#/$defs/a\"}],\"x-mine\":1.50}"
    EXPECT_STR_EQ(
        said(WITH("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\","
                  "\"parameters\":" SCHEMA ",\"strict\":true}}]")),
        SAYS("function \"f\" \"d\" takes " SCHEMA " strict\n"));
    expect_written("\"parameters\":" SCHEMA ",\"strict\":true");
}

/* ---- pitfalls: what is written ---- */
TEST(openai_chat_request, long_and_odd_names_of_tools_are_changed_everywhere_alike_pitfall_10)
{
    static const struct str longest = STR_INIT(
        "mcp__a_server_with_a_rather_long_name__and_a_tool_whose_name_is_long_too");
    begin();
    function(longest);
    request.tool_choice = CHAT_CHOICE_NAMED;
    request.tool_choice_name = longest;
    call(STR("a"), longest, STR("{}"));
    struct str all = written();
    size_t at = str_find(all, STR("mcp__a_server_with_a_rather_long_name__and_a_tool_whose_"));
    struct str name = str_part(all, at, str_find_char(str_from(all, at), '"'));
    EXPECT_EQ(name.len, 64);
    unsigned count = 0;
    for (struct str rest = all; (at = str_find(rest, name)) != SIZE_MAX; count++)
        rest = str_from(rest, at + name.len);
    EXPECT_EQ(count, 3);
}

TEST(openai_chat_request, tools_that_others_run_are_lost_and_so_is_their_choice_pitfall_11)
{
    begin();
    struct chat_tool *search = chat_request_add_tool(&request, &arena, CHAT_TOOL_OTHER);
    search->name = STR("web_search_20250305");
    search->json = STR("{\"type\":\"web_search_20250305\"}");
    search->format = CHAT_FORMAT_ANTHROPIC;
    request.tool_choice = CHAT_CHOICE_NAMED;
    request.tool_choice_name = STR("web_search");
    expect_unwritten("tool");
    EXPECT_STR_EQ(lost(), "tools.web_search_20250305");
    function(STR("f"));
    expect_written("\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]");
    expect_unwritten("tool_choice");
}

TEST(openai_chat_request, system_messages_keep_their_place_and_parts_pitfall_12)
{
    EXPECT_STR_EQ(
        said(MESSAGES(
            "{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"hi\"},"
            "{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"b\",\"cache_control\":{"
            "\"type\":\"ephemeral\",\"ttl\":\"1h\"}},{\"type\":\"text\",\"text\":\"c\"}]}")),
        "system\n  text \"a\"\nuser\n  text \"hi\"\ndeveloper\n  text \"b\" cache 1h\n  text \"c\"\n");
    expect_written(
        "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}");
    EXPECT_STR_EQ(lost(), "cache_control");
    traits.bits = TRAIT_DEVELOPER_ROLE | TRAIT_CACHE_MARKS;
    expect_written("{\"role\":\"developer\",\"content\":\"a\"}");
    expect_written("\"text\":\"b\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}");
}

TEST(openai_chat_request, images_and_documents_are_not_decoded_pitfall_14)
{
    EXPECT_STR_EQ(
        said(MESSAGES(
            "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
            "\"data:image/jpeg;base64,/9j/4A==\",\"detail\":\"low\"}},{\"type\":\"image_url\",\"image_url\":{"
            "\"url\":\"https://x/i.png\"}},{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":"
            "\"data:application/pdf;base64,JVBE\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"UklG\","
            "\"format\":\"wav\"}}]}")),
        "user\n  image \"image/jpeg\" data \"/9j/4A==\" detail \"low\"\n  image url \"https://x/i.png\"\n"
        "  document \"application/pdf\" data \"JVBE\" name \"a.pdf\"\n  audio \"audio/wav\" data \"UklG\"\n");
    expect_written("{\"url\":\"data:image/jpeg;base64,/9j/4A==\",\"detail\":\"low\"}");
    expect_written("{\"url\":\"https://x/i.png\"}");
    expect_written("{\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;base64,JVBE\"}");
    expect_written("{\"data\":\"UklG\",\"format\":\"wav\"}");
}

TEST(openai_chat_request, several_texts_of_an_assistant_are_one_pitfall_15)
{
    begin();
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR("one "));
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR("two"));
    expect_written("{\"role\":\"assistant\",\"content\":\"one two\"}");
}

TEST(openai_chat_request, max_completion_tokens_goes_before_max_tokens_pitfall_16)
{
    EXPECT_TRUE(reads(WITH("\"max_completion_tokens\":9,\"max_tokens\":5")));
    EXPECT_EQ(request.max_tokens, 9);
    EXPECT_TRUE(reads(WITH("\"max_tokens\":5,\"max_completion_tokens\":null")));
    EXPECT_EQ(request.max_tokens, 5);
    expect_written("\"max_tokens\":5");
    traits.bits = TRAIT_MAX_COMPLETION_TOKENS;
    expect_written("\"max_completion_tokens\":5");
    request.max_tokens = 0;
    expect_unwritten("tokens");
}

TEST(openai_chat_request, sampling_that_a_model_refuses_is_a_loss_by_its_traits_pitfall_17)
{
    EXPECT_TRUE(reads(WITH("\"temperature\":0.5,\"top_p\":0.9,\"top_k\":5,\"presence_penalty\":1")));
    expect_written("\"temperature\":0.5,\"top_p\":0.9");
    EXPECT_STR_EQ(lost(), "top_k");
    traits.bits = TRAIT_NO_TOP_P_WITH_TEMPERATURE | TRAIT_TOP_K | TRAIT_NO_PENALTIES;
    dropped = (struct losses){0};
    expect_unwritten("top_p");
    EXPECT_STR_EQ(lost(), "top_p, presence_penalty");
    traits.bits = TRAIT_NO_TEMPERATURE | TRAIT_NO_TOP_P_WITH_TEMPERATURE;
    expect_written("\"top_p\":0.9");
}

TEST(openai_chat_request, budgets_become_efforts_pitfall_18)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    request.reasoning = (struct chat_reasoning){.is_on = CHAT_YES, .budget = {true, 1024}};
    expect_written("\"reasoning_effort\":\"low\"");
    request.reasoning.budget.value = 30000;
    expect_written("\"reasoning_effort\":\"high\"");
    traits.reasoning = REASONING_OBJECT;
    expect_written("\"reasoning\":{\"max_tokens\":30000,\"enabled\":true}");
    traits.reasoning = REASONING_SWITCH;
    expect_written("\"thinking\":{\"type\":\"enabled\"}");
    traits.reasoning = REASONING_NONE;
    expect_unwritten("reasoning");
    EXPECT_STR_EQ(lost(), "reasoning_effort");
    traits.reasoning = REASONING_UNKNOWN;
    request.reasoning = (struct chat_reasoning){.is_on = CHAT_NO};
    expect_unwritten("reasoning");
}

TEST(openai_chat_request, response_formats_are_kept_or_named_as_lost_pitfall_19)
{
    EXPECT_STR_EQ(
        said(WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{"
                  "\"type\":\"object\"},\"strict\":true}}")),
        SAYS("output schema \"n\" is {\"type\":\"object\"} strict\n"));
    expect_written(
        "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"},"
        "\"strict\":true}}");
    traits.bits = TRAIT_NO_SCHEMA;
    expect_written("\"response_format\":{\"type\":\"json_object\"}");
    EXPECT_STR_EQ(lost(), "response_format.json_schema");
    traits.bits = TRAIT_NO_SCHEMA | TRAIT_NO_JSON;
    expect_unwritten("response_format");
    EXPECT_STR_EQ(said(WITH("\"response_format\":{\"type\":\"json_object\"}")), SAYS("output json\n"));
}

TEST(openai_chat_request, past_thoughts_go_where_they_are_wanted_pitfall_27)
{
    begin();
    struct chat_part *thought = say_as(CHAT_ROLE_ASSISTANT, CHAT_THINKING, STR("hm"));
    thought->signature = STR("c2ln");
    thought->format = CHAT_FORMAT_ANTHROPIC;
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR("a"));
    expect_written("{\"role\":\"assistant\",\"content\":\"a\"}");
    EXPECT_STR_EQ(lost(), "thinking");
    traits.bits = TRAIT_REASONING_CONTENT;
    expect_written("\"reasoning_content\":\"hm\"");
    traits.bits = TRAIT_REASONING_DETAILS;
    expect_written(
        "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"c2ln\","
        "\"format\":\"anthropic-claude-v1\",\"index\":0}]");
}

TEST(openai_chat_request, signatures_come_back_in_ids_of_calls_pitfall_28)
{
#define CALLED(id)                                                                                           \
    "{\"role\":\"assistant\",\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":\"" id                     \
    "\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"                        \
    "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"1\"}"
    EXPECT_STR_EQ(said(MESSAGES(CALLED("c1__thought__c2ln"))),
                  "assistant\n  thinking \"hm\"\n  call \"c1\" \"f\" json {} gemini \"c2ln\"\n"
                  "tool\n  result \"c1\" \"f\"\n    text \"1\"\n");
    expect_written("\"id\":\"c1\"");
    expect_written("\"tool_call_id\":\"c1\"");
    traits.bits = TRAIT_GOOGLE_SIGNATURES;
    expect_written("\"extra_content\":{\"google\":{\"thought_signature\":\"c2ln\"}}");
    EXPECT_STR_EQ(said(MESSAGES(CALLED("t1__thought__a.c2ln"))),
                  "assistant\n  thinking \"hm\" anthropic \"c2ln\"\n  call \"t1\" \"f\" json {}\n"
                  "tool\n  result \"t1\" \"f\"\n    text \"1\"\n");
}

TEST(openai_chat_request, choices_seeds_and_logprobs_are_lost_by_name_pitfall_31)
{
    EXPECT_TRUE(reads(WITH("\"n\":2,\"seed\":1,\"logprobs\":true,\"top_logprobs\":2,\"stop\":\"x\"")));
    expect_written("\"seed\":1,\"n\":2,\"stop\":[\"x\"],\"logprobs\":true,\"top_logprobs\":2");
    traits.bits = TRAIT_NO_CHOICES | TRAIT_NO_SEED | TRAIT_NO_LOGPROBS | TRAIT_NO_STOP;
    expect_unwritten("logprobs");
    EXPECT_STR_EQ(lost(), "seed, n, stop, logprobs");
    EXPECT_TRUE(reads(WITH("\"n\":1,\"logprobs\":false")));
    traits.bits = TRAIT_NO_CHOICES | TRAIT_NO_LOGPROBS;
    (void)written();
    EXPECT_STR_EQ(lost(), ""); /* that is what there is anyway */
}

TEST(openai_chat_request, unknown_members_stay_in_their_format_and_are_lost_in_others_pitfall_36)
{
    EXPECT_TRUE(reads(WITH("\"logit_bias\":{\"5\":1},\"service_tier\":\"flex\",\"mine\":[1]")));
    expect_written("\"logit_bias\":{\"5\":1},\"service_tier\":\"flex\",\"mine\":[1]");
    EXPECT_EQ(dropped.count, 0);
    request.format = CHAT_FORMAT_OPENAI_RESPONSES;
    expect_written("\"service_tier\":\"flex\"");
    EXPECT_STR_EQ(lost(), "logit_bias, mine");
}

TEST(openai_chat_request, a_stream_asks_for_its_usage_unless_that_is_refused_pitfall_24)
{
    EXPECT_TRUE(reads(WITH("\"stream\":true")));
    expect_written("\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    traits.bits = TRAIT_NO_STREAM_USAGE;
    expect_unwritten("stream_options");
}

TEST(openai_chat_request, one_over_the_ceiling_is_refused)
{
    begin();
    buf_done(&body);
    buf_init(&body, 64);
    say_as(CHAT_ROLE_USER, CHAT_TEXT,
           STR("more than there is room for in the body that the request is written to"));
    struct upstream_request up = {.arena = &arena, .body = &body};
    EXPECT_FALSE(dialect_openai_chat.write_request(&up, &request, &dropped, &failure));
    EXPECT_EQ(failure.problem, PROBLEM_TOO_LARGE);
}
