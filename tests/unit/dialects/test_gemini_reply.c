/* Answers and errors in Gemini's format, read and written, and what passes through. JSON stands here with ' for ". */
#include "test.h"

#include "dialects/gemini.h"
#include "json/check.h"
#include "neutral.h"

static struct arena arena;
static struct buf text, body;
static struct chat_reply reply;
static struct chat_error failure;
static const struct chat_request no_request;

static struct str json(const char *quoted)
{
    char *copy = arena_cstr(&arena, str_from_cstr(quoted));
    for (char *at = copy; *at; at++)
        if (*at == '\'') *at = '"';
    return str_from_cstr(copy);
}

static void begin(void)
{
    arena_done(&arena);
    buf_done(&text);
    buf_done(&body);
    buf_init(&text, 1 << 20);
    buf_init(&body, 1 << 20);
    reply = (struct chat_reply){0};
    failure = (struct chat_error){0};
}

static bool reads(const char *quoted)
{
    begin();
    struct http_message in = {.status = 200, .body = json(quoted)};
    return dialect_gemini.read_reply(&reply, &arena, &in, &no_request, &failure);
}

static struct str said(const char *quoted)
{
    EXPECT_THAT(reads(quoted), "%.*s", STR_ARG(failure.message));
    buf_clear(&text);
    reply_text(&text, &reply);
    return buf_str(&text);
}

static struct str written(void)
{
    struct reply_frame frame = {&arena, &no_request, STR("id1"), STR("m"), 1};
    struct err broken;
    buf_clear(&body);
    EXPECT_TRUE(dialect_gemini.write_reply(&body, &reply, &frame));
    EXPECT_TRUE(json_check(buf_str(&body), NULL, 0, NULL, &broken));
    return buf_str(&body);
}

#define CANDIDATE(parts, rest) "{'candidates':[{'content':{'role':'model','parts':[" parts "]}" rest "}]}"

/* ---- reading ---- */
TEST(gemini_reply, all_that_a_reply_has_is_read)
{
    EXPECT_STR_EQ(
        said(
            "{'candidates':[{'content':{'parts':[{'text':'hm','thought':true},{'text':'so','thoughtSignature':'S'},"
            "{'inlineData':{'mimeType':'image/png','data':'AA=='}}]},'finishReason':'STOP','index':0,"
            "'logprobsResult':{'chosenCandidates':[{'token':'so','logProbability':-0.5}],'topCandidates':["
            "{'candidates':[{'token':'to','logProbability':-1}]}]}}],'usageMetadata':{'promptTokenCount':100,"
            "'cachedContentTokenCount':40,'candidatesTokenCount':5,'thoughtsTokenCount':7,"
            "'toolUsePromptTokenCount':3,'totalTokenCount':115,'promptTokensDetails':[{'modality':'AUDIO',"
            "'tokenCount':9}]},'modelVersion':'g-1','responseId':'r'}"),
        "id \"r\"\nmodel \"g-1\"\nchoice 0\n  thinking \"hm\"\n  text \"so\" gemini \"S\"\n"
        "  image \"image/png\" data \"AA==\"\n  token -0.5 \"so\" or -1 \"to\"\n  finish stop\n"
        "usage in 63 read 40 out 5 reasoning 7 audio in 9\n");
}

TEST(gemini_reply, several_texts_stay_parts_pitfall_15)
{
    EXPECT_STR_EQ(said(CANDIDATE("{'text':'a'},{'text':'b'}", ",'finishReason':'STOP'")),
                  "choice 0\n  text \"a\"\n  text \"b\"\n  finish stop\n");
}

