/* Requests in OpenAI's Responses format: what is read means what it says, what is written says what was meant. Each
 * pitfall that concerns this format has a test of its number. */
#include "test.h"

#include "neutral.h"
#include "quotes.h"

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
    struct http_message in = {.body = Q(json)};
    return dialect_responses.read_request(&request, &arena, &in, &failure);
}

/* What is read, as text. */
static struct str said(const char *json)
{
    EXPECT_THAT(reads(json), "%.*s", STR_ARG(failure.message));
    request_text(&text, &request);
    return buf_str(&text);
}
#define WITH(members) "{'input':'hi'," members "}"
#define SAYS(lines) "user\n  text 'hi'\n" lines
#define ITEMS(list) "{'input':[" list "]}"

static struct str written(void)
{
    struct upstream_request up = {.arena = &arena, .body = &body, .traits = &traits};
    buf_clear(&body);
    dropped = (struct losses){0};
    EXPECT_TRUE(dialect_responses.write_request(&up, &request, &dropped, &failure));
    EXPECT_STR_EQ(up.path, "/responses");
    return buf_str(&body);
}

static struct str lost(void)
{
    (void)written();
    return losses_join(&dropped, &arena);
}

static void expect_written(const char *part)
{
    struct str all = written();
    EXPECT_THAT(str_find(all, Q(part)) != SIZE_MAX, "%s is not in %.*s", part, STR_ARG(all));
}

static void expect_unwritten(const char *part)
{
    struct str all = written();
    EXPECT_THAT(str_find(all, Q(part)) == SIZE_MAX, "%s is in %.*s", part, STR_ARG(all));
}

static struct chat_part *say_as(enum chat_role role, enum chat_part_kind kind, struct str words)
{
    struct chat_message *m = chat_request_continue(&request, &arena, role);
    struct chat_part *p = chat_parts_add(&m->parts, &arena, kind);
    p->text = words;
    return p;
}

/* ---- reading ---- */
TEST(responses_request, every_parameter_is_read)
{
    EXPECT_STR_EQ(
        said(
            "{'model':'gpt','stream':true,'stream_options':{'include_obfuscation':false},'instructions':'be kind',"
            "'input':'hi','temperature':0.5,'top_p':0.9,'max_output_tokens':10,'top_logprobs':3,"
            "'include':['message.output_text.logprobs','reasoning.encrypted_content'],'parallel_tool_calls':false,"
            "'reasoning':{'effort':'low','summary':'detailed','context':'all_turns'},'user':'u',"
            "'metadata':{'k':'v'},'text':{'verbosity':'low','format':{'type':'json_schema','name':'n',"
            "'schema':{'type':'object'},'strict':true}},'prompt_cache_key':'c','store':true}"),
        Q("model 'gpt'\nstream with usage\nsystem\n  text 'be kind'\nuser\n  text 'hi'\nparallel no\n"
          "output schema 'n' is {'type':'object'} strict\nmax_tokens 10\ntemperature 0.5\ntop_p 0.9\nlogprobs\n"
          "top_logprobs 3\nreasoning low shown\nuser 'u'\nmetadata is {'k':'v'}\n"
          "extra 'reasoning.context' is 'all_turns'\nextra 'verbosity' is 'low'\n"
          "extra 'prompt_cache_key' is 'c'\nextra 'store' is true\n"));
}

TEST(responses_request, what_is_so_anyway_is_no_extra_that_others_would_lose)
{
    EXPECT_STR_EQ(said(WITH("'store':false,'truncation':'disabled','background':false,'service_tier':'auto',"
                            "'include':['reasoning.encrypted_content'],'text':{'format':{'type':'text'},"
                            "'verbosity':'medium'},'previous_response_id':null,'include':[]")),
                  Q(SAYS("output text\n")));
    EXPECT_STR_EQ(said(WITH("'truncation':'auto','background':true,'include':['file_search_call.results'],"
                            "'previous_response_id':'resp_1','max_tool_calls':2")),
                  Q(SAYS("extra 'truncation' is 'auto'\nextra 'background' is true\n"
                         "extra 'include' is ['file_search_call.results']\n"
                         "extra 'previous_response_id' is 'resp_1'\nextra 'max_tool_calls' is 2\n")));
}

