/* Streams in Gemini's format, read and written. JSON stands here with ' for ". */
#include "test.h"

#include "dialects/gemini.h"
#include "json/check.h"
#include "neutral.h"

static struct arena arena;
static struct buf text, bytes;
static struct listener listener;

static void begin(void)
{
    listener_done(&listener);
    arena_done(&arena);
    buf_done(&text);
    buf_done(&bytes);
    buf_init(&text, 1 << 20);
    buf_init(&bytes, 1 << 20);
    listener_init(&listener, &arena);
}

static struct str json(const char *quoted)
{
    char *copy = arena_cstr(&arena, str_from_cstr(quoted));
    for (char *at = copy; *at; at++)
        if (*at == '\'') *at = '"';
    return str_from_cstr(copy);
}

static const struct chat_request any_request = {.is_stream = true, .wants_stream_usage = true};

/* What a stream says, cut into pieces of `step` bytes. */
static struct str heard(const char *quoted, size_t step)
{
    begin();
    (void)listen_to(&listener, &dialect_gemini, json(quoted), step, &any_request);
    listener_text(&text, &listener);
    return buf_str(&text);
}

static void expect_heard(const char *quoted, const char *what)
{
    static const size_t steps[] = {1, 3, 17, 10000};
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) EXPECT_STR_EQ(heard(quoted, steps[i]), what);
}

/* Google ends lines with CR LF. */
#define CHUNK(members) "data: {" members "}\r\n\r\n"
#define SAID(parts, rest) "'candidates':[{'content':{'parts':[" parts "],'role':'model'},'index':0" rest "}]"
#define STOP ",'finishReason':'STOP'"

/* ---- reading ---- */
TEST(gemini_events, words_go_on_and_calls_are_whole)
{
    expect_heard(CHUNK(SAID("{'text':'h','thought':true}", "") ",'usageMetadata':{'promptTokenCount':9},"
                                                               "'modelVersion':'g','responseId':'r'")
                     CHUNK(SAID("{'text':'m','thought':true},{'text':'so '}", "")) CHUNK(
                         SAID("{'text':'\xc3\xa4'},{'functionCall':{'id':'a','name':'f','args':{'x':1}},"
                              "'thoughtSignature':'S'},{'functionCall':{'id':'b','name':'g'}}",
                              ""))
                         CHUNK(SAID("{'text':''}", STOP) ",'usageMetadata':{'promptTokenCount':9,"
                                                         "'candidatesTokenCount':2,'thoughtsTokenCount':3}"),
                 "id \"r\"\nmodel \"g\"\nchoice 0\n  thinking \"hm\"\n  text \"so \xc3\xa4\"\n"
                 "  call \"a\" \"f\" json {\"x\":1} gemini \"S\"\n  call \"b\" \"g\" json {}\n"
                 "  finish tool_calls\nusage in 9 out 2 reasoning 3\nstop\n");
}

TEST(gemini_events, a_finish_may_come_behind_a_call_or_before_more_words_pitfall_21)
{
    expect_heard(CHUNK(SAID("{'text':'a'}", STOP)) CHUNK(SAID("{'text':'b'}", STOP))
                     CHUNK(SAID("{'functionCall':{'id':'a','name':'f','args':{}}}", ""))
                         CHUNK(SAID("", STOP)),
                 "choice 0\n  text \"ab\"\n  call \"a\" \"f\" json {}\n  finish tool_calls\nstop\n");
}

TEST(gemini_events, a_signature_on_an_empty_text_is_that_of_the_text_before_pitfall_28)
{
    expect_heard(CHUNK(SAID("{'text':'a'}", "")) CHUNK(SAID("{'text':'','thoughtSignature':'S'}", STOP)),
                 "choice 0\n  text \"a\" gemini \"S\"\n  finish stop\nstop\n");
    expect_heard(
        CHUNK(SAID("{'text':'hm','thought':true},{'text':'','thoughtSignature':'S'},{'text':'a'}", STOP)),
        "choice 0\n  thinking \"hm\"\n  text \"a\" gemini \"S\"\n  finish stop\nstop\n");
}

