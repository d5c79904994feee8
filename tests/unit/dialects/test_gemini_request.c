/* Requests in Gemini's format: what is read means what it says, what is written says what was meant. Each pitfall that
 * concerns this format has a test of its number. JSON stands here with ' for ". */
#include "test.h"

#include "dialects/gemini.h"
#include "dialects/tool_calls.h"
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
    request = (struct chat_request){.model = STR("m")};
    failure = (struct chat_error){0};
    dropped = (struct losses){0};
    traits = (struct model_traits){0};
}

/* With " for '. */
static struct str json(const char *quoted)
{
    char *copy = arena_cstr(&arena, str_from_cstr(quoted));
    for (char *at = copy; *at; at++)
        if (*at == '\'') *at = '"';
    return str_from_cstr(copy);
}

static bool reads(const char *path, const char *query, const char *quoted)
{
    begin();
    struct http_message in = {
        .path = str_from_cstr(path), .query = str_from_cstr(query), .body = json(quoted)};
    return dialect_gemini.read_request(&request, &arena, &in, &failure);
}

/* What is read, as text. */
static struct str said(const char *quoted)
{
    EXPECT_THAT(reads("/v1beta/models/g:generateContent", "", quoted), "%.*s", STR_ARG(failure.message));
    buf_clear(&text);
    request_text(&text, &request);
    return buf_str(&text);
}

#define HI "'contents':[{'role':'user','parts':[{'text':'hi'}]}]"
#define WITH(members) "{" HI "," members "}"
#define SAYS(lines) "model \"g\"\nuser\n  text \"hi\"\n" lines
#define CONTENTS(list) "{'contents':[" list "]}"

/* What is written of `request`. */
static struct str written(void)
{
    up = (struct upstream_request){.arena = &arena, .body = &body, .traits = &traits};
    buf_clear(&body);
    dropped = (struct losses){0};
    EXPECT_TRUE(dialect_gemini.write_request(&up, &request, &dropped, &failure));
    return buf_str(&body);
}

static struct str lost(void)
{
    return losses_join(&dropped, &arena);
}

static void expect_written(const char *quoted)
{
    struct str all = written(), part = json(quoted);
    EXPECT_THAT(str_find(all, part) != SIZE_MAX, "%.*s is not in %.*s", STR_ARG(part), STR_ARG(all));
}

static void expect_unwritten(const char *quoted)
{
    struct str all = written(), part = json(quoted);
    EXPECT_THAT(str_find(all, part) == SIZE_MAX, "%.*s is in %.*s", STR_ARG(part), STR_ARG(all));
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

static struct chat_part *result(struct str id, struct str name, struct str words)
{
    struct chat_part *p = say_as(CHAT_ROLE_TOOL, CHAT_TOOL_RESULT, STR(""));
    p->id = id;
    p->name = name;
    if (words.len > 0) chat_parts_add(&p->content, &arena, CHAT_TEXT)->text = words;
    return p;
}

static struct chat_part *media(enum chat_part_kind kind, struct str mime, struct str url)
{
    struct chat_part *p = say_as(CHAT_ROLE_USER, kind, STR(""));
    p->media = arena_new(&arena, struct chat_media);
    p->media->mime = mime;
    p->media->url = url;
    return p;
}

static struct chat_tool *function(struct str name, const char *schema)
{
    struct chat_tool *t = chat_request_add_tool(&request, &arena, CHAT_TOOL_FUNCTION);
    t->name = name;
    t->schema = json(schema);
    return t;
}

static void begin_hi(void)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
}