TEST(responses_request, an_assistants_items_are_one_turn_and_results_the_next)
{
    EXPECT_STR_EQ(
        said(ITEMS(
            "{'role':'developer','content':'d'},{'type':'message','role':'user','content':[{'type':"
            "'input_text','text':'hi'}]},{'type':'reasoning','id':'rs_1','summary':[{'type':'summary_text',"
            "'text':'a'},{'type':'summary_text','text':'b'}],'encrypted_content':'enc'},"
            "{'type':'message','role':'assistant','id':'msg_1','status':'completed','content':[{'type':"
            "'output_text','text':'so','annotations':[{'type':'url_citation','url':'u','title':'t',"
            "'start_index':1,'end_index':2}]},{'type':'refusal','refusal':'no'}]},"
            "{'type':'function_call','id':'fc_1','call_id':'c1','name':'f','arguments':'{}'},"
            "{'type':'web_search_call','id':'ws_1','status':'completed'},"
            "{'type':'function_call_output','call_id':'c1','output':'42'},"
            "{'role':'assistant','content':'done'}")),
        Q("developer\n  text 'd'\nuser\n  text 'hi'\nassistant\n  thinking 'rs_1' 'a\\n\\nb' responses 'enc'\n"
          "  text 'so' cites 1-2 'u' 't'\n  refusal 'no'\n  call 'c1' 'f' json {}\n"
          "  other 'web_search_call' json {'type':'web_search_call','id':'ws_1','status':'completed'}\n"
          "tool\n  result 'c1' 'f'\n    text '42'\nassistant\n  text 'done'\n"));
}

