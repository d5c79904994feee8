/* Streams in OpenAI's Responses format, read and written. What is written is checked event by event: numbers that rise by
 * one, items that are announced before they are spoken of and closed once, ids that stay. */
#include "test.h"

#include "neutral.h"
#include "quotes.h"

#include "json/cursor.h"

static struct arena arena;
static struct buf text, body;
static struct chat_request request;
static struct reply_frame frame;
static struct listener listener;
static struct stream_run run;

static void begin(void)
{
    listener_done(&listener);
    arena_done(&arena);
    buf_done(&text);
    buf_done(&body);
    buf_init(&text, 1 << 20);
    buf_init(&body, 8 << 20);
    request = (struct chat_request){.model = STR("asked"), .is_stream = true, .wants_stream_usage = true};
    frame = (struct reply_frame){&arena, &request, STR("abc"), STR("asked"), 5};
    listener_init(&listener, &arena);
}

/* ---- read ---- */
static struct str heard(const char *stream)
{
    begin();
    run = listen_to(&listener, &dialect_responses, Q(stream), 1 << 20, &request);
    listener_text(&text, &listener);
    return buf_str(&text);
}
#define EVENT(type, members) "event: " type "\ndata: {'type':'" type "'," members "}\n\n"
#define CREATED                                                                                              \
    EVENT(                                                                                                   \
        "response.created",                                                                                  \
        "'response':{'id':'r','model':'m','created_at':9,'status':'in_progress','output':[],'usage':null}")
#define ADDED(index, item) EVENT("response.output_item.added", "'output_index':" index ",'item':" item)
#define CLOSED(index, item) EVENT("response.output_item.done", "'output_index':" index ",'item':" item)
#define MESSAGE_ADDED(index)                                                                                 \
    ADDED(index,                                                                                             \
          "{'id':'msg_" index "','type':'message','status':'in_progress','content':[],'role':'assistant'}")
#define AT(index) "'item_id':'i','output_index':" index ",'content_index':0,"
#define WORDS_OF(index, words)                                                                               \
    EVENT("response.output_text.delta", AT(index) "'delta':'" words "','logprobs':[]")
#define CALL_ITEM(id, name, arguments)                                                                       \
    "{'id':'fc_" id "','type':'function_call','call_id':'" id "','name':'" name "','arguments':'" arguments  \
    "'}"
#define ARGUMENTS_OF(index, piece)                                                                           \
    EVENT("response.function_call_arguments.delta",                                                          \
          "'item_id':'i','output_index':" index ",'delta':'" piece "'")
#define ARGUMENTS_DONE(index, whole)                                                                         \
    EVENT("response.function_call_arguments.done", "'output_index':" index ",'arguments':'" whole "'")
#define ENDED(status, details, usage)                                                                        \
    EVENT("response." status, "'response':{'id':'r','status':'" status "','incomplete_details':" details     \
                              ",'output':[],'usage':" usage "}")
#define COMPLETED ENDED("completed", "null", "null")
#define SAYS(lines) "id 'r'\nmodel 'm'\ncreated 9\nchoice 0\n" lines

TEST(responses_stream, words_thoughts_and_calls_are_parts_of_their_own_pitfall_26)
{
    EXPECT_STR_EQ(
        heard(
            CREATED ADDED("0", "{'id':'rs_1','type':'reasoning','summary':[],'encrypted_content':'early'}")
                EVENT("response.reasoning_summary_text.delta",
                      "'output_index':0,'summary_index':0,'delta':'a'")
                    EVENT("response.reasoning_summary_text.delta",
                          "'output_index':0,'summary_index':1,'delta':'b'")
                        CLOSED("0", "{'id':'rs_1','type':'reasoning','summary':[],'encrypted_content':'enc'}")
                            MESSAGE_ADDED("1") WORDS_OF("1", "H") WORDS_OF("1", "i")
                                ADDED("2", CALL_ITEM("c", "f", "")) ARGUMENTS_OF("2", "{")
                                    ARGUMENTS_OF("2", "}") CLOSED("2", CALL_ITEM("c", "f", "{}"))
                                        ENDED("completed", "null", "{'input_tokens':7,'output_tokens':2}")),
        Q(SAYS("  thinking 'rs_1' 'a\\n\\nb' responses 'enc'\n  text 'Hi'\n  call 'c' 'f' json {}\n"
               "  finish tool_calls\nusage in 7 out 2\nstop\n")));
    EXPECT_EQ(run.ending, ENDING_COMPLETE);
}