/* ---- reading ---- */
TEST(gemini_request, every_parameter_is_read_in_both_spellings)
{
    static const char lines[] = SAYS(
        "output schema is {\"type\":\"object\"}\nmodalities 0x5\nvoice \"Kore\"\nmax_tokens 10\n"
        "temperature 0.5\ntop_p 0.9\nfrequency_penalty 1\npresence_penalty -1\ntop_k 40\nseed 7\nn 2\n"
        "logprobs\ntop_logprobs 3\nstop \"a\"\nstop \"b\"\nreasoning shown budget 512\n"
        "extra \"generationConfig.mediaResolution\" is \"LOW\"\nextra \"cachedContent\" is \"c/1\"\n");
    EXPECT_STR_EQ(
        said(
            WITH("'generationConfig':{'maxOutputTokens':10,'temperature':0.5,'topP':0.9,'topK':40.0,'seed':7,"
                 "'candidateCount':2,'stopSequences':['a','b'],'presencePenalty':-1,'frequencyPenalty':1,"
                 "'responseLogprobs':true,'logprobs':3,'responseMimeType':'application/json',"
                 "'responseJsonSchema':{'type':'object'},'responseModalities':['TEXT','AUDIO'],"
                 "'speechConfig':{'voiceConfig':{'prebuiltVoiceConfig':{'voiceName':'Kore'}}},"
                 "'thinkingConfig':{'includeThoughts':true,'thinkingBudget':512},'mediaResolution':'LOW'},"
                 "'cachedContent':'c/1'")),
        lines);
    EXPECT_STR_EQ(
        said(WITH(
            "'generation_config':{'max_output_tokens':10,'temperature':0.5,'top_p':0.9,'top_k':40,'seed':7,"
            "'candidate_count':2,'stop_sequences':['a','b'],'presence_penalty':-1,'frequency_penalty':1,"
            "'response_logprobs':true,'logprobs':3,'response_mime_type':'application/json',"
            "'response_schema':{'type':'OBJECT'},'response_modalities':['TEXT','AUDIO'],"
            "'speech_config':{'voiceConfig':{'prebuiltVoiceConfig':{'voiceName':'Kore'}}},"
            "'thinking_config':{'include_thoughts':true,'thinking_budget':512},'mediaResolution':'LOW'},"
            "'cachedContent':'c/1'")),
        lines);
}