TEST(responses_request, a_wrong_value_is_refused_with_its_place)
{
    static const struct {
        const char *json, *param, *message;
    } rows[] = {
        {"{'input':5}", "input", "input: a list is needed, got a number"},
        {"{}", "input", "input: a string, or a list with at least one item, is needed"},
        {"{'input':[]}", "input", "input: a string, or a list with at least one item, is needed"},
        {"[]", "", "an object is needed, got an array"},
        {ITEMS("{'role':'boss','content':'x'}"), "input[0].role",
         "input[0].role: one of user, assistant, system, developer is needed, got 'boss'"},
        {ITEMS("{}"), "input[0]", "input[0]: an item with its type, or a message with its role, is needed"},
        {ITEMS("{'role':'user'}"), "input[0]", "input[0]: a message has a content"},
        {ITEMS("{'role':'user','content':[{'type':'picture'}]}"), "input[0].content[0]",
         "input[0].content[0]: a part with its type (input_text, input_image, input_file, output_text, refusal) is "
         "needed"},
        {ITEMS("{'type':'function_call','call_id':'c'}"), "input[0]", "input[0]: a function_call has a name"},
        {ITEMS("{'type':'function_call_output','output':'x'}"), "input[0]",
         "input[0]: a function_call_output has the call_id of its call"},
        {WITH("'tools':[{'type':'function'}]"), "tools[0]", "tools[0]: a function has a name"},
        {WITH("'tool_choice':'any'"), "tool_choice",
         "tool_choice: one of auto, none, required is needed, got 'any'"},
        {WITH("'text':{'format':{'type':'json_schema'}}"), "text.format",
         "text.format: a json_schema has a schema"},
        {WITH("'include':'x'"), "include", "include: a list is needed, got a string"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_FALSE(reads(rows[i].json));
        EXPECT_EQ(failure.problem, PROBLEM_INVALID_REQUEST);
        EXPECT_STR_EQ(failure.param, rows[i].param);
        EXPECT_STR_EQ(failure.message, Q(rows[i].message));
    }
}

TEST(responses_request, without_input_an_answer_before_says_what_is_meant)
{
    EXPECT_STR_EQ(said("{'previous_response_id':'resp_1'}"), Q("extra 'previous_response_id' is 'resp_1'\n"));
}

TEST(responses_request, items_that_only_this_format_has_travel_whole_to_it_and_are_lost_elsewhere)
{
    EXPECT_STR_EQ(
        said(ITEMS("{'type':'item_reference','id':'msg_1'},{'role':'user','content':'hi'},"
                   "{'type':'computer_call_output','call_id':'c','output':{}}")),
        Q("assistant\n  other 'item_reference' json {'type':'item_reference','id':'msg_1'}\nuser\n"
          "  text 'hi'\n  other 'computer_call_output' json {'type':'computer_call_output','call_id':'c',"
          "'output':{}}\n"));
    expect_written("'input':[{'type':'item_reference','id':'msg_1'},{'role':'user','content':'hi'},"
                   "{'type':'computer_call_output','call_id':'c','output':{}}]");
    EXPECT_STR_EQ(lost(), "");
}

TEST(responses_request, tools_that_the_provider_runs_keep_their_choice)
{
    EXPECT_STR_EQ(said(WITH("'tools':[{'type':'web_search'}],'tool_choice':{'type':'web_search'}")),
                  Q(SAYS("tool 'web_search' json {'type':'web_search'}\n"
                         "extra 'tool_choice' is {'type':'web_search'}\n")));
    expect_written("'tools':[{'type':'web_search'}],'tool_choice':{'type':'web_search'}");
}

/* ---- pitfalls ---- */
TEST(responses_request, consecutive_results_are_one_turn_and_leave_as_items_of_their_own_pitfall_01)
{
    EXPECT_STR_EQ(said(ITEMS("{'type':'function_call','call_id':'a','name':'f','arguments':'{}'},"
                             "{'type':'function_call','call_id':'b','name':'g','arguments':'{}'},"
                             "{'type':'function_call_output','call_id':'b','output':'2'},"
                             "{'type':'function_call_output','call_id':'a','output':'1'}")),
                  Q("assistant\n  call 'a' 'f' json {}\n  call 'b' 'g' json {}\ntool\n  result 'b' 'g'\n"
                    "    text '2'\n  result 'a' 'f'\n    text '1'\n"));
    expect_written("{'type':'function_call_output','call_id':'b','output':'2'},"
                   "{'type':'function_call_output','call_id':'a','output':'1'}");
}

TEST(responses_request, a_results_parts_stay_one_result_pitfall_02)
{
    EXPECT_STR_EQ(said(ITEMS("{'type':'function_call_output','call_id':'a','output':[{'type':'input_text',"
                             "'text':'x'},{'type':'input_image','image_url':'https://x/i.png'}]}")),
                  Q("tool\n  result 'a' 'a'\n    text 'x'\n    image url 'https://x/i.png'\n"));
    expect_written(
        "'output':[{'type':'input_text','text':'x'},{'type':'input_image','image_url':'https://x/i.png'}]");
    request.messages->parts.first->is_error = true;
    EXPECT_STR_EQ(lost(), "is_error");
}

TEST(responses_request, empty_arguments_are_an_empty_object_and_broken_ones_stay_pitfall_03)
{
    begin();
    struct chat_part *call = say_as(CHAT_ROLE_ASSISTANT, CHAT_TOOL_CALL, STR(""));
    call->id = STR("a");
    call->name = STR("f");
    expect_written("{'type':'function_call','call_id':'a','name':'f','arguments':'{}'}");
    call->json = STR("{\"a\":");
    expect_written("'arguments':'{\\'a\\':'}");
}

TEST(responses_request, tool_choice_has_all_its_forms_pitfall_08)
{
#define CHOICE(choice) WITH("'tools':[{'type':'function','name':'f','parameters':{}}],'tool_choice':" choice)
    static const struct {
        const char *json, *line, *member;
    } rows[] = {
        {CHOICE("'auto'"), "tool_choice auto\n", "'tool_choice':'auto'"},
        {CHOICE("'none'"), "tool_choice none\n", "'tool_choice':'none'"},
        {CHOICE("'required'"), "tool_choice required\n", "'tool_choice':'required'"},
        {CHOICE("{'type':'function','name':'f'}"), "tool_choice named 'f'\n",
         "'tool_choice':{'type':'function','name':'f'}"},
        {CHOICE("{'type':'allowed_tools','mode':'required','tools':[{'type':'function','name':'f'}]}"),
         "tool_choice required or 'f'\n",
         "'tool_choice':{'type':'allowed_tools','mode':'required','tools':[{'type':'function','name':'f'}]}"},
        {CHOICE("{'type':'mcp','server_label':'s'}"),
         "extra 'tool_choice' is {'type':'mcp','server_label':'s'}\n",
         "'tool_choice':{'type':'mcp','server_label':'s'}"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct str all = said(rows[i].json);
        EXPECT_THAT(str_ends_with(all, Q(rows[i].line)), "%.*s", STR_ARG(all));
        expect_written(rows[i].member);
    }
}

TEST(responses_request, schemas_travel_whole_and_are_strict_only_if_that_was_said_pitfall_09)
{
#define SCHEMA "{'$defs':{'a':{}},'anyOf':[{'$ref':'#/$defs/a'}],'x-mine':1.50}"
    EXPECT_STR_EQ(said(WITH("'tools':[{'type':'function','name':'f','description':'d','parameters':" SCHEMA
                            ",'strict':true}]")),
                  Q(SAYS("function 'f' 'd' takes " SCHEMA " strict\n")));
    expect_written("'parameters':" SCHEMA ",'strict':true");
    request.tools->is_strict = CHAT_UNSAID;
    expect_unwritten("strict");
    request.format = CHAT_FORMAT_OPENAI_CHAT; /* where that means no */
    expect_written("'strict':false");
}

TEST(responses_request, odd_names_of_tools_are_changed_everywhere_alike_pitfall_10)
{
    begin();
    chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION)->name = STR("a.tool");
    request.tool_choice = CHAT_CHOICE_NAMED;
    request.tool_choice_name = STR("a.tool");
    struct chat_part *call = say_as(CHAT_ROLE_ASSISTANT, CHAT_TOOL_CALL, STR(""));
    call->id = STR("c");
    call->name = STR("a.tool");
    expect_unwritten("a.tool");
    struct str all = written(), rest = all;
    unsigned count = 0;
    for (size_t at; (at = str_find(rest, STR("\"a_tool_"))) != SIZE_MAX; count++)
        rest = str_from(rest, at + 1);
    EXPECT_EQ(count, 3);
}

TEST(responses_request, tools_that_others_run_are_lost_and_so_is_their_choice_pitfall_11)
{
    begin();
    struct chat_tool *search = chat_request_add_tool(&request, &arena, CHAT_TOOL_OTHER);
    search->name = STR("web_search_20250305");
    search->json = STR("{}");
    search->format = CHAT_FORMAT_ANTHROPIC;
    request.tool_choice = CHAT_CHOICE_NAMED;
    request.tool_choice_name = STR("web_search");
    expect_unwritten("tool");
    EXPECT_STR_EQ(lost(), "tools.web_search_20250305");
}

TEST(responses_request, system_messages_keep_their_place_and_parts_pitfall_12)
{
    begin();
    say_as(CHAT_ROLE_SYSTEM, CHAT_TEXT, STR("a"));
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    say_as(CHAT_ROLE_SYSTEM, CHAT_TEXT, STR("b"))->cache = CHAT_CACHE_5M;
    say_as(CHAT_ROLE_SYSTEM, CHAT_TEXT, STR("c"));
    expect_written("'instructions':'a','input':[{'role':'user','content':'hi'},{'role':'system','content':["
                   "{'type':'input_text','text':'b'},{'type':'input_text','text':'c'}]}]");
    EXPECT_STR_EQ(lost(), "cache_control");
    traits.bits = TRAIT_DEVELOPER_ROLE;
    expect_written("{'role':'developer','content':[");
}

TEST(responses_request, images_and_documents_are_not_decoded_pitfall_14)
{
    EXPECT_STR_EQ(
        said(ITEMS(
            "{'role':'user','content':[{'type':'input_image','image_url':'data:image/jpeg;base64,/9j/4A==',"
            "'detail':'low'},{'type':'input_image','file_id':'file-1'},{'type':'input_file','filename':'a.pdf',"
            "'file_data':'data:application/pdf;base64,JVBE'},{'type':'input_file','file_url':'https://x/b.pdf'},"
            "{'type':'input_audio','input_audio':{'data':'UklG','format':'wav'}}]}")),
        Q("user\n  image 'image/jpeg' data '/9j/4A==' detail 'low'\n  image file 'file-1'\n"
          "  document 'application/pdf' data 'JVBE' name 'a.pdf'\n  document url 'https://x/b.pdf'\n"
          "  audio 'audio/wav' data 'UklG'\n"));
    expect_written("[{'type':'input_image','image_url':'data:image/jpeg;base64,/9j/4A==','detail':'low'},"
                   "{'type':'input_image','file_id':'file-1'},{'type':'input_file','filename':'a.pdf',"
                   "'file_data':'data:application/pdf;base64,JVBE'},{'type':'input_file','file_url':"
                   "'https://x/b.pdf'},{'type':'input_audio','input_audio':{'data':'UklG','format':'wav'}}]");
    EXPECT_STR_EQ(lost(), "");
}

TEST(responses_request, several_texts_of_an_assistant_are_parts_of_one_message_pitfall_15)
{
    begin();
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR("one "));
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR("two"));
    expect_written(
        "'input':[{'type':'message','role':'assistant','content':[{'type':'output_text','text':'one '},"
        "{'type':'output_text','text':'two'}]}]");
}