TEST(gemini_events, choices_are_told_by_their_index_pitfall_30)
{
    expect_heard(
        CHUNK("'candidates':[{'index':1,'content':{'parts':[{'text':'b'}]}},"
              "{'content':{'parts':[{'text':'a'}]}}]")
            CHUNK("'candidates':[{'index':1,'finishReason':'MAX_TOKENS'},{'index':0,'finishReason':'STOP'}]"),
        "choice 1\n  text \"b\"\n  finish length\nchoice 0\n  text \"a\"\n  finish stop\nstop\n");
}

TEST(gemini_events, usage_of_each_chunk_is_set_pitfall_23)
{
    EXPECT_STR_EQ(
        heard(CHUNK(SAID("{'text':'a'}", "") ",'usageMetadata':{'promptTokenCount':9,"
                                             "'candidatesTokenCount':1}")
                  CHUNK(SAID("{'text':'b'}", STOP) ",'usageMetadata':{'promptTokenCount':9,"
                                                   "'candidatesTokenCount':2,'cachedContentTokenCount':4}"),
              1),
        "choice 0\n  text \"ab\"\n  finish stop\nusage in 5 read 4 out 2\nstop\n");
}

TEST(gemini_events, pictures_and_sources_are_kept)
{
    expect_heard(
        CHUNK(SAID("{'inlineData':{'mimeType':'image/png','data':'AA=='}},{'text':'ab'}", ""))
            CHUNK(SAID("", STOP ",'groundingMetadata':{'groundingChunks':[{'web':{'uri':'u','title':'t'}}],"
                                "'groundingSupports':[{'segment':{'endIndex':2,'text':'ab'},"
                                "'groundingChunkIndices':[0]}]}")),
        "choice 0\n  image \"image/png\" data \"AA==\"\n  text \"ab\" cites 0-2 \"u\" \"t\" \"ab\"\n"
        "  finish stop\nstop\n");
}

TEST(gemini_events, a_refused_prompt_is_a_choice_that_was_filtered)
{
    expect_heard(CHUNK("'promptFeedback':{'blockReason':'SAFETY'},'responseId':'r'"),
                 "id \"r\"\nchoice 0\n  finish filter native \"SAFETY\"\nstop\n");
}

TEST(gemini_events, an_error_in_the_stream_is_its_end_pitfall_32)
{
    expect_heard(CHUNK(SAID("{'text':'a'}", ""))
                     CHUNK("'error':{'code':503,'message':'The model is overloaded.','status':'UNAVAILABLE'}")
                         CHUNK(SAID("{'text':'b'}", STOP)),
                 "choice 0\n  text\n  finish none\nchoice 0 has an open part \"a\"\n"
                 "error 12 0 code \"UNAVAILABLE\" \"The model is overloaded.\"\nno stop\n");
}

TEST(gemini_events, a_stream_without_a_finish_is_cut)
{
    EXPECT_TRUE(str_ends_with(heard(CHUNK(SAID("{'text':'a'}", "")), 1), STR("no stop\n")));
    EXPECT_TRUE(
        str_ends_with(heard(CHUNK(SAID("{'text':'a'}", STOP)) "data: {'cand\r\n\r\n", 1), STR("no stop\n")));
    EXPECT_TRUE(str_ends_with(heard("", 1), STR("no stop\n")));
}

/* ---- writing ---- */
static struct reply_frame frame;

static struct event_writer *open_writer(const struct chat_request *request)
{
    begin();
    frame = (struct reply_frame){&arena, request, STR("id1"), STR("m"), 1};
    return dialect_gemini.open_writer(&frame);
}

static void put(struct event_writer *w, struct chat_event e)
{
    EXPECT_TRUE(dialect_gemini.write_event(w, &bytes, &e));
}

static void put_text(struct event_writer *w, unsigned part, enum chat_part_kind kind, struct str words)
{
    put(w, (struct chat_event){.kind = CHAT_EVENT_BEGIN, .part = part, .part_kind = kind});
    put(w, (struct chat_event){.kind = CHAT_EVENT_DELTA, .part = part, .part_kind = kind, .text = words});
}