#define FINISHED(word) "{'candidates':[{'finishReason':" word "}]}"
TEST(gemini_reply, every_finish_is_one_of_ours_with_googles_word_beside_it_pitfall_20)
{
    static const struct {
        const char *word, *finish, *again;
    } rows[] = {
        {FINISHED("'STOP'"), "  finish stop\n", "STOP"},
        {FINISHED("'MAX_TOKENS'"), "  finish length\n", "MAX_TOKENS"},
        {FINISHED("2"), "  finish length\n", "MAX_TOKENS"},
        {FINISHED("'SAFETY'"), "  finish filter\n", "SAFETY"},
        {FINISHED("'RECITATION'"), "  finish filter native \"RECITATION\"\n", "RECITATION"},
        {FINISHED("'MALFORMED_FUNCTION_CALL'"), "  finish stop native \"MALFORMED_FUNCTION_CALL\"\n",
         "MALFORMED_FUNCTION_CALL"},
        {FINISHED("'NEW_WORD'"), "  finish stop native \"NEW_WORD\"\n", "NEW_WORD"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct str all = said(rows[i].word);
        EXPECT_THAT(str_ends_with(all, str_from_cstr(rows[i].finish)), "%s: %.*s", rows[i].word,
                    STR_ARG(all));
        struct str word = json_str_raw(
            json_get(json_at(json_get(json_value_of(written()), STR("candidates")), 0), STR("finishReason")));
        EXPECT_STR_EQ(word, rows[i].again);
    }
}

TEST(gemini_reply, stop_with_a_call_means_calls_pitfall_21)
{
    EXPECT_STR_EQ(
        said(CANDIDATE("{'functionCall':{'id':'w','name':'f','args':{'a':1}},'thoughtSignature':'S'},"
                       "{'functionCall':{'id':'x','name':'g'}}",
                       ",'finishReason':'STOP'")),
        "choice 0\n  call \"w\" \"f\" json {\"a\":1} gemini \"S\"\n"
        "  call \"x\" \"g\" json {}\n  finish tool_calls\n");
}

TEST(gemini_reply, ids_that_google_leaves_out_are_the_same_each_time_pitfall_30)
{
    (void)said(CANDIDATE("{'functionCall':{'name':'f'}},{'functionCall':{'name':'f'}}", ""));
    const struct chat_part *first = reply.choices->parts.first;
    EXPECT_FALSE(str_equals(first->id, first->next->id));
    char once[64];
    EXPECT_TRUE(first->id.len < sizeof once);
    memcpy(once, first->id.at, first->id.len);
    once[first->id.len] = 0;
    (void)said(CANDIDATE("{'functionCall':{'name':'f'}},{'functionCall':{'name':'f'}}", ""));
    EXPECT_STR_EQ(reply.choices->parts.first->id, once);
}

TEST(gemini_reply, a_refused_prompt_is_a_choice_that_was_filtered)
{
    EXPECT_STR_EQ(said("{'promptFeedback':{'blockReason':'PROHIBITED_CONTENT'},'usageMetadata':{"
                       "'promptTokenCount':4}}"),
                  "choice 0\n  finish filter native \"PROHIBITED_CONTENT\"\nusage in 4 out 0\n");
}

TEST(gemini_reply, what_is_no_reply_is_an_error)
{
    EXPECT_FALSE(reads("{'candidates':[]}"));
    EXPECT_EQ(failure.problem, PROBLEM_UPSTREAM);
    EXPECT_FALSE(reads("{'candidates':[{'index':0}]}"));
    EXPECT_EQ(failure.problem, PROBLEM_UPSTREAM);
    EXPECT_FALSE(reads("nothing"));
    EXPECT_FALSE(reads("{'error':{'code':429,'message':'slow down','status':'RESOURCE_EXHAUSTED'}}"));
    EXPECT_EQ(failure.problem, PROBLEM_RATE_LIMITED);
    EXPECT_STR_EQ(failure.message, "slow down");
}

TEST(gemini_reply, sources_are_citations_in_characters_and_come_back_in_bytes)
{
    EXPECT_STR_EQ(
        said(CANDIDATE(
            "{'text':'\xc3\xa4 b'}",
            ",'finishReason':'STOP','groundingMetadata':{'groundingChunks':[{'web':{'uri':'u1',"
            "'title':'t'}},{'web':{'uri':'u2'}},{'web':{'uri':'u3'}}],'groundingSupports':[{'segment':{"
            "'startIndex':3,'endIndex':4,'text':'b'},'groundingChunkIndices':[1,0]}]}")),
        "choice 0\n  text \"\xc3\xa4 b\" cites 2-3 \"u2\" \"b\" cites 2-3 \"u1\" \"t\" \"b\" cites 0-0 \"u3\"\n"
        "  finish stop\n");
    struct str again = written();
    EXPECT_TRUE(str_find(again, STR("\"segment\":{\"startIndex\":3,\"endIndex\":4,\"text\":\"b\"},"
                                    "\"groundingChunkIndices\":[1]")) != SIZE_MAX);
}

/* ---- writing ---- */
static struct chat_part *add(enum chat_part_kind kind, struct str words)
{
    struct chat_choice *c = reply.choices ? reply.choices : chat_reply_add_choice(&reply, &arena);
    struct chat_part *p = chat_parts_add(&c->parts, &arena, kind);
    c->finish = FINISH_TOOL_CALLS;
    p->text = words;
    return p;
}

TEST(gemini_reply, signatures_of_others_hide_in_the_next_calls_id_pitfall_27)
{
    begin();
    struct chat_part *thought = add(CHAT_THINKING, STR("hm"));
    thought->signature = STR("SIG");
    thought->format = CHAT_FORMAT_ANTHROPIC;
    add(CHAT_TEXT, STR("so"));
    for (int i = 0; i < 2; i++) {
        struct chat_part *call = add(CHAT_TOOL_CALL, STR(""));
        call->id = i ? STR("b") : STR("a");
        call->name = STR("f");
    }
    reply.usage = (struct usage){.is_known = true,
                                 .input_uncached = 1,
                                 .cache_read = 2,
                                 .cache_write_5m = 3,
                                 .output = 4,
                                 .reasoning = 5};
    EXPECT_STR_EQ(
        written(),
        json(
            "{'candidates':[{'content':{'parts':[{'text':'hm','thought':true},{'text':'so'},{'functionCall':{"
            "'id':'a__thought__a.SIG','name':'f','args':{}}},{'functionCall':{'id':'b','name':'f','args':{}}}],"
            "'role':'model'},'finishReason':'STOP','index':0}],'usageMetadata':{'promptTokenCount':6,"
            "'cachedContentTokenCount':2,'candidatesTokenCount':4,'thoughtsTokenCount':5,'totalTokenCount':15},"
            "'modelVersion':'m','responseId':'id1'}"));
}

/* ---- errors ---- */
/* CONTRACT section 4, the table of errors. */
TEST(gemini_error, each_problem_has_the_contracts_status_pitfall_32)
{
    static const struct {
        enum problem problem;
        int code;
        const char *status;
    } rows[] = {
        {PROBLEM_INVALID_REQUEST, 400, "INVALID_ARGUMENT"},
        {PROBLEM_UNSUPPORTED_TYPE, 415, "INVALID_ARGUMENT"},
        {PROBLEM_UNAUTHORIZED, 401, "UNAUTHENTICATED"},
        {PROBLEM_FORBIDDEN, 403, "PERMISSION_DENIED"},
        {PROBLEM_MODEL_NOT_FOUND, 404, "NOT_FOUND"},
        {PROBLEM_TOO_LARGE, 413, "INVALID_ARGUMENT"},
        {PROBLEM_RATE_LIMITED, 429, "RESOURCE_EXHAUSTED"},
        {PROBLEM_INTERNAL, 500, "INTERNAL"},
        {PROBLEM_UPSTREAM, 502, "INTERNAL"},
        {PROBLEM_UNAVAILABLE, 503, "UNAVAILABLE"},
        {PROBLEM_TIMEOUT, 504, "DEADLINE_EXCEEDED"},
        {PROBLEM_NOT_FOUND, 404, "NOT_FOUND"},
        {PROBLEM_METHOD_NOT_ALLOWED, 405, "INVALID_ARGUMENT"},
        {PROBLEM_SLOW_REQUEST, 408, "DEADLINE_EXCEEDED"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        begin();
        EXPECT_TRUE(dialect_gemini.write_error(
            &body, &(struct chat_error){.problem = rows[i].problem, .message = STR("no")}));
        struct json_value error = json_get(json_value_of(buf_str(&body)), STR("error"));
        int64_t code = 0;
        EXPECT_TRUE(json_to_i64(json_get(error, STR("code")), &code));
        EXPECT_EQ(code, rows[i].code);
        EXPECT_STR_EQ(json_str_raw(json_get(error, STR("status"))), rows[i].status);
    }
}

TEST(gemini_error, details_say_why_where_and_when)
{
    begin();
    const struct chat_error_attempt tried = {STR("p"), STR("m"), STR("rate_limited"), 429, 12};
    struct chat_error e = {.problem = PROBLEM_RATE_LIMITED,
                           .message = STR("slow \"down\""),
                           .param = STR("contents"),
                           .code = STR("quota"),
                           .provider = STR("p"),
                           .retry_after_ms = 47001,
                           .attempts = &tried,
                           .attempt_count = 1};
    EXPECT_TRUE(dialect_gemini.write_error_event(&body, &e));
    EXPECT_STR_EQ(
        buf_str(&body),
        "data: {\"error\":{\"code\":429,\"message\":\"slow \\\"down\\\"\",\"status\":\"RESOURCE_EXHAUSTED\","
        "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\"quota\","
        "\"domain\":\"p\"},{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":["
        "{\"field\":\"contents\",\"description\":\"slow \\\"down\\\"\"}]},{\"@type\":"
        "\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"48s\"}],\"attempts\":[{"
        "\"provider\":\"p\",\"model\":\"m\",\"status\":429,\"reason\":\"rate_limited\",\"ms\":12}]}}\n\n");
}

static struct verdict classified(int status, const char *quoted)
{
    static const struct http_headers none;
    struct verdict v;
    begin();
    struct http_message in = {.status = status, .headers = &none, .body = json(quoted)};
    dialect_gemini.classify(&v, &arena, &in);
    return v;
}

TEST(gemini_error, what_google_says_is_understood)
{
    struct verdict v = classified(
        429, "{'error':{'code':429,'message':'quota','status':'RESOURCE_EXHAUSTED','details':[{'@type':"
             "'type.googleapis.com/google.rpc.RetryInfo','retryDelay':'48.5s'}]}}");
    EXPECT_EQ(v.retry_after_ms, 48500);
    EXPECT_STR_EQ(v.code, "RESOURCE_EXHAUSTED");
    EXPECT_STR_EQ(v.message, "quota");
    v = classified(
        400, "{'error':{'code':400,'message':'API key not valid. Please pass a valid API key.','status':"
             "'INVALID_ARGUMENT','details':[{'@type':'type.googleapis.com/google.rpc.ErrorInfo',"
             "'reason':'API_KEY_INVALID'}]}}");
    EXPECT_EQ(v.kind, REJECTION_CREDENTIALS);
    EXPECT_STR_EQ(v.code, "API_KEY_INVALID");
    v = classified(
        400, "[{'error':{'code':400,'message':'The input token count (2000000) exceeds the maximum number "
             "of tokens allowed (1048576).','status':'INVALID_ARGUMENT'}}]");
    EXPECT_EQ(v.kind, REJECTION_CONTEXT_WINDOW);
    v = classified(
        400, "{'error':{'code':400,'message':'Invalid value','status':'INVALID_ARGUMENT','details':[{'@type':"
             "'type.googleapis.com/google.rpc.BadRequest','fieldViolations':[{'field':'contents[0]'}]}]}}");
    EXPECT_EQ(v.kind, REJECTION_OTHER);
    EXPECT_STR_EQ(v.param, "contents[0]");
    v = classified(503, "overloaded");
    EXPECT_EQ(v.message.len, 0);
}

/* ---- what passes through ---- */
static bool scans(const char *quoted, struct request_facts *facts)
{
    begin();
    return gemini_same.scan_request(facts, &arena, OP_CHAT, json(quoted), &failure);
}

static struct str spliced(const struct request_facts *facts, struct str model)
{
    struct spliced s;
    EXPECT_TRUE(gemini_same.splice_request(&s, &arena, facts, model, true));
    struct str whole = arena_join(&arena, s.pieces, s.count);
    EXPECT_EQ(whole.len, s.bytes);
    return whole;
}

TEST(gemini_observe, a_request_goes_on_as_it_came_but_for_a_model_in_its_body)
{
    struct request_facts facts;
    EXPECT_TRUE(scans("{ 'contents':[], 'generation_config':{'max_output_tokens':9},'x':1}", &facts));
    EXPECT_EQ(facts.max_tokens, 9);
    EXPECT_STR_EQ(spliced(&facts, STR("g")),
                  json("{ 'contents':[], 'generation_config':{'max_output_tokens':9},'x':1}"));
    EXPECT_TRUE(scans("{'model':'models/old','contents':[]}", &facts));
    EXPECT_STR_EQ(spliced(&facts, STR("g")), json("{'model':'models/g','contents':[]}"));
    EXPECT_FALSE(scans("{'contents':}", &facts));
    EXPECT_EQ(failure.problem, PROBLEM_INVALID_REQUEST);
}

TEST(gemini_observe, each_event_is_seen_as_what_it_is)
{
    static const struct {
        const char *json;
        unsigned facts;
    } rows[] = {
        {"{'candidates':[{'content':{'role':'model'}}],'usageMetadata':{'promptTokenCount':1}}", 0},
        {"{'candidates':[{'content':{'parts':[{'text':''}]}}]}", 0},
        {"{'candidates':[{'content':{'parts':[{'text':'','thoughtSignature':'S'}]}}]}", 0},
        {"{'candidates':[{'content':{'parts':[{'text':'x','thought':true}]}}]}", EVENT_CONTENT},
        {"{'candidates':[{'content':{'parts':[{'functionCall':{'name':'f'}}]}}]}", EVENT_CONTENT},
        {"{'candidates':[{'finishReason':'STOP'}]}", EVENT_FINISH},
        {"{'candidates':[{'finishReason':1}]}", EVENT_FINISH},
        {"{'candidates':[{'finishReason':'FINISH_REASON_UNSPECIFIED'}]}", 0},
        {"{'promptFeedback':{'blockReason':'SAFETY'}}", EVENT_FINISH},
        {"{'error':{'code':503}}", EVENT_ERROR},
        {"nonsense", EVENT_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct observer o;
        begin();
        gemini_same.observer_init(&o, &arena, OP_CHAT);
        unsigned facts = gemini_same.observe_event(&o, STR(""), json(rows[i].json));
        EXPECT_THAT(facts == rows[i].facts, "%s: 0x%x", rows[i].json, facts);
        EXPECT_EQ(gemini_same.read_end(&o) == ENDING_COMPLETE, facts == EVENT_FINISH);
    }
}

TEST(gemini_observe, usage_is_set_not_added_and_what_is_left_out_stays_pitfall_23)
{
    struct observer o;
    begin();
    gemini_same.observer_init(&o, &arena, OP_CHAT);
    (void)gemini_same.observe_event(&o, STR(""), json("{'usageMetadata':{'promptTokenCount':9}}"));
    (void)gemini_same.observe_event(&o, STR(""), json("{'usageMetadata':{'trafficType':'ON_DEMAND'}}"));
    (void)gemini_same.observe_event(
        &o, STR(""),
        json("{'usageMetadata':{'promptTokenCount':9,'candidatesTokenCount':2,'thoughtsTokenCount':3}}"));
    (void)gemini_same.observe_event(&o, STR(""), json("{'usageMetadata':{'candidatesTokenCount':4}}"));
    EXPECT_EQ(usage_input(&o.usage), 9);
    EXPECT_EQ(o.usage.output, 4);
    EXPECT_EQ(o.usage.reasoning, 3);
}

TEST(gemini_observe, a_plain_reply_has_candidates_or_says_why_not)
{
    static const struct {
        const char *json;
        bool is_good;
    } rows[] = {
        {CANDIDATE("{'text':'x'}", ",'finishReason':'STOP'"), true},
        {"{'candidates':[{'finishReason':'SAFETY'}]}", true},
        {"{'promptFeedback':{'blockReason':'SAFETY'}}", true},
        {"{'candidates':[]}", false},
        {"{'error':{'code':400}}", false},
        {"[]", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct observer o;
        struct err err = {0};
        begin();
        gemini_same.observer_init(&o, &arena, OP_CHAT);
        EXPECT_EQ(gemini_same.observe_reply(&o, json(rows[i].json), &err), rows[i].is_good);
    }
}
