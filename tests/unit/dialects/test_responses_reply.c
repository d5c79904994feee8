/* Plain replies in OpenAI's Responses format, both ways, and its errors. Each pitfall that concerns them has a test of its
 * number. */
#include "test.h"

#include "neutral.h"
#include "quotes.h"

static struct arena arena;
static struct buf text, body;
static struct chat_request request;
static struct chat_reply reply;
static struct chat_error failure;
static struct reply_frame frame;

static void begin(void)
{
    arena_done(&arena);
    buf_done(&text);
    buf_done(&body);
    buf_init(&text, 1 << 20);
    buf_init(&body, 1 << 20);
    request = (struct chat_request){.model = STR("asked")};
    reply = (struct chat_reply){0};
    failure = (struct chat_error){0};
    frame = (struct reply_frame){&arena, &request, STR("abc"), STR("asked"), 5};
}

/* ---- read ---- */
static bool reads(const char *json)
{
    begin();
    struct http_message in = {.status = 200, .body = Q(json)};
    return dialect_responses.read_reply(&reply, &arena, &in, &request, &failure);
}

static struct str said(const char *json)
{
    EXPECT_THAT(reads(json), "%.*s", STR_ARG(failure.message));
    reply_text(&text, &reply);
    return buf_str(&text);
}
#define REPLY(items, status) "{'id':'r','model':'m','created_at':9,'status':" status ",'output':[" items "]}"
#define SAYS(lines) "id 'r'\nmodel 'm'\ncreated 9\nchoice 0\n" lines
#define MESSAGE(contents) "{'type':'message','id':'msg_1','role':'assistant','content':[" contents "]}"
#define TEXT(words) "{'type':'output_text','text':'" words "','annotations':[]}"

TEST(responses_reply, words_thoughts_calls_and_refusals_are_read)
{
    EXPECT_STR_EQ(
        said(REPLY(
            "{'type':'reasoning','id':'rs_1','summary':[{'type':'summary_text','text':'a'},{'type':"
            "'summary_text','text':'b'}],'encrypted_content':'enc'}," MESSAGE(TEXT(
                "one") ",{'type':'refusal','refusal':'no'}") ",{'type':'function_call','id':'fc_1',"
                                                             "'call_id':'c','name':'f','arguments':'{}'}",
            "'completed'")),
        Q(SAYS("  thinking 'rs_1' 'a\\n\\nb' responses 'enc'\n  text 'one'\n  refusal 'no'\n"
               "  call 'c' 'f' json {}\n  finish tool_calls\n")));
}

TEST(responses_reply, thoughts_in_full_are_read_where_there_is_no_summary)
{
    EXPECT_STR_EQ(said(REPLY("{'type':'reasoning','id':'x','summary':[],'content':[{'type':'reasoning_text',"
                             "'text':'hm'}]}," MESSAGE(TEXT("a")),
                             "'completed'")),
                  Q(SAYS("  thinking 'x' 'hm'\n  text 'a'\n  finish stop\n")));
    EXPECT_STR_EQ(said(REPLY("{'type':'reasoning','id':'rs_1','summary':[]}," MESSAGE(TEXT("a") "," TEXT("")),
                             "'completed'")),
                  Q(SAYS("  text 'a'\n  finish stop\n")));
}

TEST(responses_reply, sources_tokens_images_and_searches_are_read)
{
    EXPECT_STR_EQ(
        said(REPLY(
            "{'type':'web_search_call','id':'ws_1'}," MESSAGE(
                "{'type':'output_text','text':'a','annotations':[{'type':'url_citation','url':'u','title':'t',"
                "'start_index':0,'end_index':1},{'type':'file_citation','file_id':'f'}],'logprobs':[{'token':"
                "'a','logprob':-1,'bytes':[97],'top_logprobs':[{'token':'b','logprob':-2}]}]}") ","
                                                                                                "{'type':'image_generation_call','id':'ig_1','result':'AAAA','output_format':'jpeg'}",
            "'completed'")),
        Q(SAYS(
            "  other 'web_search_call' json {'type':'web_search_call','id':'ws_1'}\n  text 'a' cites 0-1 'u' 't'\n"
            "  image 'image/jpeg' data 'AAAA' id 'ig_1'\n  token -1 'a' or -2 'b'\n  finish stop\n")));
}

TEST(responses_reply, what_is_none_is_refused)
{
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"", "The provider's reply is not JSON: "},
        {"[]", "The provider's response has no output."},
        {"{'status':'completed'}", "The provider's response has no output."},
        {"{'status':'completed','output':[]}", "The provider's response has no output."},
        {"{'status':'in_progress','output':[]}", "The provider's response is not complete."},
        {"{'status':'failed','error':{'code':'rate_limit_exceeded','message':'busy'},'output':[]}", "busy"},
        {"{'error':{'message':'busy'}}", "busy"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_FALSE(reads(rows[i].json));
        EXPECT_THAT(str_starts_with(failure.message, str_from_cstr(rows[i].message)), "%.*s",
                    STR_ARG(failure.message));
    }
    EXPECT_FALSE(reads(rows[5].json));
    EXPECT_EQ(failure.problem, PROBLEM_RATE_LIMITED);
}