TEST(responses_stream, what_comes_only_in_closing_events_is_said_once_pitfall_07)
{
    EXPECT_STR_EQ(heard(CREATED ADDED("0", CALL_ITEM("c", "f", "")) ARGUMENTS_DONE("0", "{\\'x\\':1}")
                            CLOSED("0", CALL_ITEM("c", "f", "{\\'x\\':1}")) MESSAGE_ADDED("1")
                                EVENT("response.output_text.done", AT("1") "'text':'all'")
                                    CLOSED("2", CALL_ITEM("d", "g", "{}")) COMPLETED),
                  Q(SAYS("  call 'c' 'f' json {'x':1}\n  text 'all'\n  call 'd' 'g' json {}\n"
                         "  finish tool_calls\nstop\n")));
    EXPECT_STR_EQ(heard(CREATED MESSAGE_ADDED("0") WORDS_OF("0", "all")
                            EVENT("response.output_text.done", AT("0") "'text':'all'") COMPLETED),
                  Q(SAYS("  text 'all'\n  finish stop\nstop\n")));
    EXPECT_STR_EQ(heard(CREATED EVENT("response.completed",
                                      "'response':{'id':'r','status':'completed','output':[{'type':'message',"
                                      "'content':[{'type':'output_text','text':'all'}]}]}")),
                  Q(SAYS("  text 'all'\n  finish stop\nstop\n")));
}

TEST(responses_stream, a_call_without_arguments_is_one_pitfall_05)
{
    EXPECT_STR_EQ(
        heard(CREATED ADDED("0", CALL_ITEM("c", "f", "")) CLOSED("0", CALL_ITEM("c", "f", "")) COMPLETED),
        Q(SAYS("  call 'c' 'f' json {}\n  finish tool_calls\nstop\n")));
}

TEST(responses_stream, calls_by_turns_are_one_after_the_other_pitfall_06)
{
    EXPECT_STR_EQ(
        heard(CREATED ADDED("0", CALL_ITEM("a", "f", "")) ARGUMENTS_OF("0", "{\\'x\\'")
                  ADDED("1", CALL_ITEM("b", "g", "")) ARGUMENTS_OF("1", "{\\'y\\'") ARGUMENTS_OF("0", ":1}")
                      ARGUMENTS_OF("1", ":2}") CLOSED("1", CALL_ITEM("b", "g", "{\\'y\\':2}"))
                          CLOSED("0", CALL_ITEM("a", "f", "{\\'x\\':1}")) COMPLETED),
        Q(SAYS("  call 'a' 'f' json {'x':1}\n  call 'b' 'g' json {'y':2}\n  finish tool_calls\nstop\n")));
}

TEST(responses_stream, thoughts_that_are_closed_late_are_said_once)
{
#define THOUGHT(index, words) EVENT("response.reasoning_text.delta", AT(index) "'delta':'" words "'")
    EXPECT_STR_EQ(
        heard(CREATED ADDED("0", "{'id':'rs','type':'reasoning','summary':[]}") THOUGHT(
            "0", "hm") MESSAGE_ADDED("1") WORDS_OF("1", "4")
                  EVENT("response.reasoning_text.done", AT("0") "'text':'hm'") CLOSED(
                      "0", "{'id':'rs','type':'reasoning','summary':[],'content':[{'type':'reasoning_text',"
                           "'text':'hm'}]}") COMPLETED), /* OpenRouter */
        Q(SAYS("  thinking 'rs' 'hm'\n  text '4'\n  finish stop\nstop\n")));
}