static void put_end(struct event_writer *w, unsigned part, enum chat_part_kind kind)
{
    put(w, (struct chat_event){.kind = CHAT_EVENT_END, .part = part, .part_kind = kind});
}

#define TAIL ",'modelVersion':'m','responseId':'id1'}"
#define PART(part) "{'candidates':[{'content':{'parts':[" part "],'role':'model'},'index':0}]" TAIL

static void put_all(struct event_writer *w)
{
    static const struct usage usage = {.is_known = true, .input_uncached = 3, .output = 2};
    put(w, (struct chat_event){.kind = CHAT_EVENT_START});
    put_text(w, 0, CHAT_THINKING, STR("hm"));
    put(w, (struct chat_event){.kind = CHAT_EVENT_SIGNATURE,
                               .part_kind = CHAT_THINKING,
                               .signature = STR("SIG"),
                               .format = CHAT_FORMAT_ANTHROPIC});
    put_end(w, 0, CHAT_THINKING);
    put_text(w, 1, CHAT_TEXT, STR("so"));
    put(w, (struct chat_event){.kind = CHAT_EVENT_PING});
    put_end(w, 1, CHAT_TEXT);
    put(w, (struct chat_event){.kind = CHAT_EVENT_BEGIN,
                               .part = 2,
                               .part_kind = CHAT_TOOL_CALL,
                               .id = STR("a"),
                               .name = STR("f")});
    put(w, (struct chat_event){.kind = CHAT_EVENT_DELTA, .part_kind = CHAT_TOOL_CALL, .text = STR("{\"x\"")});
    put(w, (struct chat_event){.kind = CHAT_EVENT_DELTA, .part_kind = CHAT_TOOL_CALL, .text = STR(":1}")});
    put_end(w, 2, CHAT_TOOL_CALL);
    put(w, (struct chat_event){.kind = CHAT_EVENT_FINISH, .finish = FINISH_TOOL_CALLS});
    put(w, (struct chat_event){.kind = CHAT_EVENT_STOP, .usage = &usage});
}

#define LAST                                                                                                 \
    "{'candidates':[{'content':{'parts':[{'text':''}],'role':'model'},'finishReason':'STOP','index':0}],"    \
    "'usageMetadata':{'promptTokenCount':3,'candidatesTokenCount':2,'totalTokenCount':5}" TAIL
#define CALL "{'functionCall':{'id':'a__thought__a.SIG','name':'f','args':{'x':1}}}"

TEST(gemini_events, a_stream_is_written_as_google_would_pitfall_26)
{
    struct event_writer *w = open_writer(&any_request);
    put_all(w);
    EXPECT_STR_EQ(buf_str(&bytes), json("data: " PART("{'text':'hm','thought':true}") "\n\ndata: " PART(
                                       "{'text':'so'}") "\n\n\ndata: " PART(CALL) "\n\ndata: " LAST "\n\n"));
    dialect_gemini.close_writer(w);
}

TEST(gemini_events, without_alt_sse_a_stream_is_one_array)
{
    static const struct chat_request request = {.is_stream = true, .is_array_stream = true};
    struct event_writer *w = open_writer(&request);
    struct err broken;
    put_all(w);
    EXPECT_STR_EQ(buf_str(&bytes), json("[" PART("{'text':'hm','thought':true}") "\n," PART(
                                       "{'text':'so'}") "\n\n," PART(CALL) "\n," LAST "\n]"));
    EXPECT_TRUE(json_check(buf_str(&bytes), NULL, 0, NULL, &broken));
    dialect_gemini.close_writer(w);
    w = open_writer(&request);
    put(w, (struct chat_event){.kind = CHAT_EVENT_START});
    const struct chat_error failure = {.problem = PROBLEM_UPSTREAM, .message = STR("gone")};
    put(w, (struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &failure});
    EXPECT_STR_EQ(buf_str(&bytes), json("[{'error':{'code':502,'message':'gone','status':'INTERNAL'}}\n]"));
    dialect_gemini.close_writer(w);
}