TEST(responses_reply, why_it_is_incomplete_is_why_it_ended_pitfall_20)
{
    static const struct {
        const char *details;
        enum chat_finish finish;
        const char *native;
    } rows[] = {
        {"{'reason':'max_output_tokens'}", FINISH_LENGTH, ""},
        {"{'reason':'content_filter'}", FINISH_FILTER, ""},
        {"{'reason':'steered'}", FINISH_LENGTH, "steered"},
        {"null", FINISH_LENGTH, ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char json[200];
        snprintf(json, sizeof json, "{'status':'incomplete','incomplete_details':%s,'output':[]}",
                 rows[i].details);
        EXPECT_TRUE(reads(json));
        EXPECT_EQ(reply.choices->finish, rows[i].finish);
        EXPECT_STR_EQ(reply.choices->native_finish, rows[i].native);
    }
}

TEST(responses_reply, input_holds_what_was_cached_and_output_what_was_thought_pitfall_22)
{
    EXPECT_TRUE(reads("{'output':[" MESSAGE(
        TEXT("a")) "],'usage':{'input_tokens':100,'input_tokens_details':{"
                   "'cached_tokens':60,'cache_write_tokens':10},'output_tokens':50,'output_tokens_details':{"
                   "'reasoning_tokens':20},'total_tokens':150}}"));
    EXPECT_EQ(reply.usage.input_uncached, 30);
    EXPECT_EQ(reply.usage.cache_read, 60);
    EXPECT_EQ(reply.usage.cache_write_5m, 10);
    EXPECT_EQ(reply.usage.output, 30);
    EXPECT_EQ(reply.usage.reasoning, 20);
}

TEST(responses_reply, changed_names_of_tools_are_the_callers_again_pitfall_10)
{
    begin();
    struct buf sent;
    struct losses dropped = {0};
    chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION)->name = STR("a.tool");
    buf_init(&sent, 1 << 16);
    struct upstream_request up = {.arena = &arena, .body = &sent};
    EXPECT_TRUE(dialect_responses.write_request(&up, &request, &dropped, &failure));
    size_t at = str_find(buf_str(&sent), STR("a_tool"));
    struct str changed = str_from(buf_str(&sent), at);
    changed = str_part(changed, 0, str_find_char(changed, '"'));
    struct http_message in = {
        .body = arena_printf(&arena,
                             "{\"output\":[{\"type\":\"function_call\",\"call_id\":\"c\","
                             "\"name\":\"%.*s\",\"arguments\":\"{}\"}]}",
                             STR_ARG(changed))};
    EXPECT_TRUE(dialect_responses.read_reply(&reply, &arena, &in, &request, &failure));
    EXPECT_STR_EQ(reply.choices->parts.first->name, "a.tool");
    buf_done(&sent);
}

/* ---- written ---- */
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
    EXPECT_TRUE(dialect_responses.write_reply(&body, &reply, &frame));
    return buf_str(&body);
}

static void expect_written(const char *part)
{
    struct str all = written();
    EXPECT_THAT(str_find(all, Q(part)) != SIZE_MAX, "%s is not in %.*s", part, STR_ARG(all));
}

TEST(responses_reply, a_response_has_every_member_that_sdks_rely_on)
{
    begin();
    add(CHAT_TEXT, STR("a"));
    EXPECT_STR_EQ(
        written(),
        Q("{'id':'r','object':'response','created_at':9,'status':'completed','background':false,'error':null,"
          "'incomplete_details':null,'model':'m','output':[{'id':'msg_abc_0','type':'message','content':[{'type':"
          "'output_text','annotations':[],'logprobs':[],'text':'a'}],'status':'completed','role':'assistant'}],"
          "'instructions':null,'max_output_tokens':null,'parallel_tool_calls':true,'previous_response_id':null,"
          "'reasoning':{'effort':null,'summary':null},'service_tier':'default','store':false,'temperature':1,"
          "'text':{'format':{'type':'text'},'verbosity':'medium'},'top_logprobs':0,'top_p':1,"
          "'truncation':'disabled','tools':[],'tool_choice':'auto','usage':null,'user':null,'metadata':{}}"));
}

TEST(responses_reply, it_repeats_what_was_asked)
{
    begin();
    struct http_message in = {
        .body = Q("{'input':'hi','tools':[{'type':'function','name':'f','parameters':{},"
                  "'strict':true},{'type':'web_search'}],'tool_choice':'required',"
                  "'temperature':0.5,'max_output_tokens':7,'previous_response_id':'resp_1',"
                  "'store':true,'reasoning':{'effort':'xhigh','summary':'auto'},"
                  "'text':{'format':{'type':'json_object'}},'metadata':{'a':'b'}}")};
    EXPECT_TRUE(dialect_responses.read_request(&request, &arena, &in, &failure));
    add(CHAT_TEXT, STR("a"));
    expect_written(
        "'max_output_tokens':7,'parallel_tool_calls':true,'previous_response_id':'resp_1','reasoning':{"
        "'effort':'xhigh','summary':'auto'},'service_tier':'default','store':true,'temperature':0.5,"
        "'text':{'format':{'type':'json_object'}");
    expect_written(
        "'tools':[{'type':'function','name':'f','parameters':{},'strict':true},{'type':'web_search'}],"
        "'tool_choice':'required'");
    expect_written("'metadata':{'a':'b'}");
}