TEST(responses_stream, without_names_of_events_their_types_count_pitfall_34)
{
    EXPECT_STR_EQ(
        heard(": OPENROUTER PROCESSING\r\n\r\ndata: {'type':'response.created','response':{'id':'r',"
              "'model':'m','created_at':9}}\r\n\r\ndata: {'type':'response.output_text.delta',\r\ndata: "
              "'output_index':0,'content_index':0,'delta':'a'}\r\n\r\ndata: {'type':'response.completed',"
              "'response':{'status':'completed'}}\r\n\r\ndata: [DONE]\r\n\r\n"),
        Q(SAYS("  text 'a'\n  finish stop\nstop\n")));
}

TEST(responses_stream, contents_sources_tokens_and_images_are_told_apart)
{
    EXPECT_STR_EQ(
        heard(CREATED MESSAGE_ADDED("0") EVENT("response.output_text.delta",
                                               AT("0") "'delta':'a','logprobs':[{'token':'a','logprob':-1}]")
                  EVENT("response.output_text.annotation.added",
                        AT("0") "'annotation':{'type':'url_citation','url':'u','title':'t','start_index':0,"
                                "'end_index':1}")
                      EVENT("response.output_text.delta", "'output_index':0,'content_index':1,'delta':'b'")
                          EVENT("response.refusal.delta", "'output_index':0,'content_index':2,'delta':'no'")
                              CLOSED("1", "{'id':'ig_1','type':'image_generation_call','result':'AAAA'}")
                                  COMPLETED),
        Q(SAYS(
            "  text 'a' cites 0-1 'u' 't'\n  text 'b'\n  refusal 'no'\n  image 'image/png' data 'AAAA' id 'ig_1'\n"
            "  token -1 'a'\n  finish stop\nstop\n")));
}

TEST(responses_stream, a_stream_that_was_cut_short_by_length_ends_well_pitfall_20)
{
    EXPECT_STR_EQ(heard(CREATED MESSAGE_ADDED("0") WORDS_OF("0", "a")
                            ENDED("incomplete", "{'reason':'max_output_tokens'}", "null")),
                  Q(SAYS("  text 'a'\n  finish length\nstop\n")));
    (void)heard(CREATED MESSAGE_ADDED("0") WORDS_OF("0", "a"));
    EXPECT_EQ(run.ending, ENDING_INCOMPLETE);
    EXPECT_FALSE(listener.has_stopped);
    (void)heard(CREATED MESSAGE_ADDED("0") WORDS_OF("0", "a") "data: [DONE]\n\n");
    EXPECT_EQ(run.ending, ENDING_INCOMPLETE);
}