TEST(gemini_request, model_and_streaming_stand_in_the_path)
{
    static const struct {
        const char *path, *query, *model;
        bool is_stream, is_array;
    } rows[] = {
        {"/v1beta/models/gemini-2.5-flash:generateContent", "", "gemini-2.5-flash", false, false},
        {"/v1/models/a/b:c:streamGenerateContent", "key=k&alt=sse", "a/b:c", true, false},
        {"/v1beta/models/g%2Fx:streamGenerateContent", "", "g/x", true, true},
        {"/v1beta1/projects/p/locations/l/publishers/google/models/g:generateContent", "", "g", false, false},
        {"/v1beta/tunedModels/t:generateContent", "", "tunedModels/t", false, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_TRUE(reads(rows[i].path, rows[i].query, "{" HI "}"));
        EXPECT_STR_EQ(request.model, rows[i].model);
        EXPECT_EQ(request.is_stream, rows[i].is_stream);
        EXPECT_EQ(request.is_array_stream, rows[i].is_array);
    }
    request.is_stream = true;
    request.model = STR("a/b c");
    expect_unwritten("'stream'");
    EXPECT_STR_EQ(up.path, "/models/a/b%20c:streamGenerateContent");
    EXPECT_STR_EQ(up.query, "alt=sse");
}

TEST(gemini_request, a_wrong_value_is_refused_with_its_place)
{
    static const struct {
        const char *json, *param;
    } rows[] = {
        {"{'contents':[]}", "contents"},
        {CONTENTS("{'parts':[{'text':5}]}"), "contents[0].parts[0]"},
        {CONTENTS("{'parts':5}"), "contents[0].parts"},
        {CONTENTS("{'parts':[{'functionCall':{'args':{}}}]}"), "contents[0].parts[0].functionCall"},
        {WITH("'generationConfig':{'topK':'x'}"), "generationConfig.topK"},
        {WITH("'toolConfig':{'functionCallingConfig':{'mode':'MAYBE'}}"),
         "toolConfig.functionCallingConfig.mode"},
        {WITH("'tools':[{'functionDeclarations':[{'name':''}]}]"), "tools[0].functionDeclarations[0]"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EXPECT_FALSE(reads("/v1beta/models/g:generateContent", "", rows[i].json));
        EXPECT_EQ(failure.problem, PROBLEM_INVALID_REQUEST);
        EXPECT_STR_EQ(failure.param, rows[i].param);
    }
}

TEST(gemini_request, parts_are_what_they_say)
{
    EXPECT_STR_EQ(
        said("{'systemInstruction':{'parts':{'text':'be kind'}},'contents':[{'parts':["
             "{'inlineData':{'mimeType':'image/png','data':'AA=='}},"
             "{'file_data':{'file_uri':'gs://b/x.mp4'}},"
             "{'fileData':{'mimeType':'application/pdf',"
             "'fileUri':'https://generativelanguage.googleapis.com/v1beta/files/1'}}]},"
             "{'role':'model','parts':[{'text':'hm','thought':true},{'text':'so','thoughtSignature':'S1'},"
             "{'executableCode':{'code':'1'}},{'functionCall':{'name':'f','args':{'a':1}},"
             "'thought_signature':'S2'}]},"
             "{'role':'function','parts':[{'functionResponse':{'name':'f','response':{'output':'42'}}}]}]}"),
        "model \"g\"\nsystem\n  text \"be kind\"\nuser\n  image \"image/png\" data \"AA==\"\n"
        "  video url \"gs://b/x.mp4\"\n  document \"application/pdf\" "
        "file \"https://generativelanguage.googleapis.com/v1beta/files/1\"\n"
        "assistant\n  thinking \"hm\"\n  text \"so\" gemini \"S1\"\n"
        "  other \"executableCode\" json {\"executableCode\":{\"code\":\"1\"}}\n"
        "  call \"call_0\" \"f\" json {\"a\":1} gemini \"S2\"\ntool\n  result \"call_0\" \"f\"\n    text \"42\"\n");
}

TEST(gemini_request, tools_are_functions_and_googles_own)
{
    EXPECT_STR_EQ(
        said(WITH(
            "'tools':[{'functionDeclarations':[{'name':'f','description':'d','parameters':{'type':'OBJECT',"
            "'properties':{'a':{'type':'STRING','nullable':true,'format':'enum','minLength':'2'},"
            "'b':{'type':'ARRAY','items':{'type':'INTEGER'}}},'propertyOrdering':['a']}},"
            "{'name':'g','parametersJsonSchema':{'type':'object'}}]},{'googleSearch':{},'urlContext':{}}],"
            "'toolConfig':{'functionCallingConfig':{'mode':'any','allowedFunctionNames':['f']}}")),
        SAYS(
            "function \"f\" \"d\" takes {\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"string\",\"null\"],"
            "\"minLength\":2},\"b\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}}}\n"
            "function \"g\" takes {\"type\":\"object\"}\n"
            "tool \"googleSearch\" json {\"googleSearch\":{}}\ntool \"urlContext\" json {\"urlContext\":{}}\n"
            "tool_choice named \"f\"\n"));
}

/* ---- pitfalls ---- */
TEST(gemini_request, results_are_one_content_in_the_order_of_their_calls_pitfall_29)
{
    begin_hi();
    call(STR("a"), STR("f"), STR("{}"));
    call(STR("b"), STR("g"), STR("{}"));
    result(STR("b"), STR("g"), STR("two"));
    result(STR("a"), STR("f"), STR("{\"one\":1}"));
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("go on"));
    expect_written("{'role':'user','parts':[{'functionResponse':{'id':'a','name':'f','response':{'one':1}}},"
                   "{'functionResponse':{'id':'b','name':'g','response':{'output':'two'}}}]},"
                   "{'role':'user','parts':[{'text':'go on'}]}");
}

TEST(gemini_request, results_and_words_of_one_content_are_turns_of_their_own_pitfall_01)
{
    EXPECT_STR_EQ(
        said(
            CONTENTS("{'role':'model','parts':[{'functionCall':{'name':'f'}},{'functionCall':{'name':'f'}}]},"
                     "{'role':'user','parts':[{'functionResponse':{'name':'f','response':{'error':'no'}}},"
                     "{'text':'and'},{'functionResponse':{'name':'f','response':{'x':1}}}]}")),
        "model \"g\"\nassistant\n  call \"call_0\" \"f\" json {}\n  call \"call_1\" \"f\" json {}\n"
        "tool\n  result \"call_0\" \"f\" error\n    text \"no\"\n  result \"call_1\" \"f\"\n"
        "    text \"{\\\"x\\\":1}\"\nuser\n  text \"and\"\n");
}

TEST(gemini_request, images_in_results_follow_but_where_the_model_takes_them_inside_pitfall_02)
{
    begin_hi();
    call(STR("a"), STR("f"), STR("{}"));
    struct chat_part *r = result(STR("a"), STR("f"), STR("see"));
    chat_parts_add(&r->content, &arena, CHAT_TEXT)->text = STR(" it");
    struct chat_media *m = chat_parts_add_media(&r->content, &arena, CHAT_IMAGE)->media;
    m->mime = STR("image/png");
    m->data = STR("AA==");
    expect_written("'response':{'output':'see it'}}}]},{'role':'user','parts':[{'inlineData':{'mimeType':"
                   "'image/png','data':'AA=='}}]}");
    traits.bits = TRAIT_RESULT_MEDIA;
    expect_written("'response':{'output':'see it'},'parts':[{'inlineData':{'mimeType':'image/png',"
                   "'data':'AA=='}}]}}]}]");
}

TEST(gemini_request, arguments_are_an_object_whatever_the_model_wrote_pitfall_03)
{
    begin_hi();
    call(STR("a"), STR("f"), STR(""));
    expect_written("{'functionCall':{'id':'a','name':'f','args':{}}}");
    EXPECT_STR_EQ(lost(), "");
}

TEST(gemini_request, malformed_arguments_keep_their_words_and_are_named_pitfall_04)
{
    begin_hi();
    call(STR("a"), STR("f"), STR("{\"a\":"));
    expect_written("'args':{'arguments':'{\\'a\\':'}");
    EXPECT_STR_EQ(lost(), "tool_calls.function.arguments");
}

TEST(gemini_request, tool_choice_has_all_its_forms_pitfall_08)
{
    static const struct {
        enum chat_choice_mode mode;
        const char *member;
    } rows[] = {
        {CHAT_CHOICE_AUTO, "'toolConfig':{'functionCallingConfig':{'mode':'AUTO'}}"},
        {CHAT_CHOICE_NONE, "'toolConfig':{'functionCallingConfig':{'mode':'NONE'}}"},
        {CHAT_CHOICE_REQUIRED, "'toolConfig':{'functionCallingConfig':{'mode':'ANY'}}"},
        {CHAT_CHOICE_NAMED,
         "'toolConfig':{'functionCallingConfig':{'mode':'ANY','allowedFunctionNames':['f']}}"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        begin_hi();
        function(STR("f"), "{'type':'object'}");
        request.tool_choice = rows[i].mode;
        request.tool_choice_name = STR("f");
        expect_written(rows[i].member);
    }
    request.tool_choice_name = STR("gone");
    expect_unwritten("toolConfig");
}

TEST(gemini_request, only_the_allowed_tools_are_sent_where_the_mode_has_no_word_for_them_pitfall_08)
{
    struct str names[] = {STR("f")};
    begin_hi();
    function(STR("f"), "{'type':'object'}");
    function(STR("g"), "{'type':'object'}");
    request.allowed_tools = (struct chat_strings){names, 1};
    request.tool_choice = CHAT_CHOICE_AUTO;
    expect_unwritten("'name':'g'");
    request.tool_choice = CHAT_CHOICE_REQUIRED;
    expect_written("'mode':'ANY','allowedFunctionNames':['f']");
    expect_written("'name':'g'");
}

TEST(gemini_request, the_whole_schema_is_sent_pitfall_09)
{
    begin_hi();
    function(STR("f"), "{'type':'object','properties':{'a':{'$ref':'#/$defs/x'}},'$defs':{'x':{'const':1}}}");
    expect_written("'parametersJsonSchema':{'type':'object','properties':{'a':{'$ref':'#/$defs/x'}},"
                   "'$defs':{'x':{'const':1}}}");
}

TEST(gemini_request, names_that_google_refuses_are_rewritten_everywhere_pitfall_10)
{
    begin_hi();
    function(STR("read file"), "{'type':'object'}");
    call(STR("a"), STR("read file"), STR("{}"));
    result(STR("a"), STR("read file"), STR("x"));
    request.tool_choice = CHAT_CHOICE_NAMED;
    request.tool_choice_name = STR("read file");
    struct str name = tool_name_to(&TOOL_NAMES_GEMINI, STR("read file"), &arena);
    EXPECT_THAT(str_find(written(), STR("read file")) == SIZE_MAX, "%.*s", STR_ARG(buf_str(&body)));
    unsigned count = 0;
    for (struct str rest = buf_str(&body); str_find(rest, name) != SIZE_MAX; count++)
        rest = str_from(rest, str_find(rest, name) + name.len);
    EXPECT_EQ(count, 4);
}

TEST(gemini_request, built_in_tools_of_others_are_dropped_and_named_pitfall_11)
{
    begin_hi();
    struct chat_tool *t = chat_request_add_tool(&request, &arena, CHAT_TOOL_OTHER);
    t->name = STR("web_search");
    t->format = CHAT_FORMAT_ANTHROPIC;
    request.tool_choice = CHAT_CHOICE_REQUIRED;
    expect_unwritten("'tool");
    EXPECT_STR_EQ(lost(), "tools.web_search");
}

TEST(gemini_request, all_system_messages_are_instructions_pitfall_12)
{
    begin();
    say_as(CHAT_ROLE_SYSTEM, CHAT_TEXT, STR("one"));
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    say_as(CHAT_ROLE_DEVELOPER, CHAT_TEXT, STR("two"));
    EXPECT_STR_EQ(written(),
                  json("{'systemInstruction':{'parts':[{'text':'one'},{'text':'two'}]},'contents':["
                       "{'role':'user','parts':[{'text':'hi'}]}],'generationConfig':{}}"));
}

TEST(gemini_request, nothing_but_instructions_is_what_the_model_answers_to_pitfall_12)
{
    begin();
    say_as(CHAT_ROLE_SYSTEM, CHAT_TEXT, STR("one"));
    expect_written("{'contents':[{'role':'user','parts':[{'text':'one'}]}]");
}

TEST(gemini_request, empty_texts_and_contents_are_left_out_pitfall_13)
{
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR(""));
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR("hi"));
    say_as(CHAT_ROLE_ASSISTANT, CHAT_TEXT, STR(""));
    expect_written("'contents':[{'role':'user','parts':[{'text':'hi'}]}]");
    begin();
    say_as(CHAT_ROLE_USER, CHAT_TEXT, STR(""));
    up = (struct upstream_request){.arena = &arena, .body = &body};
    EXPECT_FALSE(dialect_gemini.write_request(&up, &request, &dropped, &failure));
    EXPECT_EQ(failure.problem, PROBLEM_INVALID_REQUEST);
}