TEST(responses_reply, runs_of_words_and_refusals_are_one_message_pitfall_15)
{
    begin();
    add(CHAT_TEXT, STR("one "));
    add(CHAT_TEXT, STR("two"));
    add(CHAT_REFUSAL, STR("no"));
    expect_written(
        "'output':[{'id':'msg_abc_0','type':'message','content':[{'type':'output_text','annotations':[],"
        "'logprobs':[],'text':'one '},{'type':'output_text','annotations':[],'logprobs':[],'text':'two'},"
        "{'type':'refusal','refusal':'no'}],'status':'completed','role':'assistant'}]");
}

TEST(responses_reply, thoughts_and_calls_are_items_and_signatures_travel_twice_pitfall_28)
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
    p->signature = STR("Z2Vt");
    p->format = CHAT_FORMAT_GEMINI;
    reply.choices->finish = FINISH_TOOL_CALLS;
    expect_written(
        "'output':[{'id':'rs_abc_0','type':'reasoning','summary':[{'type':'summary_text','text':'hm'}],"
        "'encrypted_content':'weir-a.c2ln'},{'id':'fc_abc_1','type':'function_call','status':'completed',"
        "'arguments':'{}','call_id':'a__thought__a.c2ln','name':'f'},{'id':'fc_abc_2','type':"
        "'function_call','status':'completed','arguments':'{\\'x\\':1}','call_id':'b__thought__Z2Vt',"
        "'name':'g'}]");
    expect_written("'status':'completed','background'");
}

TEST(responses_reply, what_was_cut_is_incomplete_pitfall_20)
{
    begin();
    add(CHAT_TEXT, STR("a"));
    reply.choices->finish = FINISH_LENGTH;
    expect_written("'status':'incomplete','background':false,'error':null,'incomplete_details':{'reason':"
                   "'max_output_tokens'}");
    expect_written("'text':'a'}],'status':'incomplete','role':'assistant'}");
    reply.choices->finish = FINISH_FILTER;
    expect_written("{'reason':'content_filter'}");
}

TEST(responses_reply, usage_is_written_whole_pitfall_22)
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
    expect_written(
        "'usage':{'input_tokens':1111,'input_tokens_details':{'cached_tokens':10,'cache_write_tokens':1100},"
        "'output_tokens':55,'output_tokens_details':{'reasoning_tokens':50},'total_tokens':1166}");
}

TEST(responses_reply, what_the_provider_leaves_out_comes_from_the_frame_pitfall_33)
{
    begin();
    chat_reply_add_choice(&reply, &arena)->finish = FINISH_STOP;
    expect_written("{'id':'resp_abc','object':'response','created_at':5,'status':'completed'");
    expect_written(
        "'model':'asked','output':[{'id':'msg_abc_0','type':'message','content':[{'type':'output_text',"
        "'annotations':[],'logprobs':[],'text':''}],'status':'completed','role':'assistant'}]");
}

/* ---- errors ---- */
TEST(responses_error, a_body_is_that_of_the_chat_format_pitfall_32)
{
    begin();
    failure = (struct chat_error){.problem = PROBLEM_RATE_LIMITED, .message = STR("slow down")};
    EXPECT_TRUE(dialect_responses.write_error(&body, &failure));
    EXPECT_STR_EQ(buf_str(&body), Q("{'error':{'message':'slow down','type':'rate_limit_error','param':null,"
                                    "'code':'rate_limit_exceeded'}}"));
}

TEST(responses_error, an_event_says_it_at_its_root_and_in_an_object_pitfall_32)
{
    begin();
    failure = (struct chat_error){.problem = PROBLEM_UPSTREAM, .message = STR("gone"), .code = STR("c")};
    EXPECT_TRUE(dialect_responses.write_error_event(&body, &failure));
    EXPECT_STR_EQ(buf_str(&body),
                  Q("event: error\ndata: {'type':'error','code':'c','message':'gone','param':null,"
                    "'error':{'message':'gone','type':'server_error','param':null,'code':'c'}}\n\n"));
}

TEST(responses_error, a_refusal_names_its_reason)
{
    struct verdict v;
    struct http_headers none = {0};
    begin();
    struct http_message in = {
        .status = 400,
        .headers = &none,
        .body = Q("{'error':{'message':'Your input exceeds the context window of this model.',"
                  "'type':'invalid_request_error','param':'input','code':"
                  "'context_length_exceeded'}}")};
    dialect_responses.classify(&v, &arena, &in);
    EXPECT_EQ(v.kind, REJECTION_CONTEXT_WINDOW);
    EXPECT_STR_EQ(v.param, "input");
}