TEST(responses_stream, errors_come_in_three_shapes_pitfall_32)
{
    static const char *const streams[] = {
        CREATED EVENT("response.failed", "'response':{'id':'r','status':'failed','error':{'code':"
                                         "'rate_limit_exceeded','message':'busy'}}"),
        CREATED EVENT("error",
                      "'error':{'type':'rate_limit_error','code':'rate_limit_exceeded','message':'busy'}"),
        CREATED EVENT("error", "'code':'rate_limit_exceeded','message':'busy','param':null"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(streams); i++) {
        EXPECT_STR_EQ(heard(streams[i]),
                      Q("id 'r'\nmodel 'm'\ncreated 9\nerror 9 0 code 'rate_limit_exceeded' 'busy'\n"
                        "no stop\n"));
        EXPECT_EQ(run.ending, ENDING_INCOMPLETE);
        EXPECT_EQ(listener.problem, PROBLEM_RATE_LIMITED);
    }
}

TEST(responses_stream, nonsense_is_malformed)
{
    (void)heard("data: nonsense\n\n");
    EXPECT_TRUE(run.is_malformed);
    (void)heard(CREATED "data: {'type':'response.output_text.delta','delta':'a'\n\n");
    EXPECT_TRUE(run.is_malformed);
    EXPECT_STR_EQ(
        heard(CREATED EVENT("response.new_thing.delta", "'delta':'x'") WORDS_OF("0", "a") COMPLETED),
        Q(SAYS("  text 'a'\n  finish stop\nstop\n")));
}

/* ---- written ---- */
static struct event_writer *writer;

static void open_stream(void)
{
    begin();
    writer = dialect_responses.open_writer(&frame);
}

static void tell(struct chat_event e)
{
    EXPECT_TRUE(dialect_responses.write_event(writer, &body, &e));
}

static void tell_text(enum chat_part_kind kind, struct str words)
{
    tell((struct chat_event){.kind = CHAT_EVENT_DELTA, .part_kind = kind, .text = words});
}

static void tell_kind(enum chat_event_kind kind, enum chat_part_kind part)
{
    tell((struct chat_event){.kind = kind, .part_kind = part});
}

static void tell_part(enum chat_part_kind kind, struct str words)
{
    tell_kind(CHAT_EVENT_BEGIN, kind);
    if (words.len > 0) tell_text(kind, words);
    tell_kind(CHAT_EVENT_END, kind);
}

static void tell_call(struct str id, struct str name, struct str arguments)
{
    tell((struct chat_event){.kind = CHAT_EVENT_BEGIN, .part_kind = CHAT_TOOL_CALL, .id = id, .name = name});
    if (arguments.len > 0) tell_text(CHAT_TOOL_CALL, arguments);
    tell_kind(CHAT_EVENT_END, CHAT_TOOL_CALL);
}

static void tell_end(enum chat_finish finish)
{
    static const struct usage usage = {.input_uncached = 7, .output = 2, .is_known = true};
    tell((struct chat_event){.kind = CHAT_EVENT_FINISH, .finish = finish});
    tell((struct chat_event){.kind = CHAT_EVENT_STOP, .usage = &usage});
}

/* What a stream must keep to, whatever it says. Each event leaves a line: its type without "response.", which item and
 * which content it is about. */
struct order {
    struct str open_id; /* of the open item */
    int64_t number, items;
    bool is_item_open;
};

static struct str member(struct json_value v, const char *name)
{
    struct str text_of_it = {0};
    (void)!json_to_str(json_get(v, str_from_cstr(name)), &arena, &text_of_it);
    return text_of_it;
}

static void check_item(struct order *o, struct str type, struct json_value event)
{
    struct json_value item = json_get(event, STR("item"));
    struct str id = json_exists(item) ? member(item, "id") : member(event, "item_id");
    int64_t index = -1;
    EXPECT_TRUE(json_to_i64(json_get(event, STR("output_index")), &index));
    if (str_equals(type, STR("response.output_item.added"))) {
        EXPECT_FALSE(o->is_item_open);
        EXPECT_EQ(index, o->items);
        o->items++;
        o->is_item_open = true;
        o->open_id = id;
    }
    EXPECT_TRUE(o->is_item_open && index == o->items - 1 && str_equals(id, o->open_id));
    if (str_equals(type, STR("response.output_item.done"))) o->is_item_open = false;
}

static void check_event(struct order *o, struct str name, struct str data)
{
    struct json_value event = json_value_of(data);
    struct str type = member(event, "type");
    int64_t number = -1;
    struct err broken = {0};
    EXPECT_THAT(json_check(data, NULL, 0, NULL, &broken), "%s", broken.text);
    EXPECT_STR_EQ(type, name);
    EXPECT_TRUE(json_to_i64(json_get(event, STR("sequence_number")), &number));
    EXPECT_EQ(number, o->number);
    o->number++;
    if (json_exists(json_get(event, STR("output_index")))) check_item(o, type, event);
    bool is_end = str_equals(type, STR("response.completed")) || str_equals(type, STR("response.incomplete"));
    if (is_end) {
        EXPECT_FALSE(o->is_item_open);
        size_t count = 0;
        struct json_value output = json_get(json_get(event, STR("response")), STR("output"));
        while (json_exists(json_at(output, count))) count++;
        EXPECT_EQ((int64_t)count, o->items);
    }
    if (str_starts_with(type, STR("response."))) type = str_from(type, 9);
    say(&text, "%.*s %.*s\n", STR_ARG(type), STR_ARG(member(event, "delta")));
}

static struct str types(void)
{
    struct order o = {0};
    struct sse_reader sse;
    struct sse_event e;
    struct err err;
    buf_clear(&text);
    sse_init(&sse, 1 << 20);
    sse_feed(&sse, buf_str(&body));
    while (sse_next(&sse, &e, &err) == SSE_EVENT)
        if (e.is_dispatched) check_event(&o, arena_copy(&arena, e.name), arena_copy(&arena, e.data));
    sse_done(&sse);
    dialect_responses.close_writer(writer);
    return buf_str(&text);
}

static void expect_written(const char *part)
{
    EXPECT_THAT(str_find(buf_str(&body), Q(part)) != SIZE_MAX, "%s is not in %.*s", part,
                STR_ARG(buf_str(&body)));
}

static void tell_start(void)
{
    tell((struct chat_event){.kind = CHAT_EVENT_START, .id = STR("r"), .name = STR("m"), .created_s = 9});
}

TEST(responses_stream, an_answer_has_all_its_events_in_their_order_pitfall_25)
{
    open_stream();
    tell_start();
    tell_kind(CHAT_EVENT_BEGIN, CHAT_THINKING);
    tell_text(CHAT_THINKING, STR("h"));
    tell_text(CHAT_THINKING, STR("m"));
    tell((struct chat_event){.kind = CHAT_EVENT_SIGNATURE,
                             .part_kind = CHAT_THINKING,
                             .signature = STR("c2ln"),
                             .format = CHAT_FORMAT_ANTHROPIC});
    tell_kind(CHAT_EVENT_END, CHAT_THINKING);
    tell_kind(CHAT_EVENT_BEGIN, CHAT_TEXT);
    tell_text(CHAT_TEXT, STR("H\""));
    tell_text(CHAT_TEXT, STR("i"));
    tell_kind(CHAT_EVENT_END, CHAT_TEXT);
    tell_part(CHAT_REFUSAL, STR("no"));
    tell_call(STR("a"), STR("f"), STR("{\"x\":1}"));
    tell_call(STR("b"), STR("g"), STR(""));
    tell_end(FINISH_TOOL_CALLS);
    EXPECT_STR_EQ(
        types(),
        Q("created \nin_progress \noutput_item.added \nreasoning_summary_part.added \nreasoning_summary_text.delta h\n"
          "reasoning_summary_text.delta m\nreasoning_summary_text.done \nreasoning_summary_part.done \n"
          "output_item.done \noutput_item.added \ncontent_part.added \noutput_text.delta H'\noutput_text.delta i\n"
          "output_text.done \ncontent_part.done \ncontent_part.added \nrefusal.delta no\nrefusal.done \n"
          "content_part.done \noutput_item.done \noutput_item.added \nfunction_call_arguments.delta {'x':1}\n"
          "function_call_arguments.done \noutput_item.done \noutput_item.added \nfunction_call_arguments.delta {}\n"
          "function_call_arguments.done \noutput_item.done \ncompleted \n"));
    expect_written(
        "'item':{'id':'rs_abc_0','type':'reasoning','summary':[{'type':'summary_text','text':'hm'}],"
        "'encrypted_content':'weir-a.c2ln'}");
    expect_written("'item_id':'msg_abc_1','output_index':1,'content_index':1,'delta':'no'");
    expect_written("'call_id':'a__thought__a.c2ln','name':'f','type':'function_call','status':'completed',"
                   "'arguments':'{\\'x\\':1}'}");
    expect_written("'response':{'id':'r','object':'response','created_at':9,'status':'completed'");
    expect_written("'usage':{'input_tokens':7,");
}

TEST(responses_stream, what_was_cut_is_incomplete_and_so_is_its_last_message_pitfall_20)
{
    open_stream();
    tell_start();
    tell_part(CHAT_TEXT, STR("a"));
    tell_end(FINISH_LENGTH);
    EXPECT_TRUE(str_ends_with(types(), STR("output_item.done \nincomplete \n")));
    expect_written("'type':'message','status':'incomplete','content':[");
    expect_written("'status':'incomplete','background':false,'error':null,'incomplete_details':{'reason':"
                   "'max_output_tokens'}");
}

TEST(responses_stream, sources_tokens_and_images_are_events_pitfall_15)
{
    static const struct chat_citation citation = {.url = STR_INIT("u"), .title = STR_INIT("t"), .end = 1};
    static const struct chat_token token = {.text = STR_INIT("a"), .logprob = -1};
    static const struct chat_media image = {.mime = STR_INIT("image/png"), .data = STR_INIT("AAAA")};
    open_stream();
    tell_start();
    tell_kind(CHAT_EVENT_BEGIN, CHAT_TEXT);
    tell_text(CHAT_TEXT, STR("a"));
    tell((struct chat_event){.kind = CHAT_EVENT_LOGPROBS, .part_kind = CHAT_TEXT, .logprobs = &token});
    tell((struct chat_event){.kind = CHAT_EVENT_CITATION, .part_kind = CHAT_TEXT, .citation = &citation});
    tell_kind(CHAT_EVENT_END, CHAT_TEXT);
    tell((struct chat_event){.kind = CHAT_EVENT_BEGIN, .part_kind = CHAT_IMAGE, .media = &image});
    tell_kind(CHAT_EVENT_END, CHAT_IMAGE);
    tell_end(FINISH_STOP);
    EXPECT_STR_EQ(types(),
                  Q("created \nin_progress \noutput_item.added \ncontent_part.added \noutput_text.delta a\n"
                    "output_text.delta \noutput_text.annotation.added \noutput_text.done \n"
                    "content_part.done \noutput_item.done \noutput_item.added \noutput_item.done \n"
                    "completed \n"));
    expect_written(
        "{'type':'output_text','annotations':[{'type':'url_citation','start_index':0,'end_index':1,"
        "'title':'t','url':'u'}],'logprobs':[{'token':'a','logprob':-1,'bytes':[97],'top_logprobs':[]}],"
        "'text':'a'}");
    expect_written(
        "{'id':'ig_abc_1','type':'image_generation_call','status':'completed','output_format':'png',"
        "'result':'AAAA'}]");
}

TEST(responses_stream, what_this_format_cannot_say_leaves_no_gap)
{
    open_stream();
    tell_start();
    tell_part(CHAT_AUDIO, STR("AAAA"));
    tell((struct chat_event){.kind = CHAT_EVENT_BEGIN,
                             .part_kind = CHAT_THINKING,
                             .is_redacted = true,
                             .signature = STR("eHh4"),
                             .format = CHAT_FORMAT_ANTHROPIC});
    tell_kind(CHAT_EVENT_END, CHAT_THINKING);
    tell((struct chat_event){.kind = CHAT_EVENT_BEGIN, .choice = 1, .part_kind = CHAT_TEXT});
    tell_part(CHAT_TEXT, STR("a"));
    tell_end(FINISH_STOP);
    EXPECT_STR_EQ(types(),
                  Q("created \nin_progress \noutput_item.added \noutput_item.done \noutput_item.added \n"
                    "content_part.added \noutput_text.delta a\noutput_text.done \ncontent_part.done \n"
                    "output_item.done \ncompleted \n"));
    expect_written("'encrypted_content':'weir-r.eHh4'");
}

TEST(responses_stream, an_error_is_the_last_event_and_has_its_number_pitfall_32)
{
    static const struct chat_error error = {.problem = PROBLEM_UPSTREAM, .message = STR_INIT("gone")};
    open_stream();
    tell_start();
    tell_kind(CHAT_EVENT_BEGIN, CHAT_TEXT);
    tell_text(CHAT_TEXT, STR("a"));
    tell((struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &error});
    tell_end(FINISH_STOP);
    EXPECT_STR_EQ(types(),
                  Q("created \nin_progress \noutput_item.added \ncontent_part.added \noutput_text.delta a\n"
                    "error \n"));
    expect_written("data: {'type':'error','sequence_number':5,'code':null,'message':'gone'");
}

TEST(responses_stream, pings_are_comments_pitfall_35)
{
    open_stream();
    tell_start();
    size_t before = body.len;
    tell((struct chat_event){.kind = CHAT_EVENT_PING});
    EXPECT_STR_EQ(str_from(buf_str(&body), before), ": keep-alive\n\n");
    dialect_responses.close_writer(writer);
}

TEST(responses_stream, what_the_provider_leaves_out_comes_from_the_frame_pitfall_33)
{
    open_stream();
    tell((struct chat_event){.kind = CHAT_EVENT_START});
    tell_part(CHAT_TEXT, STR("a"));
    tell_end(FINISH_STOP);
    (void)types();
    expect_written("'response':{'id':'resp_abc','object':'response','created_at':5");
    expect_written("'model':'asked'");
}