TEST(gemini_request, media_are_inline_or_an_address_with_a_type_pitfall_14)
{
    begin();
    media(CHAT_IMAGE, STR("image/png"), STR(""))->media->data = STR("AA==");
    media(CHAT_IMAGE, STR(""), STR("https://x/i.webp?s=1"));
    media(CHAT_IMAGE, STR(""), STR("https://x/i"));
    media(CHAT_VIDEO, STR(""), STR("https://www.youtube.com/watch?v=1"));
    expect_written("[{'inlineData':{'mimeType':'image/png','data':'AA=='}},"
                   "{'fileData':{'mimeType':'image/webp','fileUri':'https://x/i.webp?s=1'}},"
                   "{'fileData':{'mimeType':'image/jpeg','fileUri':'https://x/i'}},"
                   "{'fileData':{'fileUri':'https://www.youtube.com/watch?v=1'}}]");
    struct chat_part *foreign = media(CHAT_DOCUMENT, STR(""), STR(""));
    foreign->media->file_id = STR("file-1");
    foreign->format = CHAT_FORMAT_OPENAI_CHAT;
    expect_unwritten("file-1");
    EXPECT_STR_EQ(lost(), "file");
}

TEST(gemini_request, sampling_is_dropped_by_what_the_model_refuses_pitfall_17)
{
    begin_hi();
    request.temperature = (struct chat_double){true, 1};
    request.top_p = (struct chat_double){true, 0.5};
    request.frequency_penalty = (struct chat_double){true, 1};
    traits.bits = TRAIT_NO_TOP_P_WITH_TEMPERATURE | TRAIT_NO_PENALTIES;
    expect_written("'generationConfig':{'temperature':1}");
    EXPECT_STR_EQ(lost(), "top_p, frequency_penalty");
}