TEST(responses_request, what_a_model_refuses_is_lost_pitfall_17)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    request.temperature = request.top_p = request.frequency_penalty = (struct chat_double){true, 0.5};
    request.seed = request.top_k = (struct chat_int){true, 7};
    request.stop = (struct chat_strings){.at = &request.model, .count = 1};
    EXPECT_STR_EQ(lost(), "frequency_penalty, top_k, seed, stop");
    traits.bits = TRAIT_NO_TEMPERATURE | TRAIT_NO_TOP_P;
    EXPECT_STR_EQ(lost(), "temperature, top_p, frequency_penalty, top_k, seed, stop");
    expect_unwritten("temperature");
}

TEST(responses_request, budgets_are_efforts_and_thoughts_come_back_encrypted_pitfall_18)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    expect_unwritten("reasoning");
    request.reasoning.budget = (struct chat_int){true, 20000};
    request.reasoning.is_shown = CHAT_YES;
    expect_written(
        "'reasoning':{'effort':'high','summary':'auto'},'include':['reasoning.encrypted_content']");
    traits.reasoning = REASONING_NONE;
    expect_unwritten("reasoning");
    EXPECT_STR_EQ(lost(), "reasoning_effort");
}

TEST(responses_request, formats_of_answers_are_written_pitfall_19)
{
    EXPECT_TRUE(reads(WITH("'text':{'format':{'type':'json_object'},'verbosity':'low'}")));
    expect_written("'text':{'format':{'type':'json_object'},'verbosity':'low'}");
    request.output = (struct chat_output_format){.kind = CHAT_OUTPUT_SCHEMA, .schema = STR("{}")};
    expect_written("'format':{'type':'json_schema','name':'response','schema':{}}");
    traits.bits = TRAIT_NO_SCHEMA;
    expect_written("'format':{'type':'json_object'}");
    EXPECT_STR_EQ(lost(), "response_format.json_schema");
}

