/* The Responses API where it passes through: what a request says, what each event is, when a stream is complete, what it
 * cost. */
#include "test.h"

#include "dialects/dialect.h"
#include "quotes.h"

static struct arena arena;
static struct observer observer;
static struct request_facts facts;
static struct chat_error failure;

/* ---- the request ---- */
static bool scans(const char *json)
{
    arena_done(&arena);
    return dialect_responses.same->scan_request(&facts, &arena, OP_CHAT, Q(json), &failure);
}

static struct str spliced(struct str model)
{
    struct spliced s;
    EXPECT_TRUE(dialect_responses.same->splice_request(&s, &arena, &facts, model, true));
    struct str all = arena_join(&arena, s.pieces, s.count);
    EXPECT_EQ(all.len, s.bytes);
    return all;
}

TEST(responses_observe, a_request_is_scanned_once_and_its_model_replaced)
{
    EXPECT_TRUE(
        scans("{'model':'gpt','stream':true,'max_output_tokens':9,'input':[{'model':'no'}],'unknown':1.50}"));
    EXPECT_STR_EQ(facts.model, "gpt");
    EXPECT_TRUE(facts.is_stream && facts.wants_usage);
    EXPECT_EQ(facts.max_tokens, 9);
    EXPECT_STR_EQ(spliced(STR("o3")),
                  Q("{'model':'o3','stream':true,'max_output_tokens':9,'input':[{'model':'no'}],"
                    "'unknown':1.50}"));
    EXPECT_TRUE(scans("{'input':'hi'}"));
    EXPECT_FALSE(facts.is_stream);
    EXPECT_STR_EQ(spliced(STR("o3")), Q("{'model':'o3','input':'hi'}"));
}

TEST(responses_observe, what_is_no_request_is_refused)
{
    EXPECT_FALSE(scans("{'model':'gpt'"));
    EXPECT_TRUE(str_starts_with(failure.message, STR("The request body is not valid JSON: line 1")));
    EXPECT_FALSE(scans("{'model':5}"));
    EXPECT_STR_EQ(failure.param, "model");
}

/* ---- events ---- */
static void begin(void)
{
    arena_done(&arena);
    dialect_responses.same->observer_init(&observer, &arena, OP_CHAT);
}

static unsigned see(const char *name, const char *data)
{
    return dialect_responses.same->observe_event(&observer, str_from_cstr(name), Q(data));
}

static enum ending ending(void)
{
    return dialect_responses.same->read_end(&observer);
}

TEST(responses_observe, deltas_and_whole_items_are_content_and_starts_are_not)
{
    static const struct {
        const char *name, *data;
        unsigned facts;
    } rows[] = {
        {"response.created", "{'type':'response.created','response':{}}", 0},
        {"response.in_progress", "{}", 0},
        {"response.output_item.added", "{'item':{'type':'message','content':[]}}", 0},
        {"response.output_item.added", "{'item':{'type':'reasoning','summary':[]}}", 0},
        {"response.output_item.added", "{'item':{'type':'web_search_call'}}", 0},
        {"response.output_item.added", "{'item':{'type':'function_call','name':'f'}}", EVENT_CONTENT},
        {"response.output_item.done", "{'item':{'type':'message','content':[{}]}}", EVENT_CONTENT},
        {"response.output_item.done", "{'item':{'type':'image_generation_call'}}", EVENT_CONTENT},
        {"response.content_part.added", "{'part':{'text':''}}", 0},
        {"response.web_search_call.searching", "{}", 0},
        {"response.output_text.delta", "{'delta':'a'}", EVENT_CONTENT},
        {"response.output_text.delta", "{'delta':''}", 0},
        {"response.reasoning_summary_text.delta", "{'delta':'a'}", EVENT_CONTENT},
        {"response.function_call_arguments.delta", "{'delta':'{'}", EVENT_CONTENT},
        {"response.refusal.delta", "{'delta':'no'}", EVENT_CONTENT},
        {"", "{'type':'response.output_text.delta','delta':'a'}", EVENT_CONTENT},
        {"", "[DONE]", EVENT_TERMINAL},
        {"error", "{'type':'error','message':'busy'}", EVENT_ERROR},
        {"", "{'type':'error','error':{}}", EVENT_ERROR},
        {"response.failed", "{'response':{'status':'failed'}}", EVENT_ERROR | EVENT_TERMINAL},
        {"response.incomplete", "{'response':{}}", EVENT_FINISH | EVENT_TERMINAL},
        {"", "nonsense", EVENT_MALFORMED},
        {"response.output_text.delta", "{'delta':'a", EVENT_MALFORMED},
        {"", "{}", EVENT_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        begin();
        EXPECT_THAT(see(rows[i].name, rows[i].data) == rows[i].facts, "%s %s: 0x%x", rows[i].name,
                    rows[i].data, observer.seen);
    }
}

TEST(responses_observe, a_stream_is_complete_with_its_last_event_and_that_has_the_usage_pitfall_23)
{
    begin();
    (void)see("response.output_text.delta", "{'delta':'a'}");
    EXPECT_EQ(see("response.output_text.delta", "{'delta':'b'}"), 0); /* only looked for until it is found */
    EXPECT_EQ(ending(), ENDING_INCOMPLETE);
    (void)see("response.completed",
              "{'response':{'usage':{'input_tokens':100,'input_tokens_details':{'cached_tokens':"
              "60},'output_tokens':50,'output_tokens_details':{'reasoning_tokens':20}}}}");
    EXPECT_EQ(ending(), ENDING_COMPLETE);
    EXPECT_EQ(observer.usage.input_uncached, 40);
    EXPECT_EQ(observer.usage.cache_read, 60);
    EXPECT_EQ(observer.usage.output, 30);
    EXPECT_EQ(observer.usage.reasoning, 20);
    EXPECT_EQ(observer.events, 3);
}

TEST(responses_observe, an_error_is_never_a_good_end_pitfall_32)
{
    begin();
    (void)see("response.output_text.delta", "{'delta':'a'}");
    (void)see("response.failed", "{'response':{}}");
    EXPECT_EQ(ending(), ENDING_INCOMPLETE);
    begin();
    (void)see("", "[DONE]");
    EXPECT_EQ(ending(), ENDING_INCOMPLETE);
}

/* ---- plain replies ---- */
static bool observes(const char *json)
{
    struct err err = {0};
    begin();
    return dialect_responses.same->observe_reply(&observer, Q(json), &err);
}

TEST(responses_observe, a_reply_has_output_or_says_why_not)
{
    EXPECT_TRUE(observes("{'status':'completed','output':[{}],'error':null,'usage':{'input_tokens':3,"
                         "'output_tokens':4}}"));
    EXPECT_EQ(usage_total(&observer.usage), 7);
    EXPECT_TRUE(observes(" {'status':'incomplete','output':[]}"));
    EXPECT_TRUE(observes("{'status':'queued','output':[]}"));
    EXPECT_FALSE(observes("{'status':'completed','output':[]}"));
    EXPECT_FALSE(observes("{'status':'failed','error':{'message':'x'},'output':[]}"));
    EXPECT_TRUE((observer.seen & EVENT_ERROR) != 0);
    EXPECT_FALSE(observes("{}"));
    EXPECT_FALSE(observes("nonsense"));
}