TEST(gemini_request, efforts_and_budgets_become_what_the_model_knows_pitfall_18)
{
    static const struct {
        struct chat_reasoning r;
        enum reasoning_style style;
        int64_t max_tokens;
        const char *member;
    } rows[] = {
        {{.effort = CHAT_EFFORT_LOW},
         REASONING_UNKNOWN,
         0,
         "'thinkingConfig':{'includeThoughts':true,'thinkingBudget':1024}"},
        {{.effort = CHAT_EFFORT_MAX},
         REASONING_BUDGET,
         0,
         "'thinkingConfig':{'includeThoughts':true,'thinkingBudget':24576}"},
        {{.effort = CHAT_EFFORT_HIGH}, REASONING_BUDGET, 2000, "'thinkingBudget':1999"},
        {{.effort = CHAT_EFFORT_HIGH}, REASONING_BUDGET, 500, "'thinkingConfig':{'includeThoughts':true}"},
        {{.effort = CHAT_EFFORT_HIGH},
         REASONING_EFFORT,
         0,
         "'thinkingConfig':{'includeThoughts':true,'thinkingLevel':'high'}"},
        {{.budget = {true, 2048}}, REASONING_EFFORT, 0, "'thinkingLevel':'low'"},
        {{.is_on = CHAT_NO}, REASONING_UNKNOWN, 0, "'thinkingConfig':{'thinkingBudget':0}"},
        {{.budget = {true, -1}}, REASONING_UNKNOWN, 0, "'thinkingBudget':-1"},
        {{.effort = CHAT_EFFORT_LOW, .is_shown = CHAT_NO}, REASONING_UNKNOWN, 0, "'includeThoughts':false"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        begin_hi();
        request.reasoning = rows[i].r;
        request.max_tokens = rows[i].max_tokens;
        traits.reasoning = rows[i].style;
        expect_written(rows[i].member);
    }
    traits.reasoning = REASONING_NONE;
    expect_unwritten("thinkingConfig");
    EXPECT_STR_EQ(lost(), "reasoning_effort");
}

TEST(gemini_request, a_schema_for_the_answer_is_sent_whole_pitfall_19)
{
    begin_hi();
    request.output = (struct chat_output_format){.kind = CHAT_OUTPUT_SCHEMA,
                                                 .schema = json("{'type':'object'}")};
    expect_written("'responseMimeType':'application/json','responseJsonSchema':{'type':'object'}");
    request.output.kind = CHAT_OUTPUT_JSON;
    expect_written("'generationConfig':{'responseMimeType':'application/json'}");
}

static struct str subset(const char *schema)
{
    dropped = (struct losses){0};
    return gemini_schema_from_json(json_value_of(json(schema)), &arena, &dropped);
}

TEST(gemini_request, older_models_get_the_subset_of_schemas_that_they_know_pitfall_19)
{
    begin();
    EXPECT_STR_EQ(
        subset("{'$schema':'x','type':'object','properties':{'a':{'$ref':'#/$defs/x'},"
               "'b':{'anyOf':[{'type':'string','const':'k'},{'type':'null'}]},"
               "'c':{'type':['integer','null'],'enum':[1]},'d':{'allOf':[{'type':'object','properties':"
               "{'p':{'type':'boolean'}},'required':['p']},{'properties':{'q':{'type':'number'}}}]},"
               "'e':{'oneOf':[{'type':'string'},{'type':'integer'}]},'f':{'type':'array'}},"
               "'required':['a','z'],'additionalProperties':false,"
               "'$defs':{'x':{'type':'string','format':'uri','enum':['u','v']}}}"),
        json("{'type':'OBJECT','properties':{'a':{'type':'STRING','enum':['u','v']},"
             "'b':{'type':'STRING','nullable':true,'enum':['k']},"
             "'c':{'type':'INTEGER','nullable':true},'d':{'type':'OBJECT','properties':{"
             "'p':{'type':'BOOLEAN'},'q':{'type':'NUMBER'}},'required':['p']},"
             "'e':{'anyOf':[{'type':'STRING'},{'type':'INTEGER'}]},"
             "'f':{'type':'ARRAY','items':{'type':'STRING'}}},'required':['a']}"));
    EXPECT_STR_EQ(lost(), "schema.format, schema.enum");
    EXPECT_STR_EQ(subset("{'type':'object','properties':{}}"), "");
}

TEST(gemini_request, schemas_that_refer_to_themselves_come_to_an_end_pitfall_19)
{
    begin();
    struct str text_of = subset("{'type':'object','properties':{'next':{'$ref':'#'},'other':{'$ref':'#'}}}");
    EXPECT_TRUE(text_of.len > 0 && text_of.len < 4 << 20);
    EXPECT_STR_EQ(lost(), "schema.$ref");
    subset("{'$ref':'#/$defs/a','$defs':{'a':{'$ref':'#/$defs/a'}}}");
}

TEST(gemini_request, signatures_of_others_stay_away_and_hide_in_ids_pitfall_27)
{
    EXPECT_STR_EQ(said(CONTENTS("{'role':'model','parts':[{'text':'ok'},{'functionCall':{'id':"
                                "'t1__thought__a.SIG','name':'f','args':{}}}]}")),
                  "model \"g\"\nassistant\n  thinking anthropic \"SIG\"\n  text \"ok\"\n"
                  "  call \"t1\" \"f\" json {}\n");
    request.format = CHAT_FORMAT_ANTHROPIC;
    request.messages->parts.first->text = STR("hm");
    expect_unwritten("SIG");
    EXPECT_STR_EQ(lost(), "thinking");
}

TEST(gemini_request, googles_signatures_go_back_where_they_were_pitfall_28)
{
    begin_hi();
    struct chat_part *p = call(STR("a"), STR("f"), STR("{}"));
    call(STR("b"), STR("g"), STR("{}"));
    p->signature = STR("SIG");
    p->format = CHAT_FORMAT_GEMINI;
    traits.bits = TRAIT_NEEDS_SIGNATURES;
    expect_written("{'functionCall':{'id':'a','name':'f','args':{}},'thoughtSignature':'SIG'},"
                   "{'functionCall':{'id':'b','name':'g','args':{}}}");
    p->format = CHAT_FORMAT_ANTHROPIC;
    expect_written("{'functionCall':{'id':'a','name':'f','args':{}},"
                   "'thoughtSignature':'skip_thought_signature_validator'},"
                   "{'functionCall':{'id':'b','name':'g','args':{}}}");
    traits.bits = 0;
    expect_unwritten("thoughtSignature");
}

TEST(gemini_request, what_both_formats_have_is_carried_pitfall_31)
{
    begin_hi();
    request.choices = (struct chat_int){true, 2};
    request.seed = (struct chat_int){true, 7};
    request.wants_logprobs = true;
    request.top_logprobs = (struct chat_int){true, 3};
    expect_written("{'seed':7,'candidateCount':2,'responseLogprobs':true,'logprobs':3}");
    EXPECT_STR_EQ(lost(), "");
}

TEST(gemini_request, what_only_others_have_is_named_pitfall_36)
{
    struct str stops[] = {STR("1"), STR("2"), STR("3"), STR("4"), STR("5"), STR("6")};
    begin_hi();
    request.format = CHAT_FORMAT_OPENAI_CHAT;
    chat_request_add_extra(&request, &arena, STR("logit_bias"), STR("{}"));
    request.parallel_tools = CHAT_NO;
    request.user = STR("u");
    request.metadata = STR("{}");
    request.voice = STR("alloy");
    request.stop = (struct chat_strings){stops, 6};
    request.messages->parts.first->cache = CHAT_CACHE_5M;
    expect_written("'stopSequences':['1','2','3','4','5']");
    EXPECT_STR_EQ(lost(),
                  "cache_control, parallel_tool_calls, stop, audio.voice, logit_bias, user, metadata");
}

TEST(gemini_request, what_only_gemini_has_goes_back_to_its_place_pitfall_36)
{
    (void)said(WITH("'safetySettings':[{'category':'X','threshold':'OFF'}],'labels':{'a':'b'},"
                    "'generationConfig':{'mediaResolution':'LOW','speechConfig':{'multi':1}},"
                    "'tools':[{'functionDeclarations':[{'name':'f'}]}],"
                    "'toolConfig':{'retrievalConfig':{'x':1},'functionCallingConfig':{'mode':'AUTO'}}"));
    expect_written("'generationConfig':{'mediaResolution':'LOW','speechConfig':{'multi':1}},"
                   "'safetySettings':[{'category':'X','threshold':'OFF'}],'labels':{'a':'b'}}");
    expect_written("'toolConfig':{'functionCallingConfig':{'mode':'AUTO'},'retrievalConfig':{'x':1}}");
    EXPECT_STR_EQ(lost(), "");
}