TEST(responses_request, thoughts_go_back_to_whoever_signed_them_pitfall_27)
{
    EXPECT_STR_EQ(
        said(ITEMS("{'type':'reasoning','id':'rs_1','summary':[],'encrypted_content':'weir-a.c2ln'},"
                   "{'type':'reasoning','id':'rs_2','summary':[],'encrypted_content':'weir-r.eHh4'},"
                   "{'type':'reasoning','id':'rs_3','summary':[],'encrypted_content':'own'},"
                   "{'role':'assistant','content':'a'}")),
        Q("assistant\n  thinking anthropic 'c2ln'\n  thinking anthropic 'eHh4' redacted\n"
          "  thinking 'rs_3' responses 'own'\n  text 'a'\n"));
    expect_written("'input':[{'type':'reasoning','id':'rs_3','summary':[],'encrypted_content':'own'},");
    expect_written("'include':['reasoning.encrypted_content']");
    EXPECT_STR_EQ(lost(), "thinking");
}

TEST(responses_request, words_of_thoughts_go_where_they_are_wanted_pitfall_27)
{
    begin();
    say_as(CHAT_ROLE_ASSISTANT, CHAT_THINKING, STR("hm"));
    EXPECT_STR_EQ(lost(), "thinking");
    traits.bits = TRAIT_REASONING_CONTENT;
    expect_written("{'type':'reasoning','summary':[],'content':[{'type':'reasoning_text','text':'hm'}]}");
    EXPECT_STR_EQ(lost(), "");
}