TEST(gemini_events, a_call_without_arguments_has_an_empty_object_pitfall_05)
{
    struct event_writer *w = open_writer(&any_request);
    put(w, (struct chat_event){.kind = CHAT_EVENT_START});
    put(w, (struct chat_event){.kind = CHAT_EVENT_BEGIN,
                               .part_kind = CHAT_TOOL_CALL,
                               .id = STR("a"),
                               .name = STR("f"),
                               .signature = STR("SIG"),
                               .format = CHAT_FORMAT_GEMINI});
    put_end(w, 0, CHAT_TOOL_CALL);
    EXPECT_STR_EQ(buf_str(&bytes),
                  json("data: " PART(
                      "{'functionCall':{'id':'a','name':'f','args':{}},'thoughtSignature':'SIG'}") "\n\n"));
    dialect_gemini.close_writer(w);
}

TEST(gemini_events, an_error_is_the_last_event_and_no_end_follows_pitfall_32)
{
    struct event_writer *w = open_writer(&any_request);
    const struct chat_error failure = {.problem = PROBLEM_TIMEOUT, .message = STR("slow")};
    const struct usage usage = {0};
    put(w, (struct chat_event){.kind = CHAT_EVENT_START});
    put_text(w, 0, CHAT_TEXT, STR("a"));
    put(w, (struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &failure});
    put(w, (struct chat_event){.kind = CHAT_EVENT_STOP, .usage = &usage});
    EXPECT_STR_EQ(buf_str(&bytes),
                  json("data: " PART("{'text':'a'}") "\n\ndata: {'error':{'code':504,'message':"
                                                     "'slow','status':'DEADLINE_EXCEEDED'}}\n\n"));
    dialect_gemini.close_writer(w);
}

TEST(gemini_events, sources_come_in_the_last_chunk)
{
    struct event_writer *w = open_writer(&any_request);
    const struct chat_citation cited = {.url = STR("u"), .title = STR("t"), .start = 0, .end = 2};
    const struct usage usage = {0};
    put(w, (struct chat_event){.kind = CHAT_EVENT_START});
    put_text(w, 0, CHAT_TEXT, STR("so"));
    put(w, (struct chat_event){.kind = CHAT_EVENT_CITATION, .part_kind = CHAT_TEXT, .citation = &cited});
    put_end(w, 0, CHAT_TEXT);
    put(w, (struct chat_event){.kind = CHAT_EVENT_FINISH, .finish = FINISH_STOP});
    put(w, (struct chat_event){.kind = CHAT_EVENT_STOP, .usage = &usage});
    EXPECT_TRUE(
        str_find(buf_str(&bytes),
                 json("'finishReason':'STOP','index':0,'groundingMetadata':{'groundingChunks':[{'web':{'uri':"
                      "'u','title':'t'}}],'groundingSupports':[{'segment':{'endIndex':2},"
                      "'groundingChunkIndices':[0]}]}}]" TAIL)) != SIZE_MAX);
    dialect_gemini.close_writer(w);
}

/* ---- the array's items ---- */
TEST(gemini_events, what_is_no_list_of_objects_is_refused)
{
    static const struct {
        const char *bytes;
        unsigned items;
        bool is_bad, has_ended;
    } rows[] = {
        {" [ {} ,\r\n{\"a\":[\"]}\\\"\"]}] \n", 2, false, true},
        {"[]", 0, false, true},
        {"[{}", 1, false, false},
        {"{}", 0, true, false},
        {"[1]", 0, true, false},
        {"[]{}", 0, true, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct gemini_array array;
        struct str item;
        struct err err;
        unsigned items = 0;
        enum sse s;
        gemini_array_init(&array, 100);
        gemini_array_feed(&array, str_from_cstr(rows[i].bytes));
        while ((s = gemini_array_next(&array, &item, &err)) == SSE_EVENT) items++;
        EXPECT_THAT(items == rows[i].items && (s == SSE_BAD) == rows[i].is_bad &&
                        array.has_ended == rows[i].has_ended,
                    "%s: %u items", rows[i].bytes, items);
        gemini_array_done(&array);
    }
}