TEST(responses_request, signatures_come_back_in_ids_of_calls_pitfall_28)
{
    EXPECT_STR_EQ(
        said(ITEMS("{'type':'function_call','call_id':'a__thought__c2ln','name':'f','arguments':'{}'},"
                   "{'type':'function_call_output','call_id':'a__thought__c2ln','output':'1'},"
                   "{'type':'function_call','call_id':'b__thought__a.c2ln','name':'f','arguments':'{}'}")),
        Q("assistant\n  call 'a' 'f' json {} gemini 'c2ln'\ntool\n  result 'a' 'f'\n    text '1'\nassistant\n"
          "  thinking anthropic 'c2ln'\n  call 'b' 'f' json {}\n"));
}

TEST(responses_request, a_thought_that_is_there_is_not_signed_twice_pitfall_28)
{
    EXPECT_STR_EQ(
        said(ITEMS("{'type':'reasoning','id':'rs_1','summary':[{'type':'summary_text','text':'hm'}],"
                   "'encrypted_content':'weir-a.c2ln'},"
                   "{'type':'function_call','call_id':'b__thought__a.c2ln','name':'f','arguments':'{}'}")),
        Q("assistant\n  thinking 'hm' anthropic 'c2ln'\n  call 'b' 'f' json {}\n"));
}

TEST(responses_request, several_choices_are_lost_pitfall_31)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    request.choices = (struct chat_int){true, 2};
    request.wants_logprobs = true;
    request.top_logprobs = (struct chat_int){true, 2};
    expect_written("'top_logprobs':2,'include':['message.output_text.logprobs']");
    EXPECT_STR_EQ(lost(), "n");
    traits.bits = TRAIT_NO_LOGPROBS;
    EXPECT_STR_EQ(lost(), "n, logprobs");
}

TEST(responses_request, extras_of_the_chat_format_that_mean_the_same_are_kept_pitfall_36)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    request.format = CHAT_FORMAT_OPENAI_CHAT;
    chat_request_add_extra(&request, &arena, STR("service_tier"), STR("\"flex\""));
    chat_request_add_extra(&request, &arena, STR("verbosity"), STR("\"low\""));
    chat_request_add_extra(&request, &arena, STR("logit_bias"), STR("{}"));
    expect_written("'text':{'verbosity':'low'},'service_tier':'flex','store':false");
    EXPECT_STR_EQ(lost(), "logit_bias");
    chat_request_add_extra(&request, &arena, STR("store"), STR("true"));
    expect_written("'store':true");
}
